//! A store in Redis: a commit is one script, and one round trip.
mod connection;
mod error;
mod script;
mod server;
mod store;
mod value;

pub use self::{error::ConnectError, store::RedisStore};

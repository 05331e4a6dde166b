//! Database servers that live as long as a test.
//!
//! A server is started from what Debian's packages `postgresql` and `redis-server` install, on a free port of 127.0.0.1 and with a
//! directory of its own, and is gone with the value that stands for it, also when the test dies. It shares nothing with a
//! server of the system.
//!
//! [`Lease`] is what most tests want: the server that is there for all tests (the program `throwaway` starts one and sets
//! `TEST_POSTGRES_URL` or `TEST_REDIS_URL`), or one of their own. [`Postgres`] and [`Redis`] are for tests that kill it.
//!
//! A [`relay`] stands between a program and its server, and [`RoundTrips`] counts how often they talk.
//!
//! Without the packages there is no server, and tests [say so](skip) and pass; with `REQUIRE_SERVERS=1` they fail.

#![expect(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "this is for tests, which fail by panicking"
)]

mod directory;
mod lease;
mod postgres;
mod process;
mod redis;
mod relay;

pub use self::{
    lease::{Lease, skip},
    postgres::Postgres,
    redis::Redis,
    relay::{RoundTrips, relay},
};

//! Pure grant and token state machines of an OAuth 2 authorization server, behind storage traits.

pub mod client;
pub mod random;
pub mod store;
pub mod time;
pub mod types;

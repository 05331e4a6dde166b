//! An OAuth 2 authorization server as tower services, and a bearer-token layer for APIs.

pub mod bearer;
pub mod system;

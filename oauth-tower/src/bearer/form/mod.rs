//! Tokens in form bodies (RFC 6750 §2.2).
//!
//! A body can be read only once, so what the API is handed is a [`RequestBody`]: the one that was sent, or what was read of it.

mod body;
mod future;
mod layer;
mod service;

pub use self::{
    body::RequestBody, future::FormResponseFuture, layer::FormBearerLayer, service::FormBearer,
};

//! An OAuth 2 authorization server as tower services, and a bearer-token layer for APIs.

pub mod bearer;
pub mod endpoint;
pub mod host;
mod service;
pub mod system;
pub mod throttle;
#[cfg(feature = "ui")]
pub mod ui;
mod wire;

use std::sync::Arc;

use oauth_core::{
    AuthorizationServer,
    server::Builder,
    store::{ClientStore, Store},
    types::Issuer,
};

pub use self::{
    host::{Host, Interactions, NoUsers, PageError, secure_page},
    service::{OAuth, OAuthFuture, OAuthService},
    wire::{Body, EscapedHtml, Limits, authorization_response, browser, set_browser},
};

/// Any error, as bodies have them.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Begins a server with the clock and the randomness of the system.
pub fn server(issuer: Issuer, store: impl Store, clients: impl ClientStore) -> Builder {
    AuthorizationServer::builder(
        issuer,
        Arc::new(store),
        Arc::new(clients),
        Arc::new(system::SystemClock),
        Arc::new(system::SystemEntropy),
    )
}

//! An OAuth 2 authorization server as tower services, and a bearer-token layer for APIs.
//!
//! What is decided is `oauth-core`'s business; here are HTTP on one side and its request and response types on the other. The
//! services take any request body and never fail: whatever goes wrong is a response. They mount in axum, in hyper and in
//! everything else that takes a tower [`Service`](tower_service::Service).
//!
//! ```
//! # use std::convert::Infallible;
//! use oauth_core::{
//!     client::{Client, ClientAuthentication, ClientSecrets},
//!     grant::GrantType,
//!     operator_secret::OperatorSecret,
//!     store::StaticClients,
//!     types::{Issuer, SecretDigest},
//! };
//! use oauth_storage_memory::MemoryStore;
//! use oauth_tower::{BoxError, NoUsers, OAuth, OAuthService};
//! use tower::ServiceExt;
//!
//! fn service() -> Result<OAuthService, BoxError> {
//!     let secrets = ClientSecrets::new(SecretDigest::of("generated, and 256 bits long"));
//!     let robot = Client::confidential("robot".parse()?, ClientAuthentication::SecretPost(secrets))
//!         .grant_types([GrantType::CLIENT_CREDENTIALS])
//!         .scope("read".parse()?)
//!         .build()?;
//!     let clients: StaticClients = [robot].into_iter().collect();
//!     let issuer = Issuer::new("https://login.example")?;
//!     let server = oauth_tower::server(issuer, MemoryStore::default(), clients)
//!         .operator_secret(OperatorSecret::from_bytes([42; 32]))
//!         .build()?;
//!     Ok(OAuth::new(server, NoUsers).service())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let request = http::Request::post("/token")
//!     .header("content-type", "application/x-www-form-urlencoded")
//!     .body("grant_type=client_credentials&client_id=robot&client_secret=generated,+and+256+bits+long".to_owned())?;
//! let response = service()?.oneshot(request).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! - [`OAuth`] is a server before it is cut into services: all [together](OAuth::service), or one [endpoint] at a time.
//! - [`Host`] is what the application brings: its login, its pages, its users. [`Interactions`] is what it calls when the user has
//!   decided, on whichever request that is. With the feature `ui`, `ui::Ui` is a host with pages that are ready to use.
//! - [`bearer`] stands before an API and lets only those requests through that bring a token which permits them.
//! - [`throttle`] makes whoever guesses wait. It tells guessers apart by the [`Peer`](throttle::Peer) that the application inserts.
//! - [`operator_secret`] loads the one secret that the application has to keep.
//! - [`system`] is the clock and the randomness of the system.

pub mod bearer;
pub mod dialect;
pub mod endpoint;
pub mod host;
pub mod operator_secret;
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
    service::{OAuth, OAuthService},
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

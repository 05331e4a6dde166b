//! An OAuth 2 authorization server as pure state machines behind storage traits.
//!
//! This crate knows the protocol and nothing else: no HTTP, no async runtime, no clock, no randomness of its own. `oauth-tower`
//! puts it behind HTTP; the `oauth-storage-*` crates put databases under it. All that a server has not of its own is handed to it:
//!
//! ```
//! # use std::sync::Arc;
//! use oauth_core::{
//!     AuthorizationServer,
//!     client::{Client, ClientAuthentication, ClientSecrets, ClientRequest},
//!     grant::GrantType,
//!     operator_secret::OperatorSecret,
//!     random::{Entropy, EntropyError},
//!     store::StaticClients,
//!     time::{Clock, Timestamp},
//!     types::{Issuer, SecretDigest},
//! };
//! use oauth_storage_memory::MemoryStore;
//!
//! struct Noon;
//!
//! impl Clock for Noon {
//!     fn now(&self) -> Timestamp {
//!         Timestamp::from_unix_seconds(12 * 60 * 60)
//!     }
//! }
//!
//! /// For an example. A real one asks the operating system.
//! struct Predictable;
//!
//! impl Entropy for Predictable {
//!     fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
//!         buffer.fill(7);
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secrets = ClientSecrets::new(SecretDigest::of("generated, and 256 bits long"));
//! let robot = Client::confidential("robot".parse()?, ClientAuthentication::SecretPost(secrets))
//!     .grant_types([GrantType::CLIENT_CREDENTIALS])
//!     .build()?;
//! let clients: StaticClients = [robot].into_iter().collect();
//! let server = AuthorizationServer::builder(
//!     Issuer::new("https://login.example")?,
//!     Arc::new(MemoryStore::default()),
//!     Arc::new(clients),
//!     Arc::new(Noon),
//!     Arc::new(Predictable),
//! )
//! .operator_secret(OperatorSecret::from_bytes([42; 32]))
//! .build()?;
//!
//! let params = [
//!     ("grant_type", "client_credentials"),
//!     ("client_id", "robot"),
//!     ("client_secret", "generated, and 256 bits long"),
//! ];
//! let request = ClientRequest::new(params.into_iter().collect());
//! let answer = server.token(&request).await?;
//! assert_eq!(answer.token.expires_at, Timestamp::from_unix_seconds(13 * 60 * 60));
//! # Ok(())
//! # }
//! ```
//!
//! The way of a request is
//!
//! ```text
//! request → load → decide → commit → response
//! ```
//!
//! - [`server`] does that: [`AuthorizationServer`] has a method for each endpoint, and all of them have this shape.
//! - [`decide`] is the shape of a decision: a pure function of records, request, time and randomness.
//! - [`authorize`], [`grant`] and [`token`] are the decisions.
//! - [`store`] is the contract of a database, in four methods.
//! - [`client`] and [`policy`] are what is registered and what the operator decides.
//! - [`types`] are the protocol's nouns, which can only be made by checking them.
//! - [`error`] and [`event`] are what is told: to clients little, to the host everything but secrets.

mod authorization_request;
pub mod authorize;
pub mod client;
pub mod decide;
pub mod error;
pub mod event;
#[cfg(test)]
mod golden;
pub mod grant;
mod hash;
pub mod metadata;
pub mod operator_secret;
pub mod pkce;
pub mod policy;
pub mod random;
pub mod seal;
pub mod server;
pub mod sign;
pub mod store;
pub mod time;
pub mod token;
pub mod types;

pub use server::AuthorizationServer;

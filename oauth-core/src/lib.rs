//! An OAuth 2 authorization server as pure state machines behind storage traits.
//!
//! This crate knows the protocol and nothing else: no HTTP, no async runtime, no clock, no randomness of its own. `oauth-tower`
//! puts it behind HTTP; the `oauth-storage-*` crates put databases under it. The way of a request is
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

pub mod authorize;
pub mod client;
pub mod decide;
pub mod error;
pub mod event;
pub mod grant;
pub mod metadata;
pub mod pkce;
pub mod policy;
pub mod random;
pub mod seal;
pub mod server;
pub mod store;
pub mod time;
pub mod token;
pub mod types;

pub use server::AuthorizationServer;

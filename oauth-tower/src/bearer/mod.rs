//! Access tokens at an API (RFC 6750).
//!
//! [`BearerLayer`] lets only those requests through that bring a valid access token, and hands the API what the token permits.
//! Whether a token is valid is told by a [`TokenVerifier`]: the [`AuthorizationServer`](oauth_core::AuthorizationServer) itself
//! in the same process, [`Introspection`] from another one.
//!
//! ```
//! use axum::{Router, routing::get};
//! use oauth_tower::bearer::{BearerLayer, TokenVerifier, ValidToken};
//!
//! fn api(verifier: impl TokenVerifier) -> Result<Router, Box<dyn std::error::Error>> {
//!     let bearer = BearerLayer::new(verifier).realm("My API".parse()?);
//!     Ok(Router::new()
//!         .route("/notes", get(notes))
//!         .route_layer(bearer.scope("read".parse()?)))
//! }
//!
//! async fn notes(token: axum::Extension<ValidToken>) -> String {
//!     match &token.subject {
//!         Some(user) => format!("the notes of {user}"),
//!         None => format!("{} acts for itself", token.client_id),
//!     }
//! }
//! # struct Nobody;
//! # #[async_trait::async_trait]
//! # impl TokenVerifier for Nobody {
//! #     async fn verify(
//! #         &self,
//! #         _: &oauth_core::token::PresentedToken,
//! #     ) -> Result<Option<oauth_tower::bearer::UnprovenToken>, oauth_tower::bearer::Unavailable> {
//! #         Ok(None)
//! #     }
//! # }
//! # api(Nobody).unwrap();
//! ```
//!
//! With the feature `axum`, [`ValidToken`] is an extractor by itself.
//!
//! What is answered in place of the API:
//!
//! | the request | status | challenge |
//! |---|---|---|
//! | has no token | 401 | without an error |
//! | has a token that is not valid, not for this API, or bound to a key | 401 | `invalid_token` |
//! | has a token with too little scope | 403 | `insufficient_scope`, and the scope |
//! | has several tokens, or a malformed one | 400 | `invalid_request` |
//! | has a token that cannot be checked now | 503 | none, but `Retry-After` |
//!
//! Proofs of possession are not verified yet. So tokens that are bound to a key (`cnf`) are
//! refused: accepting one as a bearer token would undo the binding.
//!
//! Tokens in other places than the `Authorization` header are not seen at all unless a route
//! [takes](BearerLayer::form_body) [them](BearerLayer::dangerous_query_token).

mod body;
mod challenge;
mod denial;
#[cfg(feature = "axum")]
mod extract;
mod form;
mod future;
mod introspection;
mod layer;
mod requirements;
mod service;
mod token;
mod unproven;
mod valid;
mod verifier;

#[cfg(feature = "axum")]
pub use self::extract::MissingToken;
#[cfg(feature = "hyper-client")]
pub use self::introspection::{HttpClient, http_client};
pub use self::{
    body::ResponseBody,
    challenge::{InvalidRealm, Realm},
    form::{FormBearer, FormBearerLayer, FormResponseFuture, RequestBody},
    future::ResponseFuture,
    introspection::{Introspection, InvalidEndpoint},
    layer::BearerLayer,
    service::Bearer,
    unproven::UnprovenToken,
    valid::ValidToken,
    verifier::{TokenVerifier, Unavailable},
};

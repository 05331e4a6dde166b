//! An API that leaves it to an authorization server in another process to say which access tokens are valid.

use axum::{Json, Router, routing::get};
use oauth_core::types::{InvalidScope, Scope};
use oauth_tower::bearer::{BearerLayer, TokenVerifier, ValidToken};
use serde::Serialize;

/// The API: `GET /api`, for tokens with the scope `read`.
///
/// With an `audience` only tokens for that are let in, else only such as are limited to no resource server.
///
/// # Errors
/// If a scope here is none.
pub fn app(verifier: impl TokenVerifier, audience: Option<String>) -> Result<Router, InvalidScope> {
    let read: Scope = "read".parse()?;
    let mut bearer = BearerLayer::new(verifier);
    if let Some(name) = audience {
        bearer = bearer.audience(name);
    }
    Ok(Router::new()
        .route("/api", get(api))
        .route_layer(bearer.scope(read)))
}

/// What the API knows of its caller.
#[derive(Serialize)]
struct Caller {
    client_id: String,
    subject: Option<String>,
    scope: String,
}

async fn api(token: ValidToken) -> Json<Caller> {
    Json(Caller {
        client_id: token.client_id.to_string(),
        subject: token.subject.as_ref().map(ToString::to_string),
        scope: token.scope.to_string(),
    })
}

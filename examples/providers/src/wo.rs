//! WO, which holds the documents of 易度 and asks OC about each token.
//!
//! It asks at the strict introspection endpoint, which knows the tokens of all clients of that server. What it has to tell is which of
//! them are the dialect's: only those may come in the header `access_token`. Their audience says so, since OC issues every token of the
//! dialect for the audience [`AUDIENCE`], and no token of a strict client: those are for resource servers that are named by URIs.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
        request::Parts,
    },
    response::{IntoResponse, Response},
    routing::get,
};
use oauth_core::{
    client::{Client, ClientAuthentication, ClientSecrets, Introspection as MayIntrospect},
    error::{ErrorCode, Refusal},
    token::{AccessToken, PresentedToken},
    types::{ClientId, Params, Secret, SecretDigest},
};
use oauth_tower::{
    bearer::{Introspection, TokenVerifier, Unavailable},
    dialect::{ApiDenial, Carrier, EVERYDO},
};

use crate::everydo::Me;

/// What tokens of the dialect are for.
pub const AUDIENCE: &str = EVERYDO.name;

/// As whom it asks.
pub const CLIENT_ID: &str = "wo";

/// The secret with which it asks, if there is no other; for servers on this machine.
pub const SECRET: &str = "wo-secret-for-trying-out";

const UNAVAILABLE: Refusal = Refusal::new(
    ErrorCode::TEMPORARILY_UNAVAILABLE,
    "the access token cannot be checked now; try again later",
);

type Verifier = Arc<dyn TokenVerifier>;

/// WO as a client of OC: strict, and good for nothing but introspection.
///
/// # Errors
/// If it cannot be registered, which a test rules out.
pub fn client(secret: &str) -> Result<Client, String> {
    let secrets = ClientSecrets::new(SecretDigest::of(secret));
    let id = ClientId::new(CLIENT_ID).map_err(|error| error.to_string())?;
    Client::confidential(id, ClientAuthentication::SecretBasic(secrets))
        .name("WO")
        .grant_types([])
        .introspection(MayIntrospect::All)
        .build()
        .map_err(|error| error.to_string())
}

/// The API, for the tokens of the server at this address.
///
/// # Errors
/// If that is no address of a server on this machine.
pub fn app(authorization_server: &str, secret: &str) -> Result<Router, String> {
    let endpoint = format!(
        "{}/strict/introspect",
        authorization_server.trim_end_matches('/')
    );
    let id = ClientId::new(CLIENT_ID).map_err(|error| error.to_string())?;
    let verifier = Introspection::over_http(&endpoint, &id, &Secret::new(secret))
        .map_err(|error| error.to_string())?
        // Each token is asked about, so that a revoked one is refused at once.
        .cache_lifetime(Duration::ZERO);
    let verifier: Verifier = Arc::new(verifier);
    Ok(Router::new()
        .route("/api/v1/me", get(me))
        .with_state(verifier))
}

/// The token, if it is valid and may be used as a bearer token.
async fn valid(verifier: &Verifier, token: Secret) -> Result<Option<AccessToken>, Unavailable> {
    let presented = PresentedToken::bearer(token);
    let token = verifier.verify(&presented).await?;
    Ok(token.and_then(|token| token.prove(&presented)))
}

async fn me(State(verifier): State<Verifier>, parts: Parts) -> Response {
    let none = Params::default();
    let denial = match EVERYDO.carried(&parts, &none, &none) {
        Ok((carrier, token)) => match valid(&verifier, token).await {
            Ok(Some(token)) => {
                let is_own = token.audience.iter().any(|audience| audience == AUDIENCE);
                if is_own || carrier == Carrier::Bearer {
                    return ([(CACHE_CONTROL, "no-store")], Json(Me::of(&token))).into_response();
                }
                ApiDenial::Strict
            }
            Ok(None) => ApiDenial::Unknown,
            Err(error) => {
                tracing::error!(%error, "an access token could not be checked");
                let document = Json((EVERYDO.error)(UNAVAILABLE));
                let headers = [(CACHE_CONTROL, "no-store"), (RETRY_AFTER, "1")];
                return (StatusCode::SERVICE_UNAVAILABLE, headers, document).into_response();
            }
        },
        Err(denial) => denial,
    };
    let document = Json((EVERYDO.error)(denial.refusal()));
    let no_store = (CACHE_CONTROL, "no-store");
    if denial == ApiDenial::Several {
        return (StatusCode::BAD_REQUEST, [no_store], document).into_response();
    }
    let challenge = (
        WWW_AUTHENTICATE,
        "Bearer realm=\"oauth\", error=\"invalid_token\"",
    );
    (StatusCode::UNAUTHORIZED, [no_store, challenge], document).into_response()
}

//! Endpoints for the end of tokens: whether it has come, and to bring it about.

use std::sync::Arc;

use http::{Response, StatusCode, header::AUTHORIZATION};
use oauth_core::{
    client::Client,
    error::{Error, ErrorCode, Fault, Refusal},
    types::{Params, Secret},
};

use super::{Document, ExtraRequest, Json, client_tokens::client_token};
use crate::wire::{Body, empty, json};

/// Whether an access and a refresh token have come to their end.
pub(super) async fn expire(request: ExtraRequest) -> Response<Body> {
    match expired(&request).await {
        Ok(document) => json(StatusCode::OK, &document),
        Err(refusal) => request.dialects.refuse(refusal),
    }
}

async fn expired(request: &ExtraRequest) -> Result<Document, Refusal> {
    let server = request.dialects.server();
    let tokens = Tokens::of(request)?;
    let client = match tokens.caller(request).await? {
        Caller::Client(client) => Some(client),
        Caller::Holder(token) => server
            .holder(&token)
            .await
            .map_err(|fault| broken(&fault))?,
    };
    let (mut access_expired, mut refresh_expired) = (true, true);
    if let Some(client) = client {
        // Either speaks for both; if both are there, each for itself.
        if let Some(token) = tokens.access.as_ref().or(tokens.refresh.as_ref()) {
            access_expired = server
                .ended(&client, token)
                .await
                .map_err(|fault| broken(&fault))?
                .access_token;
        }
        if let Some(token) = tokens.refresh.as_ref().or(tokens.access.as_ref()) {
            refresh_expired = server
                .ended(&client, token)
                .await
                .map_err(|fault| broken(&fault))?
                .refresh_token;
        }
    }
    Ok(Document::new()
        .member("is_access_expired", Json::Bool(access_expired))
        .member("is_refresh_expired", Json::Bool(refresh_expired)))
}

/// Ends the whole grant.
pub(super) async fn delete(request: ExtraRequest) -> Response<Body> {
    match end(&request).await {
        Ok(()) => empty(StatusCode::OK),
        Err(refusal) => request.dialects.refuse(refusal),
    }
}

async fn end(request: &ExtraRequest) -> Result<(), Refusal> {
    let server = request.dialects.server();
    let tokens = Tokens::of(request)?;
    let (client, ending) = match tokens.caller(request).await? {
        Caller::Client(client) => (Some(client), tokens.iter().cloned().collect()),
        Caller::Holder(token) => (None, vec![token]),
    };
    for token in &ending {
        match server.revoke_grant(client.as_deref(), token).await {
            // Another client's token has no effect, and the answer reveals nothing about it.
            Ok(()) | Err(Error::Denied(_)) => {}
            Err(Error::Fault(fault)) => return Err(broken(&fault)),
        }
    }
    Ok(())
}

fn broken(fault: &Fault) -> Refusal {
    tracing::error!(%fault, "cannot tell what has become of a token");
    fault.refusal()
}

/// The tokens that a request is about.
struct Tokens {
    access: Option<Secret>,
    refresh: Option<Secret>,
}

/// Who may ask about a token.
enum Caller {
    /// A client that has proven to be it.
    Client(Arc<Client>),
    /// Whoever holds the token itself.
    Holder(Secret),
}

impl Tokens {
    fn of(request: &ExtraRequest) -> Result<Self, Refusal> {
        const MISSING: Refusal = Refusal::new(
            ErrorCode::INVALID_REQUEST,
            "access_token or refresh_token is missing",
        );
        let tokens = Self {
            access: request.params.secret("access_token"),
            refresh: request.params.secret("refresh_token"),
        };
        if tokens.iter().next().is_none() {
            return Err(MISSING);
        }
        Ok(tokens)
    }

    fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.access.iter().chain(&self.refresh)
    }

    /// The client by its proof, or the bearer of one of these very tokens.
    async fn caller(&self, request: &ExtraRequest) -> Result<Caller, Refusal> {
        let header = request.parts.headers.get(AUTHORIZATION);
        let bearer = header
            .and_then(|value| value.to_str().ok()?.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, shown)| self.iter().find(|own| own.expose() == shown.trim()));
        if let Some(token) = bearer {
            return Ok(Caller::Holder(token.clone()));
        }
        let dialects = &request.dialects;
        let mut asked = dialects.client_request(&request.parts, Params::default());
        asked.authorization = client_token(&request.parts)?;
        match dialects.server().authenticate_client(&asked).await {
            Ok(client) => Ok(Caller::Client(client)),
            Err(Error::Denied(denial)) => Err(denial.refusal()),
            Err(Error::Fault(fault)) => Err(broken(&fault)),
        }
    }
}

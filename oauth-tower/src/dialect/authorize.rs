//! The authorization endpoint of a dialect.

use http::{Request, Response, StatusCode};
use oauth_core::{
    authorize::{AuthorizationResponse, UnprovenDenial},
    error::{ErrorCode, Fault, Refusal},
    server::AuthorizeAnswer,
    types::Params,
};

use super::{AuthorizeErrors, gather::gather, server::Shared, status, token::widened};
use crate::{
    BoxError,
    endpoint::browser_of,
    wire::{Body, authorization_response, json, set_browser},
};

const MISSING: Refusal = Refusal::new(
    ErrorCode::INVALID_REQUEST,
    "a required parameter is missing",
);

/// Answers a request.
pub(super) async fn answer<B>(server: &Shared, request: Request<B>) -> Response<Body>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (dialect, shape) = (server.dialect, &server.dialect.authorize);
    let (parts, params) = match gather(dialect, shape.sources, request, &server.limits).await {
        Ok(gathered) => gathered,
        Err((status, refusal)) => return server.refuse_with(status, refusal),
    };
    let params = widened(&with_defaults(&params, shape.defaults), dialect.widen);
    let missing = || {
        shape
            .required
            .iter()
            .filter(|name| params.get(name).is_none())
    };
    // There is nowhere to send anybody (RFC 6749 §4.1.2.1), whatever is registered.
    if missing().any(|name| *name == "redirect_uri") {
        return shown(server, MISSING);
    }
    let is_missing = missing().next().is_some();
    let (mut parts, browser, is_new) = match browser_of(parts, &server.server) {
        Ok(found) => found,
        Err(fault) => return broken(server, &fault),
    };
    match server.server.authorize(params, &browser).await {
        // What the dialect asks for besides is asked once nothing else is wrong.
        Ok(AuthorizeAnswer::Interact(interaction)) if is_missing => {
            refused(server, interaction.refuse(server.server.issuer(), MISSING))
        }
        Ok(AuthorizeAnswer::Interact(interaction)) => {
            parts.extensions.insert(dialect);
            let mut response = server.host.interact(interaction, &parts).await;
            if is_new {
                set_browser(response.headers_mut(), &browser, server.server.issuer());
            }
            response
        }
        Ok(AuthorizeAnswer::Respond(response)) => refused(server, response),
        Ok(AuthorizeAnswer::Refuse(refusal)) => shown(server, refusal.denial.refusal()),
        Ok(AuthorizeAnswer::Unproven(denial)) => shown(server, unproven(server, denial)),
        Err(fault) => broken(server, &fault),
    }
}

fn with_defaults(params: &Params, defaults: &[(&str, &str)]) -> Params {
    let missing = defaults
        .iter()
        .filter(|(name, _)| params.get(name).is_none());
    params.iter().chain(missing.copied()).collect()
}

fn unproven(server: &Shared, denial: UnprovenDenial) -> Refusal {
    match denial {
        UnprovenDenial::WrongRedirectUri => server.dialect.authorize.unregistered,
        UnprovenDenial::MissingClient
        | UnprovenDenial::MissingRedirectUri
        | UnprovenDenial::Repeated => Refusal::new(
            ErrorCode::INVALID_REQUEST,
            "client_id or redirect_uri is missing or repeated",
        ),
        UnprovenDenial::OtherProfile => Refusal::new(
            ErrorCode::UNAUTHORIZED_CLIENT,
            "this client is registered for other endpoints of this server",
        ),
        _ => Refusal::new(ErrorCode::INVALID_CLIENT, "there is no such client"),
    }
}

/// An error that the standard would redirect.
fn refused(server: &Shared, response: AuthorizationResponse) -> Response<Body> {
    match server.dialect.authorize.errors {
        AuthorizeErrors::Redirected => {
            authorization_response(&(server.dialect.authorize.respond)(response))
        }
        AuthorizeErrors::Shown => {
            let refusal = response
                .refusal()
                .unwrap_or(Refusal::new(ErrorCode::SERVER_ERROR, "the server failed"));
            shown(server, refusal)
        }
    }
}

/// An error that is shown, whoever is in front of the browser.
fn shown(server: &Shared, refusal: Refusal) -> Response<Body> {
    let status = match status(refusal) {
        // There is no challenge that a browser could answer here.
        StatusCode::UNAUTHORIZED => StatusCode::BAD_REQUEST,
        other => other,
    };
    json(status, &(server.dialect.error)(refusal))
}

fn broken(server: &Shared, fault: &Fault) -> Response<Body> {
    tracing::error!(%fault, dialect = server.dialect.name, "an authorization request failed");
    server.refuse(fault.refusal())
}

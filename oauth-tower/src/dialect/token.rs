//! The token endpoint of a dialect.

use std::time::Duration;

use http::{Request, Response, StatusCode};
use oauth_core::{
    client::{ClientDenial, ClientRequest},
    error::{Denial, Error, ErrorCode, Refusal},
    grant::TokenDenial,
    token::TokenResponse,
    types::{Params, Scope},
};

use super::{credentials, gather::gather, server::Shared};
use crate::{
    BoxError,
    wire::{Body, json},
};

/// Answers a request.
pub(super) async fn answer<B>(server: &Shared, request: Request<B>) -> Response<Body>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let dialect = server.dialect;
    let gathered = gather(dialect, dialect.token.sources, request, &server.limits).await;
    let (parts, params) = match gathered {
        Ok(gathered) => gathered,
        Err((status, refusal)) => return server.refuse_with(status, refusal),
    };
    if params.repeated().is_some() {
        return server.refuse(TokenDenial::Repeated.refusal());
    }
    if lacks(&dialect.token, &params) {
        return server.refuse(Refusal::new(
            ErrorCode::INVALID_REQUEST,
            "a required parameter is missing",
        ));
    }
    let params = widened(&params, dialect.widen);
    let request = server.client_request(&parts, params);
    let presented = match credentials::presented(dialect.token.credentials, &parts, &request) {
        Ok(presented) => presented,
        Err(refusal) => return server.refuse(refusal),
    };
    match exchange(server, &presented).await {
        Ok(response) => json(
            StatusCode::OK,
            &(dialect.success)(&response, &request.params, server.server.now()),
        ),
        Err(Error::Denied(ExchangeDenial::Token(denial))) => server.refuse(denial.refusal()),
        Err(Error::Denied(ExchangeDenial::Throttled(wait))) => server.too_many(wait),
        Err(Error::Fault(fault)) => {
            tracing::error!(%fault, dialect = dialect.name, "a token request failed");
            server.refuse(fault.refusal())
        }
    }
}

/// Whether a parameter is missing that has to be there.
fn lacks(shape: &super::Token, params: &Params) -> bool {
    let for_grant = shape
        .required_for
        .iter()
        .filter(|(grant_type, _)| params.get("grant_type") == Some(grant_type));
    let for_all = shape.required.iter();
    for_all
        .chain(for_grant.map(|(_, name)| name))
        .any(|name| params.get(name).is_none())
}

/// Why a token request is denied.
#[derive(Debug, thiserror::Error)]
enum ExchangeDenial {
    /// The server denied it.
    #[error(transparent)]
    Token(TokenDenial),
    /// There were too many wrong secrets before; how long to wait.
    #[error("too many failed attempts before")]
    Throttled(Duration),
}

impl Denial for ExchangeDenial {}

/// Presents the credentials as they can be read, until they are accepted. If they never are, each reading was a guess.
async fn exchange(
    server: &Shared,
    presented: &[ClientRequest],
) -> Result<TokenResponse, Error<ExchangeDenial>> {
    let mut guesses = Vec::new();
    let mut denial = ClientDenial::Missing;
    for request in presented {
        if let Some(wait) = server.wait(request) {
            return Err(ExchangeDenial::Throttled(wait).into());
        }
        denial = match server.server.token(request).await {
            Err(Error::Denied(TokenDenial::Client(denial))) => denial,
            answer => return answer.map_err(|error| error.map_denial(ExchangeDenial::Token)),
        };
        guesses.push((denial, request));
        if !matches!(denial, ClientDenial::Unknown | ClientDenial::WrongSecret) {
            break;
        }
    }
    for (denial, request) in guesses {
        server.note(denial, request);
    }
    Err(ExchangeDenial::Token(denial.into()).into())
}

/// The parameters, with the scope that is meant.
pub(super) fn widened(params: &Params, widen: fn(Scope) -> Scope) -> Params {
    let scope = params
        .get("scope")
        .and_then(|scope| scope.parse::<Scope>().ok())
        .map(widen);
    params
        .iter()
        .map(|(name, value)| match (&scope, name) {
            (Some(scope), "scope") => (name.to_owned(), scope.as_str().to_owned()),
            _ => (name.to_owned(), value.to_owned()),
        })
        .collect()
}

//! 知晓云: a code that is issued to the client itself, after two redirects.

use std::time::Duration;

use http::Response;
use oauth_core::{
    client::Lifetimes,
    error::{Error, ErrorCode, Refusal},
    grant::TokenDenial,
    time::Timestamp,
    token::{Formats, TokenResponse},
    types::Params,
};

use super::{
    Authorize, Credentials, Dialect, Document, Extra, ExtraRequest, Hex, Route, Sources, Token,
};
use crate::wire::{Body, found, json};

const AUTHORIZE: &[&str] = &[
    "/api/oauth2/hydrogen/openapi/authorize/",
    "/api/oauth2/hydrogen/openapi/authorize",
];
const FIRST: &str = "/api/oauth2/hydrogen/openapi/authorize/ticket/";
const SECOND: &str = "/api/oauth2/hydrogen/openapi/authorize/code/";

/// 知晓云. Its clients need `dangerous_own_code`.
pub const MINAPP: Dialect = Dialect {
    name: "minapp",
    // No user is ever asked.
    authorize: Authorize {
        route: Route::new(&[], &[]),
        ..Dialect::BASE.authorize
    },
    token: Token {
        route: Route::new(
            &["POST"],
            &["/api/oauth2/access_token/", "/api/oauth2/access_token"],
        ),
        sources: Sources {
            form: true,
            json: true,
            multipart: true,
            untyped_json: true,
            ..Sources::NONE
        },
        required: &["client_id", "client_secret", "code", "grant_type"],
        credentials: Credentials::Params,
        ..Dialect::BASE.token
    },
    extras: &[
        Extra {
            route: Route::new(&["POST"], AUTHORIZE),
            sources: Sources {
                json: true,
                untyped_json: true,
                ..Sources::NONE
            },
            answer: |request| Box::pin(authorize(request)),
        },
        Extra {
            route: Route::new(&["GET"], &[FIRST]),
            sources: Sources::QUERY,
            answer: |request| Box::pin(std::future::ready(hop(&request))),
        },
        Extra {
            route: Route::new(&["GET"], &[SECOND]),
            sources: Sources::QUERY,
            answer: |request| Box::pin(code(request)),
        },
    ],
    success,
    formats,
    lifetimes: Lifetimes::new()
        .with_code(Duration::from_secs(600))
        .with_access_token(Duration::from_secs(31_535_999)),
    ..Dialect::BASE
};

fn success(response: &TokenResponse, _: &Params, _: Timestamp) -> Document {
    Document::new()
        .text("access_token", response.access_token.expose().to_owned())
        .number("expires_in", response.expires_in.as_secs())
}

fn formats() -> Formats {
    Formats {
        access_token: Box::new(Hex),
        code: Box::new(Hex),
        ..Formats::default()
    }
}

/// Checks the client's secret, and sends it on with a ticket that holds none.
async fn authorize(request: ExtraRequest) -> Response<Body> {
    let ExtraRequest {
        dialects,
        parts,
        params,
    } = request;
    let request = dialects.client_request(&parts, params);
    if let Some(wait) = dialects.wait(&request) {
        return dialects.too_many(wait);
    }
    match dialects.server().own_code_ticket(&request).await {
        Ok(ticket) => found(&format!(
            "{}?ticket={ticket}",
            dialects.server().issuer().path().to_owned() + FIRST
        )),
        Err(Error::Denied(denial)) => {
            if let TokenDenial::Client(denial) = denial {
                dialects.failed(denial, &request);
            }
            dialects.refuse(denial.refusal())
        }
        Err(Error::Fault(fault)) => dialects.refuse(fault.refusal()),
    }
}

/// The second of the two redirects that the clients of this provider follow. It decides nothing.
fn hop(request: &ExtraRequest) -> Response<Body> {
    let is_ticket = |text: &&str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    match request.params.get("ticket").filter(is_ticket) {
        Some(ticket) => {
            let path = request.dialects.server().issuer().path().to_owned() + SECOND;
            found(&format!("{path}?ticket={ticket}"))
        }
        None => request.dialects.refuse(Refusal::new(
            ErrorCode::INVALID_REQUEST,
            "the ticket is missing",
        )),
    }
}

async fn code(request: ExtraRequest) -> Response<Body> {
    let dialects = request.dialects;
    match dialects
        .server()
        .own_code(request.params.get("ticket").unwrap_or_default())
        .await
    {
        Ok(code) => {
            let document = Document::new()
                .text("code", code.code.expose().to_owned())
                .number("expires_in", code.expires_in.as_secs());
            json(http::StatusCode::OK, &document)
        }
        Err(Error::Denied(denial)) => dialects.refuse(denial.refusal()),
        Err(Error::Fault(fault)) => dialects.refuse(fault.refusal()),
    }
}

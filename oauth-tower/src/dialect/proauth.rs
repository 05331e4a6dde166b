//! An in-house platform: a JWT in a misspelled header proves the client, and one scope stands for all.

use std::time::Duration;

use oauth_core::{
    client::Lifetimes,
    error::{ErrorCode, Refusal},
    time::Timestamp,
    token::{Formats, TokenResponse},
    types::{Params, Scope},
};

use super::{
    Authorize, Credentials, Dialect, Document, Extra, Route, Sources, Token, UpperCase,
    client_tokens::client_token,
    expire::{delete, expire},
};

/// What stands for every scope.
const EVERYTHING: &str = "all:all";

const SCOPES: &str = "all:all client:read client:write group:read group:write groupuser:read groupuser:write \
    resource:read resource:write role-resource:read role-resource:write role-user:read role-user:write role:read \
    role:write user:read user:write";

/// The in-house platform. Its clients have whole numbers for ids, authenticate by [`ClientTokens`](super::ClientTokens), and need
/// `dangerous_pkce_optional`. One that may ask for `all:all` is registered for `(PROAUTH.widen)` of it.
pub const PROAUTH: Dialect = Dialect {
    name: "proauth",
    authorize: Authorize {
        route: Route::new(&["GET"], &["/oauth2/authorize"]),
        required: &["client_id", "redirect_uri", "response_type", "scope"],
        ..Dialect::BASE.authorize
    },
    token: Token {
        route: Route::new(&["POST"], &["/oauth2/token"]),
        sources: Sources::DANGEROUS_QUERY_AND_FORM,
        required_for: &[("authorization_code", "redirect_uri")],
        credentials: Credentials::Method {
            scheme: "Client",
            read: client_token,
        },
        ..Dialect::BASE.token
    },
    extras: &[
        Extra {
            route: Route::new(&["GET"], &["/oauth2/expire"]),
            sources: Sources::QUERY,
            answer: |request| Box::pin(expire(request)),
        },
        Extra {
            route: Route::new(&["DELETE"], &["/oauth2/token"]),
            sources: Sources::QUERY,
            answer: |request| Box::pin(delete(request)),
        },
    ],
    widen,
    permits: |asked, granted| granted.contains(EVERYTHING) || asked.is_subset(granted),
    success,
    error,
    formats,
    lifetimes: Lifetimes::new().with_access_token(Duration::from_secs(7200)),
    ..Dialect::BASE
};

/// One scope for all is all of them, so that a part of it can be asked for later.
fn widen(scope: Scope) -> Scope {
    match SCOPES.parse() {
        Ok(everything) if scope.contains(EVERYTHING) => scope.union(&everything),
        _ => scope,
    }
}

fn success(response: &TokenResponse, _: &Params, _: Timestamp) -> Document {
    let scope = &response.token.scope;
    let scope = if scope.contains(EVERYTHING) {
        EVERYTHING
    } else {
        scope.as_str()
    };
    let mut document = Document::new()
        .text("access_token", response.access_token.expose().to_owned())
        .number("expires_in", response.expires_in.as_secs());
    if let Some(token) = &response.refresh_token {
        document = document.text("refresh_token", token.expose().to_owned());
    }
    document
        .text("scope", scope.to_owned())
        .text("token_type", response.token_type.as_str())
}

fn formats() -> Formats {
    Formats {
        access_token: Box::new(UpperCase("RES_")),
        refresh_token: Box::new(UpperCase("")),
        code: Box::new(UpperCase("")),
    }
}

/// Its sample of an error is that of a broken server.
fn error(refusal: Refusal) -> Document {
    let description = match refusal.code {
        ErrorCode::SERVER_ERROR => {
            "The authorization server encountered an unexpected condition that prevented it from fulfilling the request"
        }
        _ => refusal.description,
    };
    Document::new()
        .text("error", refusal.code.as_str())
        .text("error_description", description)
}

//! 易度: misspelled names, a password grant, and a header of its own for tokens.

use std::time::Duration;

use oauth_core::{client::Lifetimes, time::Timestamp, token::TokenResponse, types::Params};

use super::{Authorize, Carrier, Credentials, Dialect, Document, Route, Sources, Token};

/// 易度. Clients need `dangerous_redirect_uri_once`, and `dangerous_password` for its password grant.
pub const EVERYDO: Dialect = Dialect {
    name: "everydo",
    authorize: Authorize {
        route: Route::new(&["GET", "POST"], &["/authorize", "/@@authorize"]),
        sources: Sources::QUERY_AND_FORM,
        required: &["client_id", "redirect_uri"],
        defaults: &[("response_type", "code")],
        ..Dialect::BASE.authorize
    },
    token: Token {
        route: Route::new(
            &["GET", "POST"],
            &["/access_token", "/api/v1/oauth2/access_token"],
        ),
        sources: Sources::DANGEROUS_QUERY_AND_FORM,
        required: &["client_id", "client_secret", "grant_type"],
        credentials: Credentials::Params,
        ..Dialect::BASE.token
    },
    names: &[("refrash_token", "refresh_token")],
    values: &[
        ("grant_type", "refrash_token", "refresh_token"),
        ("grant_type", "code", "authorization_code"),
    ],
    success,
    lifetimes: Lifetimes::new().with_refresh_grace(Duration::ZERO),
    carriers: &[Carrier::Bearer, Carrier::Header("access_token")],
    ..Dialect::BASE
};

fn success(response: &TokenResponse, _: &Params, now: Timestamp) -> Document {
    let mut document =
        Document::new().text("access_token", response.access_token.expose().to_owned());
    if let Some(token) = &response.refresh_token {
        document = document
            .text("refrash_token", token.expose().to_owned())
            .text("refresh_token", token.expose().to_owned());
    }
    let remaining = response
        .grant_expires_at
        .map_or(response.expires_in, |end| end.saturating_since(now));
    // Rounded up, so that what was configured is what is told, whatever milliseconds have passed since.
    let seconds = remaining.as_secs() + u64::from(remaining.subsec_nanos() > 0);
    document = document
        .number("expires_in", response.expires_in.as_secs())
        .text("remind_in", seconds.to_string());
    match &response.token.subject {
        Some(subject) => document.text("uid", subject.as_str().to_owned()),
        None => document,
    }
}

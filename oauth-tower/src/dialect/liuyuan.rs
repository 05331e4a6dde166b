//! 留园网: one path that dispatches by a parameter, and a client that names no redirection URI.

use oauth_core::{
    error::{ErrorCode, Refusal},
    time::Timestamp,
    token::TokenResponse,
    types::Params,
};

use super::{Authorize, AuthorizeErrors, Carrier, Credentials, Dialect, Document, Route, Token};

const PATH: &[&str] = &["/index.php"];

/// 留园网. Clients need `dangerous_redirect_uri_once` if they name the address all the same. Its API takes the token as a form field, beside the client's own credentials.
pub const LIUYUAN: Dialect = Dialect {
    name: "liuyuan",
    authorize: Authorize {
        route: Route::new(&["GET"], PATH).when("app", "authorize"),
        required: &["response_type", "client_id", "state"],
        errors: AuthorizeErrors::Shown,
        unregistered: Refusal::new(
            ErrorCode::INVALID_REQUEST,
            "redirect_uri is not the registered one",
        ),
        ..Dialect::BASE.authorize
    },
    token: Token {
        route: Route::new(&["POST"], PATH).when("app", "token"),
        required: &["client_id"],
        credentials: Credentials::Basic,
        ..Dialect::BASE.token
    },
    success,
    carriers: &[Carrier::Bearer, Carrier::Form("token")],
    ..Dialect::BASE
};

fn success(response: &TokenResponse, _: &Params, _: Timestamp) -> Document {
    Document::new()
        .text("access_token", response.access_token.expose().to_owned())
        .number("expires_in", response.expires_in.as_secs())
}

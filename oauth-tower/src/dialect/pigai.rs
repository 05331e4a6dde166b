//! 批改网: tokens by JSONP, numbered errors, lifetimes that are strings in one place and numbers in another.

use std::time::Duration;

use http::Response;
use oauth_core::{
    authorize::AuthorizationResponse,
    client::Lifetimes,
    error::{Error, ErrorCode, Refusal},
    time::Timestamp,
    token::{Formats, TokenResponse},
    types::Params,
};

use super::{
    Authorize, Callback, Carrier, Dialect, Document, Extra, ExtraRequest, Hex, Json, Route,
    Sources, Token,
};
use crate::wire::Body;

/// 批改网. Clients need `dangerous_token_without_authentication` for its JSONP, `dangerous_implicit` for `response_type=token`.
pub const PIGAI: Dialect = Dialect {
    name: "pigai",
    authorize: Authorize {
        route: Route::new(&["GET"], &["/oauth2/authorize"]),
        unregistered: Refusal::new(
            ErrorCode::extension("redirect_uri_mismatch"),
            "the redirect_uri is not registered for this client",
        ),
        respond,
        ..Dialect::BASE.authorize
    },
    token: Token {
        route: Route::new(&["POST"], &["/oauth2/access_token"]),
        ..Dialect::BASE.token
    },
    extras: &[Extra {
        route: Route::new(&["GET"], &["/oauth2/authorize2"]),
        sources: Sources::QUERY,
        answer: |request| Box::pin(authorize2(request)),
    }],
    success,
    error,
    formats,
    lifetimes: Lifetimes::new().with_access_token(Duration::from_secs(7200)),
    carriers: &[Carrier::Bearer, Carrier::DangerousQuery("access_token")],
    expired: ErrorCode::extension("expired_token"),
    callback: Some("callback"),
    ..Dialect::BASE
};

fn success(response: &TokenResponse, _: &Params, _: Timestamp) -> Document {
    let scope = if response.is_scope_requested {
        Json::Text(response.token.scope.as_str().to_owned().into())
    } else {
        Json::Null
    };
    Document::new()
        .text("access_token", response.access_token.expose().to_owned())
        .number("expires_in", response.expires_in.as_secs())
        .text("token_type", response.token_type.as_str())
        .member("scope", scope)
}

fn error(refusal: Refusal) -> Document {
    Document::new()
        .text("error", refusal.code.as_str())
        .number("error_code", number(refusal.code))
        .text("error_description", refusal.description)
}

fn number(code: ErrorCode) -> u64 {
    match code.as_str() {
        "redirect_uri_mismatch" => 21322,
        "invalid_request" | "invalid_target" => 21323,
        "invalid_client" => 21324,
        "invalid_grant" => 21325,
        "unauthorized_client" => 21326,
        "expired_token" => 21327,
        "unsupported_grant_type" => 21328,
        "unsupported_response_type" => 21329,
        "access_denied" | "insufficient_scope" => 21330,
        "temporarily_unavailable" => 21331,
        "invalid_scope" => 21332,
        "invalid_token" => 21334,
        _ => 21333,
    }
}

fn respond(response: AuthorizationResponse) -> AuthorizationResponse {
    let response = response.without("iss");
    match response.refusal() {
        Some(refusal) => {
            let state = response.get("state").map(str::to_owned);
            let response = response.without("state").without("error_description");
            let response = response
                .with("error_code", number(refusal.code).to_string())
                .with("error_description", refusal.description)
                .error_in_query();
            match state {
                Some(state) => response.with("state", state),
                None => response,
            }
        }
        None => response,
    }
}

fn formats() -> Formats {
    Formats {
        access_token: Box::new(Hex),
        code: Box::new(Hex),
        ..Formats::default()
    }
}

/// A token of the application's own, as a script.
async fn authorize2(request: ExtraRequest) -> Response<Body> {
    let ExtraRequest {
        dialects,
        parts,
        params,
    } = request;
    let Some(callback) = dialects.dialect().callback_of(&params) else {
        return dialects.refuse(Callback::MALFORMED);
    };
    let refuse = |code, description| callback.call(&error(Refusal::new(code, description)));
    match params.get("response_type") {
        Some("token") => {}
        Some(_) => {
            return refuse(
                ErrorCode::UNSUPPORTED_RESPONSE_TYPE,
                "the response_type here is token",
            );
        }
        None => return refuse(ErrorCode::INVALID_REQUEST, "response_type is missing"),
    }
    let request = dialects.client_request(&parts, params);
    let params = &request.params;
    let client_id = params.get("client_id").unwrap_or_default();
    if !dialects.may_use_jsonp(client_id, &parts) {
        return refuse(
            ErrorCode::ACCESS_DENIED,
            "this client may not be used from this page",
        );
    }
    match dialects
        .server()
        .token_without_authentication(&request)
        .await
    {
        Ok(response) => {
            let document = Document::new()
                .text("access_token", response.access_token.expose().to_owned())
                .text("expires_in", response.expires_in.as_secs().to_string())
                .text("token_type", response.token_type.as_str());
            callback.call(&match params.get("state") {
                Some(state) => document.text("state", state.to_owned()),
                None => document,
            })
        }
        Err(Error::Denied(denial)) => callback.call(&error(denial.refusal())),
        Err(Error::Fault(fault)) => {
            tracing::error!(%fault, "a request by JSONP failed");
            callback.call(&error(fault.refusal()))
        }
    }
}

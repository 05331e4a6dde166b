//! What the APIs share: a request is checked as its provider has it, and answered.

use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS},
};
use oauth_core::{
    error::{ErrorCode, Fault, Refusal},
    token::AccessToken,
    types::Scope,
};
use oauth_tower::{
    Body,
    dialect::{ApiDenial, Dialect, ExtraRequest},
};
use serde::Serialize;

/// Why a call is not served, and the status for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The status.
    pub status: StatusCode,
    /// What to tell.
    pub refusal: Refusal,
}

impl From<ApiDenial> for Denied {
    fn from(denial: ApiDenial) -> Self {
        let status = match denial {
            ApiDenial::Scope => StatusCode::FORBIDDEN,
            ApiDenial::Several => StatusCode::BAD_REQUEST,
            _ => StatusCode::UNAUTHORIZED,
        };
        Self {
            status,
            refusal: denial.refusal(),
        }
    }
}

impl From<Fault> for Denied {
    fn from(fault: Fault) -> Self {
        tracing::error!(%fault, "an access token could not be checked");
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            refusal: fault.refusal(),
        }
    }
}

/// The token of a call, if it permits this.
///
/// # Errors
/// With why it is not to be served.
pub async fn checked(request: &ExtraRequest, scope: &Scope) -> Result<AccessToken, Denied> {
    let ExtraRequest {
        dialects,
        parts,
        params,
    } = request;
    Ok(dialects.check(parts, params, scope).await??)
}

/// An answer of the API.
pub fn answer(document: &impl Serialize) -> Response<Body> {
    json(StatusCode::OK, document)
}

/// The answer to a call that is not served.
pub fn denied(dialect: &Dialect, denied: Denied) -> Response<Body> {
    let Denied { status, refusal } = denied;
    let mut response = json(status, &(dialect.error)(refusal));
    let challenge = match refusal.code {
        _ if status != StatusCode::UNAUTHORIZED => return response,
        ErrorCode::INVALID_CLIENT => "Basic realm=\"api\"",
        _ => "Bearer realm=\"api\", error=\"invalid_token\"",
    };
    let challenge = HeaderValue::from_static(challenge);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// A JSON document that nobody may keep.
fn json(status: StatusCode, document: &impl Serialize) -> Response<Body> {
    let (status, text) = match serde_json::to_vec(document) {
        Ok(text) => (status, text),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

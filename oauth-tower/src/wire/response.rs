//! Responses, each with the headers it must not be without.

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, PRAGMA, REFERRER_POLICY, RETRY_AFTER,
        WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    },
};
use oauth_core::{
    authorize::{AuthorizationResponse, ResponseMode},
    error::{ErrorCode, Refusal},
};
use serde::Serialize;

use super::{Body, page::form_post_page};

/// How long a client should wait when the server cannot answer now.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// What every response has: nobody keeps it, or takes it for something else than it says. Each gets a copy, which costs a fraction
/// of putting the headers together anew.
static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    HeaderMap::from_iter([
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ])
});

/// That, and what a JSON document has.
static JSON_HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HEADERS.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
});

/// A JSON document that nobody may keep.
pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Response<Body> {
    // Room for what a token request is answered with.
    let mut bytes = Vec::with_capacity(256);
    match serde_json::to_writer(&mut bytes, document) {
        Ok(()) => with_headers(&JSON_HEADERS, status, bytes.into()),
        // What is written here is text, numbers and lists of them.
        Err(error) => {
            tracing::error!(%error, "cannot write a response");
            response(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new())
        }
    }
}

/// An error document (RFC 6749 §5.2), with another status than the error's own.
pub(crate) fn error(status: StatusCode, refusal: Refusal) -> Response<Body> {
    #[derive(Serialize)]
    struct Document {
        error: &'static str,
        error_description: &'static str,
    }
    json(
        status,
        &Document {
            error: refusal.code.as_str(),
            error_description: refusal.description,
        },
    )
}

/// An error document with the status of its error (RFC 6749 §5.2).
pub(crate) fn refusal(refusal: Refusal) -> Response<Body> {
    let status = match refusal.code {
        ErrorCode::INVALID_CLIENT => StatusCode::UNAUTHORIZED,
        ErrorCode::SERVER_ERROR => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TEMPORARILY_UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = error(status, refusal);
    match status {
        // RFC 9110 §15.5.2 wants a challenge with every 401, RFC 6749 §5.2 one that matches the client's scheme; Basic is
        // the only scheme here that has any.
        StatusCode::UNAUTHORIZED => {
            set(
                &mut response,
                WWW_AUTHENTICATE,
                "Basic realm=\"oauth\", charset=\"UTF-8\"",
            );
        }
        StatusCode::SERVICE_UNAVAILABLE => retry_after(&mut response, RETRY),
        _ => {}
    }
    response
}

/// Too many failed attempts.
pub(crate) fn too_many(wait: Duration) -> Response<Body> {
    let refusal = Refusal::new(
        ErrorCode::TEMPORARILY_UNAVAILABLE,
        "too many failed attempts; try again later",
    );
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, refusal);
    retry_after(&mut response, wait);
    response
}

/// Another method than the endpoint has.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Response<Body> {
    let refusal = Refusal::new(ErrorCode::INVALID_REQUEST, "this method is not served here");
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, refusal);
    set(&mut response, ALLOW, allowed);
    response
}

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    response(status, Bytes::new())
}

/// Sends the browser on by `GET`, whatever it came with (RFC 9700 §4.12).
pub(crate) fn see_other(location: &str) -> Response<Body> {
    let mut response = empty(StatusCode::SEE_OTHER);
    match HeaderValue::from_str(location) {
        Ok(value) => {
            response.headers_mut().insert(LOCATION, value);
        }
        // Addresses are ASCII by their types.
        Err(error) => {
            tracing::error!(%error, "cannot write a location");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    set(&mut response, REFERRER_POLICY, "no-referrer");
    response
}

/// Sends a client on, which follows as `302` says it may.
pub(crate) fn found(location: &str) -> Response<Body> {
    let mut response = see_other(location);
    if response.status() == StatusCode::SEE_OTHER {
        *response.status_mut() = StatusCode::FOUND;
    }
    response
}

/// Sends an authorization response through the browser, as its response mode wants it.
pub fn authorization_response(response: &AuthorizationResponse) -> Response<Body> {
    match response.mode() {
        ResponseMode::FormPost => form_post_page(response),
        _ => see_other(&response.location()),
    }
}

pub(super) fn response(status: StatusCode, body: Bytes) -> Response<Body> {
    with_headers(&HEADERS, status, body)
}

fn with_headers(headers: &HeaderMap, status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers.clone();
    response
}

pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &'static str) {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

pub(crate) fn retry_after(response: &mut Response<Body>, wait: Duration) {
    // Rounded up: who comes back when told to is served.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
}

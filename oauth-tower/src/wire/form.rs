//! Form requests to the OAuth endpoints.

use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE},
};
use oauth_core::{client::ClientRequest, error::ErrorCode, error::Refusal, types::Params};

use super::{
    Body, Limits, body::BodyError, client_request, credentials::authorization, error,
    method_not_allowed, parse, read, response::set,
};
use crate::BoxError;

/// The one media type that is read.
const FORM: &str = "application/x-www-form-urlencoded";

/// Why a form was not read, and the status for it.
pub(crate) type FormError = (StatusCode, &'static str);

const NOT_A_FORM: FormError = (
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "the request body has to be application/x-www-form-urlencoded",
);

/// A request of a client that was not read: why, and what to answer.
pub(crate) struct Unread {
    pub(crate) reason: &'static str,
    pub(crate) response: Response<Body>,
}

/// Reads a request of a client: its form, and what it brings to prove who it is.
///
/// The head is read before there is a future, which then holds no more than what it waits for.
pub(crate) fn read_client_request<B>(
    request: Request<B>,
    limits: &Limits,
) -> impl Future<Output = Result<ClientRequest, Unread>> + Send + use<B>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let is_post = parts.method == Method::POST;
    let mut request = client_request(&parts, Params::default());
    request.authorization = authorization(&parts.headers, limits);
    let is_form = is_form(&parts.headers);
    let bytes = read(&parts.headers, body, limits);
    let limits = *limits;
    async move {
        if !is_post {
            return Err(Unread {
                reason: "the method is not POST",
                response: method_not_allowed("POST"),
            });
        }
        if !is_form {
            return Err(refused(NOT_A_FORM));
        }
        request.params = params(bytes.await, &limits).map_err(refused)?;
        Ok(request)
    }
}

fn refused((status, reason): FormError) -> Unread {
    let refusal = Refusal::new(ErrorCode::INVALID_REQUEST, reason);
    let mut response = error(status, refusal);
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        // RFC 9110 §15.5.16: what would have been accepted.
        set(&mut response, ACCEPT, FORM);
        set(&mut response, ACCEPT_ENCODING, "identity");
    }
    Unread { reason, response }
}

/// Reads a form body.
pub(crate) fn read_form<B>(
    headers: &HeaderMap,
    body: B,
    limits: &Limits,
) -> impl Future<Output = Result<Params, FormError>> + Send + use<B>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let is_form = is_form(headers);
    let bytes = read(headers, body, limits);
    let limits = *limits;
    async move {
        if !is_form {
            return Err(NOT_A_FORM);
        }
        params(bytes.await, &limits)
    }
}

fn params(body: Result<Bytes, BodyError>, limits: &Limits) -> Result<Params, FormError> {
    let bytes = body.map_err(|error| (error.status(), error.description()))?;
    parse(&bytes, limits).map_err(|error| (StatusCode::BAD_REQUEST, error.description()))
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (
        values.next().and_then(|value| value.to_str().ok()),
        values.next(),
    ) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
            charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    essence.eq_ignore_ascii_case(FORM)
        && parts.all(is_utf8)
        && !headers.contains_key(CONTENT_ENCODING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_in_utf8_are_forms() {
        for (value, expected) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", true),
            (
                "application/x-www-form-urlencoded;charset=\"utf-8\"; a=b",
                true,
            ),
            ("application/x-www-form-urlencoded; charset=latin1", false),
            ("application/json", false),
            ("multipart/form-data; boundary=x", false),
            ("application/x-www-form-urlencoded2", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]);
            assert_eq!(is_form(&headers), expected, "{value}");
        }
        assert!(!is_form(&HeaderMap::new()));
    }
}

//! The ceiling: an endpoint on bare hyper that reads the request, knows nothing, and answers with the same headers and as many
//! bytes as this server. A comparison in which it does not ends with an error.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

use crate::{
    Error,
    demo::resource,
    serve::{Codes, Site},
};

const TOKEN: &str = r#"{"access_token":"oauth_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","token_type":"Bearer","expires_in":3600,"scope":"read"}"#;
const TOKENS: &str = r#"{"access_token":"oauth_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","token_type":"Bearer","expires_in":3600,"refresh_token":"oauth_rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","scope":"read"}"#;
const ACTIVE: &str = r#"{"active":true,"client_id":"demo","sub":"user 0000","scope":"read","token_type":"Bearer","exp":1800000000,"iat":1799996400,"iss":"https://login.example"}"#;

/// Knows nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ceiling;

impl Site for Ceiling {
    type Body = Full<Bytes>;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send + use<> {
        async move {
            if request.method() == Method::GET {
                return resource();
            }
            let is_question = request.uri().path() == "/introspect";
            let body = request.into_body().collect().await;
            let body = body
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default();
            let text = if is_question {
                ACTIVE
            } else if body.starts_with(b"grant_type=client_credentials") {
                TOKEN
            } else {
                TOKENS
            };
            json(text)
        }
    }

    async fn codes(&self, count: usize) -> Result<Codes, Error> {
        // As long as real ones.
        let (code, verifier) = ("oauth_ac_".to_owned() + &"A".repeat(43), "A".repeat(43));
        let mut codes = Codes::with_capacity(count);
        for _ in 0..count {
            codes.push(&code, &verifier);
        }
        Ok(codes)
    }

    async fn mint(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn json(text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

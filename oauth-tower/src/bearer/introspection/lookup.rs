//! One question to an authorization server.

use std::future::poll_fn;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use oauth_core::types::Secret;
use thiserror::Error;
use tokio::time::timeout;
use tower_service::Service;

use super::{Introspection, answer::Answer};
use crate::BoxError;

/// Why there is no answer that could be relied on. Never holds a secret, nor anything of the answer.
#[derive(Debug, Error)]
pub(super) enum LookupError {
    #[error("the authorization server cannot be asked")]
    Client(#[source] BoxError),
    #[error("the authorization server did not answer in time")]
    Late,
    #[error("the authorization server does not accept the credentials of this API")]
    Unauthorized,
    #[error("the authorization server answered with status {0}")]
    Status(StatusCode),
    #[error("the authorization server's answer is not JSON")]
    ContentType,
    #[error("the authorization server's answer broke off or is too long")]
    Body(#[source] BoxError),
    #[error("the authorization server's answer is not as RFC 7662 has it")]
    Malformed,
}

impl<C, B> Introspection<C>
where
    C: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    C::Error: Into<BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Asks about `token`, within the time limit.
    pub(super) async fn look_up(&self, token: &Secret) -> Result<Answer, LookupError> {
        timeout(self.timeout, self.ask(self.question(token)))
            .await
            .map_err(|_| LookupError::Late)?
    }

    /// RFC 7662 §2.1.
    fn question(&self, token: &Secret) -> Request<Full<Bytes>> {
        let body = Serializer::new(String::new())
            .append_pair("token", token.expose())
            .append_pair("token_type_hint", "access_token")
            .finish();
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        request
    }

    async fn ask(&self, question: Request<Full<Bytes>>) -> Result<Answer, LookupError> {
        let mut client = self.client.clone();
        poll_fn(|cx| client.poll_ready(cx))
            .await
            .map_err(|error| LookupError::Client(error.into()))?;
        let response = client
            .call(question)
            .await
            .map_err(|error| LookupError::Client(error.into()))?;
        match response.status() {
            StatusCode::OK if is_json(response.headers()) => {}
            StatusCode::OK => return Err(LookupError::ContentType),
            StatusCode::UNAUTHORIZED => return Err(LookupError::Unauthorized),
            other => return Err(LookupError::Status(other)),
        }
        let body = Limited::new(response.into_body(), self.limit)
            .collect()
            .await
            .map_err(LookupError::Body)?;
        // What the parser complains of may be a part of the answer.
        serde_json::from_slice(&body.to_bytes()).map_err(|_| LookupError::Malformed)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|&b| b == b';').next();
        essence.is_some_and(|essence| {
            essence
                .trim_ascii()
                .eq_ignore_ascii_case(b"application/json")
        })
    })
}

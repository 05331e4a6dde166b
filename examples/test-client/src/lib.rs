//! What the tests of the examples share: an HTTP client that the `oauth2` crate takes, a browser, and a request that is half sent.
//!
//! [`http()`] goes where `oauth2` wants an asynchronous client: `.request_async(&test_client::http)`.

#![expect(
    clippy::expect_used,
    reason = "a test that meets no answer fails, and that is all there is to do about it"
)]

mod browser;
mod half_sent;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use thiserror::Error;

pub use self::{
    browser::{Browser, Shown},
    half_sent::{HalfSent, closed, rest},
};

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// There was none at all.
    #[error("no answer")]
    Request(#[from] hyper_util::client::legacy::Error),
    /// It broke off.
    #[error("half an answer")]
    Body(#[from] hyper::Error),
}

/// Sends a request over a connection of its own, and follows no redirect.
///
/// # Errors
/// If the server does not answer, or not to the end.
pub async fn http(request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client
        .request(request.map(|body| Full::new(Bytes::from(body))))
        .await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(parts, body.into()))
}

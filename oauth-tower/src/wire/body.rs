//! Request bodies, which end somewhere and sometime.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_LENGTH};
use http_body_util::{BodyExt, Full, Limited};

use crate::BoxError;

/// The body of every response.
pub type Body = Full<Bytes>;

/// How much of a request is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body, or of a query: 64 KiB.
    pub body: usize,
    /// Parameters of a request: 100.
    pub params: usize,
    /// Bytes of a parameter's name or value, decoded: 2 KiB.
    pub value: usize,
    /// How long a body has to arrive: 10 s.
    pub body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            params: 100,
            value: 2 * 1024,
            body_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// The same for the host's pages, where a parameter may hold a handle, which holds a request, and each token of a scope may
    /// be a parameter.
    pub(crate) fn for_pages(self) -> Self {
        Self {
            value: self.body,
            params: self.params.saturating_add(self.value / 2),
            ..self
        }
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    TooSlow,
    Broken,
}

impl BodyError {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::TooLarge => "the request body is too large",
            Self::TooSlow => "the request body took too long to arrive",
            Self::Broken => "the request body did not arrive",
        }
    }
}

/// Reads a body.
pub(crate) async fn read<B>(
    headers: &HeaderMap,
    body: B,
    limits: &Limits,
) -> Result<Bytes, BodyError>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body as u64) {
        return Err(BodyError::TooLarge);
    }
    let collected = Box::pin(Limited::new(body, limits.body).collect());
    match tokio::time::timeout(limits.body_timeout, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(BodyError::TooLarge)
        }
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TooSlow),
    }
}

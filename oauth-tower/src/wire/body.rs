//! Request bodies, which end somewhere and sometime.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header::CONTENT_LENGTH};
use http_body::Frame;
use http_body_util::{BodyExt, Full};

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

/// Reads a body. Boxed, so that no future around this one has to hold it, and all of them twice.
pub(crate) fn read<B>(
    headers: &HeaderMap,
    body: B,
    limits: &Limits,
) -> Pin<Box<impl Future<Output = Result<Bytes, BodyError>> + Send + use<B>>>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_too_large = announced.is_some_and(|length| length > limits.body as u64);
    let (limit, time) = (limits.body, limits.body_timeout);
    Box::pin(async move {
        if is_too_large {
            return Err(BodyError::TooLarge);
        }
        let mut collected = pin!(collect(body, limit));
        // Nearly every body is there by then, and to set a timer and take it back costs more than to read it.
        if let Some(bytes) = at_next_turn(collected.as_mut()).await {
            return bytes;
        }
        tokio::time::timeout(time, collected)
            .await
            .unwrap_or(Err(BodyError::TooSlow))
    })
}

/// What comes of `future` now, or when the task has its next turn; `None` if it is still pending then.
async fn at_next_turn<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut is_next = false;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if is_next => Poll::Ready(None),
        Poll::Pending => {
            is_next = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// One buffer, so that a body in a thousand small frames costs no more than one in a single frame.
async fn collect<B>(body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: http_body::Body,
{
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    loop {
        let taken = match body.frame().await {
            Some(Ok(frame)) => take(frame, &mut bytes, limit),
            Some(Err(_)) => Err(BodyError::Broken),
            None => return Ok(bytes.freeze()),
        };
        taken?;
        // Known before the stream has said so: a turn less to wait for.
        if body.is_end_stream() {
            return Ok(bytes.freeze());
        }
        // A body that always has a frame, though an empty one, would never let the clock have its turn.
        tokio::task::consume_budget().await;
    }
}

fn take(frame: Frame<impl Buf>, bytes: &mut BytesMut, limit: usize) -> Result<(), BodyError> {
    match frame.into_data() {
        Ok(data) if data.remaining() > limit - bytes.len() => Err(BodyError::TooLarge),
        Ok(data) => {
            bytes.put(data);
            Ok(())
        }
        // Trailers, which mean nothing here.
        Err(_) => Ok(()),
    }
}

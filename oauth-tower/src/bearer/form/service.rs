//! The service that looks into form bodies.

use std::{
    mem,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Response,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body::Body;
use tower_service::Service;

use super::{FormResponseFuture, RequestBody};
use crate::bearer::{Bearer, ResponseBody};

/// An API behind a [`FormBearerLayer`](super::FormBearerLayer).
///
/// The time limit is kept by tokio's timer.
#[derive(Clone, Debug)]
pub struct FormBearer<S> {
    bearer: Bearer<S>,
    limit: usize,
    timeout: Duration,
}

impl<S> FormBearer<S> {
    pub(super) fn new(bearer: Bearer<S>, limit: usize, timeout: Duration) -> Self {
        Self {
            bearer,
            limit,
            timeout,
        }
    }

    /// The API.
    pub fn get_ref(&self) -> &S {
        self.bearer.get_ref()
    }

    /// The API.
    pub fn get_mut(&mut self) -> &mut S {
        self.bearer.get_mut()
    }

    /// The API without this layer.
    pub fn into_inner(self) -> S {
        self.bearer.into_inner()
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for FormBearer<S>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>> + Clone,
    ReqBody: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = FormResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.bearer.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The one that was polled ready is the one to be called.
        let clone = self.bearer.clone();
        let mut bearer = mem::replace(&mut self.bearer, clone);
        if may_have_token(request.method(), request.headers()) {
            FormResponseFuture::reading(bearer, request, self.limit, self.timeout)
        } else {
            FormResponseFuture::serving(bearer.call(request.map(RequestBody::streaming)))
        }
    }
}

/// Whether the body is one that may hold a token (RFC 6750 §2.2).
fn may_have_token(method: &Method, headers: &HeaderMap) -> bool {
    let has_body = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let is_form = match (types.next(), types.next()) {
        (Some(only), None) => only
            .as_bytes()
            .split(|&b| b == b';')
            .next()
            .is_some_and(|essence| {
                essence
                    .trim_ascii()
                    .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
            }),
        _ => false,
    };
    has_body && is_form && !headers.contains_key(CONTENT_ENCODING)
}

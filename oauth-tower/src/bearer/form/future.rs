//! The answer in the making, while a form is read.

use std::{
    fmt, mem,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, request};
use http_body::{Body, Frame};
use pin_project_lite::pin_project;
use tokio::{
    task::coop::{poll_proceed, unconstrained},
    time::{Sleep, sleep},
};
use tower_service::Service;

use super::RequestBody;
use crate::bearer::{
    Bearer, ResponseBody, ResponseFuture,
    denial::BearerDenial,
    token::{FormToken, in_form},
};

pin_project! {
    /// The answer of a [`FormBearer`](super::FormBearer) service.
    pub struct FormResponseFuture<S, ReqBody>
    where
        S: Service<Request<RequestBody<ReqBody>>>,
    {
        #[pin]
        state: State<S, ResponseFuture<S, RequestBody<ReqBody>>, ReqBody>,
    }
}

pin_project! {
    #[project = StateProject]
    enum State<S, F, B> {
        /// The form is being read.
        Reading {
            #[pin]
            body: B,
            #[pin]
            deadline: Sleep,
            form: Form,
            // Taken when the form has been read.
            call: Option<(Bearer<S>, request::Parts)>,
        },
        /// The token is being looked at, and then the API asked.
        Serving {
            #[pin]
            future: F,
        },
    }
}

/// What has been read of a form.
#[derive(Debug)]
struct Form {
    data: BytesMut,
    trailers: Option<HeaderMap>,
    limit: usize,
}

impl<S, ReqBody> FormResponseFuture<S, ReqBody>
where
    S: Service<Request<RequestBody<ReqBody>>>,
{
    pub(super) fn reading(
        bearer: Bearer<S>,
        request: Request<ReqBody>,
        limit: usize,
        timeout: Duration,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let form = Form {
            data: BytesMut::new(),
            trailers: None,
            limit,
        };
        let state = State::Reading {
            body,
            deadline: sleep(timeout),
            form,
            call: Some((bearer, parts)),
        };
        Self { state }
    }

    pub(super) fn serving(future: ResponseFuture<S, RequestBody<ReqBody>>) -> Self {
        let state = State::Serving { future };
        Self { state }
    }
}

impl<S, ReqBody, ResBody> Future for FormResponseFuture<S, ReqBody>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>> + Clone,
    ReqBody: Body<Data = Bytes>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProject::Reading {
                    body,
                    deadline,
                    form,
                    call,
                } => {
                    let read = match form.poll_read(body, cx) {
                        Poll::Ready(read) => read,
                        Poll::Pending => {
                            // Whatever the body has used up, the clock has its turn.
                            ready!(pin!(unconstrained(deadline)).poll(cx));
                            Err(BearerDenial::BodyLate)
                        }
                    };
                    let Some((mut bearer, mut parts)) = call.take() else {
                        return Poll::Pending;
                    };
                    match read {
                        Ok(()) => {
                            if let Some(token) = form.token() {
                                parts.extensions.insert(token);
                            }
                            let data = mem::take(&mut form.data).freeze();
                            let body = RequestBody::read(data, form.trailers.take());
                            let future = bearer.call(Request::from_parts(parts, body));
                            State::Serving { future }
                        }
                        Err(denial) => {
                            let future = ResponseFuture::refused(denial, bearer.requirements());
                            State::Serving { future }
                        }
                    }
                }
                StateProject::Serving { future } => return future.poll(cx),
            };
            this.state.set(next);
        }
    }
}

impl Form {
    /// Reads until the body ends.
    fn poll_read<B: Body<Data = Bytes>>(
        &mut self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), BearerDenial>> {
        if body.size_hint().lower() > (self.limit - self.data.len()) as u64 {
            return Poll::Ready(Err(BearerDenial::BodyTooLong));
        }
        loop {
            // A body that always has a frame, though an empty one, would never let anybody else have a turn.
            let turn = ready!(poll_proceed(cx));
            let Some(frame) = ready!(body.as_mut().poll_frame(cx)) else {
                return Poll::Ready(Ok(()));
            };
            turn.made_progress();
            let Ok(frame) = frame else {
                return Poll::Ready(Err(BearerDenial::BodyBroken));
            };
            match frame.into_data().map_err(Frame::into_trailers) {
                Ok(data) if data.len() > self.limit - self.data.len() => {
                    return Poll::Ready(Err(BearerDenial::BodyTooLong));
                }
                Ok(data) => self.data.extend_from_slice(&data),
                Err(Ok(trailers)) => self.trailers = Some(trailers),
                // A kind of frame that is not known yet.
                Err(Err(_)) => {}
            }
        }
    }

    /// RFC 6750 §2.2: the content consists entirely of ASCII characters, else it is not looked into.
    fn token(&self) -> Option<FormToken> {
        if !self.data.is_ascii() {
            return None;
        }
        in_form(&self.data).transpose().map(FormToken)
    }
}

impl<S, ReqBody> fmt::Debug for FormResponseFuture<S, ReqBody>
where
    S: Service<Request<RequestBody<ReqBody>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormResponseFuture").finish_non_exhaustive()
    }
}

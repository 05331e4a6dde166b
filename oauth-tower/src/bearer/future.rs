//! The answer in the making.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
};
use oauth_core::token::AccessToken;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    ResponseBody, Unavailable, ValidToken, challenge::Challenge, denial::BearerDenial,
    requirements::Requirements,
};

/// In how many seconds clients may ask again when tokens cannot be checked.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");

pub(super) type Check = Pin<Box<dyn Future<Output = Result<AccessToken, Refused>> + Send>>;

/// Why the request has no usable token.
pub(super) enum Refused {
    /// The token is missing or invalid.
    Denied(BearerDenial),
    /// The token could not be checked.
    Unavailable(Unavailable),
}

pin_project! {
    /// The answer of a [`Bearer`](super::Bearer) service.
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, S::Future, ReqBody>,
        in_query: bool,
    }
}

pin_project! {
    #[project = StateProject]
    enum State<S, F, ReqBody> {
        /// The token is being looked at.
        Checking {
            check: Check,
            // Taken when the check has passed.
            call: Option<(S, Request<ReqBody>)>,
            requirements: Arc<Requirements>,
        },
        /// The API has been asked.
        Serving {
            #[pin]
            future: F,
        },
        /// The API is not asked.
        Refused {
            response: Option<Response<()>>,
        },
    }
}

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn checking(
        check: Check,
        requirements: Arc<Requirements>,
        inner: S,
        request: Request<ReqBody>,
        in_query: bool,
    ) -> Self {
        let state = State::Checking {
            check,
            call: Some((inner, request)),
            requirements,
        };
        Self { state, in_query }
    }

    pub(super) fn serving(future: S::Future) -> Self {
        Self {
            state: State::Serving { future },
            in_query: false,
        }
    }

    pub(super) fn refused(denial: BearerDenial, requirements: &Requirements) -> Self {
        tracing::info!(reason = %denial, "request refused");
        let response = Some(refuse(denial, requirements));
        Self {
            state: State::Refused { response },
            in_query: false,
        }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProject::Checking {
                    check,
                    call,
                    requirements,
                } => {
                    let answer = ready!(check.as_mut().poll(cx));
                    match (judge(answer, requirements), call.take()) {
                        (Ok(token), Some((mut inner, mut request))) => {
                            request.extensions_mut().insert(ValidToken::new(token));
                            let future = inner.call(request);
                            State::Serving { future }
                        }
                        (Err(response), _) => State::Refused {
                            response: Some(response),
                        },
                        (Ok(_), None) => return Poll::Pending,
                    }
                }
                StateProject::Serving { future } => {
                    let mut response = ready!(future.poll(cx))?;
                    if *this.in_query {
                        // RFC 6750 §2.3: SHOULD contain "private". An address with a token in it is worth no copy at all.
                        let kept_nowhere = HeaderValue::from_static("private, no-store");
                        response.headers_mut().insert(CACHE_CONTROL, kept_nowhere);
                    }
                    return Poll::Ready(Ok(response.map(ResponseBody::of)));
                }
                StateProject::Refused { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok(response.map(|()| ResponseBody::empty()))),
                        // Polled again after it was done, which nobody may expect anything of.
                        None => Poll::Pending,
                    };
                }
            };
            this.state.set(next);
        }
    }
}

/// The token, if the request goes through with it; else what it is answered.
fn judge(
    answer: Result<AccessToken, Refused>,
    requirements: &Requirements,
) -> Result<AccessToken, Response<()>> {
    let token = match answer {
        Ok(token) => token,
        Err(Refused::Denied(denial)) => {
            tracing::info!(reason = %denial, "request refused");
            return Err(refuse(denial, requirements));
        }
        Err(Refused::Unavailable(reason)) => return Err(unavailable(&reason)),
    };
    match requirements.check(&token) {
        Ok(()) => Ok(token),
        Err(denial) => {
            tracing::info!(
                reason = %denial,
                client_id = %token.client_id,
                scope = %token.scope,
                audience = ?token.audience,
                required_scope = %requirements.scope,
                required_audience = ?requirements.audience,
                "request refused"
            );
            Err(refuse(denial, requirements))
        }
    }
}

/// The answer to a request that is not let through.
fn refuse(denial: BearerDenial, requirements: &Requirements) -> Response<()> {
    let (status, refusal) = denial.answer();
    let challenge = Challenge {
        realm: &requirements.realm,
        scope: &requirements.scope,
        refusal,
    };
    let mut response = plain(status);
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, challenge.render());
    response
}

/// The answer when tokens cannot be checked: nothing is known against this one.
fn unavailable(reason: &Unavailable) -> Response<()> {
    tracing::error!(%reason, "access tokens cannot be checked");
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
    response
}

fn plain(status: StatusCode) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl<S, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

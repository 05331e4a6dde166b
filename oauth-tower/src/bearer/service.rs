//! The service that stands before an API.

use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, header::AUTHORIZATION};
use tower_service::Service;

use super::{
    ResponseBody, ResponseFuture, TokenVerifier, ValidToken,
    denial::BearerDenial,
    future::Refused,
    requirements::Requirements,
    token::{Found, find},
    valid::Tokenless,
};

/// An API behind a [`BearerLayer`](super::BearerLayer).
#[derive(Clone)]
pub struct Bearer<S> {
    inner: S,
    verifier: Arc<dyn TokenVerifier>,
    requirements: Arc<Requirements>,
}

impl<S> Bearer<S> {
    pub(super) fn new(
        inner: S,
        verifier: Arc<dyn TokenVerifier>,
        requirements: Arc<Requirements>,
    ) -> Self {
        Self {
            inner,
            verifier,
            requirements,
        }
    }

    /// The API.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The API.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The API without this layer.
    pub fn into_inner(self) -> S {
        self.inner
    }

    pub(super) fn requirements(&self) -> &Requirements {
        &self.requirements
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Bearer<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        // The one that was polled ready is the one to be called.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);

        // What a layer further out has found says nothing about what is asked for here.
        request.extensions_mut().remove::<ValidToken>();
        request.extensions_mut().remove::<Tokenless>();
        // So that whoever prints the request further in does not print the token. Two of them are refused below.
        if let Some(value) = request.headers_mut().get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }

        let Found {
            presented,
            in_query,
        } = match find(&mut request, &self.requirements) {
            Ok(Some(found)) => found,
            Ok(None) if self.requirements.optional => {
                request.extensions_mut().insert(Tokenless);
                return ResponseFuture::serving(inner.call(request));
            }
            Ok(None) => return ResponseFuture::refused(BearerDenial::Missing, &self.requirements),
            Err(denial) => return ResponseFuture::refused(denial, &self.requirements),
        };
        let verifier = Arc::clone(&self.verifier);
        let requirements = Arc::clone(&self.requirements);
        let check = Box::pin(async move {
            let token = verifier.as_ref().verify(&presented).await;
            let token = token.map_err(Refused::Unavailable)?;
            let token = token.ok_or(Refused::Denied(BearerDenial::Invalid))?;
            token
                .prove(&presented)
                .ok_or(Refused::Denied(BearerDenial::Unproven))
        });
        ResponseFuture::checking(check, requirements, inner, request, in_query)
    }
}

impl<S: fmt::Debug> fmt::Debug for Bearer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("inner", &self.inner)
            .field("requirements", &self.requirements)
            .finish_non_exhaustive()
    }
}

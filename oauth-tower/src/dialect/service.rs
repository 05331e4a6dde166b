//! Which endpoint of a dialect a request is for.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use http::{HeaderValue, Request, Response, StatusCode, header::ALLOW, request::Parts};
use oauth_core::{
    error::{ErrorCode, Refusal},
    grant::TokenDenial,
    types::Params,
};

use super::{
    Dialects, Route, Sources, authorize,
    gather::{gather, query_of},
    server::Shared,
    token,
};
use crate::{
    BoxError,
    endpoint::{Answer, Endpoint, HostPages},
    wire::Body,
};

/// An endpoint that only one provider has.
#[derive(Clone, Copy, Debug)]
pub struct Extra {
    /// Where it is.
    pub route: Route,
    /// Where its parameters come from.
    pub sources: Sources,
    /// What answers it.
    pub answer: fn(ExtraRequest) -> ExtraAnswer,
}

/// The answer of such an endpoint.
pub type ExtraAnswer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A request to such an endpoint.
#[derive(Clone, Debug)]
pub struct ExtraRequest {
    /// The server.
    pub dialects: Dialects,
    /// Everything but the body.
    pub parts: Parts,
    /// The parameters, under the standard's names.
    pub params: Params,
}

/// The endpoints of a dialect as one tower service. Made by [`Dialects::service`].
pub type DialectService = Endpoint<Answers>;

/// Answers the requests to a dialect's endpoints.
pub struct Answers(Arc<Shared>);

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("dialect", &self.0.dialect.name)
            .finish_non_exhaustive()
    }
}

/// Which endpoint a request is for.
enum Target {
    Authorize,
    Token,
    Extra(&'static Extra),
    Page,
}

impl Answers {
    /// What a request is for, or the answer if that is nothing. Several endpoints may share an address by their methods.
    fn target(&self, parts: &Parts) -> Result<Target, Box<Response<Body>>> {
        let dialect = self.0.dialect;
        let path = self.0.below(parts.uri.path());
        let query = query_of(&parts.uri);
        let own = [
            (&dialect.authorize.route, Target::Authorize),
            (&dialect.token.route, Target::Token),
        ];
        let extras = dialect
            .extras
            .iter()
            .map(|extra| (&extra.route, Target::Extra(extra)));
        let mut methods = Vec::new();
        for (route, target) in own.into_iter().chain(extras) {
            if !route.is_at(path, &query) {
                continue;
            }
            if route.is_ambiguous(&query) {
                return Err(Box::new(self.0.refuse(TokenDenial::Repeated.refusal())));
            }
            if route.takes(&parts.method) {
                return Ok(target);
            }
            methods.extend_from_slice(route.methods);
        }
        if methods.is_empty() {
            return if self.0.host.has_page(path) {
                Ok(Target::Page)
            } else {
                let refusal = self.not_served(StatusCode::NOT_FOUND, "nothing is served here");
                Err(Box::new(refusal))
            };
        }
        let description = "this method is not served here";
        let mut response = self.not_served(StatusCode::METHOD_NOT_ALLOWED, description);
        if let Ok(allowed) = HeaderValue::from_str(&methods.join(", ")) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        Err(Box::new(response))
    }

    fn not_served(&self, status: StatusCode, description: &'static str) -> Response<Body> {
        let refusal = Refusal::new(ErrorCode::INVALID_REQUEST, description);
        self.0.refuse_with(status, refusal)
    }
}

impl Answer for Answers {
    const NAME: &'static str = "dialect";

    async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let target = self.target(&parts);
        let request = Request::from_parts(parts, body);
        match target {
            Ok(Target::Authorize) => authorize::answer(&self.0, request).await,
            Ok(Target::Token) => token::answer(&self.0, request).await,
            Ok(Target::Extra(extra)) => self.extra(extra, request).await,
            Ok(Target::Page) => {
                let Shared {
                    server,
                    host,
                    limits,
                    ..
                } = Shared::clone(&self.0);
                let pages = HostPages {
                    server,
                    host,
                    limits: limits.for_pages(),
                };
                Arc::new(pages).answer(request).await
            }
            Err(response) => *response,
        }
    }
}

impl Answers {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    async fn extra<B>(&self, extra: &Extra, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let dialect = self.0.dialect;
        let callback = dialect.callback_of(&query_of(request.uri()));
        let refuse = |status, refusal| match callback {
            Some(callback) => callback.call(&(dialect.error)(refusal)),
            None => self.0.refuse_with(status, refusal),
        };
        match gather(dialect, extra.sources, request, &self.0.limits).await {
            Err((status, refusal)) => refuse(status, refusal),
            Ok((_, params)) if params.repeated().is_some() => {
                refuse(StatusCode::BAD_REQUEST, TokenDenial::Repeated.refusal())
            }
            Ok((parts, params)) => {
                let dialects = Dialects(Arc::clone(&self.0));
                let request = ExtraRequest {
                    dialects,
                    parts,
                    params,
                };
                (extra.answer)(request).await
            }
        }
    }
}

//! A server that speaks a dialect.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{ALLOW, WWW_AUTHENTICATE},
    request::Parts,
};
use oauth_core::{
    AuthorizationServer,
    client::{ClientBuilder, ClientDenial, Presented},
    error::{ErrorCode, Refusal},
    grant::TokenDenial,
    server::Builder,
    types::Params,
};

use super::{
    ApiDenial, Dialect, JsonpHosts, Route, Sources, authorize, gather::gather, status, token,
};
use crate::{
    BoxError,
    endpoint::{Answer, ClientEndpoint, Endpoint, HostPages},
    host::Host,
    throttle::{Peer, Throttle},
    wire::{Body, Limits, RETRY, json, retry_after},
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

/// A server that speaks a dialect, before it is cut into services. Cheap to clone.
#[derive(Clone)]
pub struct Dialects(Arc<Shared>);

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) dialect: &'static Dialect,
    pub(super) server: AuthorizationServer,
    pub(super) host: Arc<dyn Host>,
    pub(super) limits: Limits,
    pub(super) throttle: Option<Arc<Throttle>>,
    pub(super) jsonp_hosts: JsonpHosts,
}

impl Dialect {
    /// Makes a server speak this dialect: confines it to the dialect's clients, and gives its tokens their looks. What grants and
    /// client authentication methods the dialect needs besides, its docs say.
    pub fn server(&self, builder: Builder) -> Builder {
        builder.profile(self.name).formats((self.formats)())
    }

    /// Registers a client under this dialect, with the lifetimes that the provider is known for. What is dangerous, its docs say.
    pub fn client(&self, builder: ClientBuilder) -> ClientBuilder {
        builder.profile(self.name).lifetimes(self.lifetimes)
    }
}

impl Dialects {
    /// `server`, made by [`Dialect::server`], over HTTP in this dialect, with the pages and the login of `host`, which finds the
    /// `&'static Dialect` among the extensions of the requests that it is asked about.
    pub fn new(dialect: &'static Dialect, server: AuthorizationServer, host: impl Host) -> Self {
        Self(Arc::new(Shared {
            dialect,
            server,
            host: Arc::new(host),
            limits: Limits::default(),
            throttle: Some(Arc::default()),
            jsonp_hosts: JsonpHosts::default(),
        }))
    }

    /// Slows down wrong client secrets by this, or not at all.
    #[must_use]
    pub fn throttle(self, throttle: Option<Arc<Throttle>>) -> Self {
        self.with(|server| server.throttle = throttle)
    }

    /// How much of a request is read.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.with(|server| server.limits = limits)
    }

    /// From which sites' pages clients may be used by JSONP.
    #[must_use]
    pub fn jsonp_hosts(self, hosts: JsonpHosts) -> Self {
        self.with(|server| server.jsonp_hosts = hosts)
    }

    /// The endpoints of the dialect, and the pages of the host's own.
    pub fn service(&self) -> DialectService {
        Endpoint::new(Answers(Arc::clone(&self.0)))
    }

    /// The dialect.
    pub fn dialect(&self) -> &'static Dialect {
        self.0.dialect
    }

    /// The server behind it.
    pub fn server(&self) -> &AuthorizationServer {
        &self.0.server
    }

    /// Whether a request comes from a page on which this client may be used by JSONP.
    pub fn may_use_jsonp(&self, client_id: &str, parts: &Parts) -> bool {
        self.0.jsonp_hosts.permit(client_id, &parts.headers)
    }

    /// An error, as the dialect has it.
    pub fn refuse(&self, refusal: Refusal) -> Response<Body> {
        self.0.refuse(refusal)
    }

    pub(super) fn refuse_with(&self, status: StatusCode, refusal: Refusal) -> Response<Body> {
        self.0.refuse_with(status, refusal)
    }

    /// That too many guesses were made, and how long to wait.
    pub fn too_many(&self, wait: Duration) -> Response<Body> {
        self.0.too_many(wait)
    }

    pub(super) fn limits_of(&self) -> &Limits {
        &self.0.limits
    }

    /// How long this client has to wait before its secret is looked at; `None` if it need not.
    pub fn wait(&self, request: &Presented, parts: &Parts) -> Option<Duration> {
        self.0.wait(request, Peer::of(&parts.extensions))
    }

    /// Counts a failed client authentication.
    pub fn failed(&self, denial: ClientDenial, request: &Presented, parts: &Parts) {
        self.0.note(denial, request, Peer::of(&parts.extensions));
    }

    fn with(self, change: impl FnOnce(&mut Shared)) -> Self {
        let mut server = Arc::unwrap_or_clone(self.0);
        change(&mut server);
        Self(Arc::new(server))
    }
}

impl Shared {
    pub(super) fn refuse(&self, refusal: Refusal) -> Response<Body> {
        self.refuse_with(status(refusal), refusal)
    }

    pub(super) fn refuse_with(&self, status: StatusCode, refusal: Refusal) -> Response<Body> {
        let mut response = json(status, &(self.dialect.error)(refusal));
        match status {
            // RFC 9110 §15.5.2
            StatusCode::UNAUTHORIZED => {
                let challenge = match refusal.code {
                    ErrorCode::INVALID_CLIENT => {
                        let scheme = self.dialect.token.credentials.scheme();
                        format!("{scheme} realm=\"oauth\"")
                    }
                    _ => "Bearer realm=\"oauth\", error=\"invalid_token\"".to_owned(),
                };
                if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                }
            }
            StatusCode::SERVICE_UNAVAILABLE => retry_after(&mut response, RETRY),
            _ => {}
        }
        response
    }

    pub(super) fn too_many(&self, wait: Duration) -> Response<Body> {
        let refusal = ApiDenial::Throttled(wait).refusal();
        let mut response = self.refuse_with(StatusCode::TOO_MANY_REQUESTS, refusal);
        retry_after(&mut response, wait);
        response
    }

    pub(super) fn wait(&self, request: &Presented, peer: Option<Peer>) -> Option<Duration> {
        self.endpoint().wait(request, peer)
    }

    pub(super) fn note(&self, denial: ClientDenial, request: &Presented, peer: Option<Peer>) {
        self.endpoint().note(denial, request, peer);
    }

    fn endpoint(&self) -> ClientEndpoint {
        let Self {
            server,
            limits,
            throttle,
            ..
        } = self.clone();
        ClientEndpoint {
            server,
            limits,
            throttle,
        }
    }
}

impl fmt::Debug for Dialects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialects")
            .field("dialect", &self.0.dialect.name)
            .finish_non_exhaustive()
    }
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
        let path = self.below(parts.uri.path());
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query: Params = query.collect();
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

    fn below<'a>(&self, path: &'a str) -> &'a str {
        let prefix = self.0.server.issuer().path();
        path.strip_prefix(prefix)
            .filter(|below| below.starts_with('/'))
            .unwrap_or(path)
    }
}

impl Answer for Answers {
    const NAME: &'static str = "dialect";

    async fn answer<B>(&self, request: Request<B>) -> Response<Body>
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
                HostPages {
                    server,
                    host,
                    limits: limits.for_pages(),
                }
                .answer(request)
                .await
            }
            Err(response) => *response,
        }
    }
}

impl Answers {
    async fn extra<B>(&self, extra: &Extra, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let dialect = self.0.dialect;
        let (parts, params) = match gather(dialect, extra.sources, request, &self.0.limits).await {
            Ok(gathered) => gathered,
            Err((status, refusal)) => return self.0.refuse_with(status, refusal),
        };
        if params.repeated().is_some() {
            let refusal = TokenDenial::Repeated.refusal();
            return match dialect.callback_of(&params) {
                Some(callback) => callback.call(&(dialect.error)(refusal)),
                None => self.0.refuse(refusal),
            };
        }
        (extra.answer)(ExtraRequest {
            dialects: Dialects(Arc::clone(&self.0)),
            parts,
            params,
        })
        .await
    }
}

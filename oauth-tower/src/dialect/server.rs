//! A server that speaks a dialect.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{ALLOW, WWW_AUTHENTICATE},
    request::Parts,
};
use oauth_core::{
    AuthorizationServer,
    client::{ClientDenial, Presented},
    error::{ErrorCode, Refusal},
    server::Builder,
    types::Params,
};

use super::{Dialect, JsonpHosts, Route, Sources, authorize, gather::gather, status, token};
use crate::{
    BoxError,
    endpoint::{Answer, ClientEndpoint, Endpoint, HostPages},
    host::Host,
    throttle::{Peer, Throttle},
    wire::{Body, Limits, empty, json},
};

/// An endpoint that only one provider has.
#[derive(Clone, Copy, Debug)]
pub struct Extra {
    /// Where it is.
    pub route: Route,
    /// Where its parameters come from.
    pub sources: Sources,
    /// What answers it.
    pub answer: fn(ExtraRequest) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>>,
}

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
pub struct Dialects(Arc<Server>);

#[derive(Clone)]
pub(super) struct Server {
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
}

impl Dialects {
    /// `server`, made by [`Dialect::server`], over HTTP in this dialect, with the pages and the login of `host`.
    pub fn new(dialect: &'static Dialect, server: AuthorizationServer, host: impl Host) -> Self {
        Self(Arc::new(Server {
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

    /// How long this client has to wait before its secret is looked at; `None` if it need not.
    pub fn wait(&self, request: &Presented, parts: &Parts) -> Option<Duration> {
        self.0.wait(request, Peer::of(&parts.extensions))
    }

    /// Counts a failed client authentication.
    pub fn failed(&self, denial: ClientDenial, request: &Presented, parts: &Parts) {
        self.0.note(denial, request, Peer::of(&parts.extensions));
    }

    fn with(self, change: impl FnOnce(&mut Server)) -> Self {
        let mut server = Arc::unwrap_or_clone(self.0);
        change(&mut server);
        Self(Arc::new(server))
    }
}

impl Server {
    pub(super) fn refuse(&self, refusal: Refusal) -> Response<Body> {
        let mut response = json(status(refusal), &(self.dialect.error)(refusal));
        if refusal.code == ErrorCode::INVALID_CLIENT {
            let challenge = HeaderValue::from_static("Basic realm=\"oauth\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
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
pub struct Answers(Arc<Server>);

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
    /// The endpoint at an address, and whether it takes the method. Several endpoints may share an address by their methods.
    fn target(
        &self,
        parts: &http::request::Parts,
    ) -> Result<Option<Target>, &'static [&'static str]> {
        let dialect = self.0.dialect;
        let (path, query) = (
            self.below(parts.uri.path()),
            parts.uri.query().unwrap_or_default(),
        );
        let own = [
            (&dialect.authorize.route, Target::Authorize),
            (&dialect.token.route, Target::Token),
        ];
        let extras = dialect
            .extras
            .iter()
            .map(|extra| (&extra.route, Target::Extra(extra)));
        let mut other_methods = None;
        for (route, target) in own.into_iter().chain(extras) {
            if route.is_at(path, query) {
                if route.takes(&parts.method) {
                    return Ok(Some(target));
                }
                other_methods = Some(route.methods);
            }
        }
        match other_methods {
            Some(methods) => Err(methods),
            None => Ok(self.0.host.has_page(path).then_some(Target::Page)),
        }
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
            Ok(Some(Target::Authorize)) => authorize::answer(&self.0, request).await,
            Ok(Some(Target::Token)) => token::answer(&self.0, request).await,
            Ok(Some(Target::Extra(extra))) => self.extra(extra, request).await,
            Ok(Some(Target::Page)) => {
                let Server {
                    server,
                    host,
                    limits,
                    ..
                } = Server::clone(&self.0);
                HostPages {
                    server,
                    host,
                    limits: limits.for_pages(),
                }
                .answer(request)
                .await
            }
            Ok(None) => empty(StatusCode::NOT_FOUND),
            Err(methods) => {
                let refusal =
                    Refusal::new(ErrorCode::INVALID_REQUEST, "this method is not served here");
                let mut response = json(
                    StatusCode::METHOD_NOT_ALLOWED,
                    &(self.0.dialect.error)(refusal),
                );
                if let Ok(allowed) = HeaderValue::from_str(&methods.join(", ")) {
                    response.headers_mut().insert(ALLOW, allowed);
                }
                response
            }
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
        match gather(self.0.dialect, extra.sources, request, &self.0.limits).await {
            Ok((parts, params)) => {
                let dialects = Dialects(Arc::clone(&self.0));
                (extra.answer)(ExtraRequest {
                    dialects,
                    parts,
                    params,
                })
                .await
            }
            Err((status, refusal)) => json(status, &(self.0.dialect.error)(refusal)),
        }
    }
}

//! All endpoints together.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{
    HeaderName, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE},
};
use oauth_core::{AuthorizationServer, metadata::Metadata};
use tower_http::cors::{Any, Cors, CorsLayer};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    BoxError,
    endpoint::{
        Answer, Authorize, AuthorizeService, ClientEndpoint, Endpoint, HostPages, Introspect,
        IntrospectService, MetadataDocument, MetadataService, PageService, ResponseFuture, Revoke,
        RevokeService, Token, TokenService,
    },
    host::Host,
    throttle::Throttle,
    wire::{Body, Limits, empty},
};

/// An authorization server over HTTP, before it is cut into services.
#[derive(Clone)]
#[must_use]
pub struct OAuth {
    server: AuthorizationServer,
    host: Arc<dyn Host>,
    limits: Limits,
    throttle: Option<Arc<Throttle>>,
}

impl OAuth {
    /// `server` over HTTP, with the pages and the login of `host`.
    pub fn new(server: AuthorizationServer, host: impl Host) -> Self {
        Self {
            server,
            host: Arc::new(host),
            limits: Limits::default(),
            throttle: Some(Arc::default()),
        }
    }

    /// How much of a request is read.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Slows down wrong client secrets by this, or not at all. By default each `OAuth` has a throttle of its own.
    pub fn throttle(mut self, throttle: Option<Arc<Throttle>>) -> Self {
        self.throttle = throttle;
        self
    }

    /// The authorization endpoint. No other origin's script can read it: it has no CORS (RFC 9700 §2.6).
    pub fn authorize(&self) -> AuthorizeService {
        let Self {
            server,
            host,
            limits,
            ..
        } = self.clone();
        Endpoint::new(Authorize {
            server,
            host,
            limits,
        })
    }

    /// The token endpoint, without CORS.
    pub fn token(&self) -> TokenService {
        Endpoint::new(Token(self.client_endpoint()))
    }

    /// The revocation endpoint, without CORS.
    pub fn revoke(&self) -> RevokeService {
        Endpoint::new(Revoke(self.client_endpoint()))
    }

    /// The introspection endpoint.
    pub fn introspect(&self) -> IntrospectService {
        Endpoint::new(Introspect(self.client_endpoint()))
    }

    /// The metadata document, without CORS.
    pub fn metadata(&self) -> MetadataService {
        Endpoint::new(MetadataDocument(self.server.clone()))
    }

    /// The pages of the host's own.
    pub fn pages(&self) -> PageService {
        let Self {
            server,
            host,
            limits,
            ..
        } = self.clone();
        let limits = limits.for_pages();
        Endpoint::new(HostPages {
            server,
            host,
            limits,
        })
    }

    /// All endpoints together, and the pages of the host's own, by their paths.
    ///
    /// The paths are matched below the issuer's path, and also without it, since frameworks cut off the prefix under which a
    /// service is mounted. The metadata document is at the root of the issuer's host (RFC 8414 §3.1), so mount
    /// [`metadata`](Self::metadata) there yourself, at
    /// [`Metadata::well_known_path`], if you mount this below a prefix.
    pub fn service(&self) -> OAuthService {
        let cors = cors();
        OAuthService(Arc::new(Endpoints {
            paths: Paths::new(&self.server),
            authorize: self.authorize(),
            token: cors.layer(self.token()),
            revoke: cors.layer(self.revoke()),
            introspect: self.introspect(),
            metadata: cors.layer(self.metadata()),
            pages: self.pages(),
            host: Arc::clone(&self.host),
        }))
    }

    fn client_endpoint(&self) -> ClientEndpoint {
        ClientEndpoint {
            server: self.server.clone(),
            limits: self.limits,
            throttle: self.throttle.clone(),
        }
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// CORS for what browser apps call (OAuth 2.1 §3.2). Any origin may: no cookie opens these endpoints.
fn cors() -> CorsLayer {
    let exposed: [HeaderName; 2] = [WWW_AUTHENTICATE, RETRY_AFTER];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        .expose_headers(exposed)
        .max_age(std::time::Duration::from_secs(600))
}

/// All endpoints as one tower service. Made by [`OAuth::service`].
#[derive(Clone)]
pub struct OAuthService(Arc<Endpoints>);

struct Endpoints {
    paths: Paths,
    authorize: AuthorizeService,
    token: Cors<TokenService>,
    revoke: Cors<RevokeService>,
    introspect: IntrospectService,
    metadata: Cors<MetadataService>,
    pages: PageService,
    host: Arc<dyn Host>,
}

#[derive(Debug)]
struct Paths {
    prefix: String,
    metadata: String,
    authorize: String,
    token: String,
    revoke: String,
    introspect: String,
}

enum Route {
    Authorize,
    Token,
    Revoke,
    Introspect,
    Metadata,
    Page,
}

impl Paths {
    fn new(server: &AuthorizationServer) -> Self {
        let endpoints = server.endpoints().clone();
        Self {
            prefix: server.issuer().path().to_owned(),
            metadata: Metadata::well_known_path(server.issuer()),
            authorize: endpoints.authorize,
            token: endpoints.token,
            revoke: endpoints.revoke,
            introspect: endpoints.introspect,
        }
    }

    fn route(&self, path: &str, host: &dyn Host) -> Option<Route> {
        if path == self.metadata {
            return Some(Route::Metadata);
        }
        let below = path
            .strip_prefix(&self.prefix)
            .filter(|below| below.starts_with('/'))
            .unwrap_or(path);
        [
            (&self.authorize, Route::Authorize),
            (&self.token, Route::Token),
            (&self.revoke, Route::Revoke),
            (&self.introspect, Route::Introspect),
        ]
        .into_iter()
        .find_map(|(own, route)| (own == below).then_some(route))
        .or_else(|| host.has_page(below).then_some(Route::Page))
    }
}

impl<B> Service<Request<B>> for OAuthService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let own = self.0.as_ref();
        match own.paths.route(request.uri().path(), own.host.as_ref()) {
            Some(Route::Authorize) => own.authorize.respond(request),
            Some(Route::Token) => shared(&own.token, request),
            Some(Route::Revoke) => shared(&own.revoke, request),
            Some(Route::Introspect) => own.introspect.respond(request),
            // Whoever keeps it shows it to scripts and others alike.
            Some(Route::Metadata) => with_cors(&own.metadata, request),
            Some(Route::Page) => own.pages.respond(request),
            None => ResponseFuture::new(std::future::ready(empty(StatusCode::NOT_FOUND))),
        }
    }
}

/// Asks an endpoint that scripts of other origins may call. It is they who name their origin, and who need CORS in the answer.
fn shared<A, B>(endpoint: &Cors<Endpoint<A>>, request: Request<B>) -> ResponseFuture
where
    A: Answer,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    if request.headers().contains_key(ORIGIN) {
        with_cors(endpoint, request)
    } else {
        endpoint.get_ref().respond(request)
    }
}

fn with_cors<A, B>(endpoint: &Cors<Endpoint<A>>, request: Request<B>) -> ResponseFuture
where
    A: Answer,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let answer = endpoint.clone().call(request);
    ResponseFuture::new(async move {
        let Ok(response) = answer.await;
        response
    })
}

impl fmt::Debug for OAuthService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthService")
            .field("paths", &self.0.paths)
            .finish_non_exhaustive()
    }
}

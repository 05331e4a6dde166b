//! A server that speaks a dialect.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderValue, Response, StatusCode, header::WWW_AUTHENTICATE, request::Parts};
use oauth_core::{
    AuthorizationServer,
    client::{ClientBuilder, ClientDenial, ClientRequest},
    error::{ErrorCode, Refusal},
    server::Builder,
    types::Params,
};

use super::{Answers, ApiDenial, Dialect, DialectService, JsonpHosts, status};
use crate::{
    endpoint::{ClientEndpoint, Endpoint},
    host::Host,
    throttle::Throttle,
    wire::{Body, Limits, RETRY, client_request, json, retry_after},
};

/// A server that speaks a dialect, before it is cut into services. Cheap to clone.
#[derive(Clone)]
pub struct Dialects(pub(super) Arc<Shared>);

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
        Endpoint::new(Answers::new(Arc::clone(&self.0)))
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
    pub fn wait(&self, request: &ClientRequest) -> Option<Duration> {
        self.0.wait(request)
    }

    /// Counts a failed client authentication.
    pub fn failed(&self, denial: ClientDenial, request: &ClientRequest) {
        self.0.note(denial, request);
    }

    /// The client's request to an endpoint of the dialect, without credentials in its headers.
    pub fn client_request(&self, parts: &Parts, params: Params) -> ClientRequest {
        self.0.client_request(parts, params)
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

    /// The path of a request relative to the issuer.
    pub(super) fn below<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.server.issuer().path())
            .filter(|below| below.starts_with('/'))
            .unwrap_or(path)
    }

    pub(super) fn client_request(&self, parts: &Parts, params: Params) -> ClientRequest {
        let issuer = self.server.issuer();
        let url = issuer.endpoint(self.below(parts.uri.path()));
        client_request(parts, params).endpoint_url(url)
    }

    pub(super) fn wait(&self, request: &ClientRequest) -> Option<Duration> {
        self.endpoint().wait(request)
    }

    pub(super) fn note(&self, denial: ClientDenial, request: &ClientRequest) {
        self.endpoint().note(denial, request);
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

//! The endpoints, each a tower service of its own. [`OAuthService`](crate::OAuthService) is all of them together.

mod authorize;
mod introspect;
mod metadata;
mod page;
mod revoke;
mod token;

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use oauth_core::{
    AuthorizationServer,
    client::{Authorization, ClientDenial, ClientRequest},
    error::Fault,
    event::Event,
    types::ClientId,
};
use tower_service::Service;
use tracing::Instrument as _;

pub(crate) use self::authorize::browser_of;
pub use self::{
    authorize::Authorize, introspect::Introspect, metadata::MetadataDocument, page::HostPages,
    revoke::Revoke, token::Token,
};
use crate::{
    BoxError,
    throttle::{Peer, Throttle},
    wire::{Body, Limits, Unread, refusal},
};

/// The authorization endpoint (RFC 6749 §3.1).
pub type AuthorizeService = Endpoint<Authorize>;
/// The token endpoint (RFC 6749 §3.2).
pub type TokenService = Endpoint<Token>;
/// The revocation endpoint (RFC 7009).
pub type RevokeService = Endpoint<Revoke>;
/// The introspection endpoint (RFC 7662).
pub type IntrospectService = Endpoint<Introspect>;
/// The metadata document (RFC 8414).
pub type MetadataService = Endpoint<MetadataDocument>;

/// The pages of a host.
pub type PageService = Endpoint<HostPages>;

/// What answers the requests to one endpoint.
pub trait Answer: Send + Sync + 'static {
    /// Its name, in spans.
    const NAME: &'static str;

    /// Answers a request.
    fn answer<B>(
        self: Arc<Self>,
        request: Request<B>,
    ) -> impl Future<Output = Response<Body>> + Send
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>;
}

/// An endpoint as a tower service, for any request body.
pub struct Endpoint<A>(Arc<A>);

impl<A> Endpoint<A> {
    pub(crate) fn new(answer: A) -> Self {
        Self(Arc::new(answer))
    }
}

impl<A: Answer> Endpoint<A> {
    pub(crate) fn respond<B>(&self, request: Request<B>) -> ResponseFuture
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let span = tracing::info_span!("oauth", endpoint = A::NAME);
        ResponseFuture::new(Arc::clone(&self.0).answer(request).instrument(span))
    }
}

impl<A> Clone for Endpoint<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> fmt::Debug for Endpoint<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint(..)")
    }
}

impl<A, B> Service<Request<B>> for Endpoint<A>
where
    A: Answer,
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
        self.respond(request)
    }
}

/// The future of an endpoint's response. `Send`, and owns all that it uses.
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Response<Body>> + Send>>);

impl ResponseFuture {
    pub(crate) fn new(future: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context).map(Ok)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(..)")
    }
}

/// What every endpoint for clients has.
#[derive(Clone, Debug)]
pub(crate) struct ClientEndpoint {
    pub(crate) server: AuthorizationServer,
    pub(crate) limits: Limits,
    pub(crate) throttle: Option<Arc<Throttle>>,
}

impl ClientEndpoint {
    /// A client's request as it was read, unless it could not be or has to wait.
    #[expect(clippy::result_large_err, reason = "it is answered as it is")]
    fn admit(&self, read: Result<ClientRequest, Unread>) -> Result<ClientRequest, Response<Body>> {
        let request = read.map_err(|Unread { reason, response }| {
            self.server.report(&Event::Unreadable { reason });
            response
        })?;
        if let (Some(throttle), Some(name)) = (&self.throttle, secret_of(&request))
            && let Some(wait) = throttle.wait(name, request.peer.map(Peer))
        {
            tracing::warn!(peer = ?request.peer, "too many failed client authentications");
            let client_id = ClientId::new(name).ok();
            self.server.report(&Event::Throttled { client_id });
            return Err(crate::wire::too_many(wait));
        }
        Ok(request)
    }

    /// How long the client of a request has to wait before its secret is looked at; `None` if it need not.
    pub(crate) fn wait(&self, request: &ClientRequest) -> Option<Duration> {
        let name = secret_of(request)?;
        self.throttle.as_ref()?.wait(name, request.peer.map(Peer))
    }

    /// Counts a wrong secret. Only of clients that exist, so that made-up names fill no table.
    pub(crate) fn note(&self, denial: ClientDenial, request: &ClientRequest) {
        if let (Some(throttle), Some(name), ClientDenial::WrongSecret | ClientDenial::WrongProof) =
            (&self.throttle, secret_of(request), denial)
        {
            throttle.failed(name, request.peer.map(Peer));
        }
    }
}

/// The answer to a client if the server failed. The log also gets the causes, since the fault
/// itself only says that the store failed.
fn failed(fault: &Fault) -> Response<Body> {
    tracing::error!(fault = fault as &dyn Error, "the request failed");
    refusal(fault.refusal())
}

/// The client whose secret is presented, if one is.
fn secret_of(request: &ClientRequest) -> Option<&str> {
    match &request.authorization {
        Some(Authorization::Basic { client_id, .. }) => Some(client_id),
        _ => request.params.get("client_id"),
    }
}

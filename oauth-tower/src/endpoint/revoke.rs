//! The revocation endpoint (RFC 7009).

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use oauth_core::{error::Error, token::RevocationDenial};

use super::{Answer, ClientEndpoint, failed};
use crate::{
    BoxError,
    throttle::Peer,
    wire::{Body, empty, presented, refusal},
};

/// Answers revocation requests.
#[derive(Debug)]
pub struct Revoke(pub(crate) ClientEndpoint);

impl Answer for Revoke {
    const NAME: &'static str = "revoke";

    fn answer<B>(
        self: Arc<Self>,
        request: Request<B>,
    ) -> impl Future<Output = Response<Body>> + Send
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let peer = Peer::of(request.extensions());
        let read = presented(request, &self.0.limits);
        async move {
            let presented = match self.0.admit(read.await, peer) {
                Ok(presented) => presented,
                Err(response) => return response,
            };
            match self.0.server.revoke(&presented).await {
                Ok(()) => empty(StatusCode::OK),
                Err(Error::Denied(denial)) => {
                    if let RevocationDenial::Client(denial) = denial {
                        self.0.note(denial, &presented, peer);
                    }
                    refusal(denial.refusal())
                }
                Err(Error::Fault(fault)) => failed(&fault),
            }
        }
    }
}

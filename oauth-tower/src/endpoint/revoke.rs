//! The revocation endpoint (RFC 7009).

use http::{Request, Response, StatusCode};
use oauth_core::token::RevocationDenial;

use super::{Answer, ClientEndpoint, failed};
use crate::{
    BoxError,
    wire::{Body, empty, refusal},
};

/// Answers revocation requests.
#[derive(Debug)]
pub struct Revoke(pub(crate) ClientEndpoint);

impl Answer for Revoke {
    const NAME: &'static str = "revoke";

    async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (presented, peer) = match self.0.presented(request).await {
            Ok(presented) => presented,
            Err(response) => return response,
        };
        match self.0.server.revoke(&presented).await {
            Ok(Ok(())) => empty(StatusCode::OK),
            Ok(Err(denial)) => {
                if let RevocationDenial::Client(denial) = denial {
                    self.0.note(denial, &presented, peer);
                }
                refusal(denial.refusal())
            }
            Err(fault) => failed(&fault),
        }
    }
}

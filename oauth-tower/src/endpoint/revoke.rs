//! The revocation endpoint (RFC 7009).

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use oauth_core::{error::Error, token::RevocationDenial};

use super::{Answer, ClientEndpoint, failed};
use crate::{
    BoxError,
    wire::{Body, empty, read_client_request, refusal},
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
        let read = read_client_request(request, &self.0.limits);
        async move {
            let request = match self.0.admit(read.await) {
                Ok(request) => request,
                Err(response) => return response,
            };
            match self.0.server.revoke(&request).await {
                Ok(()) => empty(StatusCode::OK),
                Err(Error::Denied(denial)) => {
                    if let RevocationDenial::Client(denial) = denial {
                        self.0.note(denial, &request);
                    }
                    refusal(denial.refusal())
                }
                Err(Error::Fault(fault)) => failed(&fault),
            }
        }
    }
}

//! The token endpoint (RFC 6749 §3.2).

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use oauth_core::{error::Error, grant::TokenDenial, token::TokenResponse};
use serde::Serialize;

use super::{Answer, ClientEndpoint, failed};
use crate::{
    BoxError,
    wire::{Body, json, read_client_request, refusal},
};

/// Answers token requests.
#[derive(Debug)]
pub struct Token(pub(crate) ClientEndpoint);

/// The document of RFC 6749 §5.1.
#[derive(Serialize)]
struct Document<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

impl<'a> From<&'a TokenResponse> for Document<'a> {
    fn from(response: &'a TokenResponse) -> Self {
        let scope = &response.token.scope;
        Self {
            access_token: response.access_token.expose(),
            token_type: response.token_type.as_str(),
            expires_in: response.expires_in.as_secs(),
            refresh_token: response
                .refresh_token
                .as_ref()
                .map(oauth_core::types::Secret::expose),
            // Nothing that was asked for as nothing need not be told.
            scope: (!scope.is_empty() || response.is_narrowed).then(|| scope.as_str()),
        }
    }
}

impl Answer for Token {
    const NAME: &'static str = "token";

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
            match self.0.server.token(&request).await {
                Ok(response) => json(StatusCode::OK, &Document::from(&response)),
                Err(Error::Denied(denial)) => {
                    if let TokenDenial::Client(denial) = denial {
                        self.0.note(denial, &request);
                    }
                    refusal(denial.refusal())
                }
                Err(Error::Fault(fault)) => failed(&fault),
            }
        }
    }
}

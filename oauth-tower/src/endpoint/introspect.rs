//! The introspection endpoint (RFC 7662).

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use oauth_core::{
    error::Error,
    token::{IntrospectionDenial, IntrospectionResponse, TokenUse},
    types::Subject,
};
use serde::Serialize;

use super::{Answer, ClientEndpoint, failed};
use crate::{
    BoxError,
    wire::{Body, json, read_client_request, refusal},
};

/// Answers introspection requests.
#[derive(Debug)]
pub struct Introspect(pub(crate) ClientEndpoint);

/// The document of RFC 7662 §2.2 about a token that the caller may know of.
#[derive(Serialize)]
struct Known<'a> {
    active: bool,
    client_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    exp: u64,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Audience<'a>>,
    iss: &'a str,
}

/// The document about any other.
#[derive(Serialize)]
struct Unknown {
    active: bool,
}

/// One string, or a list of them (RFC 7519 §4.1.3).
#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Several(&'a [String]),
}

fn document(response: &IntrospectionResponse, issuer: &str) -> Response<Body> {
    match response {
        IntrospectionResponse::Active {
            token_use,
            client_id,
            subject,
            scope,
            audience,
            issued_at,
            expires_at,
        } => json(
            StatusCode::OK,
            &Known {
                active: true,
                client_id: client_id.as_str(),
                scope: scope.as_str(),
                // A refresh token has none, so that nobody takes it for an access token.
                token_type: match token_use {
                    TokenUse::Access(token_type) => Some(token_type.as_str()),
                    TokenUse::Refresh => None,
                },
                exp: expires_at.as_unix_seconds(),
                iat: issued_at.as_unix_seconds(),
                sub: subject.as_ref().map(Subject::as_str),
                aud: match audience.as_slice() {
                    [] => None,
                    [one] => Some(Audience::One(one)),
                    several => Some(Audience::Several(several)),
                },
                iss: issuer,
            },
        ),
        IntrospectionResponse::Inactive => json(StatusCode::OK, &Unknown { active: false }),
    }
}

impl Answer for Introspect {
    const NAME: &'static str = "introspect";

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
            match self.0.server.introspect(&request).await {
                Ok(response) => document(&response, self.0.server.issuer().as_str()),
                Err(Error::Denied(denial)) => {
                    if let IntrospectionDenial::Client(denial) = denial {
                        self.0.note(denial, &request);
                    }
                    refusal(denial.refusal())
                }
                Err(Error::Fault(fault)) => failed(&fault),
            }
        }
    }
}

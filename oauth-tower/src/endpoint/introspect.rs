//! The introspection endpoint (RFC 7662).

use http::{Request, Response, StatusCode};
use oauth_core::token::{IntrospectionDenial, IntrospectionResponse, TokenUse};
use serde::Serialize;

use super::{Answer, ClientEndpoint, failed};
use crate::{
    BoxError,
    wire::{Body, json, refusal},
};

/// Answers introspection requests.
#[derive(Debug)]
pub struct Introspect(pub(crate) ClientEndpoint);

/// The document of RFC 7662 §2.2.
#[derive(Serialize)]
struct Document<'a> {
    active: bool,
    #[serde(flatten)]
    token: Option<Active<'a>>,
}

#[derive(Serialize)]
struct Active<'a> {
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

/// One string, or a list of them (RFC 7519 §4.1.3).
#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Several(&'a [String]),
}

impl<'a> Document<'a> {
    fn new(response: &'a IntrospectionResponse, issuer: &'a str) -> Self {
        let IntrospectionResponse::Active {
            token_use,
            client_id,
            subject,
            scope,
            audience,
            issued_at,
            expires_at,
            ..
        } = response
        else {
            return Self {
                active: false,
                token: None,
            };
        };
        let token = Active {
            client_id: client_id.as_str(),
            scope: scope.as_str(),
            // A refresh token has none, so that nobody takes it for an access token.
            token_type: match token_use {
                TokenUse::Access(token_type) => Some(token_type.as_str()),
                TokenUse::Refresh => None,
            },
            exp: expires_at.as_unix_seconds(),
            iat: issued_at.as_unix_seconds(),
            sub: subject.as_ref().map(oauth_core::types::Subject::as_str),
            aud: match audience.as_slice() {
                [] => None,
                [one] => Some(Audience::One(one)),
                several => Some(Audience::Several(several)),
            },
            iss: issuer,
        };
        Self {
            active: true,
            token: Some(token),
        }
    }
}

impl Answer for Introspect {
    const NAME: &'static str = "introspect";

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
        match self.0.server.introspect(&presented).await {
            Ok(Ok(response)) => json(
                StatusCode::OK,
                &Document::new(&response, self.0.server.issuer().as_str()),
            ),
            Ok(Err(denial)) => {
                if let IntrospectionDenial::Client(denial) = denial {
                    self.0.note(denial, &presented, peer);
                }
                refusal(denial.refusal())
            }
            Err(fault) => failed(&fault),
        }
    }
}

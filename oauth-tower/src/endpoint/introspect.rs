//! The introspection endpoint (RFC 7662).

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, Response, StatusCode};
use oauth_core::{
    error::Error,
    token::{ActiveToken, IntrospectionDenial, IntrospectionResponse, TokenUse},
    types::{Actor, AuthorizationDetails, Confirmation, HostData, Subject},
};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

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
    /// RFC 7800 §3.1, used in introspection by RFC 8705 §3.2 and RFC 9449 §6.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Cnf>,
    /// RFC 9470 §6.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    /// RFC 9396 §9.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<&'a RawValue>,
    /// RFC 8693 §4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<ActClaim<'a>>,
}

/// Members of the document, and those that RFC 7662 §2.2 defines. The host's own data cannot set
/// them.
const RESERVED: [&str; 18] = [
    "active",
    "client_id",
    "scope",
    "token_type",
    "exp",
    "iat",
    "nbf",
    "sub",
    "aud",
    "iss",
    "jti",
    "username",
    "cnf",
    "auth_time",
    "acr",
    "amr",
    "authorization_details",
    "act",
];

/// The same document with the host's own data.
#[derive(Serialize)]
struct WithData<'a> {
    #[serde(flatten)]
    known: Known<'a>,
    #[serde(flatten)]
    data: Map<String, Value>,
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

#[derive(Serialize)]
enum Cnf {
    #[serde(rename = "jkt")]
    Jwk(String),
    #[serde(rename = "x5t#S256")]
    Certificate(String),
    /// A binding that this endpoint cannot name. Readers do not know it, and refuse the token.
    #[serde(rename = "unknown")]
    Other(()),
}

impl From<&Confirmation> for Cnf {
    fn from(confirmation: &Confirmation) -> Self {
        match confirmation {
            Confirmation::Jwk(digest) => Self::Jwk(URL_SAFE_NO_PAD.encode(digest)),
            Confirmation::Certificate(digest) => Self::Certificate(URL_SAFE_NO_PAD.encode(digest)),
            _ => Self::Other(()),
        }
    }
}

#[derive(Serialize)]
struct ActClaim<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Box<ActClaim<'a>>>,
}

impl<'a> From<&'a Actor> for ActClaim<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self {
            sub: &actor.subject,
            iss: actor.issuer.as_deref(),
            act: actor.actor().map(|actor| Box::new(actor.into())),
        }
    }
}

fn document(response: &IntrospectionResponse, issuer: &str) -> Response<Body> {
    let IntrospectionResponse::Active(token) = response else {
        return json(StatusCode::OK, &Unknown { active: false });
    };
    let known = known(token, issuer);
    match &token.data {
        Some(data) => json(
            StatusCode::OK,
            &WithData {
                known,
                data: own_members(data),
            },
        ),
        None => json(StatusCode::OK, &known),
    }
}

fn known<'a>(token: &'a ActiveToken, issuer: &'a str) -> Known<'a> {
    let authentication = token.authentication.as_ref();
    let details = token.authorization_details.as_ref();
    Known {
        active: true,
        client_id: token.client_id.as_str(),
        scope: token.scope.as_str(),
        // A refresh token has no type, so that nobody takes it for an access token. A DPoP-bound
        // token is not a bearer token.
        token_type: match (token.token_use, token.confirmation) {
            (TokenUse::Access(_), Some(Confirmation::Jwk(_))) => Some("DPoP"),
            (TokenUse::Access(token_type), _) => Some(token_type.as_str()),
            (TokenUse::Refresh, _) => None,
        },
        exp: token.expires_at.as_unix_seconds(),
        iat: token.issued_at.as_unix_seconds(),
        sub: token.subject.as_ref().map(Subject::as_str),
        aud: match token.audience.as_slice() {
            [] => None,
            [one] => Some(Audience::One(one)),
            several => Some(Audience::Several(several)),
        },
        iss: issuer,
        cnf: token.confirmation.as_ref().map(Cnf::from),
        auth_time: authentication.map(|how| how.time.as_unix_seconds()),
        acr: authentication.and_then(|how| how.class.as_deref()),
        amr: authentication.map_or(&[], |how| &how.methods),
        authorization_details: details.map(AuthorizationDetails::as_str).and_then(raw),
        act: token.actor.as_deref().map(ActClaim::from),
    }
}

fn raw(json: &str) -> Option<&RawValue> {
    serde_json::from_str(json).ok()
}

fn own_members(data: &HostData) -> Map<String, Value> {
    let mut members: Map<String, Value> = data.to().unwrap_or_default();
    members.retain(|name, _| !RESERVED.contains(&name.as_str()));
    members
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

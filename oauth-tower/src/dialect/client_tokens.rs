//! A JWT under the client's secret as proof of who it is.

use std::{collections::HashMap, fmt, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::{header::AUTHORIZATION, request::Parts};
use oauth_core::{
    client::{
        Authorization, ClientAuthenticationMethod, ClientDenial, ClientRequest, OneTimeMark, Proof,
        RequestContext,
    },
    error::{Error, ErrorCode, Refusal},
    time::Timestamp,
    types::{ClientId, Secret},
};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use sha2::Sha256;

/// The scheme of the header.
const SCHEME: &str = "client";

/// How long a proof is good for, from its `time`.
const LIFETIME: Duration = Duration::from_secs(300);

/// How far ahead of ours a client's clock may be.
const AHEAD: Duration = Duration::from_secs(60);

/// Bytes of the longest JWT that is looked at.
const LONGEST: usize = 2 * 1024;

/// `Authencation: Client <jwt>`, or without the scheme, or in the header that is spelled right.
pub(super) fn client_token(parts: &Parts) -> Result<Option<Authorization>, Refusal> {
    const SEVERAL: Refusal = Refusal::new(
        ErrorCode::INVALID_REQUEST,
        "the request has several client tokens",
    );
    let mut found: Option<&str> = None;
    for name in ["authencation", AUTHORIZATION.as_str()] {
        for value in parts.headers.get_all(name) {
            let Ok(value) = value.to_str() else {
                return Ok(Some(Authorization::Malformed));
            };
            let token = match value.trim().split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token.trim(),
                // The token of an API call is nobody's proof.
                Some(_) => continue,
                None => value.trim(),
            };
            if found.replace(token).is_some_and(|other| other != token) {
                return Err(SEVERAL);
            }
        }
    }
    Ok(found.map(|token| Authorization::Other {
        scheme: SCHEME.to_owned(),
        credentials: Secret::new(token),
    }))
}

/// The proofs of clients: JWTs (RFC 7519) by HS256 under their secrets, which are kept readable for that, and for nothing else. Each works
/// once.
pub struct ClientTokens {
    readable_secrets: HashMap<ClientId, Secret>,
}

impl ClientTokens {
    /// The name of the method, for [`ClientAuthentication::Method`](oauth_core::client::ClientAuthentication::Method).
    pub const METHOD: &'static str = "proauth_client_token";

    /// The method for clients with these secrets.
    pub fn new(readable_secrets: impl IntoIterator<Item = (ClientId, Secret)>) -> Self {
        Self {
            readable_secrets: readable_secrets.into_iter().collect(),
        }
    }
}

impl fmt::Debug for ClientTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTokens(..)")
    }
}

#[async_trait]
impl ClientAuthenticationMethod for ClientTokens {
    fn name(&self) -> &'static str {
        Self::METHOD
    }

    fn claim(&self, request: &ClientRequest) -> Option<ClientId> {
        ClientId::new(Jwt::of(request)?.claims.id).ok()
    }

    async fn verify(
        &self,
        request: &ClientRequest,
        context: &RequestContext<'_>,
    ) -> Result<Proof, Error<ClientDenial>> {
        let mark = self.check(request, context);
        Ok(Proof::new().mark(mark.ok_or(ClientDenial::WrongProof)?))
    }
}

impl ClientTokens {
    /// The mark of a proof that holds.
    fn check(&self, request: &ClientRequest, context: &RequestContext<'_>) -> Option<OneTimeMark> {
        let client = context.client.id();
        let jwt = Jwt::of(request)?;
        let secret = self.readable_secrets.get(client)?;
        if !jwt.is_signed_with(secret) {
            return None;
        }
        let Claims { time, nonce, .. } = &jwt.claims;
        let time = seconds(time)?;
        let until = time + LIFETIME;
        if nonce.is_empty() || context.now >= until || time > context.now + AHEAD {
            return None;
        }
        // By what it says, not by how it is written: two spellings of one proof are one.
        let name = [Self::METHOD, client.as_str(), nonce].map(str::as_bytes);
        Some(OneTimeMark::new(context.namespace(), &name, until))
    }
}

/// Digits only, where `parse` would take a sign.
fn seconds(text: &str) -> Option<Timestamp> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| is_number)?;
    Some(Timestamp::from_unix_seconds(seconds))
}

/// A JWT in its parts, not believed yet.
struct Jwt<'a> {
    signed: &'a str,
    claims: Claims,
    tag: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    /// Extensions that have to be understood, and none is (RFC 7515 §4.1.11).
    #[serde(default, rename = "crit", deserialize_with = "is_there")]
    has_crit: bool,
}

#[derive(Deserialize)]
struct Claims {
    id: String,
    time: String,
    nonce: String,
}

impl<'a> Jwt<'a> {
    fn of(request: &'a ClientRequest) -> Option<Self> {
        match &request.authorization {
            Some(Authorization::Other {
                scheme,
                credentials,
            }) if scheme == SCHEME => Self::read(credentials.expose()),
            _ => None,
        }
    }

    fn read(text: &'a str) -> Option<Self> {
        let (signed, tag) = text.rsplit_once('.').filter(|_| text.len() <= LONGEST)?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        let is_jwt = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
        if header.alg != "HS256" || !is_jwt || header.has_crit {
            return None;
        }
        Some(Self {
            signed,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            tag: decode(tag)?,
        })
    }

    /// Compares in constant time.
    fn is_signed_with(&self, secret: &Secret) -> bool {
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).is_ok_and(|mut mac| {
            mac.update(self.signed.as_bytes());
            mac.verify_slice(&self.tag).is_ok()
        })
    }
}

/// `true` for a member that is there, whatever its value.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

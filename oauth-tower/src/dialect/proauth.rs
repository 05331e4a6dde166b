//! An in-house platform: a JWT in a misspelled header proves the client, and one scope stands for all.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::{Response, StatusCode, header::AUTHORIZATION, request::Parts};
use oauth_core::{
    client::{
        Authorization, Client, ClientAuthenticationMethod, ClientDenial, Lifetimes, Presented,
        Proof,
    },
    error::{ErrorCode, Fault, Refusal},
    store::{Key, Kind, Realm, Record, Role},
    time::Timestamp,
    token::{Formats, IntrospectionResponse, TokenResponse},
    types::{ClientId, Params, Scope, Secret},
};
use serde::Deserialize;
use sha2::Sha256;

use super::{
    Authorize, Credentials, Dialect, Document, Extra, ExtraRequest, Json, Route, Sources, Token,
    UpperCase,
};
use crate::wire::{Body, empty, json};

/// The name of the client's proof, for `ClientAuthentication::Method`.
const METHOD: &str = "proauth_client_token";

/// What stands for every scope.
const EVERYTHING: &str = "all:all";

const SCOPES: &str = "all:all client:read client:write group:read group:write groupuser:read groupuser:write \
    resource:read resource:write role-resource:read role-resource:write role-user:read role-user:write role:read \
    role:write user:read user:write";

/// The in-house platform. Its clients authenticate by [`ClientTokens`].
pub const PROAUTH: Dialect = Dialect {
    name: "proauth",
    authorize: Authorize {
        route: Route::new(&["GET"], &["/oauth2/authorize"]),
        required: &["client_id", "redirect_uri", "response_type", "scope"],
        ..Dialect::BASE.authorize
    },
    token: Token {
        route: Route::new(&["POST"], &["/oauth2/token"]),
        sources: Sources::QUERY_AND_FORM,
        required: &["grant_type"],
        credentials: Credentials::Method(client_token),
    },
    extras: &[
        Extra {
            route: Route::new(&["GET"], &["/oauth2/expire"]),
            sources: Sources::QUERY,
            answer: |request| Box::pin(expire(request)),
        },
        Extra {
            route: Route::new(&["DELETE"], &["/oauth2/token"]),
            sources: Sources::QUERY,
            answer: |request| Box::pin(delete(request)),
        },
    ],
    widen,
    permits: |asked, granted| granted.contains(EVERYTHING) || asked.is_subset(granted),
    success,
    formats,
    lifetimes: Lifetimes {
        access_token: Some(Duration::from_secs(7200)),
        ..Dialect::BASE.lifetimes
    },
    ..Dialect::BASE
};

/// One scope for all is all of them, so that a part of it can be asked for later.
fn widen(scope: Scope) -> Scope {
    if scope.contains(EVERYTHING) {
        SCOPES.parse().unwrap_or(scope)
    } else {
        scope
    }
}

fn success(response: &TokenResponse, _: &Params, _: Timestamp) -> Document {
    let scope = &response.token.scope;
    let scope = if scope.contains(EVERYTHING) {
        EVERYTHING
    } else {
        scope.as_str()
    };
    let mut document = Document::new()
        .text("access_token", response.access_token.expose().to_owned())
        .number("expires_in", response.expires_in.as_secs());
    if let Some(token) = &response.refresh_token {
        document = document.text("refresh_token", token.expose().to_owned());
    }
    document
        .text("scope", scope.to_owned())
        .text("token_type", response.token_type.as_str())
}

fn formats() -> Formats {
    Formats {
        access_token: Box::new(UpperCase("RES_")),
        refresh_token: Box::new(UpperCase("")),
        code: Box::new(UpperCase("")),
        ..Formats::default()
    }
}

/// `Authencation: Client <jwt>`, or without the scheme, or in the header that is spelled right.
fn client_token(parts: &Parts) -> Result<Option<Authorization>, Refusal> {
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
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("client") => token.trim(),
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
        scheme: "client".to_owned(),
        credentials: Secret::new(token),
    }))
}

/// Whether an access and a refresh token have come to their end.
async fn expire(request: ExtraRequest) -> Response<Body> {
    match ended(&request).await {
        Ok(document) => json(StatusCode::OK, &document),
        Err(refusal) => request.dialects.refuse(refusal),
    }
}

async fn ended(request: &ExtraRequest) -> Result<Document, Refusal> {
    let client = caller(request).await?;
    let mut document = Document::new();
    for (name, member) in [
        ("access_token", "is_access_expired"),
        ("refresh_token", "is_refresh_expired"),
    ] {
        let is_live = match (request.params.secret(name), &client) {
            (Some(token), Some(client)) => {
                let answer = request
                    .dialects
                    .server()
                    .introspect_for(client, &token)
                    .await;
                answer.map_err(|fault| fault.refusal())? != IntrospectionResponse::Inactive
            }
            // The very token as Bearer: it was checked.
            (Some(_), None) => true,
            (None, _) => false,
        };
        document = document.member(member, Json::Bool(!is_live));
    }
    Ok(document)
}

/// Ends the whole grant.
async fn delete(request: ExtraRequest) -> Response<Body> {
    match end(&request).await {
        Ok(()) => empty(StatusCode::OK),
        Err(refusal) => request.dialects.refuse(refusal),
    }
}

async fn end(request: &ExtraRequest) -> Result<(), Refusal> {
    const MISSING: Refusal = Refusal::new(ErrorCode::INVALID_REQUEST, "access_token is missing");
    let client = caller(request).await?;
    let token = request
        .params
        .secret("access_token")
        .or_else(|| request.params.secret("refresh_token"));
    let ended = request
        .dialects
        .server()
        .revoke_grant(client.as_deref(), &token.ok_or(MISSING)?)
        .await;
    // A token of somebody else's has no effect, and nothing is told of it.
    ended.map(|_| ()).map_err(|fault| fault.refusal())
}

/// The client by its token of proof; `None` if the request shows the very access token that it is about.
async fn caller(request: &ExtraRequest) -> Result<Option<std::sync::Arc<Client>>, Refusal> {
    let bearer = request
        .parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.split_once(' '));
    if let Some((scheme, token)) = bearer
        && scheme.eq_ignore_ascii_case("bearer")
        && request.params.get("access_token") == Some(token.trim())
    {
        let state = request
            .dialects
            .server()
            .validate(&Secret::new(token.trim()))
            .await;
        return match state.map_err(|fault| fault.refusal())? {
            Some(_) => Ok(None),
            None => Err(Refusal::new(
                ErrorCode::INVALID_TOKEN,
                "there is no such access token",
            )),
        };
    }
    let presented = Presented {
        authorization: client_token(&request.parts)?,
        params: Params::default(),
    };
    match request
        .dialects
        .server()
        .authenticate_client(&presented)
        .await
    {
        Ok(Ok(client)) => Ok(Some(client)),
        Ok(Err(denial)) => Err(denial.refusal()),
        Err(fault) => Err(fault.refusal()),
    }
}

/// The proofs of clients: HS256 JWTs under their secrets, which are kept readable for that, and for nothing else.
pub struct ClientTokens {
    realm: Realm,
    readable_secrets: HashMap<ClientId, Secret>,
}

impl ClientTokens {
    /// The name of the method, for [`ClientAuthentication::Method`](oauth_core::client::ClientAuthentication::Method).
    pub const METHOD: &'static str = METHOD;

    /// For clients with these secrets. `realm` is that of the server, where used proofs are marked.
    pub fn new(
        realm: Realm,
        readable_secrets: impl IntoIterator<Item = (ClientId, Secret)>,
    ) -> Self {
        Self {
            realm,
            readable_secrets: readable_secrets.into_iter().collect(),
        }
    }
}

impl std::fmt::Debug for ClientTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTokens(..)")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    id: String,
    time: String,
    nonce: String,
}

/// A JWT in its three parts, not believed yet.
struct Jwt<'a> {
    signed: &'a str,
    claims: Claims,
    tag: Vec<u8>,
}

impl<'a> Jwt<'a> {
    fn read(presented: &'a Presented) -> Option<Self> {
        let Some(Authorization::Other {
            scheme,
            credentials,
        }) = &presented.authorization
        else {
            return None;
        };
        let text = credentials.expose();
        let (signed, tag) = text.rsplit_once('.').filter(|_| scheme == "client")?;
        let (header, claims) = signed.split_once('.')?;
        // The strict decoder knows one spelling of each text, so two spellings of one proof are not two proofs.
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        let is_hs256 =
            header.alg == "HS256" && header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("jwt"));
        let claims = serde_json::from_slice(&decode(claims)?).ok()?;
        is_hs256.then_some(Self {
            signed,
            claims,
            tag: decode(tag)?,
        })
    }
}

#[async_trait]
impl ClientAuthenticationMethod for ClientTokens {
    fn name(&self) -> &'static str {
        METHOD
    }

    fn claim(&self, presented: &Presented) -> Option<ClientId> {
        ClientId::new(Jwt::read(presented)?.claims.id).ok()
    }

    async fn verify(
        &self,
        client: &Client,
        presented: &Presented,
        now: Timestamp,
    ) -> Result<Result<Proof, ClientDenial>, Fault> {
        Ok(self
            .check(client, presented, now)
            .ok_or(ClientDenial::WrongProof))
    }
}

impl ClientTokens {
    fn check(&self, client: &Client, presented: &Presented, now: Timestamp) -> Option<Proof> {
        /// How long a proof is good for, from its `time`.
        const LIFETIME: Duration = Duration::from_secs(300);
        /// How far ahead of ours a client's clock may be.
        const AHEAD: Duration = Duration::from_secs(60);
        let jwt = Jwt::read(presented)?;
        let secret = self.readable_secrets.get(client.id())?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
        mac.update(jwt.signed.as_bytes());
        mac.verify_slice(&jwt.tag).ok()?;
        let is_number =
            !jwt.claims.time.is_empty() && jwt.claims.time.bytes().all(|b| b.is_ascii_digit());
        let time =
            Timestamp::from_unix_seconds(jwt.claims.time.parse().ok().filter(|_| is_number)?);
        let until = time + LIFETIME;
        if jwt.claims.nonce.is_empty() || now >= until || time > now + AHEAD {
            return None;
        }
        let name: [&[u8]; 3] = [
            METHOD.as_bytes(),
            client.id().as_str().as_bytes(),
            jwt.claims.nonce.as_bytes(),
        ];
        Some(Proof {
            once: Some(Record {
                key: Key::new(&self.realm, Kind::REPLAY, &name),
                role: Role::Single,
                owner: None,
                forget_at: until,
                body: Box::default(),
            }),
        })
    }
}

//! What an authorization server answers (RFC 7662 §2.2).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth_core::{
    time::Timestamp,
    token::AccessToken,
    types::{
        Actor, ActorChainTooLong, Authentication, AuthorizationDetails, ClientId, Confirmation,
        HostData, Scope, Subject,
    },
};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use thiserror::Error;

/// An answer. A member of the wrong type makes the whole answer unreadable.
#[derive(Deserialize)]
pub(super) struct Answer {
    active: bool,
    token_type: Option<String>,
    client_id: Option<ClientId>,
    sub: Option<Subject>,
    scope: Option<Scope>,
    aud: Option<Audience>,
    iat: Option<u64>,
    nbf: Option<u64>,
    exp: Option<u64>,
    /// Also if it is `null`: that is no binding that is understood.
    #[serde(default, deserialize_with = "present")]
    cnf: Option<Value>,
    auth_time: Option<u64>,
    acr: Option<String>,
    #[serde(default)]
    amr: Option<Vec<String>>,
    #[serde(default, deserialize_with = "details")]
    authorization_details: Option<AuthorizationDetails>,
    act: Option<ActClaim>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// RFC 7662 §2.2: a service-specific string identifier or list of string identifiers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// RFC 8693 §4.1.
#[derive(Deserialize)]
struct ActClaim {
    sub: String,
    iss: Option<String>,
    act: Option<Box<ActClaim>>,
}

impl TryFrom<ActClaim> for Actor {
    type Error = ActorChainTooLong;

    fn try_from(act: ActClaim) -> Result<Self, ActorChainTooLong> {
        let mut actor = Self::new(act.sub);
        actor.issuer = act.iss;
        match act.act {
            Some(before) => actor.after((*before).try_into()?),
            None => Ok(actor),
        }
    }
}

/// Members of RFC 7662 §2.2 that are not passed on to the API.
const UNTOLD: [&str; 3] = ["iss", "jti", "username"];

/// An active token whose client is not told: whom it was issued to cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the authorization server's answer names no client_id")]
pub(super) struct NoClient;

impl Answer {
    /// The access token; `None` if it cannot be used now, or if it is of an unknown kind.
    pub(super) fn token(self, now: Timestamp) -> Result<Option<AccessToken>, NoClient> {
        let Ok(confirmation) = self.cnf.as_ref().map(confirmation).transpose() else {
            return Ok(None);
        };
        let Ok(actor) = self.act.map(Actor::try_from).transpose() else {
            return Ok(None);
        };
        let expires_at = self
            .exp
            .map_or(Timestamp::MAX, Timestamp::from_unix_seconds);
        let begins_at = self
            .nbf
            .map_or_else(Timestamp::default, Timestamp::from_unix_seconds);
        let is_current = begins_at <= now && now < expires_at;
        if !(self.active && is_access_token(self.token_type.as_deref(), confirmation) && is_current)
        {
            return Ok(None);
        }
        let mut token = AccessToken::new(
            self.client_id.ok_or(NoClient)?,
            self.scope.unwrap_or(Scope::EMPTY),
            // The time is unknown, so the token must not pass for one issued after some moment.
            self.iat
                .map_or_else(Timestamp::default, Timestamp::from_unix_seconds),
            expires_at,
        );
        token.subject = self.sub;
        token.audience = match self.aud {
            None => Vec::new(),
            Some(Audience::One(name)) => vec![name],
            Some(Audience::Several(names)) => names,
        };
        token.confirmation = confirmation;
        token.authentication = authentication(self.auth_time, self.acr, self.amr).map(Box::new);
        token.authorization_details = self.authorization_details;
        token.actor = actor.map(Box::new);
        token.data = data(self.others);
        Ok(Some(token))
    }
}

/// A refresh token has no type. A token of an unknown type is used in a way that this layer does
/// not know.
fn is_access_token(token_type: Option<&str>, confirmation: Option<Confirmation>) -> bool {
    token_type.is_some_and(|name| {
        let is_dpop = name.eq_ignore_ascii_case("DPoP");
        name.eq_ignore_ascii_case("Bearer")
            || is_dpop && matches!(confirmation, Some(Confirmation::Jwk(_)))
    })
}

/// A member that is there, whatever its value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// An unknown binding.
struct UnknownBinding;

/// RFC 9449 §6.1 and RFC 8705 §3.1. Two bindings at once are rejected.
fn confirmation(cnf: &Value) -> Result<Confirmation, UnknownBinding> {
    let mut members = cnf.as_object().ok_or(UnknownBinding)?.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return Err(UnknownBinding);
    };
    let digest = value
        .as_str()
        .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok())
        .ok_or(UnknownBinding)?;
    match name.as_str() {
        "jkt" => Ok(Confirmation::Jwk(digest)),
        "x5t#S256" => Ok(Confirmation::Certificate(digest)),
        _ => Err(UnknownBinding),
    }
}

/// RFC 9470 §6.2. A sign-in without a time counts as long ago, so that it does not pass for a
/// recent one.
fn authentication(
    time: Option<u64>,
    class: Option<String>,
    methods: Option<Vec<String>>,
) -> Option<Authentication> {
    if time.is_none() && class.is_none() && methods.is_none() {
        return None;
    }
    let time = time.map_or_else(Timestamp::default, Timestamp::from_unix_seconds);
    let mut authentication = Authentication::new(time).methods(methods.unwrap_or_default());
    authentication.class = class;
    Some(authentication)
}

/// The other members, unless they are too large.
fn data(mut others: Map<String, Value>) -> Option<HostData> {
    others.retain(|name, _| !UNTOLD.contains(&name.as_str()));
    if others.is_empty() {
        return None;
    }
    HostData::new(&others)
        .inspect_err(|error| tracing::warn!(%error, "the other members of the introspection response are dropped"))
        .ok()
}

fn details<'de, D: Deserializer<'de>>(input: D) -> Result<Option<AuthorizationDetails>, D::Error> {
    let details = Option::<Value>::deserialize(input)?;
    details
        .map(|details| details.to_string().parse().map_err(de::Error::custom))
        .transpose()
}

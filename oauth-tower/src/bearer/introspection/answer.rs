//! What an authorization server answers (RFC 7662 §2.2).

use oauth_core::{
    time::Timestamp,
    token::AccessToken,
    types::{ClientId, Scope, Subject},
};
use serde::{Deserialize, de::IgnoredAny};
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
    cnf: Option<IgnoredAny>,
}

/// RFC 7662 §2.2: a service-specific string identifier or list of string identifiers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// An active token whose client is not told: whom it was issued to cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the authorization server's answer names no client_id")]
pub(super) struct NoClient;

impl Answer {
    /// The access token; `None` if it is not one that can be used by showing it, now.
    pub(super) fn token(self, now: Timestamp) -> Result<Option<AccessToken>, NoClient> {
        // A refresh token has no type, and a token of another type needs a proof that nobody here has checked.
        let is_bearer = self
            .token_type
            .is_some_and(|name| name.eq_ignore_ascii_case("Bearer"));
        // RFC 8705 §3 and RFC 9449 §6: bound to a key, so showing it is not enough, whatever its type says.
        let is_bound = self.cnf.is_some();
        let expires_at = self
            .exp
            .map_or(Timestamp::MAX, Timestamp::from_unix_seconds);
        let begins_at = self
            .nbf
            .map_or_else(Timestamp::default, Timestamp::from_unix_seconds);
        let is_current = begins_at <= now && now < expires_at;
        if !(self.active && is_bearer && !is_bound && is_current) {
            return Ok(None);
        }
        let mut token = AccessToken::new(
            self.client_id.ok_or(NoClient)?,
            self.scope.unwrap_or(Scope::EMPTY),
            // Nothing is known but that it was before now; who asks for tokens from after some moment must not take it.
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
        Ok(Some(token))
    }
}

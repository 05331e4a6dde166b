//! Which of two tokens that were issued together have come to their end.

use super::AuthorizationServer;
use crate::{
    client::Client,
    error::Fault,
    grant::GrantType,
    store::{Family, Key, Kind, Role, Stored},
    token::{GrantRecord, RefreshToken, TokenState, access_token_key},
    types::Secret,
};

/// Which of two tokens that were issued together have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// The access token.
    pub access_token: bool,
    /// The refresh token.
    pub refresh_token: bool,
}

impl Ended {
    /// Both, or they are none of the client's business.
    const BOTH: Self = Self {
        access_token: true,
        refresh_token: true,
    };
}

impl AuthorizationServer {
    /// What has ended of a pair of tokens, by either of the two. Only the client's own tokens are known to it; any other is as good as
    /// ended.
    ///
    /// # Errors
    /// If the store cannot tell.
    pub async fn ended(&self, client: &Client, token: &Secret) -> Result<Ended, Fault> {
        let rules = self.rules();
        let key = access_token_key(&rules.realm, token.borrowed());
        if let Some(stored) = self.0.store.load(&key).await? {
            return self.ended_by_access_token(client, &stored).await;
        }
        let Some(token) = RefreshToken::decode(&rules.formats, token.borrowed()) else {
            return Ok(Ended::BOTH);
        };
        let key = Key::of_grant(&rules.realm, token.grant);
        match self.0.store.load(&key).await? {
            Some(stored) => self.ended_by_refresh_token(client, &token, &stored),
            None => Ok(Ended::BOTH),
        }
    }

    async fn ended_by_access_token(
        &self,
        client: &Client,
        stored: &Stored,
    ) -> Result<Ended, Fault> {
        let state = TokenState::read(stored, self.now())?;
        let (TokenState::Valid(token) | TokenState::Expired(token)) = &state else {
            return Ok(Ended::BOTH);
        };
        if token.client_id != *client.id() {
            return Ok(Ended::BOTH);
        }
        let grant = match stored.role {
            Role::Member(family) if client.may_use(&GrantType::REFRESH_TOKEN) => {
                self.grant_of(family).await?
            }
            Role::Member(_) | Role::Single | Role::Anchor => None,
        };
        Ok(Ended {
            access_token: !matches!(state, TokenState::Valid(_)),
            refresh_token: grant.is_none_or(|grant| self.is_over(client, &grant)),
        })
    }

    fn ended_by_refresh_token(
        &self,
        client: &Client,
        token: &RefreshToken,
        stored: &Stored,
    ) -> Result<Ended, Fault> {
        let rules = self.rules();
        let Some(grant) = GrantRecord::open(stored)? else {
            return Ok(Ended::BOTH);
        };
        let Some(refresh) = &grant.refresh else {
            return Ok(Ended::BOTH);
        };
        // A token before the previous one is recognized by its tag only, and nothing is known of
        // the access token that came with it.
        let issued_at = refresh.issued_at_of(token, &rules.realm);
        let (Some(issued_at), true) = (issued_at, grant.request.client_id == *client.id()) else {
            return Ok(Ended::BOTH);
        };
        let lifetime = rules.policy.access_token_lifetime(client);
        Ok(Ended {
            access_token: self.now() >= issued_at + lifetime,
            refresh_token: !refresh.is_current(token, &rules.realm) || self.is_over(client, &grant),
        })
    }

    /// Whether a grant's refresh token has expired, either with its grant or because it was not
    /// used.
    pub(super) fn is_over(&self, client: &Client, grant: &GrantRecord) -> bool {
        let now = self.now();
        let policy = &self.rules().policy;
        let idle = policy.refresh_token_idle(client);
        now >= grant.ends_at(client, policy)
            || grant
                .refresh
                .as_ref()
                .is_none_or(|refresh| idle.is_some_and(|idle| now >= refresh.issued_at + idle))
    }

    /// The grant of a family; `None` if it has ended.
    async fn grant_of(&self, family: Family) -> Result<Option<GrantRecord>, Fault> {
        let key = Key::remembered(&self.rules().realm, Kind::GRANT, *family.anchor());
        Ok(match self.0.store.load(&key).await? {
            Some(stored) => GrantRecord::open(&stored)?,
            None => None,
        })
    }
}

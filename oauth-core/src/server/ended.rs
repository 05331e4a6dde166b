//! Which of two tokens that were issued together have come to their end.

use super::AuthorizationServer;
use crate::{
    client::Client,
    error::Fault,
    grant::GrantType,
    store::{Family, Key, Kind, Role, Stored, decode},
    time::Timestamp,
    token::{GrantBody, Refresh, RefreshState, TokenState, access_token_key},
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
        let realm = &self.rules().realm;
        if let Some(stored) = self
            .0
            .store
            .load(&access_token_key(realm, token.borrowed()))
            .await?
        {
            return self.ended_by_access_token(client, &stored).await;
        }
        match self
            .0
            .store
            .load(&Refresh::key(realm, token.borrowed()))
            .await?
        {
            Some(stored) => self.ended_by_refresh_token(client, &stored),
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
        let refresh_until = match stored.role {
            Role::Member(family) if client.may_use(&GrantType::REFRESH_TOKEN) => {
                self.end_of(family).await?
            }
            Role::Member(_) | Role::Single | Role::Anchor => None,
        };
        Ok(Ended {
            access_token: !matches!(state, TokenState::Valid(_)),
            refresh_token: refresh_until
                .is_none_or(|until| self.is_over(client, until, token.issued_at)),
        })
    }

    fn ended_by_refresh_token(&self, client: &Client, stored: &Stored) -> Result<Ended, Fault> {
        let refresh: Refresh = decode(&stored.body)?;
        if refresh.terms.client_id != *client.id() {
            return Ok(Ended::BOTH);
        }
        let access_token = self.rules().policy.access_token_lifetime(client);
        let is_used = !matches!(refresh.state, RefreshState::Active { .. });
        Ok(Ended {
            access_token: self.now() >= refresh.issued_at + access_token,
            refresh_token: is_used
                || self.is_over(client, refresh.terms.expires_at, refresh.issued_at),
        })
    }

    /// Whether a refresh token is too old: by its grant, or for not being used.
    fn is_over(&self, client: &Client, until: Timestamp, issued_at: Timestamp) -> bool {
        let now = self.now();
        let idle = self.rules().policy.refresh_token_idle(client);
        now >= until || idle.is_some_and(|idle| now >= issued_at + idle)
    }

    /// When the last refresh token of a family ends; `None` if the family has ended.
    async fn end_of(&self, family: Family) -> Result<Option<Timestamp>, Fault> {
        let key = Key::remembered(&self.rules().realm, Kind::GRANT, *family.anchor());
        Ok(match self.0.store.load(&key).await? {
            Some(stored) => {
                let GrantBody { terms, .. } = decode(&stored.body)?;
                Some(terms.expires_at)
            }
            None => None,
        })
    }
}

//! Token revocation (RFC 7009).

use super::{AccessToken, GrantRecord, RefreshToken, TokenState, access};
use crate::{
    client::{Client, ClientDenial},
    decide::{Context, Decide, Decision, Found, Look, Rules, Step},
    error::{Denial, ErrorCode, Fault, Refusal, denial_becomes},
    store::{Family, Key, Kind, Role, Stored, decode},
    time::Timestamp,
    types::{BorrowedSecret, ClientId},
};

/// Why a token is not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationDenial {
    /// A parameter is repeated.
    #[error("a parameter is repeated")]
    Repeated,
    /// The client did not prove to be it.
    #[error(transparent)]
    Client(ClientDenial),
    /// The request names no token.
    #[error("token is missing")]
    Missing,
    /// The token was issued to another client.
    #[error("the token was issued to another client")]
    WrongClient,
}

impl Denial for RevocationDenial {}

denial_becomes!(ClientDenial => RevocationDenial::Client);

impl RevocationDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Repeated => Refusal::new(ErrorCode::INVALID_REQUEST, "a parameter is repeated"),
            Self::Client(denial) => denial.refusal(),
            Self::Missing => Refusal::new(ErrorCode::INVALID_REQUEST, "token is missing"),
            // RFC 7009 §2.1: "the request is refused and the client is informed of the error".
            Self::WrongClient => Refusal::new(
                ErrorCode::INVALID_GRANT,
                "the token was issued to another client",
            ),
        }
    }
}

/// What a revocation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Revoked {
    /// No such token: as good as revoked (RFC 7009 §2.2).
    Nothing,
    AccessToken,
    /// A refresh token, and with it all tokens of its grant.
    Family,
}

/// How much ends with an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// That token (RFC 7009 §2.1).
    Token,
    /// All tokens of its grant.
    Grant,
}

/// A revocation request.
#[derive(Debug)]
pub(crate) struct Revoke<'a> {
    /// The client that has authenticated or named itself, or that the token which is held speaks for.
    pub(crate) client: &'a Client,
    pub(crate) token: BorrowedSecret<'a>,
    pub(crate) extent: Extent,
}

impl Decide for Revoke<'_> {
    type Answer = Revoked;
    type Denial = RevocationDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        rules.formats.keys(&rules.realm, self.token)
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<Revoked, RevocationDenial>, Fault> {
        // A token is of one kind, so at most one of the records exists.
        for (key, stored) in found.iter() {
            let decision = if key.kind() == Kind::ACCESS_TOKEN {
                self.access(key, stored, context)?
            } else {
                self.refresh(key, stored, context)?
            };
            if let Some(decision) = decision {
                return Ok(decision.into());
            }
        }
        Ok(Decision::answer(Revoked::Nothing).into())
    }
}

type Revocation = Decision<Revoked, RevocationDenial>;

impl Revoke<'_> {
    fn access(
        &self,
        key: &Key,
        stored: &Stored,
        context: &mut Context<'_>,
    ) -> Result<Option<Revocation>, Fault> {
        let token: AccessToken = decode(&stored.body)?;
        if token.is_revoked {
            return Ok(None);
        }
        if token.client_id != *self.client.id() {
            return Ok(Some(Decision::deny(RevocationDenial::WrongClient)));
        }
        Ok(Some(match (self.extent, stored.role) {
            (Extent::Grant, Role::Member(family)) => end(family, context),
            // Remember it for as long as a retry could issue the same token again.
            (Extent::Token, Role::Member(_)) => {
                let grace = context.rules.policy.refresh_grace(self.client);
                let forget_at = stored.forget_at.min(context.now + grace);
                let revoked = access::revoked(key, stored, forget_at)?;
                let commit = context.commit().replace(revoked, stored.version);
                Decision::grant(commit, Revoked::AccessToken)
            }
            (_, Role::Single | Role::Anchor) => {
                let commit = context.commit().remove(key.clone(), stored.version);
                Decision::grant(commit, Revoked::AccessToken)
            }
        }))
    }

    fn refresh(
        &self,
        key: &Key,
        stored: &Stored,
        context: &mut Context<'_>,
    ) -> Result<Option<Revocation>, Fault> {
        let Some(grant) = GrantRecord::open(stored)? else {
            return Ok(None);
        };
        let rules = context.rules;
        let token = RefreshToken::decode(&rules.formats, self.token);
        // Knowing a grant's id is not enough to end it.
        let is_known = match (&token, &grant.refresh) {
            (Some(token), Some(refresh)) => refresh.knows(token, context.keys, &rules.realm),
            _ => false,
        };
        Ok(if !is_known {
            None
        } else if grant.request.client_id == *self.client.id() {
            Some(end(key.family(), context))
        } else {
            Some(Decision::deny(RevocationDenial::WrongClient))
        })
    }
}

fn end(family: Family, context: &mut Context<'_>) -> Revocation {
    Decision::grant(context.end(family), Revoked::Family)
}

/// Finds the client of a token that can be used as a bearer token. Expired and used tokens prove
/// nothing, and a bound one proves nothing without its key.
#[derive(Debug)]
pub(crate) struct Holding<'a> {
    pub(crate) token: BorrowedSecret<'a>,
}

/// The client of a token.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) client_id: ClientId,
    /// The grant of a refresh token. By the client's policy, it may have expired earlier than it
    /// says.
    pub(crate) grant: Option<GrantRecord>,
}

impl Look for Holding<'_> {
    type Answer = Option<Holder>;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        rules.formats.keys(&rules.realm, self.token)
    }

    fn answer(
        &self,
        found: &Found<'_>,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Option<Holder>, Fault> {
        for (key, stored) in found.iter() {
            if key.kind() == Kind::ACCESS_TOKEN {
                if let TokenState::Valid(token) = TokenState::read(stored, now)?
                    && token.confirmation.is_none()
                {
                    return Ok(Some(Holder {
                        client_id: token.client_id,
                        grant: None,
                    }));
                }
            } else if let Some(grant) = GrantRecord::open(stored)? {
                let token = RefreshToken::decode(&rules.formats, self.token);
                let is_current = match (&token, &grant.refresh) {
                    (Some(token), Some(refresh)) => refresh.is_current(token, &rules.realm),
                    _ => false,
                };
                if is_current && grant.confirmation.is_none() {
                    return Ok(Some(Holder {
                        client_id: grant.request.client_id.clone(),
                        grant: Some(grant),
                    }));
                }
            }
        }
        Ok(None)
    }
}

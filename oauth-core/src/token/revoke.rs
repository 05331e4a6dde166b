//! Token revocation (RFC 7009).

use super::{AccessToken, Refresh, RefreshState, TokenState};
use crate::{
    client::{Client, ClientDenial},
    decide::{Context, Decide, Decision, Found, Look, Rules},
    error::{ErrorCode, Refusal},
    store::{Key, Kind, Role, StoreError, decode},
    time::Timestamp,
    types::{BorrowedSecret, ClientId},
};

/// Why a token is not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationDenial {
    /// A parameter stands there more than once.
    Repeated,
    /// The client did not prove to be it.
    Client(ClientDenial),
    /// The request names no token.
    Missing,
    /// The token was issued to another client.
    WrongClient,
}

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
    ) -> Result<Decision<Revoked, RevocationDenial>, StoreError> {
        // The digests differ by kind, so at most one is there.
        let Some((key, stored)) = found.iter().next() else {
            return Ok(Decision {
                commit: None,
                answer: Ok(Revoked::Nothing),
            });
        };
        if key.kind() == Kind::ACCESS_TOKEN {
            let token: AccessToken = decode(&stored.body)?;
            if token.client_id != *self.client.id() {
                return Ok(Decision::deny(RevocationDenial::WrongClient));
            }
            if let (Extent::Grant, Role::Member(family)) = (self.extent, stored.role) {
                return Ok(Decision::grant(context.end(family), Revoked::Family));
            }
            return Ok(Decision::grant(
                context.commit().remove(key.clone(), stored.version),
                Revoked::AccessToken,
            ));
        }
        let refresh: Refresh<'_> = decode(&stored.body)?;
        if refresh.terms.client_id != *self.client.id() {
            return Ok(Decision::deny(RevocationDenial::WrongClient));
        }
        Ok(match stored.role {
            Role::Member(family) => Decision::grant(context.end(family), Revoked::Family),
            Role::Single | Role::Anchor => Decision {
                commit: None,
                answer: Ok(Revoked::Nothing),
            },
        })
    }
}

/// Whose a token is that can be used. One that has expired or was used is no proof of anything.
#[derive(Debug)]
pub(crate) struct Holding<'a> {
    pub(crate) token: BorrowedSecret<'a>,
}

impl Look for Holding<'_> {
    type Answer = Option<ClientId>;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        rules.formats.keys(&rules.realm, self.token)
    }

    fn answer(
        &self,
        found: &Found<'_>,
        _: &Rules,
        now: Timestamp,
    ) -> Result<Option<ClientId>, StoreError> {
        let Some((key, stored)) = found.iter().next() else {
            return Ok(None);
        };
        if key.kind() == Kind::ACCESS_TOKEN {
            return Ok(match TokenState::read(stored, now)? {
                TokenState::Valid(token) => Some(token.client_id),
                TokenState::Expired(_) | TokenState::Unknown => None,
            });
        }
        let Refresh { terms, state, .. } = decode(&stored.body)?;
        let usable = matches!(state, RefreshState::Active { .. }) && now < terms.expires_at;
        Ok(usable.then(|| terms.into_owned().client_id))
    }
}

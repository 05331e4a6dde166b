//! Token revocation (RFC 7009).

use super::{AccessToken, Refresh, access};
use crate::{
    client::{Client, ClientDenial},
    decide::{Context, Decide, Decision, Found, Rules},
    error::{ErrorCode, Refusal},
    store::{Key, Role, StoreError, decode},
    types::{ClientId, Secret},
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
    /// The client that has authenticated or named itself; `None` if holding the token is reason enough.
    pub(crate) client: Option<&'a Client>,
    pub(crate) token: Secret,
    pub(crate) extent: Extent,
}

impl Decide for Revoke<'_> {
    type Answer = Revoked;
    type Denial = RevocationDenial;

    /// Both kinds at once, so that a wrong `token_type_hint` hides nothing (RFC 7009 §2.1).
    fn needs(&self, rules: &Rules) -> Vec<Key> {
        vec![
            access::key(&rules.realm, &self.token),
            Refresh::key(&rules.realm, &self.token),
        ]
    }

    fn decide(
        &self,
        found: &Found,
        context: &mut Context<'_>,
    ) -> Result<Decision<Revoked, RevocationDenial>, StoreError> {
        if let Some(stored) = found.get(0) {
            let token: AccessToken = decode(&stored.body)?;
            if !self.is_of_client(&token.client_id) {
                return Ok(Decision::deny(RevocationDenial::WrongClient));
            }
            if let (Extent::Grant, Role::Member(family)) = (self.extent, stored.role) {
                return Ok(Decision::grant(
                    context.commit().end(family),
                    Revoked::Family,
                ));
            }
            let key = access::key(&context.rules.realm, &self.token);
            return Ok(Decision::grant(
                context.commit().remove(key, stored.version),
                Revoked::AccessToken,
            ));
        }
        if let Some(stored) = found.get(1) {
            let refresh: Refresh = decode(&stored.body)?;
            if !self.is_of_client(&refresh.terms.client_id) {
                return Ok(Decision::deny(RevocationDenial::WrongClient));
            }
            if let Role::Member(family) = stored.role {
                return Ok(Decision::grant(
                    context.commit().end(family),
                    Revoked::Family,
                ));
            }
        }
        Ok(Decision {
            commit: None,
            answer: Ok(Revoked::Nothing),
        })
    }
}

impl Revoke<'_> {
    fn is_of_client(&self, owner: &ClientId) -> bool {
        self.client.is_none_or(|client| client.id() == owner)
    }
}

//! Token revocation (RFC 7009).

use super::{AccessToken, Refresh, access};
use crate::{
    client::{Client, ClientDenial},
    decide::{Context, Decide, Decision, Found, Rules},
    error::{ErrorCode, Refusal},
    store::{Key, Role, StoreError, decode},
    types::Secret,
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

/// A revocation request of a client that has authenticated or named itself.
#[derive(Debug)]
pub(crate) struct Revoke<'a> {
    pub(crate) client: &'a Client,
    pub(crate) token: Secret,
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
            if token.client_id != *self.client.id() {
                return Ok(Decision::deny(RevocationDenial::WrongClient));
            }
            let key = access::key(&context.rules.realm, &self.token);
            return Ok(Decision::grant(
                context.commit().remove(key, stored.version),
                Revoked::AccessToken,
            ));
        }
        if let Some(stored) = found.get(1) {
            let refresh: Refresh = decode(&stored.body)?;
            if refresh.terms.client_id != *self.client.id() {
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

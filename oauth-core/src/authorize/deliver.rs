//! Delivers a decision: the second half of completing an interaction.
//!
//! The decision does not depend on how the client gets it. Here it becomes a response that the
//! browser takes to the client.

use super::{AuthorizationDenial, AuthorizationResponse, Pending};
use crate::{
    token::{AccessToken, TokenResponse},
    types::{GrantId, Issuer, Secret},
};

/// A decision that has not been delivered yet.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(super) outcome: Outcome,
    /// The new grant; `None` if the user declined, or if this repeats an earlier answer.
    pub(super) grant: Option<GrantId>,
}

/// What a decision gives the client.
#[derive(Debug)]
pub(super) enum Outcome {
    Declined,
    Code(Secret),
    Token(Box<TokenResponse>),
}

/// The result of a decision, made now or earlier.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settled {
    /// The response that the browser takes to the client.
    pub response: AuthorizationResponse,
    /// The new grant; `None` if the user declined, or if this repeats an earlier answer.
    pub grant: Option<GrantId>,
    /// The access token that was issued with it, if any.
    pub(crate) token: Option<AccessToken>,
}

impl Pending {
    /// Turns the decision into a response to the client.
    pub(crate) fn deliver(&self, issuer: &Issuer, decided: Decided) -> Settled {
        let Decided { outcome, grant } = decided;
        let (response, token) = match outcome {
            Outcome::Declined => {
                let refusal = AuthorizationDenial::Declined.refusal();
                (self.to.error(issuer, refusal), None)
            }
            Outcome::Code(code) => (self.to.code(issuer, &code), None),
            Outcome::Token(token) => (self.to.token(issuer, &token), Some(token.token)),
        };
        Settled {
            response,
            grant,
            // A repeated token was already reported when it was issued.
            token: token.filter(|_| grant.is_some()),
        }
    }
}

//! Delivering what was decided: the second half of completing an interaction.
//!
//! What was granted knows nothing of where it goes. Here it becomes a response to the client, through the browser.

use super::{AuthorizationDenial, AuthorizationResponse, Pending};
use crate::{
    token::{AccessToken, TokenResponse},
    types::{GrantId, Issuer, Secret},
};

/// What was decided, before it is delivered.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(super) outcome: Outcome,
    /// The new grant; `None` if the user declined or this is a repetition.
    pub(super) grant: Option<GrantId>,
}

/// What a decision gives the client.
#[derive(Debug)]
pub(super) enum Outcome {
    Declined,
    Code(Secret),
    Token(Box<TokenResponse>),
}

/// A decision that was made, or made before and repeated.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settled {
    /// What to send to the client through the browser.
    pub response: AuthorizationResponse,
    /// The new grant; `None` if the user declined or this is a repetition.
    pub grant: Option<GrantId>,
    /// The access token that was issued with it, if one was.
    pub(crate) token: Option<AccessToken>,
}

impl Pending {
    /// Brings what was decided to the client.
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
            // It was told of when it was issued.
            token: token.filter(|_| grant.is_some()),
        }
    }
}

//! A valid access token whose sender has not been checked yet.

use oauth_core::token::{AccessToken, PresentedToken};

/// A valid access token whose sender has not been checked yet.
///
/// A [`TokenVerifier`](super::TokenVerifier) returns it, and need not know how tokens are bound to
/// keys. [`prove`](Self::prove) does the check and returns the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnprovenToken(AccessToken);

impl UnprovenToken {
    /// Wraps a valid token: a trusted server issued it, and it has neither expired nor been
    /// revoked.
    ///
    /// If it is bound to a key, its `confirmation` must be set.
    pub fn new(token: AccessToken) -> Self {
        Self(token)
    }

    /// The token, whoever the sender is, for verifiers that wrap other verifiers.
    ///
    /// Dangerous: if the token is bound to a key, the sender may have stolen it.
    pub fn dangerous_get(&self) -> &AccessToken {
        &self.0
    }

    /// The token, if its sender [may use](PresentedToken::may_use) it.
    pub fn prove(self, presented: &PresentedToken) -> Option<AccessToken> {
        presented.may_use(&self.0).then_some(self.0)
    }
}

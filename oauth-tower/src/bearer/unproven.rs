//! An access token before it is known that its sender may use it.

use oauth_core::token::{AccessToken, PresentedToken};

/// A valid access token, of which it is not known yet whether whoever presented it may use it.
///
/// Made by a [`TokenVerifier`](super::TokenVerifier), which need not know how tokens are bound to keys. [`prove`](Self::prove) gets
/// the token out, and checks that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnprovenToken(AccessToken);

impl UnprovenToken {
    /// A token that is valid: issued by a server that is trusted, neither expired nor revoked, and with what it is bound to, if
    /// it is bound.
    pub fn new(token: AccessToken) -> Self {
        Self(token)
    }

    /// The token, whoever presented it: for verifiers that look at what others have found.
    ///
    /// Dangerous: if it is bound to a key, whoever presented it may have stolen it.
    pub fn dangerous_get(&self) -> &AccessToken {
        &self.0
    }

    /// The token, if it [may be used](PresentedToken::may_use) as it was presented.
    pub fn prove(self, presented: &PresentedToken) -> Option<AccessToken> {
        presented.may_use(&self.0).then_some(self.0)
    }
}

//! Who tells whether an access token is valid.

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;
use oauth_core::{AuthorizationServer, token::PresentedToken};

use super::UnprovenToken;
use crate::BoxError;

/// Tells whether an access token is valid, and what it permits.
///
/// Whoever implements it decides who gets in. It has to check that the token was issued by a server that is trusted, that it
/// has not expired or been revoked, and to say what it is [bound](oauth_core::token::AccessToken::confirmation) to. When in doubt,
/// it answers `None`. Whether the sender may use it, its scope and its audience are checked by the [layer](super::BearerLayer).
#[async_trait]
pub trait TokenVerifier: Send + Sync + 'static {
    /// What the token permits that was presented; `None` if it is not a valid access token.
    ///
    /// # Errors
    /// If that cannot be found out now. That says nothing about the token, and clients are told to try again later.
    async fn verify(
        &self,
        presented: &PresentedToken,
    ) -> Result<Option<UnprovenToken>, Unavailable>;
}

/// Whether a token is valid cannot be found out now.
///
/// The reason is for the log. It must not hold the token.
#[derive(Debug)]
pub struct Unavailable(BoxError);

impl Unavailable {
    /// With the reason.
    pub fn new(reason: impl Into<BoxError>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Unavailable {
    /// The reason and what caused it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for Unavailable {}

/// In the same process: one point read.
#[async_trait]
impl TokenVerifier for AuthorizationServer {
    async fn verify(
        &self,
        presented: &PresentedToken,
    ) -> Result<Option<UnprovenToken>, Unavailable> {
        let token = self.validate(presented).await.map_err(Unavailable::new)?;
        Ok(token.map(UnprovenToken::new))
    }
}

#[async_trait]
impl<V: TokenVerifier + ?Sized> TokenVerifier for Arc<V> {
    async fn verify(
        &self,
        presented: &PresentedToken,
    ) -> Result<Option<UnprovenToken>, Unavailable> {
        self.as_ref().verify(presented).await
    }
}

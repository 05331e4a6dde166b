//! Who tells whether an access token is valid.

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;
use oauth_core::{AuthorizationServer, token::PresentedToken};

use super::UnprovenToken;
use crate::BoxError;

/// Tells whether an access token is valid, and what it permits.
///
/// An implementation decides who gets in. It must check that a trusted server issued the token and
/// that it has neither expired nor been revoked, and must say what it is
/// [bound](oauth_core::token::AccessToken::confirmation) to. When in doubt, return `None`. The
/// [layer](super::BearerLayer) checks whether the sender may use the token, its scope and its
/// audience.
#[async_trait]
pub trait TokenVerifier: Send + Sync + 'static {
    /// Returns the presented token; `None` if it is not a valid access token.
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

//! The access token of a request that was let through.

use std::{ops::Deref, sync::Arc};

use oauth_core::token::AccessToken;

/// The access token of a request that the [layer](super::BearerLayer) has let through, in its extensions.
///
/// Only the layer makes one, so holding one is the proof. With the feature `axum` it is an extractor.
#[derive(Clone, Debug)]
pub struct ValidToken(Arc<AccessToken>);

impl ValidToken {
    pub(super) fn new(token: AccessToken) -> Self {
        Self(Arc::new(token))
    }

    /// What the token permits, whom, and until when.
    pub fn get(&self) -> &AccessToken {
        &self.0
    }
}

impl Deref for ValidToken {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.0
    }
}

/// The mark of a request that the layer has let through without a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokenless;

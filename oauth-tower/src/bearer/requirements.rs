//! What a route asks of an access token.

use std::sync::Arc;

use oauth_core::{token::AccessToken, types::Scope};

use super::{Realm, denial::BearerDenial};

/// What a route asks of an access token, and of the request that brings it.
#[derive(Clone, Debug, Default)]
pub(super) struct Requirements {
    pub(super) realm: Realm,
    pub(super) scope: Scope,
    pub(super) audience: Audience,
    pub(super) query: bool,
    pub(super) optional: bool,
    pub(super) base_url: Option<Arc<str>>,
}

/// For which resource servers a token may be.
#[derive(Clone, Debug, Default)]
pub(super) enum Audience {
    /// For none in particular.
    #[default]
    Unlimited,
    /// For this one, whether for others too or not.
    Of(String),
    /// For any.
    Any,
}

impl Requirements {
    /// Whether a valid token will do here.
    pub(super) fn check(&self, token: &AccessToken) -> Result<(), BearerDenial> {
        let for_us = match &self.audience {
            Audience::Unlimited => token.audience.is_empty(),
            Audience::Of(own) => token.audience.contains(own),
            Audience::Any => true,
        };
        if !for_us {
            return Err(BearerDenial::WrongAudience);
        }
        if !self.scope.is_subset(&token.scope) {
            return Err(BearerDenial::InsufficientScope);
        }
        Ok(())
    }
}

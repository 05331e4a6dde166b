//! The layer, and what can be asked of it.

use std::{fmt, sync::Arc};

use oauth_core::types::Scope;
use tower_layer::Layer;

use super::{
    Bearer, FormBearerLayer, Realm, TokenVerifier,
    requirements::{Audience, Requirements},
};

/// Lets only those requests through that bring a valid access token.
///
/// Put it on a route, or on several, each with what it asks for:
/// `route_layer(bearer.clone().scope("read".parse()?))`. Clones share the verifier, and with it a cache it may have.
///
/// A browser's preflight request brings no token: a CORS layer belongs outside of this one.
#[derive(Clone)]
#[must_use]
pub struct BearerLayer {
    verifier: Arc<dyn TokenVerifier>,
    requirements: Arc<Requirements>,
}

impl BearerLayer {
    /// Asks for a token that `verifier` knows as valid and that is limited to no resource server, whatever its scope.
    pub fn new(verifier: impl TokenVerifier) -> Self {
        Self {
            verifier: Arc::new(verifier),
            requirements: Arc::default(),
        }
    }

    /// Asks for a token with all of this scope; others are answered with `403` and `insufficient_scope`.
    pub fn scope(self, scope: Scope) -> Self {
        self.with(|requirements| requirements.scope = scope)
    }

    /// Asks for a token whose audience has `name`: usually this API's identifier (RFC 8707 §2), or
    /// what stands for it at the authorization server.
    pub fn audience(self, name: impl Into<String>) -> Self {
        self.with(|requirements| requirements.audience = Audience::Of(name.into()))
    }

    /// Also takes tokens that are limited to other resource servers.
    ///
    /// Dangerous: whoever is shown such a token, another API say, can show it here and act for the user (RFC 9700 §4.9.1). For
    /// APIs to which the scope alone says what is meant for them.
    pub fn dangerous_any_audience(self) -> Self {
        self.with(|requirements| requirements.audience = Audience::Any)
    }

    /// What clients are told they are to authenticate for; `api` if this is not called.
    pub fn realm(self, realm: Realm) -> Self {
        self.with(|requirements| requirements.realm = realm)
    }

    /// Lets requests without a token through too. They carry no [`ValidToken`](super::ValidToken). A token that is there still
    /// has to be valid and to permit what is asked for.
    pub fn optional(self) -> Self {
        self.with(|requirements| requirements.optional = true)
    }

    /// Sets the URL of the API, without a trailing slash: `https://api.example`.
    ///
    /// The layer appends the path of each request as it sees it. If a router strips a prefix,
    /// include the prefix here.
    ///
    /// A `DPoP` proof names the URL that it was made for, so an API must know its own URL to check
    /// it. The `Host` header cannot supply it, since the sender writes that.
    pub fn base_url(self, url: impl Into<Arc<str>>) -> Self {
        self.with(|requirements| requirements.base_url = Some(url.into()))
    }

    /// Also takes the token from the query parameter `access_token` (RFC 6750 §2.3). Answers are then marked
    /// `Cache-Control: private, no-store`.
    ///
    /// Dangerous: addresses end up in histories, logs and `Referer` headers, and the token with them. OAuth 2.1 has removed this
    /// method.
    pub fn dangerous_query_token(self) -> Self {
        self.with(|requirements| requirements.query = true)
    }

    /// Also takes the token from the field `access_token` of a form body (RFC 6750 §2.2), which is read for that.
    pub fn form_body(self) -> FormBearerLayer {
        FormBearerLayer::new(self)
    }

    fn with(mut self, change: impl FnOnce(&mut Requirements)) -> Self {
        change(Arc::make_mut(&mut self.requirements));
        self
    }
}

impl<S> Layer<S> for BearerLayer {
    type Service = Bearer<S>;

    fn layer(&self, inner: S) -> Bearer<S> {
        Bearer::new(
            inner,
            Arc::clone(&self.verifier),
            Arc::clone(&self.requirements),
        )
    }
}

impl fmt::Debug for BearerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerLayer")
            .field("requirements", &self.requirements)
            .finish_non_exhaustive()
    }
}

//! How a server is put together.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use super::{AuthorizationServer, Inner};
use crate::{
    client::ClientAuthenticationMethod,
    decide::Rules,
    event::Events,
    grant::{AuthorizationCodeGrant, ClientCredentialsGrant, Grant, GrantType, RefreshTokenGrant},
    metadata::Metadata,
    policy::Policy,
    random::Entropy,
    store::{ClientStore, Realm, Store},
    time::Clock,
    token::Formats,
    types::Issuer,
};

/// The paths of the endpoints, below the issuer. Each begins with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// `/authorize` (RFC 6749 §3.1).
    pub authorize: String,
    /// `/token` (RFC 6749 §3.2).
    pub token: String,
    /// `/revoke` (RFC 7009).
    pub revoke: String,
    /// `/introspect` (RFC 7662).
    pub introspect: String,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            authorize: "/authorize".into(),
            token: "/token".into(),
            revoke: "/revoke".into(),
            introspect: "/introspect".into(),
        }
    }
}

/// A server in the making. Begun by [`AuthorizationServer::builder`].
#[must_use]
pub struct Builder {
    issuer: Issuer,
    endpoints: Endpoints,
    realm: Realm,
    policy: Policy,
    formats: Formats,
    store: Arc<dyn Store>,
    clients: Arc<dyn ClientStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    events: Option<Arc<dyn Events>>,
    grants: Vec<Box<dyn Grant>>,
    methods: Vec<Box<dyn ClientAuthenticationMethod>>,
}

impl AuthorizationServer {
    /// Begins a server with all it cannot do without. It serves the authorization code, refresh token and client credentials
    /// grants under the default [`Policy`].
    ///
    /// `oauth-tower` has a shorter way that brings the system's clock and randomness.
    pub fn builder(
        issuer: Issuer,
        store: Arc<dyn Store>,
        clients: Arc<dyn ClientStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Builder {
        Builder {
            issuer,
            endpoints: Endpoints::default(),
            realm: Realm::default(),
            policy: Policy::default(),
            formats: Formats::default(),
            store,
            clients,
            clock,
            entropy,
            events: None,
            grants: vec![
                Box::new(AuthorizationCodeGrant),
                Box::new(RefreshTokenGrant),
                Box::new(ClientCredentialsGrant),
            ],
            methods: Vec::new(),
        }
    }
}

impl Builder {
    /// The operator's decisions.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The issuer's part of the store; `default` if this is not called.
    pub fn realm(mut self, realm: Realm) -> Self {
        self.realm = realm;
        self
    }

    /// What tokens look like.
    pub fn formats(mut self, formats: Formats) -> Self {
        self.formats = formats;
        self
    }

    /// The paths of the endpoints.
    pub fn endpoints(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = endpoints;
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of randomness.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Who is told of everything that happens.
    pub fn events(mut self, events: Arc<dyn Events>) -> Self {
        self.events = Some(events);
        self
    }

    /// Serves one more grant, in place of one of the same name.
    pub fn grant(mut self, grant: impl Grant) -> Self {
        self.grants
            .retain(|own| own.grant_type() != grant.grant_type());
        self.grants.push(Box::new(grant));
        self
    }

    /// Does not serve a grant. Without [`GrantType::AUTHORIZATION_CODE`] the metadata name no authorization endpoint.
    pub fn without_grant(mut self, grant_type: &GrantType) -> Self {
        self.grants.retain(|own| own.grant_type() != *grant_type);
        self
    }

    /// Accepts one more method of client authentication.
    pub fn client_authentication(mut self, method: impl ClientAuthenticationMethod) -> Self {
        self.methods.push(Box::new(method));
        self
    }

    /// The server.
    pub fn build(self) -> AuthorizationServer {
        let metadata = Metadata::new(
            &self.issuer,
            &self.endpoints,
            &self.policy,
            &self.grants,
            &self.methods,
        );
        AuthorizationServer(Arc::new(Inner {
            issuer: self.issuer,
            endpoints: self.endpoints,
            metadata,
            rules: Rules {
                realm: self.realm,
                policy: self.policy,
                formats: self.formats,
            },
            store: self.store,
            clients: self.clients,
            clock: self.clock,
            entropy: self.entropy,
            events: self.events,
            grants: self.grants,
            methods: self.methods,
            sealer: OnceLock::new(),
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

//! How a server is put together.

use std::{fmt, sync::Arc};

use thiserror::Error;

use super::{
    AuthorizationServer, Inner,
    keys::{Keyring, SecretSource},
    namespace::Announcement,
};
use crate::{
    client::ClientAuthenticationMethod,
    decide::Rules,
    event::Events,
    grant::{AuthorizationCodeGrant, ClientCredentialsGrant, Grant, GrantType, RefreshTokenGrant},
    metadata::Metadata,
    operator_secret::OperatorSecrets,
    policy::Policy,
    random::Entropy,
    sign::Signer,
    store::{ClientStore, Realm, Store},
    time::Clock,
    token::{Formats, TokenFormat},
    types::Issuer,
};

/// The paths of the endpoints, below the issuer. Each begins with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

impl Endpoints {
    /// With another path of the authorization endpoint.
    #[must_use]
    pub fn authorize(mut self, path: impl Into<String>) -> Self {
        self.authorize = path.into();
        self
    }

    /// With another path of the token endpoint.
    #[must_use]
    pub fn token(mut self, path: impl Into<String>) -> Self {
        self.token = path.into();
        self
    }

    /// With another path of the revocation endpoint.
    #[must_use]
    pub fn revoke(mut self, path: impl Into<String>) -> Self {
        self.revoke = path.into();
        self
    }

    /// With another path of the introspection endpoint.
    #[must_use]
    pub fn introspect(mut self, path: impl Into<String>) -> Self {
        self.introspect = path.into();
        self
    }
}

/// A server in the making. Begun by [`AuthorizationServer::builder`].
#[must_use]
pub struct Builder {
    issuer: Issuer,
    endpoints: Endpoints,
    profile: Option<String>,
    realm: Option<Realm>,
    secret: Option<SecretSource>,
    policy: Policy,
    formats: Formats,
    signer: Option<Arc<dyn Signer>>,
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
            profile: None,
            realm: None,
            secret: None,
            policy: Policy::default(),
            formats: Formats::default(),
            signer: None,
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

    /// Sets the server's namespace in the store; the issuer by default.
    ///
    /// Records of one namespace are invisible in another. If you change the issuer identifier, set
    /// the old one here, or the server will not find its grants and tokens.
    pub fn realm(mut self, realm: Realm) -> Self {
        self.realm = Some(realm);
        self
    }

    /// Sets the operator secret, or several while one is being replaced.
    ///
    /// All processes of one server need the same.
    pub fn operator_secret(mut self, secrets: impl Into<OperatorSecrets>) -> Self {
        self.secret = Some(SecretSource::Operator(secrets.into()));
        self
    }

    /// Keeps the operator secret in the store, where the first process generates it.
    ///
    /// Dangerous: anybody who can read the store, or a backup of it, can forge sessions and pending
    /// requests, and can derive the current refresh token of a grant from the previous one.
    pub fn dangerous_secret_in_store(mut self) -> Self {
        self.secret = Some(SecretSource::Store);
        self
    }

    /// Sets the signer for decisions that need a signature.
    pub fn signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// What tokens look like.
    pub fn formats(mut self, formats: Formats) -> Self {
        self.formats = formats;
        self
    }

    /// Serves only clients that are registered under this profile, instead of those under none. Servers with different profiles over
    /// the same stores share users, grants and tokens, and confine their clients to themselves.
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.profile = Some(profile.into());
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

    /// Sets where the server reports everything that happens.
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

    /// Builds the server.
    ///
    /// # Errors
    /// If something is missing or does not fit together. The error says what to change.
    pub fn build(self) -> Result<AuthorizationServer, InvalidServer> {
        let secret = self.secret.ok_or(InvalidServer::NoOperatorSecret)?;
        check_formats(&self.formats)?;
        let realm = self
            .realm
            .unwrap_or_else(|| Realm::new(self.issuer.as_str()));
        let metadata = Metadata::new(
            &self.issuer,
            &self.endpoints,
            &self.policy,
            &self.grants,
            &self.methods,
        );
        Ok(AuthorizationServer(Arc::new(Inner {
            issuer: self.issuer,
            endpoints: self.endpoints,
            profile: self.profile,
            metadata,
            keys: Keyring::new(&secret, &realm),
            announcement: Announcement::new(),
            rules: Rules {
                realm,
                policy: self.policy,
                formats: self.formats,
            },
            signer: self.signer,
            store: self.store,
            clients: self.clients,
            clock: self.clock,
            entropy: self.entropy,
            events: self.events,
            grants: self.grants,
            methods: self.methods,
        })))
    }
}

/// Why a server cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidServer {
    /// No operator secret was given.
    #[error(
        "there is no operator secret: give one to `operator_secret`, or call `dangerous_secret_in_store` to keep it in the store"
    )]
    NoOperatorSecret,
    /// A token format does not decode what it encodes.
    #[error("the format of {of} does not decode what it encodes")]
    Undecodable {
        /// What it is the format of.
        of: &'static str,
    },
    /// A token format cannot hold enough bytes.
    #[error("the format of {of} has room for {has} bytes; it needs room for {needs}")]
    Format {
        /// What it is the format of.
        of: &'static str,
        /// How many bytes it can hold.
        has: usize,
        /// How many bytes it must hold.
        needs: usize,
    },
}

fn check_formats(formats: &Formats) -> Result<(), InvalidServer> {
    let check = |of, format: &dyn TokenFormat, needs| match format.capacity() {
        Some(has) if has < needs => Err(InvalidServer::Format { of, has, needs }),
        // What a code or a refresh token says has to come out of it again.
        Some(_) | None => {
            let bytes = vec![0xa5; needs];
            let decoded = format.decode(format.encode(&bytes).expose());
            if decoded == Some(bytes) {
                Ok(())
            } else {
                Err(InvalidServer::Undecodable { of })
            }
        }
    };
    check(
        "access tokens",
        formats.access_token.as_ref(),
        Formats::LEAST_BYTES,
    )?;
    check("codes", formats.code.as_ref(), Formats::LEAST_BYTES)?;
    check(
        "refresh tokens",
        formats.refresh_token.as_ref(),
        Formats::REFRESH_TOKEN_BYTES,
    )
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

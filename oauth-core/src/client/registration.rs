//! What is registered of a client.

use std::{borrow::Cow, time::Duration};

use thiserror::Error;

use crate::{
    grant::GrantType,
    types::{
        ClientId, InvalidRedirectUri, RedirectUri, RegisteredRedirectUri, Resource, Scope,
        SecretDigest,
    },
};

/// A registered client (RFC 6749 §2). Made by [`Client::public`] or [`Client::confidential`].
#[derive(Clone, Debug)]
pub struct Client {
    id: ClientId,
    name: Option<String>,
    authentication: ClientAuthentication,
    redirect_uris: Vec<RegisteredRedirectUri>,
    grant_types: Vec<GrantType>,
    scope: Scope,
    default_scope: Option<Scope>,
    lifetimes: Lifetimes,
    introspection: Introspection,
    registered_by: RegisteredBy,
    pkce_optional: bool,
    plain_pkce: bool,
}

/// The one method by which a client authenticates (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// `none`: a public client, which only names itself.
    None,
    /// `client_secret_basic`: HTTP Basic, with id and secret form-urlencoded (RFC 6749 §2.3.1).
    SecretBasic(ClientSecrets),
    /// `client_secret_post`: in the form body (RFC 6749 §2.3.1).
    SecretPost(ClientSecrets),
    /// A method that was [added to the server](crate::server::Builder::client_authentication), by its name.
    Method(Cow<'static, str>),
}

impl ClientAuthentication {
    /// The registered name of the method.
    pub fn method(&self) -> &str {
        match self {
            Self::None => "none",
            Self::SecretBasic(_) => "client_secret_basic",
            Self::SecretPost(_) => "client_secret_post",
            Self::Method(name) => name,
        }
    }
}

/// The secret of a client, and the one before it while it is being replaced.
#[derive(Clone, Debug)]
pub struct ClientSecrets {
    current: SecretDigest,
    previous: Option<SecretDigest>,
}

impl ClientSecrets {
    /// One secret.
    pub fn new(current: SecretDigest) -> Self {
        Self {
            current,
            previous: None,
        }
    }

    /// Also accepts the secret from before, until it is left out again.
    #[must_use]
    pub fn with_previous(mut self, previous: SecretDigest) -> Self {
        self.previous = Some(previous);
        self
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = &SecretDigest> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

/// Lifetimes that differ from the policy's for one client; those left `None` are as the policy has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// Of an authorization code.
    pub code: Option<Duration>,
    /// Of an access token.
    pub access_token: Option<Duration>,
    /// Of all refresh tokens of a grant, counted from the grant.
    pub refresh_token: Option<Duration>,
    /// Of a refresh token that is not used; zero for no such limit.
    pub refresh_token_idle: Option<Duration>,
    /// How long after its use a refresh token may be presented again by a retry; zero for not at all.
    pub refresh_grace: Option<Duration>,
}

/// Which tokens a client may introspect (RFC 7662 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Introspection {
    /// Its own.
    #[default]
    Own,
    /// Its own, and access tokens whose audience has one of these resource servers.
    Resources(Vec<Resource>),
    /// Every token.
    All,
}

/// Who registered a client, which decides whether the server sends browsers to it with an error before the user has done
/// anything (RFC 9700 §4.11.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegisteredBy {
    /// The operator, who knows where its addresses lead.
    #[default]
    Operator,
    /// Anybody, by themselves.
    Itself,
}

/// Why a client cannot be registered like this.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidClient {
    /// A redirection URI cannot be registered.
    #[error("redirect URI {uri:?}: {reason}")]
    RedirectUri {
        /// As it was given.
        uri: String,
        /// What is wrong with it.
        reason: InvalidRedirectUri,
    },
    /// It would use the authorization endpoint without an address to come back to (RFC 6749 §3.1.2.2).
    #[error("the authorization_code grant needs at least one redirect URI")]
    NoRedirectUri,
    /// A public client with the client credentials grant (RFC 6749 §4.4).
    #[error("the client_credentials grant needs a client that authenticates")]
    PublicClientCredentials,
    /// A default scope beyond the scope.
    #[error("the default scope holds something that the scope does not")]
    DefaultScope,
    /// Public clients prove nothing that could be answered with token data (RFC 7662 §4).
    #[error("introspection needs a client that authenticates")]
    PublicIntrospection,
    /// A code, access token or refresh token that would expire at once.
    #[error("a lifetime is longer than zero")]
    Lifetime,
}

impl Client {
    /// Begins the registration of a client that cannot keep a secret: an app on a device or in a browser.
    pub fn public(id: ClientId) -> ClientBuilder {
        ClientBuilder::new(id, ClientAuthentication::None)
    }

    /// Begins the registration of a client that authenticates.
    pub fn confidential(id: ClientId, authentication: ClientAuthentication) -> ClientBuilder {
        ClientBuilder::new(id, authentication)
    }

    /// Its identifier.
    pub fn id(&self) -> &ClientId {
        &self.id
    }

    /// Its name for people; its identifier, if it has none.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }

    /// How it authenticates.
    pub fn authentication(&self) -> &ClientAuthentication {
        &self.authentication
    }

    /// Whether it authenticates (RFC 6749 §2.1).
    pub fn is_confidential(&self) -> bool {
        !matches!(self.authentication, ClientAuthentication::None)
    }

    /// Its redirection URIs.
    pub fn redirect_uris(&self) -> &[RegisteredRedirectUri] {
        &self.redirect_uris
    }

    /// The redirection URI that a request means, if it is proven (RFC 6749 §3.1.2.3): the requested one if it is registered;
    /// the registered one if there is just one and none was requested.
    pub fn redirect_uri(&self, requested: Option<&str>) -> Option<RedirectUri> {
        match (requested, self.redirect_uris.as_slice()) {
            (Some(requested), registered) => {
                registered.iter().find_map(|uri| uri.matches(requested))
            }
            (None, [only]) => Some(only.only()),
            (None, _) => None,
        }
    }

    /// Whether it may use this grant.
    pub fn may_use(&self, grant_type: &GrantType) -> bool {
        self.grant_types.contains(grant_type)
    }

    /// The widest scope it may ask for.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The scope of a request that names none (RFC 6749 §3.3): its whole scope, unless it was given another.
    pub fn default_scope(&self) -> &Scope {
        self.default_scope.as_ref().unwrap_or(&self.scope)
    }

    /// Lifetimes that differ from the policy's.
    pub fn lifetimes(&self) -> &Lifetimes {
        &self.lifetimes
    }

    /// Which tokens it may introspect.
    pub fn introspection(&self) -> &Introspection {
        &self.introspection
    }

    /// Who registered it.
    pub fn registered_by(&self) -> RegisteredBy {
        self.registered_by
    }

    /// Whether it may do without PKCE.
    pub fn is_pkce_optional(&self) -> bool {
        self.pkce_optional
    }

    /// Whether it may use the `plain` challenge method.
    pub fn is_plain_pkce_allowed(&self) -> bool {
        self.plain_pkce
    }
}

/// A registration in the making.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    client: Client,
    redirect_uris: Vec<String>,
    grant_types: Option<Vec<GrantType>>,
}

impl ClientBuilder {
    fn new(id: ClientId, authentication: ClientAuthentication) -> Self {
        let client = Client {
            id,
            name: None,
            authentication,
            redirect_uris: Vec::new(),
            grant_types: Vec::new(),
            scope: Scope::EMPTY,
            default_scope: None,
            lifetimes: Lifetimes::default(),
            introspection: Introspection::Own,
            registered_by: RegisteredBy::Operator,
            pkce_optional: false,
            plain_pkce: false,
        };
        Self {
            client,
            redirect_uris: Vec::new(),
            grant_types: None,
        }
    }

    /// Its name for people.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.client.name = Some(name.into());
        self
    }

    /// Adds a redirection URI, complete and as a browser spells it.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// The grants it may use; `authorization_code` and `refresh_token` if this is not called.
    pub fn grant_types(mut self, grant_types: impl IntoIterator<Item = GrantType>) -> Self {
        self.grant_types = Some(grant_types.into_iter().collect());
        self
    }

    /// The widest scope it may ask for; empty if this is not called.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.client.scope = scope;
        self
    }

    /// The scope of its requests that name none; its whole scope if this is not called.
    pub fn default_scope(mut self, scope: Scope) -> Self {
        self.client.default_scope = Some(scope);
        self
    }

    /// Lifetimes that differ from the policy's.
    pub fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.client.lifetimes = lifetimes;
        self
    }

    /// Which tokens it may introspect; its own if this is not called.
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.client.introspection = introspection;
        self
    }

    /// Who registered it; the operator if this is not called.
    pub fn registered_by(mut self, registered_by: RegisteredBy) -> Self {
        self.client.registered_by = registered_by;
        self
    }

    /// Lets it do without PKCE.
    ///
    /// Dangerous: whoever gets hold of a code (from a log, a referrer, another app on the device) can then inject it into a
    /// session of their own with this client (RFC 9700 §4.5).
    pub fn dangerous_pkce_optional(mut self) -> Self {
        self.client.pkce_optional = true;
        self
    }

    /// Lets it use the `plain` challenge method.
    ///
    /// Dangerous: whoever sees the authorization request can redeem the code (RFC 7636 §7.2).
    pub fn dangerous_plain_pkce(mut self) -> Self {
        self.client.plain_pkce = true;
        self
    }

    /// Checks the registration as a whole.
    ///
    /// # Errors
    /// With what does not fit together.
    pub fn build(self) -> Result<Client, InvalidClient> {
        let mut client = self.client;
        client.grant_types = self
            .grant_types
            .unwrap_or_else(|| vec![GrantType::AUTHORIZATION_CODE, GrantType::REFRESH_TOKEN]);
        for uri in self.redirect_uris {
            match RegisteredRedirectUri::new(&uri) {
                Ok(uri) => client.redirect_uris.push(uri),
                Err(reason) => return Err(InvalidClient::RedirectUri { uri, reason }),
            }
        }
        if client.may_use(&GrantType::AUTHORIZATION_CODE) && client.redirect_uris.is_empty() {
            return Err(InvalidClient::NoRedirectUri);
        }
        if !client.is_confidential() {
            if client.may_use(&GrantType::CLIENT_CREDENTIALS) {
                return Err(InvalidClient::PublicClientCredentials);
            }
            if client.introspection != Introspection::Own {
                return Err(InvalidClient::PublicIntrospection);
            }
        }
        if !client.default_scope().is_subset(&client.scope) {
            return Err(InvalidClient::DefaultScope);
        }
        let Lifetimes {
            code,
            access_token,
            refresh_token,
            ..
        } = client.lifetimes;
        if [code, access_token, refresh_token].contains(&Some(Duration::ZERO)) {
            return Err(InvalidClient::Lifetime);
        }
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidClient as E, *};

    fn id() -> ClientId {
        "app".parse().unwrap()
    }

    fn secret() -> ClientAuthentication {
        ClientAuthentication::SecretBasic(ClientSecrets::new(SecretDigest::of("s")))
    }

    /// 6749-3.1.2.2-a, 6749-3.1.2.2-b, v21-2.3.1-a, 6749-3.1.2-a: no code flow without a complete, registered address.
    #[test]
    fn a_registration_has_to_fit_together() {
        assert_eq!(Client::public(id()).build().unwrap_err(), E::NoRedirectUri);
        assert_eq!(
            Client::confidential(id(), secret()).build().unwrap_err(),
            E::NoRedirectUri
        );
        let public = || Client::public(id()).redirect_uri("https://app.example/cb");
        assert!(public().build().is_ok());
        assert!(
            matches!(public().redirect_uri("/cb").build(), Err(E::RedirectUri { uri, .. }) if uri == "/cb")
        );
        let machine = [GrantType::CLIENT_CREDENTIALS];
        assert_eq!(
            public().grant_types(machine.clone()).build().unwrap_err(),
            E::PublicClientCredentials
        );
        assert!(
            Client::confidential(id(), secret())
                .grant_types(machine)
                .build()
                .is_ok()
        );
        assert_eq!(
            public()
                .introspection(Introspection::All)
                .build()
                .unwrap_err(),
            E::PublicIntrospection
        );
        let scope = |text: &str| text.parse::<Scope>().unwrap();
        assert_eq!(
            public()
                .scope(scope("a"))
                .default_scope(scope("b"))
                .build()
                .unwrap_err(),
            E::DefaultScope
        );
        let none = Lifetimes {
            code: Some(Duration::ZERO),
            ..Lifetimes::default()
        };
        assert_eq!(public().lifetimes(none).build().unwrap_err(), E::Lifetime);
    }

    /// 6749-3.1.2.3-a, v21-2.3.2-a
    #[test]
    fn a_missing_redirect_uri_means_the_only_one() {
        let one = Client::public(id()).redirect_uri("https://app.example/cb");
        let two = one
            .clone()
            .redirect_uri("https://app.example/cb2")
            .build()
            .unwrap();
        let one = one.build().unwrap();
        assert_eq!(
            one.redirect_uri(None).unwrap().as_str(),
            "https://app.example/cb"
        );
        assert_eq!(two.redirect_uri(None), None);
        assert_eq!(
            two.redirect_uri(Some("https://app.example/cb2"))
                .unwrap()
                .as_str(),
            "https://app.example/cb2"
        );
        assert_eq!(two.redirect_uri(Some("https://app.example/cb3")), None);
    }
}

//! Registering a client: what is said about it, checked as a whole.

use std::{borrow::Cow, time::Duration};

use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    Client, ClientAuthentication, Danger, Extensions, Introspection, InvalidExtension, Lifetimes,
    RegisteredBy,
};
use crate::{
    grant::GrantType,
    types::{ClientId, InvalidRedirectUri, RegisteredRedirectUri, Scope},
};

/// A registration in the making.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    client: Client,
    redirect_uris: Vec<AskedRedirectUri>,
    grant_types: Option<Vec<GrantType>>,
    extensions: Map<String, Value>,
}

/// A redirection URI that has not been checked yet.
#[derive(Clone, Debug)]
struct AskedRedirectUri {
    uri: String,
    http_anywhere: bool,
}

impl ClientBuilder {
    pub(super) fn new(id: ClientId, authentication: ClientAuthentication) -> Self {
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
            profile: None,
            dangers: Vec::new(),
            extensions: Extensions::default(),
        };
        Self {
            client,
            redirect_uris: Vec::new(),
            grant_types: None,
            extensions: Map::new(),
        }
    }

    /// Its name for people.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.client.name = Some(name.into());
        self
    }

    /// Adds a redirection URI, complete and as a browser spells it.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(AskedRedirectUri {
            uri: uri.into(),
            http_anywhere: false,
        });
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

    /// Registers it under a profile: only a server that was built for that one serves it, and that one serves no other.
    pub fn profile(mut self, profile: impl Into<Cow<'static, str>>) -> Self {
        self.client.profile = Some(profile.into());
        self
    }

    /// Keeps a value of the host's own with the client. It replaces an earlier one with the same
    /// name.
    pub fn extension(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.into(), value.into());
        self
    }

    /// Sets everything that the host keeps with the client.
    pub(super) fn extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = extensions.into();
        self
    }

    /// Lets it do without PKCE.
    ///
    /// Dangerous: whoever gets hold of a code (from a log, a referrer, another app on the device) can then inject it into a
    /// session of their own with this client (RFC 9700 §4.5).
    pub fn dangerous_pkce_optional(self) -> Self {
        self.danger(Danger::PkceOptional)
    }

    /// Lets it use the `plain` challenge method.
    ///
    /// Dangerous: whoever sees the authorization request can redeem the code (RFC 7636 §7.2).
    pub fn dangerous_plain_pkce(self) -> Self {
        self.danger(Danger::PlainPkce)
    }

    /// Adds a redirection URI that may be `http` on any host.
    ///
    /// Dangerous: whoever is on the way between the browser and that host reads the codes and tokens that go there
    /// (RFC 9700 §2.6).
    pub fn dangerous_http_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(AskedRedirectUri {
            uri: uri.into(),
            http_anywhere: true,
        });
        self
    }

    /// Lets it get access tokens from the authorization endpoint, with `response_type=token` (RFC 6749 §4.2).
    ///
    /// Dangerous: the token is in the address of a page, so it leaks with that (history, scripts, open redirectors), nothing binds
    /// it to the client, and it can be injected into another one (RFC 9700 §2.1.2).
    pub fn dangerous_implicit(self) -> Self {
        self.danger(Danger::Implicit)
    }

    /// Lets it exchange a user's name and password for tokens (RFC 6749 §4.3), besides the grants it may use otherwise.
    ///
    /// Dangerous: it learns the password, and its users learn to type their password anywhere (RFC 9700 §2.4).
    pub fn dangerous_password(self) -> Self {
        self.danger(Danger::Password)
    }

    /// Lets it get a token of its own without authenticating, by naming itself.
    ///
    /// Dangerous: a client identifier is public, so the token is anybody's. Give it no more than you would give to everybody.
    pub fn dangerous_token_without_authentication(self) -> Self {
        self.danger(Danger::TokenWithoutAuthentication)
    }

    /// Lets it get a code that is issued to itself, without a user, a redirection URI or PKCE.
    ///
    /// Dangerous: nothing but the client's secret protects the code, and whoever has that can have a code. It is client credentials
    /// with a detour.
    pub fn dangerous_own_code(self) -> Self {
        self.danger(Danger::OwnCode)
    }

    /// Lets its token requests leave out the redirection URI that its authorization request named, also without PKCE.
    ///
    /// Dangerous: a code that was made to go to one of its addresses, and was read there, is accepted from another one
    /// (RFC 6749 §10.6).
    pub fn dangerous_redirect_uri_once(self) -> Self {
        self.danger(Danger::RedirectUriOnce)
    }

    pub(super) fn danger(mut self, danger: Danger) -> Self {
        self.client.dangers.push(danger);
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
        client.extensions = self.extensions.try_into()?;
        if let ClientAuthentication::Method(name) = &client.authentication
            && ClientAuthentication::BUILT_IN.contains(&name.as_ref())
        {
            return Err(InvalidClient::AuthenticationMethod);
        }
        for AskedRedirectUri { uri, http_anywhere } in self.redirect_uris {
            let checked = if http_anywhere {
                RegisteredRedirectUri::dangerous_http(&uri)
            } else {
                RegisteredRedirectUri::new(&uri)
            };
            match checked {
                Ok(uri) => client.redirect_uris.push(uri),
                Err(reason) => return Err(InvalidClient::RedirectUri { uri, reason }),
            }
        }
        let returns = client.allows(Danger::Implicit)
            || client.may_use(&GrantType::AUTHORIZATION_CODE) && !client.allows(Danger::OwnCode);
        if returns && client.redirect_uris.is_empty() {
            return Err(InvalidClient::NoRedirectUri);
        }
        for (grant_type, danger, denied) in [
            (
                GrantType::PASSWORD,
                Danger::Password,
                InvalidClient::Password,
            ),
            (
                GrantType::IMPLICIT,
                Danger::Implicit,
                InvalidClient::Implicit,
            ),
        ] {
            match (client.may_use(&grant_type), client.allows(danger)) {
                (true, false) => return Err(denied),
                (false, true) => client.grant_types.push(grant_type),
                (true, true) | (false, false) => {}
            }
        }
        if !client.is_confidential() {
            if client.may_use(&GrantType::CLIENT_CREDENTIALS) {
                return Err(InvalidClient::PublicClientCredentials);
            }
            if client.allows(Danger::OwnCode) {
                return Err(InvalidClient::PublicOwnCode);
            }
            if client.introspection != Introspection::Own {
                return Err(InvalidClient::PublicIntrospection);
            }
        }
        if !client.default_scope().is_subset(&client.scope) {
            return Err(InvalidClient::DefaultScope);
        }
        let own = &client.lifetimes;
        for (lifetime, member) in [
            (own.code, "code_lifetime"),
            (own.access_token, "access_token_lifetime"),
            (own.refresh_token, "refresh_token_lifetime"),
        ] {
            if lifetime == Some(Duration::ZERO) {
                return Err(InvalidClient::Lifetime { member });
            }
        }
        Ok(client)
    }
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
    /// The password grant without saying that it is dangerous.
    #[error("the password grant has to be allowed as dangerous")]
    Password,
    /// The implicit grant was not allowed with its `dangerous_` method.
    #[error("the implicit grant has to be allowed as dangerous")]
    Implicit,
    /// An added authentication method has the name of a built-in one.
    #[error("an added authentication method has the name of a built-in one")]
    AuthenticationMethod,
    /// A public client that could issue codes to itself.
    #[error("a code of its own needs a client that authenticates")]
    PublicOwnCode,
    /// A default scope beyond the scope.
    #[error("the default scope holds something that the scope does not")]
    DefaultScope,
    /// Public clients prove nothing that could be answered with token data (RFC 7662 §4).
    #[error("introspection needs a client that authenticates")]
    PublicIntrospection,
    /// A code, access token or refresh token that would expire at once.
    #[error("{member} must be longer than zero")]
    Lifetime {
        /// The name of its member in [`ClientMetadata`](super::ClientMetadata).
        member: &'static str,
    },
    /// A value of the host's own has a reserved name.
    #[error("{0}")]
    Extension(#[from] InvalidExtension),
}

impl InvalidClient {
    /// The member of [`ClientMetadata`](super::ClientMetadata) that is wrong.
    pub fn member(&self) -> &str {
        match self {
            Self::RedirectUri { .. } | Self::NoRedirectUri => "redirect_uris",
            Self::PublicClientCredentials | Self::Password | Self::Implicit => "grant_types",
            Self::AuthenticationMethod => "token_endpoint_auth_method",
            Self::PublicOwnCode => "dangers",
            Self::DefaultScope => "default_scope",
            Self::PublicIntrospection => "may_introspect",
            Self::Lifetime { member } => member,
            Self::Extension(error) => error.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidClient as E, *};
    use crate::{client::ClientSecrets, types::SecretDigest};

    fn id() -> ClientId {
        "app".parse().unwrap()
    }

    fn secret() -> ClientAuthentication {
        ClientAuthentication::SecretBasic(ClientSecrets::new(SecretDigest::of("s")))
    }

    fn public() -> ClientBuilder {
        Client::public(id()).redirect_uri("https://app.example/cb")
    }

    /// 6749-3.1.2.2-a, 6749-3.1.2.2-b, v21-2.3.1-a, 6749-3.1.2-a: no code flow without a complete, registered address.
    #[test]
    fn a_registration_has_to_fit_together() {
        assert_eq!(Client::public(id()).build().unwrap_err(), E::NoRedirectUri);
        assert_eq!(
            Client::confidential(id(), secret()).build().unwrap_err(),
            E::NoRedirectUri
        );
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
        let password =
            || Client::confidential(id(), secret()).redirect_uri("https://app.example/cb");
        assert_eq!(
            password()
                .grant_types([GrantType::PASSWORD])
                .build()
                .unwrap_err(),
            E::Password
        );
        let allowed = password()
            .grant_types([])
            .dangerous_password()
            .build()
            .unwrap();
        assert!(allowed.may_use(&GrantType::PASSWORD) && allowed.allows(Danger::Password));
        assert_eq!(
            Client::public(id())
                .dangerous_own_code()
                .build()
                .unwrap_err(),
            E::PublicOwnCode
        );
        let implicit = Client::public(id()).grant_types([]).dangerous_implicit();
        assert_eq!(implicit.clone().build().unwrap_err(), E::NoRedirectUri);
        let http = implicit.dangerous_http_redirect_uri("http://app.example/cb");
        let http = http.build().unwrap();
        assert!(http.may_use(&GrantType::IMPLICIT));
        assert!(http.redirect_uri(Some("http://app.example/cb")).is_some());
        assert!(
            http.redirect_uri(Some("http://app.example:8080/cb"))
                .is_none()
        );
    }

    #[test]
    fn names_with_a_meaning_are_kept_for_it() {
        assert_eq!(
            public()
                .grant_types([GrantType::IMPLICIT])
                .build()
                .unwrap_err(),
            E::Implicit
        );
        let method = ClientAuthentication::Method("client_secret_basic".into());
        assert_eq!(
            Client::confidential(id(), method)
                .grant_types([])
                .build()
                .unwrap_err(),
            E::AuthenticationMethod
        );
        assert_eq!(
            public()
                .extension("client_secret", "s")
                .build()
                .unwrap_err(),
            E::Extension(InvalidExtension::Secret("client_secret".to_owned()))
        );
    }

    #[test]
    fn nothing_expires_at_once() {
        let zero = Duration::ZERO;
        for (lifetimes, member) in [
            (Lifetimes::new().with_code(zero), "code_lifetime"),
            (
                Lifetimes::new().with_access_token(zero),
                "access_token_lifetime",
            ),
            (
                Lifetimes::new().with_refresh_token(zero),
                "refresh_token_lifetime",
            ),
        ] {
            let error = public().lifetimes(lifetimes).build().unwrap_err();
            assert_eq!(error, E::Lifetime { member });
            assert_eq!(error.member(), member);
        }
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

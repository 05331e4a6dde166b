//! What is registered of a client.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ClientBuilder, Danger, Extensions, Lifetimes};
use crate::{
    grant::GrantType,
    types::{ClientId, RedirectUri, RegisteredRedirectUri, Resource, Scope, SecretDigest},
};

/// A registered client (RFC 6749 §2).
///
/// Build one with [`Client::public`] or [`Client::confidential`], or convert it from
/// [`ClientMetadata`](super::ClientMetadata), the document in which a host keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub(super) id: ClientId,
    pub(super) name: Option<String>,
    pub(super) authentication: ClientAuthentication,
    pub(super) redirect_uris: Vec<RegisteredRedirectUri>,
    pub(super) grant_types: Vec<GrantType>,
    pub(super) scope: Scope,
    pub(super) default_scope: Option<Scope>,
    pub(super) lifetimes: Lifetimes,
    pub(super) introspection: Introspection,
    pub(super) registered_by: RegisteredBy,
    pub(super) profile: Option<Cow<'static, str>>,
    pub(super) dangers: Vec<Danger>,
    pub(super) extensions: Extensions,
}

/// The one method by which a client authenticates (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub(super) const NONE: &str = "none";
    pub(super) const SECRET_BASIC: &str = "client_secret_basic";
    pub(super) const SECRET_POST: &str = "client_secret_post";
    pub(super) const BUILT_IN: [&str; 3] = [Self::NONE, Self::SECRET_BASIC, Self::SECRET_POST];

    /// The registered name of the method.
    pub fn method(&self) -> &str {
        match self {
            Self::None => Self::NONE,
            Self::SecretBasic(_) => Self::SECRET_BASIC,
            Self::SecretPost(_) => Self::SECRET_POST,
            Self::Method(name) => name,
        }
    }

    /// The secrets, if the method has any.
    pub fn secrets(&self) -> Option<&ClientSecrets> {
        match self {
            Self::SecretBasic(secrets) | Self::SecretPost(secrets) => Some(secrets),
            Self::None | Self::Method(_) => None,
        }
    }
}

/// The secret of a client, and the previous one while that is being replaced.
///
/// Made by [`ClientSecrets::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// The digest of the secret.
    pub fn current(&self) -> &SecretDigest {
        &self.current
    }

    /// The digest of the previous secret, if that is still accepted.
    pub fn previous(&self) -> Option<&SecretDigest> {
        self.previous.as_ref()
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = &SecretDigest> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

/// Which tokens a client may introspect (RFC 7662 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegisteredBy {
    /// The operator, who knows where its addresses lead.
    #[default]
    Operator,
    /// Anybody, by themselves.
    Itself,
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

    /// The grants it may use.
    pub fn grant_types(&self) -> &[GrantType] {
        &self.grant_types
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

    /// The profile of the server under which it is registered, if it is not a strict one. Other endpoints refuse it.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// Its dangerous permissions.
    pub fn dangers(&self) -> &[Danger] {
        &self.dangers
    }

    /// Whether it was dangerously allowed this.
    pub fn allows(&self, danger: Danger) -> bool {
        self.dangers.contains(&danger)
    }

    /// The data that the host keeps with it.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The value that the host keeps with it under this name.
    pub fn extension(&self, name: &str) -> Option<&Value> {
        self.extensions.get(name)
    }
}

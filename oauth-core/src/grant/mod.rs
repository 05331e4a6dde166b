//! Grants: what a client can exchange for tokens at the token endpoint.
//!
//! A grant reads its own parameters and turns them into a [`Decide`]: a request that knows which records it needs and what to
//! make of them. The built-in grants are grants like any other; a server gets more with
//! [`Builder::grant`](crate::server::Builder::grant).

mod authorization_code;
mod client_credentials;
mod denial;
mod open;
mod own_code;
mod password;
mod refresh_token;

use std::{borrow::Cow, fmt, sync::Arc};

use async_trait::async_trait;

pub use self::{
    authorization_code::{AuthorizationCodeGrant, CodeDenial},
    client_credentials::ClientCredentialsGrant,
    denial::TokenDenial,
    open::{NewGrant, open_grant},
    own_code::OwnCode,
    password::{PasswordAuthenticator, PasswordDenial, PasswordGrant},
    refresh_token::{RefreshDenial, RefreshTokenGrant},
};
pub(crate) use self::{
    client_credentials::Ask as ClientCredentials,
    own_code::{Collect, Ticket},
};
use crate::{
    client::{Client, ClientRequest, RequestContext},
    decide::Decide,
    error::Error,
    token::TokenResponse,
    types::{Params, Resource, Scope},
};

/// The name of a grant, as in `grant_type`: a word of RFC 6749, or an absolute URI.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantType(Cow<'static, str>);

impl GrantType {
    /// `authorization_code` (RFC 6749 §4.1).
    pub const AUTHORIZATION_CODE: Self = Self(Cow::Borrowed("authorization_code"));
    /// `refresh_token` (RFC 6749 §6).
    pub const REFRESH_TOKEN: Self = Self(Cow::Borrowed("refresh_token"));
    /// `client_credentials` (RFC 6749 §4.4).
    pub const CLIENT_CREDENTIALS: Self = Self(Cow::Borrowed("client_credentials"));
    /// `password` (RFC 6749 §4.3).
    pub const PASSWORD: Self = Self(Cow::Borrowed("password"));
    /// `implicit` (RFC 6749 §4.2): the `grant_types` value that goes with the response type `token`
    /// (RFC 7591 §2.1). The token endpoint does not serve it.
    pub const IMPLICIT: Self = Self(Cow::Borrowed("implicit"));

    /// The grant of this name.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantType({:?})", self.0)
    }
}

/// A token request whose client has authenticated and may use the grant.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GrantRequest<'a> {
    /// What the client sent. No parameter but `resource` is repeated.
    pub request: &'a ClientRequest,
    /// What the server knows about the request.
    pub context: RequestContext<'a>,
}

impl<'a> GrantRequest<'a> {
    /// The client.
    pub fn client(&self) -> &'a Arc<Client> {
        self.context.client
    }

    /// The parameters.
    pub fn params(&self) -> &'a Params {
        &self.request.params
    }

    /// The value of a parameter that has to be there.
    ///
    /// # Errors
    /// [`TokenDenial::Missing`] if it is not.
    pub fn required(&self, name: &'static str) -> Result<&'a str, TokenDenial> {
        self.params().get(name).ok_or(TokenDenial::Missing(name))
    }

    /// The requested scope, if one was. Nothing is said about whether the client may ask for it.
    ///
    /// # Errors
    /// [`TokenDenial::Scope`] if it is not a scope.
    pub fn scope(&self) -> Result<Option<Scope>, TokenDenial> {
        self.params()
            .get("scope")
            .map(str::parse)
            .transpose()
            .map_err(|_| TokenDenial::Scope)
    }

    /// What the client gets if nobody but itself has a say: the requested scope, or its default one (RFC 6749 §3.3).
    ///
    /// # Errors
    /// [`TokenDenial::Scope`] if the request is for more than the client may ask for, or not for a scope.
    pub fn scope_of_client(&self) -> Result<Scope, TokenDenial> {
        let scope = self
            .scope()?
            .unwrap_or_else(|| self.client().default_scope().clone());
        if scope.is_subset(self.client().scope()) {
            Ok(scope)
        } else {
            Err(TokenDenial::Scope)
        }
    }

    /// The requested resource servers (RFC 8707 §2), each once, all known to the policy.
    ///
    /// # Errors
    /// [`TokenDenial::Target`] if one is not.
    pub fn resources(&self) -> Result<Vec<Resource>, TokenDenial> {
        let mut resources = self
            .params()
            .all("resource")
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| TokenDenial::Target)?;
        resources.sort_unstable();
        resources.dedup();
        if self.context.rules.policy.knows_all(&resources) {
            Ok(resources)
        } else {
            Err(TokenDenial::Target)
        }
    }
}

/// A decision at the token endpoint. It may borrow from the request.
pub type GrantDecision<'a> = Box<dyn Decide<Answer = TokenResponse, Denial = TokenDenial> + 'a>;

/// A way to get tokens at the token endpoint.
#[async_trait]
pub trait Grant: Send + Sync + 'static {
    /// Its name, as in `grant_type`.
    fn grant_type(&self) -> GrantType;

    /// Reads the request, and resolves what has to be asked elsewhere: a password, a key set, another server. A decision does no
    /// I/O, so what is learned here goes into it.
    ///
    /// # Errors
    /// A [`TokenDenial`] if the request cannot be granted, whatever the records say; a
    /// [`Fault`](crate::error::Fault) if the server failed.
    async fn resolve<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>>;
}

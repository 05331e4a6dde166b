//! Converts a client to its document, and back with the checks of the builder.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{ClientMetadata, ClientSettings};
use crate::{
    client::{
        Client, ClientAuthentication, ClientBuilder, ClientSecrets, Danger, InvalidClient,
        Lifetimes,
    },
    grant::GrantType,
    types::{ClientId, InvalidId, InvalidScope, RegisteredRedirectUri, Scope},
};

impl From<&Client> for ClientMetadata {
    fn from(client: &Client) -> Self {
        let Client {
            id,
            name,
            authentication,
            redirect_uris,
            grant_types,
            scope,
            default_scope,
            lifetimes,
            introspection,
            registered_by,
            profile,
            dangers,
            extensions,
        } = client;
        let Lifetimes {
            code,
            access_token,
            refresh_token,
            refresh_token_idle,
            refresh_grace,
        } = *lifetimes;
        let secrets = authentication.secrets();
        let uris = redirect_uris.iter().map(|uri| uri.as_str().to_owned());
        Self {
            client_id: id.to_string(),
            client_name: name.clone(),
            redirect_uris: uris.clone().collect(),
            token_endpoint_auth_method: authentication.method().to_owned(),
            grant_types: grant_types.iter().map(GrantType::to_string).collect(),
            response_types: Some(response_types(client).map(str::to_owned).collect()),
            scope: scope.to_string(),
            settings: ClientSettings {
                client_secret_sha256: secrets.map(|secrets| secrets.current().clone()),
                previous_client_secret_sha256: secrets
                    .and_then(|secrets| secrets.previous().cloned()),
                default_scope: default_scope.as_ref().map(Scope::to_string),
                may_introspect: introspection.clone(),
                code_lifetime: code,
                access_token_lifetime: access_token,
                refresh_token_lifetime: refresh_token,
                refresh_token_idle,
                refresh_grace,
                registered_by: *registered_by,
                profile: profile.as_deref().map(str::to_owned),
                dangers: dangers.clone(),
                dangerous_http_redirect_uris: uris
                    .filter(|uri| RegisteredRedirectUri::new(uri).is_err())
                    .collect(),
            },
            extensions: extensions.clone(),
        }
    }
}

impl TryFrom<ClientMetadata> for Client {
    type Error = InvalidClientMetadata;

    fn try_from(metadata: ClientMetadata) -> Result<Self, InvalidClientMetadata> {
        let ClientMetadata {
            client_id,
            client_name,
            redirect_uris,
            token_endpoint_auth_method,
            grant_types,
            response_types: asked_response_types,
            scope,
            settings,
            extensions,
        } = metadata;
        let ClientSettings {
            client_secret_sha256,
            previous_client_secret_sha256,
            default_scope,
            may_introspect,
            code_lifetime,
            access_token_lifetime,
            refresh_token_lifetime,
            refresh_token_idle,
            refresh_grace,
            registered_by,
            profile,
            dangers,
            dangerous_http_redirect_uris: http_redirect_uris,
        } = settings;
        let secrets = match (client_secret_sha256, previous_client_secret_sha256) {
            (Some(current), Some(previous)) => {
                Some(ClientSecrets::new(current).with_previous(previous))
            }
            (Some(current), None) => Some(ClientSecrets::new(current)),
            (None, Some(_)) => return Err(InvalidClientMetadata::PreviousSecret),
            (None, None) => None,
        };
        let id = ClientId::new(client_id)?;
        let authentication = authentication(token_endpoint_auth_method, secrets)?;
        let mut builder = ClientBuilder::new(id, authentication)
            .grant_types(grant_types.into_iter().map(GrantType::new))
            .scope(scope.parse().map_err(InvalidClientMetadata::Scope)?)
            .introspection(may_introspect)
            .registered_by(registered_by)
            .lifetimes(Lifetimes {
                code: code_lifetime,
                access_token: access_token_lifetime,
                refresh_token: refresh_token_lifetime,
                refresh_token_idle,
                refresh_grace,
            });
        if let Some(name) = client_name {
            builder = builder.name(name);
        }
        if let Some(scope) = default_scope {
            let scope = scope.parse().map_err(InvalidClientMetadata::DefaultScope)?;
            builder = builder.default_scope(scope);
        }
        if let Some(profile) = profile {
            builder = builder.profile(profile);
        }
        if let Some(uri) = http_redirect_uris
            .iter()
            .find(|uri| !redirect_uris.contains(uri))
        {
            return Err(InvalidClientMetadata::HttpRedirectUri { uri: uri.clone() });
        }
        for uri in redirect_uris {
            builder = if http_redirect_uris.contains(&uri) {
                builder.dangerous_http_redirect_uri(uri)
            } else {
                builder.redirect_uri(uri)
            };
        }
        for danger in dangers {
            builder = builder.danger(danger);
        }
        let client = builder.extensions(extensions).build()?;
        if let Some(asked) = asked_response_types {
            let expected: BTreeSet<_> = response_types(&client).collect();
            if asked.iter().map(String::as_str).collect::<BTreeSet<_>>() != expected {
                return Err(InvalidClientMetadata::ResponseTypes {
                    expected: expected.into_iter().collect(),
                });
            }
        }
        Ok(client)
    }
}

/// The method with this name, with its secrets if it has any.
fn authentication(
    method: String,
    secrets: Option<ClientSecrets>,
) -> Result<ClientAuthentication, InvalidClientMetadata> {
    match (method.as_str(), secrets) {
        (ClientAuthentication::SECRET_BASIC, Some(secrets)) => {
            Ok(ClientAuthentication::SecretBasic(secrets))
        }
        (ClientAuthentication::SECRET_POST, Some(secrets)) => {
            Ok(ClientAuthentication::SecretPost(secrets))
        }
        (ClientAuthentication::SECRET_BASIC | ClientAuthentication::SECRET_POST, None) => {
            Err(InvalidClientMetadata::NoSecret { method })
        }
        (_, Some(_)) => Err(InvalidClientMetadata::UnusedSecret { method }),
        (ClientAuthentication::NONE, None) => Ok(ClientAuthentication::None),
        (_, None) => Ok(ClientAuthentication::Method(method.into())),
    }
}

/// The response types that belong to the grants of a client (RFC 7591 §2.1).
fn response_types(client: &Client) -> impl Iterator<Item = &'static str> {
    let code = client.may_use(&GrantType::AUTHORIZATION_CODE);
    let token = client.allows(Danger::Implicit);
    let code = code.then_some("code");
    code.into_iter().chain(token.then_some("token"))
}

/// Why a document does not describe a client. Each message begins with the name of the wrong
/// member.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidClientMetadata {
    /// The client identifier is malformed.
    #[error("client_id: {0}")]
    ClientId(#[from] InvalidId),
    /// The scope is malformed.
    #[error("scope: {0}")]
    Scope(#[source] InvalidScope),
    /// The default scope is malformed.
    #[error("default_scope: {0}")]
    DefaultScope(#[source] InvalidScope),
    /// The method needs a secret, and there is none.
    #[error("client_secret_sha256: {method} needs the digest of a secret")]
    NoSecret {
        /// The method.
        method: String,
    },
    /// The method has no secret, but there is one.
    #[error("client_secret_sha256: {method} has no secret")]
    UnusedSecret {
        /// The method.
        method: String,
    },
    /// There is a previous secret, but no current one.
    #[error("previous_client_secret_sha256: there is no client_secret_sha256")]
    PreviousSecret,
    /// A redirection URI has the dangerous permission, but is not registered.
    #[error("dangerous_http_redirect_uris: {uri:?} is not in redirect_uris")]
    HttpRedirectUri {
        /// As it was given.
        uri: String,
    },
    /// The response types do not belong to the grants.
    #[error("response_types: these grants require {expected:?}")]
    ResponseTypes {
        /// The ones that do.
        expected: Vec<&'static str>,
    },
    /// The builder refuses it.
    #[error("{member}: {0}", member = .0.member())]
    Client(#[from] InvalidClient),
}

impl InvalidClientMetadata {
    /// The member that is wrong.
    pub fn member(&self) -> &str {
        match self {
            Self::ClientId(_) => "client_id",
            Self::Scope(_) => "scope",
            Self::DefaultScope(_) => "default_scope",
            Self::NoSecret { .. } | Self::UnusedSecret { .. } => "client_secret_sha256",
            Self::PreviousSecret => "previous_client_secret_sha256",
            Self::HttpRedirectUri { .. } => "dangerous_http_redirect_uris",
            Self::ResponseTypes { .. } => "response_types",
            Self::Client(error) => error.member(),
        }
    }
}

//! A client as a JSON document, with the names of RFC 7591.

mod convert;
mod settings;

use serde::{Deserialize, Serialize};

pub use self::{convert::InvalidClientMetadata, settings::ClientSettings};
use super::Extensions;

/// A client's complete registration, as a JSON document that a host can keep.
///
/// The members are those of RFC 7591 §2 and §3.2.1. Settings without a standard name are in one
/// object, [`settings`](Self::settings). All other members are kept as
/// [`extensions`](Self::extensions): a host can add its own, and standard members that this library
/// does not implement survive.
///
/// Converting a `Client` to a document and back loses nothing. `Client::try_from` applies the
/// checks of [`ClientBuilder::build`](super::ClientBuilder::build), and its error names the wrong
/// member. A document holds digests of secrets, never a secret: one with a `client_secret` is
/// rejected.
///
/// ```
/// use oauth_core::client::{Client, ClientMetadata, Danger};
///
/// let document = r#"{
///     "client_id": "shop",
///     "client_name": "The Shop",
///     "redirect_uris": ["https://shop.example/callback"],
///     "grant_types": ["authorization_code", "refresh_token"],
///     "scope": "orders profile",
///     "oauth-core": {
///         "client_secret_sha256": "wjZyU61RH9IKkXmB4gQffPiAyJFAcB0Xmepj4M3Av6M",
///         "default_scope": "profile",
///         "access_token_lifetime": 600,
///         "dangers": ["dangerous_pkce_optional"]
///     },
///     "customer": 4711
/// }"#;
/// let metadata: ClientMetadata = serde_json::from_str(document)?;
/// let client = Client::try_from(metadata)?;
/// assert_eq!(client.name(), "The Shop");
/// assert_eq!(client.authentication().method(), "client_secret_basic");
/// assert!(client.allows(Danger::PkceOptional));
/// assert_eq!(client.extension("customer"), Some(&4711.into()));
///
/// let kept = serde_json::to_string(&ClientMetadata::from(&client))?;
/// let metadata: ClientMetadata = serde_json::from_str(&kept)?;
/// assert_eq!(Client::try_from(metadata)?, client);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Not for strangers
/// A document says what a client may do, including dangerous permissions. If you accept one from
/// the client itself (RFC 7591 §3.1), choose its [`client_id`](Self::client_id), replace its
/// [`settings`](Self::settings) and limit its [`scope`](Self::scope).
///
/// # Making one
/// Deserialize it from JSON with serde, or convert a [`Client`]. Its members can then be changed.
///
/// [`Client`]: super::Client
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientMetadata {
    /// Its identifier.
    pub client_id: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Its redirection URIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// How it authenticates; `client_secret_basic` if a document does not say.
    #[serde(default = "client_secret_basic")]
    pub token_endpoint_auth_method: String,
    /// The grants it may use; only `authorization_code` if a document does not say.
    #[serde(default = "authorization_code")]
    pub grant_types: Vec<String>,
    /// The response types it may use: those that belong to its grants (RFC 7591 §2.1). A document
    /// may leave them out, but must not contradict the grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// The scope it may ask for; empty if a document does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// Settings without a standard name, as the member `oauth-core`.
    #[serde(
        rename = "oauth-core",
        default,
        skip_serializing_if = "ClientSettings::is_default"
    )]
    pub settings: ClientSettings,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Extensions,
}

fn client_secret_basic() -> String {
    super::ClientAuthentication::SECRET_BASIC.to_owned()
}

fn authorization_code() -> Vec<String> {
    vec![crate::grant::GrantType::AUTHORIZATION_CODE.to_string()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::client::{Client, Danger, extensions::KNOWN};

    #[test]
    fn no_extension_can_have_the_name_of_a_member() {
        let client = Client::public("app".parse().unwrap())
            .name("App")
            .redirect_uri("https://app.example/cb")
            .scope("read".parse().unwrap())
            .danger(Danger::PlainPkce)
            .build()
            .unwrap();
        let document = serde_json::to_value(ClientMetadata::from(&client)).unwrap();
        let members = document.as_object().unwrap().keys().map(String::as_str);
        assert_eq!(
            members.collect::<BTreeSet<_>>(),
            BTreeSet::from(KNOWN),
            "{document}"
        );
    }
}

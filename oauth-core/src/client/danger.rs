//! What a client can be dangerously allowed.

use serde::{Deserialize, Serialize};

/// A weakening of the protocol that is allowed for one client.
///
/// Each has a method of [`ClientBuilder`](super::ClientBuilder) whose docs name the attack that it
/// opens. That method's name is also how serde writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Danger {
    /// Codes without PKCE.
    #[serde(rename = "dangerous_pkce_optional")]
    PkceOptional,
    /// The `plain` challenge method.
    #[serde(rename = "dangerous_plain_pkce")]
    PlainPkce,
    /// Access tokens from the authorization endpoint.
    #[serde(rename = "dangerous_implicit")]
    Implicit,
    /// Users' passwords at the token endpoint.
    #[serde(rename = "dangerous_password")]
    Password,
    /// Its own tokens without authentication.
    #[serde(rename = "dangerous_token_without_authentication")]
    TokenWithoutAuthentication,
    /// Codes issued to itself.
    #[serde(rename = "dangerous_own_code")]
    OwnCode,
    /// Token requests without the redirection URI that the authorization request named.
    #[serde(rename = "dangerous_redirect_uri_once")]
    RedirectUriOnce,
}

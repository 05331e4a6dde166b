//! What a host keeps with a client.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// Members of a client's metadata that this library does not know, under their names.
///
/// They are a host's own, or of a standard that is not understood here, and they are kept as they
/// came. A name that has a meaning here cannot be among them, and neither can a secret. Made by
/// [`ClientBuilder::extension`](super::ClientBuilder::extension), by reading
/// [`ClientMetadata`](super::ClientMetadata), or from a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Extensions(Map<String, Value>);

impl Extensions {
    /// The value under this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Map<String, Value>> for Extensions {
    type Error = InvalidExtension;

    fn try_from(members: Map<String, Value>) -> Result<Self, InvalidExtension> {
        for name in members.keys() {
            if SECRETS.contains(&name.as_str()) {
                return Err(InvalidExtension::Secret(name.clone()));
            }
            if KNOWN.contains(&name.as_str()) {
                return Err(InvalidExtension::Known(name.clone()));
            }
        }
        Ok(Self(members))
    }
}

impl From<Extensions> for Map<String, Value> {
    fn from(extensions: Extensions) -> Self {
        extensions.0
    }
}

/// The members of [`ClientMetadata`](super::ClientMetadata).
pub(super) const KNOWN: [&str; 8] = [
    "client_id",
    "client_name",
    "redirect_uris",
    "token_endpoint_auth_method",
    "grant_types",
    "response_types",
    "scope",
    "oauth-core",
];

/// Members that must not be kept in the clear (RFC 7591 §3.2.1, RFC 7592 §3).
const SECRETS: [&str; 2] = ["client_secret", "registration_access_token"];

/// A name that a host's own member cannot have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidExtension {
    /// It has a meaning already.
    #[error("{0:?} is a member of its own, and no extension")]
    Known(String),
    /// Whoever reads it can act as the client.
    #[error("{0:?} is a secret, of which no more than a digest is kept")]
    Secret(String),
}

impl InvalidExtension {
    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(name) | Self::Secret(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_meaning_is_no_extension() {
        let map = |name: &str| Map::from_iter([(name.to_owned(), Value::from(1))]);
        let fine = Extensions::try_from(map("client_ids")).unwrap();
        assert_eq!(fine.get("client_ids"), Some(&Value::from(1)));
        assert_eq!(fine.iter().count(), 1);
        for name in KNOWN {
            let known = InvalidExtension::Known(name.to_owned());
            assert_eq!(Extensions::try_from(map(name)), Err(known.clone()));
            assert_eq!(known.name(), name);
        }
        for name in SECRETS {
            let secret = InvalidExtension::Secret(name.to_owned());
            assert_eq!(Extensions::try_from(map(name)), Err(secret.clone()));
            assert_eq!(secret.name(), name);
        }
    }
}

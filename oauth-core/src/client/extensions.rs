//! Data that a host keeps with a client.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// Members of a client's metadata that this library does not know, under their names.
///
/// They are the host's own, or belong to a standard that this library does not implement, and are
/// kept unchanged. Names that this library uses are rejected, and so are secrets. Made by
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

    /// Iterates over all of them.
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

/// Members that must not be stored in plain text (RFC 7591 §3.2.1, RFC 7592 §3).
const SECRETS: [&str; 2] = ["client_secret", "registration_access_token"];

/// A name that an extension cannot have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidExtension {
    /// The name is a member of its own.
    #[error("{0:?} is the name of a standard member or setting")]
    Known(String),
    /// The name is that of a secret, which must not be kept.
    #[error("{0:?} is a secret, which must not be kept")]
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

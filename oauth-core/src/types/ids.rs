//! Identifiers: clients, users, grants.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::text::{all_bytes, serde_as_text};

/// A client identifier: one or more visible ASCII characters or spaces (RFC 6749 App. A.1).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Checks that `id` can be a client identifier.
    ///
    /// # Errors
    /// If it is empty or holds anything but %x20-7E.
    pub fn new(id: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
        let id = id.into();
        if is_vschars(&id) {
            Ok(Self(id))
        } else {
            Err(InvalidId::ClientId)
        }
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier, shared.
    pub fn to_arc(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

/// A user, as the host names its users: any non-empty text that stays the same for the same person and is never given
/// to another.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(Arc<str>);

impl Subject {
    /// Checks that `id` can name a user.
    ///
    /// # Errors
    /// If it is empty or holds a control character.
    pub fn new(id: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
        let id = id.into();
        if id.is_empty() || id.chars().any(char::is_control) {
            Err(InvalidId::Subject)
        } else {
            Ok(Self(id))
        }
    }

    /// The user's id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The user's id, shared.
    pub fn to_arc(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

macro_rules! text_id {
    ($($id:ident)*) => {$(
        impl TryFrom<String> for $id {
            type Error = InvalidId;

            fn try_from(id: String) -> Result<Self, InvalidId> {
                Self::new(id)
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.as_str().to_owned()
            }
        }

        impl FromStr for $id {
            type Err = InvalidId;

            fn from_str(id: &str) -> Result<Self, InvalidId> {
                Self::new(id)
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({:?})"), self.as_str())
            }
        }
    )*};
}

text_id!(ClientId Subject);
serde_as_text!(ClientId Subject);

/// The public id of a grant: 128 random bits. Knowing it gives no access to anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GrantId([u8; 16]);

impl GrantId {
    /// The grant id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for GrantId {
    /// 22 characters of base64url.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantId({self})")
    }
}

impl FromStr for GrantId {
    type Err = InvalidId;

    fn from_str(id: &str) -> Result<Self, InvalidId> {
        let bytes = URL_SAFE_NO_PAD.decode(id).map_err(|_| InvalidId::Grant)?;
        Ok(Self(bytes.try_into().map_err(|_| InvalidId::Grant)?))
    }
}

/// A text that cannot be the identifier it was offered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// Not a client identifier.
    #[error("a client id is one or more of the characters from space to tilde")]
    ClientId,
    /// Not a user's id.
    #[error("a subject is not empty and holds no control characters")]
    Subject,
    /// Not a grant's id.
    #[error("a grant id is 22 characters of base64url")]
    Grant,
}

/// Whether `text` is `1*VSCHAR` (RFC 6749 App. A).
pub(crate) fn is_vschars(text: &str) -> bool {
    !text.is_empty() && all_bytes(text, |b| (0x20..=0x7e).contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_take_what_the_grammar_takes() {
        for good in ["a", "odd client:+%41", " ", "~"] {
            assert_eq!(ClientId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\n", "é", "\u{7f}"] {
            assert_eq!(ClientId::new(bad), Err(InvalidId::ClientId), "{bad:?}");
        }
        assert!(Subject::new("zoë").is_ok());
        assert_eq!(Subject::new("a\0"), Err(InvalidId::Subject));
        let grant = GrantId::from_bytes([9; 16]);
        assert_eq!(grant.to_string().parse(), Ok(grant));
        assert_eq!("short".parse::<GrantId>(), Err(InvalidId::Grant));
    }
}

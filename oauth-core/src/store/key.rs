//! Keys: how a record is found without its secret ever being stored.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{hash::sha256, types::GrantId};

/// The stable name of one issuer's part of a store.
///
/// It is not the issuer's URL: renaming that kills no token, and two issuers over one store keep their two users
/// called "alice" apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Realm(Arc<str>);

impl Realm {
    /// The realm of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Realm {
    /// The realm called `default`.
    fn default() -> Self {
        Self::new("default")
    }
}

/// What kind of thing a record is. It goes into the key, so that a token of one kind can never be found as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(&'static str);

impl Kind {
    /// A user's authorization of a client, the anchor of its family.
    pub const GRANT: Self = Self("grant");
    /// An authorization code.
    pub const CODE: Self = Self("code");
    /// An access token.
    pub const ACCESS_TOKEN: Self = Self("access_token");
    /// A refresh token.
    pub const REFRESH_TOKEN: Self = Self("refresh_token");
    /// What a user has allowed a client until it is withdrawn.
    pub const CONSENT: Self = Self("consent");
    /// The mark that an interaction has been decided.
    pub const DECISION: Self = Self("decision");
    /// A key of the server's own.
    pub const SERVER_KEY: Self = Self("server_key");
    /// The mark that a one-time proof has been used.
    pub const REPLAY: Self = Self("replay");

    /// A kind of an extension's own. The name must not be one of the constants'.
    pub const fn extension(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name, of lower-case letters and underscores.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// A SHA-256 digest that identifies a record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest with these bytes, as read back from a database.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Where a record is found: realm, kind, and a digest over both and over what names it.
///
/// The digest is SHA-256 over realm, kind and name, each with its length before it. Names are secrets (a token, a code) or
/// public ids (a grant, a client with a subject); a store sees neither.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    digest: Digest,
    kind: Kind,
    realm: Realm,
}

impl Key {
    /// The key of what `name` names. The parts of a name are kept apart: `["ab", "c"]` is not `["a", "bc"]`.
    pub fn new(realm: &Realm, kind: Kind, name: &[&[u8]]) -> Self {
        let place = [realm.as_str().as_bytes(), kind.as_str().as_bytes()];
        Self {
            digest: Digest(sha256(place.iter().chain(name).copied())),
            kind,
            realm: realm.clone(),
        }
    }

    /// The key of a grant.
    pub fn of_grant(realm: &Realm, id: GrantId) -> Self {
        Self::new(realm, Kind::GRANT, &[id.as_bytes()])
    }

    /// The key of a record whose digest another record remembers.
    pub(crate) fn remembered(realm: &Realm, kind: Kind, digest: Digest) -> Self {
        Self {
            digest,
            kind,
            realm: realm.clone(),
        }
    }

    /// What identifies the record.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The kind of record.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The issuer's part of the store.
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// The family that the record under this key anchors, or would.
    pub fn family(&self) -> Family {
        Family(self.digest)
    }
}

/// A family of records that end together, named by the digest of the key of its anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Family(Digest);

impl Family {
    /// The family of the anchor with this digest.
    pub const fn of_anchor(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest of the anchor's key.
    pub const fn anchor(&self) -> &Digest {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realm_kind_and_name_are_all_in_the_digest() {
        let realm = Realm::default();
        let key = Key::new(&realm, Kind::CODE, &[b"secret"]);
        for other in [
            Key::new(&Realm::new("other"), Kind::CODE, &[b"secret"]),
            Key::new(&realm, Kind::ACCESS_TOKEN, &[b"secret"]),
            Key::new(&realm, Kind::CODE, &[b"secre", b"t"]),
            Key::new(&realm, Kind::CODE, &[b"secret", b""]),
            Key::new(
                &Realm::new("defaul"),
                Kind::extension("tcode"),
                &[b"secret"],
            ),
        ] {
            assert_ne!(key.digest(), other.digest());
        }
    }
}

//! Keys: how a record is found without its secret ever being stored.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, LazyLock},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{hash::Prefix, types::GrantId};

/// The name of a server's namespace in a store.
///
/// By default it is the issuer. A server sees only the records of its own namespace, so two issuers
/// over one store keep their two users called "alice" apart. A server whose issuer identifier has
/// changed has to name the old one to find its records. Make one and clone it: it holds hashes that
/// its keys begin with.
#[derive(Clone)]
pub struct Realm(Arc<Named>);

/// The name of a namespace, and hashes of what its keys begin with.
struct Named {
    name: Arc<str>,
    prefixes: [(Kind, Prefix); 4],
}

impl Realm {
    /// The realm of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        // What requests ask for, and the more often the earlier.
        let kinds = [
            Kind::ACCESS_TOKEN,
            Kind::REFRESH_TOKEN,
            Kind::CODE,
            Kind::GRANT,
        ];
        let prefixes = kinds.map(|kind| (kind, prefix(&name, kind)));
        Self(Arc::new(Named { name, prefixes }))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0.name
    }

    /// The digest of what is in it, of this kind, under this name.
    fn digest(&self, kind: Kind, name: &[&[u8]]) -> Digest {
        let mut prefixes = self.0.prefixes.iter();
        let known = prefixes.find(|(own, _)| *own == kind);
        let name = name.iter().copied();
        Digest(match known {
            Some((_, prefix)) => prefix.followed_by(name),
            None => prefix(self.as_str(), kind).followed_by(name),
        })
    }
}

/// With what the keys of a kind begin.
fn prefix(realm: &str, kind: Kind) -> Prefix {
    Prefix::of([realm.as_bytes(), kind.as_str().as_bytes()])
}

impl PartialEq for Realm {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Realm {}

impl PartialOrd for Realm {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Realm {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Realm {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Realm({:?})", self.as_str())
    }
}

impl Default for Realm {
    /// The realm called `default`.
    fn default() -> Self {
        static DEFAULT: LazyLock<Realm> = LazyLock::new(|| Realm::new("default"));
        DEFAULT.clone()
    }
}

/// What kind of thing a record is. It goes into the key, so that a token of one kind can never be found as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(&'static str);

impl Kind {
    /// A grant, which is the anchor of its family.
    pub const GRANT: Self = Self("grant");
    /// An authorization code. It has a record only if it is too short for the grant's id; that
    /// points to the grant.
    pub const CODE: Self = Self("code");
    /// An access token.
    pub const ACCESS_TOKEN: Self = Self("access_token");
    /// A refresh token. It has no record: the grant keeps its digest.
    pub const REFRESH_TOKEN: Self = Self("refresh_token");
    /// What a user has allowed a client until it is withdrawn.
    pub const CONSENT: Self = Self("consent");
    /// A record of the server's own: the list of namespaces, and the operator secret if that is
    /// kept in the store.
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
/// The digest is SHA-256 over realm and kind, filled up with zeros to whole blocks of 64 bytes, and then the name, each part with
/// its length before it as LEB128. Names are secrets (a token, a code) or public ids (a grant, a client with a subject); a store
/// sees neither.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    digest: Digest,
    kind: Kind,
    realm: Realm,
}

impl Key {
    /// The key of what `name` names. The parts of a name are kept apart: `["ab", "c"]` is not `["a", "bc"]`.
    pub fn new(realm: &Realm, kind: Kind, name: &[&[u8]]) -> Self {
        Self {
            digest: realm.digest(kind, name),
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

    /// The server's namespace in the store.
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
        // However the prefix was come by.
        for kind in ["access_token", "refresh_token", "code", "grant", "other"] {
            let kind = Kind::extension(kind);
            let key = Key::new(&realm, kind, &[b"secret"]);
            let anew = prefix(realm.as_str(), kind).followed_by([b"secret".as_slice()]);
            assert_eq!(*key.digest().as_bytes(), anew);
        }
    }
}

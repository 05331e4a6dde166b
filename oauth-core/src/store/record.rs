//! Records: what a store keeps, and how it gives them back.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Digest, Family, Key, Kind, Realm};
use crate::time::Timestamp;

/// What a store is asked to keep.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is found.
    pub key: Key,
    /// How it stands to a family.
    pub role: Role,
    /// Whom it is listed under, if it is listed.
    pub owner: Option<Owner>,
    /// From when it may be forgotten. Not when it expires: that is in the body, and the server's business.
    pub forget_at: Timestamp,
    /// Bytes that only the server understands; no more than a few kilobytes.
    pub body: Box<[u8]>,
}

/// How a record stands to a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It belongs to none.
    Single,
    /// It is what its family hangs on: the family is open while this record is there and not closed.
    Anchor,
    /// It is removed when that family ends, and can only be put while that family is open.
    Member(Family),
}

/// The owner under which a record is listed: a client, a subject, or both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Only a client, by its id.
    Client(Arc<str>),
    /// Only a subject: a user's id, as the host names its users, or [`OPERATOR`].
    Subject(Arc<str>),
    /// A client and a subject. The record is listed under each of them.
    Both {
        /// The client's id.
        client: Arc<str>,
        /// The user's id, as the host names its users.
        subject: Arc<str>,
    },
}

/// The subject that owns the records that the operator can list.
///
/// No user can have this name: [`Subject::new`](crate::types::Subject::new) rejects its first
/// character.
pub const OPERATOR: &str = "\u{1}operator";

impl Owner {
    /// The owner with these names; `None` if there is no name.
    pub fn new(client: Option<Arc<str>>, subject: Option<Arc<str>>) -> Option<Self> {
        Some(match (client, subject) {
            (Some(client), Some(subject)) => Self::Both { client, subject },
            (Some(client), None) => Self::Client(client),
            (None, Some(subject)) => Self::Subject(subject),
            (None, None) => return None,
        })
    }

    /// The operator, under the reserved subject [`OPERATOR`].
    pub fn operator() -> Self {
        Self::Subject(OPERATOR.into())
    }

    /// The client's id, if a client is named.
    pub fn client(&self) -> Option<&str> {
        match self {
            Self::Client(client) | Self::Both { client, .. } => Some(client),
            Self::Subject(_) => None,
        }
    }

    /// The subject, if one is named.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Subject(subject) | Self::Both { subject, .. } => Some(subject),
            Self::Client(_) => None,
        }
    }

    /// Whether listing by `by` finds the owner's records.
    pub fn is_found_by(&self, by: &OwnedBy) -> bool {
        match by {
            OwnedBy::Client(client) => self.client() == Some(&**client),
            OwnedBy::Subject(subject) => self.subject() == Some(&**subject),
        }
    }
}

/// A record as a store gives it back.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// The id of the commit that wrote it last.
    pub version: Version,
    /// As it was put.
    pub role: Role,
    /// Whether it is an anchor whose family has ended.
    pub closed: bool,
    /// As it was put.
    pub forget_at: Timestamp,
    /// As it was put.
    pub body: Box<[u8]>,
}

/// The random id of a commit, and so of every record as that commit wrote it. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version([u8; 16]);

impl Version {
    /// The version with these bytes: 128 random bits, or what a database kept of them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Record {
    /// Without the body: it may hold a key of the server, or what a successor is derived from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .field("role", &self.role)
            .field("owner", &self.owner)
            .field("forget_at", &self.forget_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Stored {
    /// Without the body, as [`Record`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("version", &self.version)
            .field("role", &self.role)
            .field("closed", &self.closed)
            .field("forget_at", &self.forget_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// What to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The issuer's part of the store.
    pub realm: Realm,
    /// The kind of record.
    pub kind: Kind,
    /// Whose records.
    pub by: OwnedBy,
    /// Only those whose digest is greater than this; `None` for the first page.
    pub after: Option<Digest>,
    /// At most so many; at least one.
    pub limit: usize,
}

/// Whose records to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedBy {
    /// Records whose owner has this client, with or without a subject.
    Client(Arc<str>),
    /// Records whose owner has this subject, with or without a client.
    Subject(Arc<str>),
}

impl OwnedBy {
    /// Records of the operator.
    pub fn operator() -> Self {
        Self::Subject(OPERATOR.into())
    }
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The records, in the order of their digests.
    pub items: Vec<Listed>,
    /// What to pass as [`Listing::after`] for the next page; `None` if this was the last.
    pub next: Option<Digest>,
}

/// A record on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The digest of its key.
    pub digest: Digest,
    /// Whom it is listed under.
    pub owner: Owner,
    /// The record.
    pub stored: Stored,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Subject;

    #[test]
    fn no_host_can_name_the_operator() {
        assert!(Subject::new(OPERATOR).is_err());
    }

    #[test]
    fn an_owner_is_found_by_each_of_its_names_and_no_other() {
        let [client, subject] = ["one", "two"].map(Arc::<str>::from);
        for (given, listed) in [
            ((Some(&client), Some(&subject)), [true, true]),
            ((Some(&client), None), [true, false]),
            ((None, Some(&subject)), [false, true]),
        ] {
            let owner = Owner::new(given.0.cloned(), given.1.cloned()).unwrap();
            assert_eq!(
                (owner.client(), owner.subject()),
                (given.0.map(|name| &**name), given.1.map(|name| &**name))
            );
            let by = [
                OwnedBy::Client(client.clone()),
                OwnedBy::Subject(subject.clone()),
            ];
            assert_eq!(by.map(|by| owner.is_found_by(&by)), listed);
            for by in [
                OwnedBy::Client(subject.clone()),
                OwnedBy::Subject(client.clone()),
                OwnedBy::operator(),
            ] {
                assert!(!owner.is_found_by(&by), "{owner:?}, {by:?}");
            }
        }
        assert_eq!(Owner::new(None, None), None);
        assert!(Owner::operator().is_found_by(&OwnedBy::operator()));
    }
}

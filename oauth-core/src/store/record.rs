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

/// Whom a record is listed under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The client's id.
    pub client: Arc<str>,
    /// The user's id, as the host names its users; `None` if the client acts for itself.
    pub subject: Option<Arc<str>>,
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
    /// Those of the owner with this client.
    Client(Arc<str>),
    /// Those of the owner with this subject.
    Subject(Arc<str>),
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

//! The listed records of each client and of each subject, in the order of their digests.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    ops::Bound,
};

use oauth_core::store::{Digest, Listing, OwnedBy};

use crate::{
    schema::{ListedUnder, Row},
    slab::Slot,
};

/// Finds the records of a shard that are listed under a client or a subject.
///
/// An entry has a hash in place of realm, kind and name. It is keyed, so nobody can choose names that collide; if two do all the
/// same, [`Owned::walk`] gives both, and the caller looks at the row.
#[derive(Default)]
pub(crate) struct Owned {
    slots: BTreeMap<(u64, Digest), Slot>,
    hasher: RandomState,
}

/// What an entry is found by. A client and a subject may have the same name.
#[derive(Hash)]
enum Name<'a> {
    Client(&'a str),
    Subject(&'a str),
}

impl Owned {
    pub(crate) fn insert(&mut self, row: &Row, slot: Slot) {
        if let Some(listed) = &row.listed {
            for hash in self.hashes(listed) {
                self.slots.insert((hash, row.digest), slot);
            }
        }
    }

    pub(crate) fn remove(&mut self, row: &Row) {
        if let Some(listed) = &row.listed {
            for hash in self.hashes(listed) {
                self.slots.remove(&(hash, row.digest));
            }
        }
    }

    /// The slots of what may be listed, after the digest that the listing names.
    pub(crate) fn walk(&self, listing: &Listing) -> impl Iterator<Item = Slot> {
        let name = match &listing.by {
            OwnedBy::Client(client) => Name::Client(client),
            OwnedBy::Subject(subject) => Name::Subject(subject),
        };
        let hash = self.hash(listing.realm.as_str(), listing.kind.as_str(), name);
        let from = listing.after.map_or(
            Bound::Included(Digest::from_bytes([0; 32])),
            Bound::Excluded,
        );
        let to = Bound::Included((hash, Digest::from_bytes([0xff; 32])));
        self.slots
            .range((from.map(|digest| (hash, digest)), to))
            .map(|(_, slot)| *slot)
    }

    fn hashes(&self, listed: &ListedUnder) -> impl Iterator<Item = u64> + use<> {
        let hash = |name| self.hash(listed.realm.as_str(), listed.kind.as_str(), name);
        let client = listed.owner.client().map(Name::Client).map(hash);
        let subject = listed.owner.subject().map(Name::Subject).map(hash);
        client.into_iter().chain(subject)
    }

    fn hash(&self, realm: &str, kind: &str, name: Name<'_>) -> u64 {
        self.hasher.hash_one((realm, kind, name))
    }
}

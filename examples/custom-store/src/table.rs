//! Rows in memory, with an index for each question that would otherwise need a look at all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use oauth_core::{
    store::{Digest, Family, Listed, Listing, Owner, Page, Record, Role, Stored, Version},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// All rows, in the order of their digests.
///
/// Realm and kind are in the digest, so the digest alone finds a row.
#[derive(Default)]
pub(crate) struct Table {
    rows: BTreeMap<Digest, Row>,
    members: BTreeSet<(Digest, Digest)>,
    by_age: BTreeSet<(Timestamp, Digest)>,
}

/// A record as it is kept, in the table and in the file.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) version: [u8; 16],
    pub(crate) standing: Standing,
    forget_at: Timestamp,
    listed: Option<ListedUnder>,
    body: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    Single,
    Anchor,
    ClosedAnchor,
    /// Of the family whose anchor has this digest.
    Member(Digest),
}

#[derive(Clone, Serialize, Deserialize)]
struct ListedUnder {
    realm: String,
    kind: String,
    client: Option<String>,
    subject: Option<String>,
}

/// What can happen to a row.
#[derive(Serialize, Deserialize)]
pub(crate) enum Change {
    Put(Digest, Row),
    Remove(Digest),
}

impl Table {
    pub(crate) fn get(&self, digest: &Digest) -> Option<&Row> {
        self.rows.get(digest)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Digest, &Row)> {
        self.rows.iter()
    }

    pub(crate) fn members(&self, family: Family) -> impl Iterator<Item = Digest> {
        let of = |digest| (*family.anchor(), Digest::from_bytes(digest));
        self.members
            .range(of([0; 32])..=of([255; 32]))
            .map(|(_, member)| *member)
    }

    /// What may be forgotten, oldest first. "A store never reads a clock": the time is the caller's.
    pub(crate) fn forgettable(&self, before: Timestamp) -> impl Iterator<Item = Digest> {
        self.by_age
            .iter()
            .take_while(move |(forget_at, _)| *forget_at <= before)
            .map(|(_, digest)| *digest)
    }

    /// The only way in which a table changes, be it by a commit or by reading the file.
    pub(crate) fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.apply_one(change);
        }
    }

    fn apply_one(&mut self, change: Change) {
        let (Change::Put(digest, _) | Change::Remove(digest)) = change;
        if let Some(old) = self.rows.remove(&digest) {
            self.by_age.remove(&(old.forget_at, digest));
            if let Standing::Member(anchor) = old.standing {
                self.members.remove(&(anchor, digest));
            }
        }
        if let Change::Put(_, row) = change {
            self.by_age.insert((row.forget_at, digest));
            if let Standing::Member(anchor) = row.standing {
                self.members.insert((anchor, digest));
            }
            self.rows.insert(digest, row);
        }
    }

    /// "Finds the records that have an owner, a page at a time, in the order of their digests": the order of the map. It looks at
    /// every row, since only people ask for lists; an index by owner would be a third set like the other two.
    pub(crate) fn list(&self, listing: &Listing) -> Page {
        let after = listing.after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = self
            .rows
            .range((after, Bound::Unbounded))
            .filter_map(|(digest, row)| row.to_listed(*digest, listing));
        let items: Vec<_> = found.by_ref().take(listing.limit).collect();
        let next = items.last().map(|last| last.digest);
        Page {
            next: next.filter(|_| found.next().is_some()),
            items,
        }
    }
}

impl Row {
    /// The row of a record that the commit `id` puts. "Versions are taken from the commit."
    pub(crate) fn new(record: Record, id: Version, was_closed: bool) -> Self {
        let Record { key, owner, .. } = record;
        Self {
            version: *id.as_bytes(),
            standing: match record.role {
                Role::Single => Standing::Single,
                Role::Anchor if was_closed => Standing::ClosedAnchor,
                Role::Anchor => Standing::Anchor,
                Role::Member(family) => Standing::Member(*family.anchor()),
            },
            forget_at: record.forget_at,
            listed: owner.map(|owner| ListedUnder {
                realm: key.realm().as_str().to_owned(),
                kind: key.kind().as_str().to_owned(),
                client: owner.client().map(str::to_owned),
                subject: owner.subject().map(str::to_owned),
            }),
            body: record.body.into(),
        }
    }

    pub(crate) fn to_stored(&self) -> Stored {
        Stored {
            version: Version::from_bytes(self.version),
            role: match self.standing {
                Standing::Single => Role::Single,
                Standing::Anchor | Standing::ClosedAnchor => Role::Anchor,
                Standing::Member(anchor) => Role::Member(Family::of_anchor(anchor)),
            },
            closed: self.standing == Standing::ClosedAnchor,
            forget_at: self.forget_at,
            body: self.body.clone().into(),
        }
    }

    /// As it is once its family has been ended by the commit `id`.
    pub(crate) fn to_closed(&self, id: Version, forget_at: Timestamp) -> Self {
        Self {
            version: *id.as_bytes(),
            standing: Standing::ClosedAnchor,
            forget_at: forget_at.min(self.forget_at),
            ..self.clone()
        }
    }

    /// "Closed anchors are not listed. Names are compared as bytes."
    fn to_listed(&self, digest: Digest, listing: &Listing) -> Option<Listed> {
        let under = self.listed.as_ref()?;
        let name = |name: &Option<String>| name.as_deref().map(Into::into);
        let owner = Owner::new(name(&under.client), name(&under.subject))?;
        let is_listed = owner.is_found_by(&listing.by)
            && under.realm == listing.realm.as_str()
            && under.kind == listing.kind.as_str()
            && self.standing != Standing::ClosedAnchor;
        is_listed.then(|| Listed {
            digest,
            owner,
            stored: self.to_stored(),
        })
    }
}

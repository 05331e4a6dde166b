//! The records of one shard, with their four indexes.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use oauth_core::{
    store::{Digest, Family, Listed, Listing, OwnedBy, Record, Version},
    time::Timestamp,
};

use crate::{
    family::Families,
    forget::ForgetQueue,
    owned::Owned,
    schema::{Row, Standing},
    slab::{Slab, Slot},
};

/// The records whose digests begin with the same six bits.
///
/// Every row is in `by_digest` and in `forget`, in `families` if it is a member, in `owned` if it is listed.
#[derive(Default)]
pub(crate) struct Shard {
    rows: Slab,
    by_digest: HashTable<Slot>,
    /// Digests are uniform, but whoever chooses what is digested can search for some that collide. The hash is keyed.
    hasher: RandomState,
    families: Families,
    forget: ForgetQueue,
    owned: Owned,
}

impl Shard {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<&Row> {
        self.slot(digest).map(|slot| &self.rows[slot])
    }

    /// Writes a record, in place of the one that has its key. An anchor that is closed stays so.
    pub(crate) fn put(&mut self, record: Record, version: Version) {
        let mut row = Row::new(record, version);
        let replaced = self.remove(&row.digest);
        let was_closed =
            replaced.is_some_and(|replaced| replaced.standing == Standing::ClosedAnchor);
        if was_closed && row.standing == Standing::Anchor {
            row.close(version);
        }
        self.insert(row);
    }

    pub(crate) fn remove(&mut self, digest: &Digest) -> Option<Row> {
        self.slot(digest).map(|slot| self.remove_slot(slot))
    }

    /// Closes the anchor with this digest, if there is one and it is open.
    pub(crate) fn close(&mut self, anchor: &Digest, version: Version) {
        let Some(slot) = self.slot(anchor) else {
            return;
        };
        let row = &mut self.rows[slot];
        if row.standing == Standing::Anchor {
            self.owned.remove(row);
            row.close(version);
        }
    }

    /// Moves all members of a family to `removed`.
    pub(crate) fn remove_members(&mut self, family: Family, removed: &mut Vec<Row>) {
        while let Some(slot) = self.families.any(&self.rows, family) {
            removed.push(self.remove_slot(slot));
        }
    }

    /// The least `forget_at` of all records.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.forget.first().map(|slot| self.rows[slot].forget_at)
    }

    /// Removes the record with the least `forget_at`, if that is at or before `before`. None of `spared`, which is sorted.
    pub(crate) fn remove_oldest(&mut self, before: Timestamp, spared: &[Digest]) -> Option<Row> {
        let mut passed_over = Vec::new();
        let mut found = None;
        while let Some(slot) = self.forget.first() {
            let row = &self.rows[slot];
            if row.forget_at > before {
                break;
            }
            if spared.binary_search(&row.digest).is_err() {
                found = Some(slot);
                break;
            }
            self.forget.remove(&mut self.rows, slot);
            passed_over.push(slot);
        }
        for slot in passed_over {
            self.forget.push(&mut self.rows, slot);
        }
        found.map(|slot| self.remove_slot(slot))
    }

    /// What this shard has of a listing, in the order of the digests.
    pub(crate) fn list(&self, listing: &Listing) -> impl Iterator<Item = Listed> {
        self.owned
            .walk(listing)
            .filter_map(|slot| to_listed(&self.rows[slot], listing))
    }

    fn slot(&self, digest: &Digest) -> Option<Slot> {
        self.by_digest
            .find(self.hasher.hash_one(digest), |slot| {
                self.rows[*slot].digest == *digest
            })
            .copied()
    }

    fn insert(&mut self, row: Row) {
        let hash = self.hasher.hash_one(row.digest);
        let slot = self.rows.insert(row);
        self.by_digest.insert_unique(hash, slot, |other| {
            self.hasher.hash_one(self.rows[*other].digest)
        });
        self.families.link(&mut self.rows, slot);
        self.forget.push(&mut self.rows, slot);
        self.owned.insert(&self.rows[slot], slot);
    }

    fn remove_slot(&mut self, slot: Slot) -> Row {
        self.owned.remove(&self.rows[slot]);
        self.forget.remove(&mut self.rows, slot);
        self.families.unlink(&mut self.rows, slot);
        let hash = self.hasher.hash_one(self.rows[slot].digest);
        if let Ok(entry) = self.by_digest.find_entry(hash, |other| *other == slot) {
            entry.remove();
        }
        self.rows.remove(slot)
    }
}

fn to_listed(row: &Row, listing: &Listing) -> Option<Listed> {
    let under = row.listed.as_ref()?;
    let is_owner = match &listing.by {
        OwnedBy::Client(client) => under.owner.client == *client,
        OwnedBy::Subject(subject) => under.owner.subject.as_ref() == Some(subject),
    };
    (is_owner && under.realm == listing.realm && under.kind == listing.kind).then(|| Listed {
        digest: row.digest,
        owner: under.owner.clone(),
        stored: row.to_stored(),
    })
}

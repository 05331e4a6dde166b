//! The records of one shard, with their four indexes.

use std::{
    hash::{BuildHasher, RandomState},
    iter,
};

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
    by_digest: HashTable<Entry>,
    /// Digests are uniform, but whoever chooses what is digested can search for some that collide. The hash is keyed.
    hasher: RandomState,
    families: Families,
    forget: ForgetQueue,
    owned: Owned,
    /// What all rows take together.
    bytes: usize,
}

/// Where a row lies, by its hash. That is kept so that the table can grow without a look at any row: those are all over the
/// memory, and a caller waits meanwhile.
struct Entry {
    hash: u32,
    slot: Slot,
}

impl Entry {
    /// Positions in a table are taken from the low bits of this, and what tells neighbours apart from the high ones.
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

impl Shard {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<&Row> {
        self.slot(digest).map(|slot| &self.rows[slot])
    }

    /// Writes a record, in place of the one that has its key. An anchor that is closed stays so.
    pub(crate) fn put(&mut self, record: Record, version: Version) {
        let mut row = Row::new(record, version);
        if let Some(slot) = self.slot(&row.digest) {
            if self.rows[slot].is_kept_as(&row) {
                return self.rewrite(slot, row);
            }
            let was_closed = self.remove_slot(slot).standing == Standing::ClosedAnchor;
            if was_closed && row.standing == Standing::Anchor {
                row.close(version);
            }
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
            self.bytes -= row.bytes();
            row.close(version);
            self.bytes += row.bytes();
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
        self.forget.oldest()
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

    /// What the members of a family take, without those that `is_apart` tells of.
    pub(crate) fn bytes_of_members(
        &self,
        family: Family,
        is_apart: impl Fn(&Digest) -> bool,
    ) -> usize {
        let first = self.families.any(&self.rows, family);
        iter::successors(first, |slot| self.rows[*slot].neighbours.after)
            .map(|slot| &self.rows[slot])
            .filter(|row| !is_apart(&row.digest))
            .map(Row::bytes)
            .sum()
    }

    fn slot(&self, digest: &Digest) -> Option<Slot> {
        let hash = self.hash(digest);
        self.by_digest
            .find(Entry::spread(hash), |entry| {
                entry.hash == hash && self.rows[entry.slot].digest == *digest
            })
            .map(|entry| entry.slot)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "half of a hash is one, too"
    )]
    fn hash(&self, digest: &Digest) -> u32 {
        self.hasher.hash_one(digest) as u32
    }

    fn insert(&mut self, row: Row) {
        self.bytes += row.bytes();
        let hash = self.hash(&row.digest);
        let slot = self.rows.insert(row);
        self.by_digest
            .insert_unique(Entry::spread(hash), Entry { hash, slot }, |other| {
                Entry::spread(other.hash)
            });
        self.families.link(&mut self.rows, slot);
        self.forget.push(&mut self.rows, slot);
        self.owned.insert(&self.rows[slot], slot);
    }

    /// Writes a row over another one that stands where it will stand.
    fn rewrite(&mut self, slot: Slot, row: Row) {
        self.bytes -= self.rows[slot].bytes();
        self.bytes += row.bytes();
        let moves = self.rows[slot].forget_at != row.forget_at;
        if moves {
            self.forget.remove(&mut self.rows, slot);
        }
        self.rows[slot].rewrite(row);
        if moves {
            self.forget.push(&mut self.rows, slot);
        }
    }

    fn remove_slot(&mut self, slot: Slot) -> Row {
        self.owned.remove(&self.rows[slot]);
        self.forget.remove(&mut self.rows, slot);
        self.families.unlink(&mut self.rows, slot);
        let hash = Entry::spread(self.hash(&self.rows[slot].digest));
        if let Ok(entry) = self.by_digest.find_entry(hash, |other| other.slot == slot) {
            entry.remove();
        }
        let row = self.rows.remove(slot);
        self.bytes -= row.bytes();
        row
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

//! The records of one shard, with their four indexes.

use oauth_core::{
    store::{Digest, Family, Listed, Listing, Version},
    time::Timestamp,
};

use crate::{
    forget::{First, ForgetQueue},
    index::{ByDigest, ByFamily, Hash, Hashed, Hasher},
    owned::Owned,
    schema::{Row, Standing},
    slab::{Slab, Slot},
};

/// The records whose digests begin with the same six bits.
///
/// Every row is in `by_digest` and in `forget`, in `by_family` if it is a member, in `owned` if it is listed.
pub(crate) struct Shard {
    hasher: Hasher,
    rows: Slab,
    by_digest: ByDigest,
    by_family: ByFamily,
    forget: ForgetQueue,
    owned: Owned,
    /// What all rows take together.
    bytes: usize,
}

/// What became of the record with the least `forget_at`.
pub(crate) enum Oldest {
    /// It was removed.
    Removed(Row),
    /// There is none that may be forgotten, or only spared ones.
    NotYet,
    /// That is not known yet: the queue was cleared up for a while.
    AskAgain,
}

/// A row, and the hashes by which it will be found: those of its own digest, and of its anchor's if it is a member.
pub(crate) struct Indexed {
    pub(crate) row: Row,
    pub(crate) hash: Hash,
    pub(crate) anchor: Option<Hash>,
}

impl Indexed {
    pub(crate) fn new(row: Row, hasher: &Hasher) -> Self {
        Self {
            hash: hasher.hash(&row.digest).hash,
            anchor: row.family().map(|family| hasher.hash(family.anchor()).hash),
            row,
        }
    }

    /// What finds it.
    pub(crate) fn key(&self) -> Hashed {
        Hashed {
            digest: self.row.digest,
            hash: self.hash,
        }
    }

    /// What finds the anchor of the family that it is a member of.
    pub(crate) fn anchor(&self) -> Option<Hashed> {
        let digest = *self.row.family()?.anchor();
        Some(Hashed {
            digest,
            hash: self.anchor?,
        })
    }
}

impl Shard {
    /// An empty one, for digests that are hashed by this.
    pub(crate) fn new(hasher: Hasher) -> Self {
        Self {
            hasher,
            rows: Slab::default(),
            by_digest: ByDigest::default(),
            by_family: ByFamily::default(),
            forget: ForgetQueue::default(),
            owned: Owned::default(),
            bytes: 0,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn find(&self, key: Hashed) -> Option<&Row> {
        self.slot(key).map(|slot| &self.rows[slot])
    }

    /// Writes a row, in place of the one that has its key. An anchor that is closed stays so.
    pub(crate) fn put(&mut self, mut entry: Indexed) {
        if let Some(slot) = self.slot(entry.key()) {
            let row = &mut entry.row;
            if self.rows[slot].is_kept_as(row) {
                return self.rewrite(slot, entry.row);
            }
            let was_closed = self.remove_slot(slot).standing == Standing::ClosedAnchor;
            if was_closed && row.standing == Standing::Anchor {
                row.close(row.version);
            }
        }
        self.insert(entry);
    }

    pub(crate) fn remove(&mut self, key: Hashed) -> Option<Row> {
        self.slot(key).map(|slot| self.remove_slot(slot))
    }

    /// Closes the anchor with this key, if there is one and it is open. It then may be forgotten from `forget_at` on, if not
    /// earlier.
    pub(crate) fn close(&mut self, anchor: Hashed, version: Version, forget_at: Timestamp) {
        let Some(slot) = self.slot(anchor) else {
            return;
        };
        let row = &mut self.rows[slot];
        if row.standing != Standing::Anchor {
            return;
        }
        self.owned.remove(row);
        self.bytes -= row.bytes();
        row.close(version);
        self.bytes += row.bytes();
        if forget_at < row.forget_at {
            row.forget_at = forget_at;
            self.forget.push(&self.rows, slot);
        }
    }

    /// Moves all members of the family of this anchor to `removed`.
    pub(crate) fn remove_members(&mut self, anchor: Hashed, removed: &mut Vec<Row>) {
        let rows = &self.rows;
        let family = Family::of_anchor(anchor.digest);
        let is_member = |slot| rows[slot].family() == Some(family);
        let members = self.by_family.take(anchor.hash, is_member);
        for slot in members {
            removed.push(self.remove_row(slot));
        }
    }

    /// No record may be forgotten earlier than this.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.forget.oldest()
    }

    /// Removes the record with the least `forget_at`, if that is at or before `before`. None of `spared`, which is sorted.
    pub(crate) fn remove_oldest(&mut self, before: Timestamp, spared: &[Digest]) -> Oldest {
        let mut passed_over = Vec::new();
        let oldest = loop {
            match self.forget.pop(&self.rows, before) {
                First::Row(slot) if spared.binary_search(&self.rows[slot].digest).is_ok() => {
                    passed_over.push(slot);
                }
                First::Row(slot) => break Oldest::Removed(self.remove_slot(slot)),
                First::NotYet => break Oldest::NotYet,
                First::LeftBehind => break Oldest::AskAgain,
            }
        };
        for slot in passed_over {
            self.forget.push(&self.rows, slot);
        }
        oldest
    }

    /// What this shard has of a listing, in the order of the digests.
    pub(crate) fn list(&self, listing: &Listing) -> impl Iterator<Item = Listed> {
        self.owned
            .walk(listing)
            .filter_map(|slot| to_listed(&self.rows[slot], listing))
    }

    /// What the members of the family of this anchor take, without those that `is_apart` tells of.
    pub(crate) fn bytes_of_members(
        &self,
        anchor: Hashed,
        is_apart: impl Fn(&Digest) -> bool,
    ) -> usize {
        let family = Family::of_anchor(anchor.digest);
        let members = self.by_family.find(anchor.hash);
        members
            .map(|slot| &self.rows[slot])
            .filter(|row| row.family() == Some(family) && !is_apart(&row.digest))
            .map(Row::bytes)
            .sum()
    }

    fn slot(&self, key: Hashed) -> Option<Slot> {
        let mut slots = self.by_digest.find(key.hash);
        slots.find(|slot| self.rows[*slot].digest == key.digest)
    }

    fn insert(&mut self, Indexed { row, hash, anchor }: Indexed) {
        self.bytes += row.bytes();
        let slot = self.rows.insert(row);
        let row = &self.rows[slot];
        self.by_digest.insert(hash, slot);
        if let Some(anchor) = anchor {
            self.by_family.insert(anchor, slot);
        }
        self.owned.insert(row, slot);
        self.forget.push(&self.rows, slot);
    }

    /// Writes a row over another one that stands where it will stand.
    fn rewrite(&mut self, slot: Slot, row: Row) {
        self.bytes -= self.rows[slot].bytes();
        self.bytes += row.bytes();
        let moves = self.rows[slot].forget_at != row.forget_at;
        self.rows[slot].rewrite(row);
        if moves {
            self.forget.push(&self.rows, slot);
        }
    }

    fn remove_slot(&mut self, slot: Slot) -> Row {
        if let Some(family) = self.rows[slot].family() {
            let anchor = self.hasher.hash(family.anchor());
            self.by_family.remove(anchor.hash, slot);
        }
        self.remove_row(slot)
    }

    /// Removes a row that is no longer found by its family.
    fn remove_row(&mut self, slot: Slot) -> Row {
        let row = self.rows.remove(slot);
        let key = self.hasher.hash(&row.digest);
        self.by_digest.remove(key.hash, slot);
        self.owned.remove(&row);
        self.bytes -= row.bytes();
        row
    }
}

fn to_listed(row: &Row, listing: &Listing) -> Option<Listed> {
    let under = row.listed.as_ref()?;
    let is_owner = under.owner.is_found_by(&listing.by);
    (is_owner && under.realm == listing.realm && under.kind == listing.kind).then(|| Listed {
        digest: row.digest,
        owner: under.owner.clone(),
        stored: row.to_stored(),
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use oauth_core::store::{Key, Kind, Realm, Record, Role};

    use super::*;

    /// So many that about ten pairs of them have one hash.
    const MANY: u32 = 300_000;

    #[test]
    fn records_whose_hashes_collide_are_told_apart() {
        let hasher = Hasher::default();
        let mut shard = Shard::new(hasher.clone());
        let key = |n: u32| Key::new(&Realm::default(), Kind::CODE, &[&n.to_be_bytes()]);
        for n in 0..MANY {
            let record = Record {
                key: key(n),
                role: Role::Single,
                owner: None,
                forget_at: Timestamp::MAX,
                body: n.to_be_bytes().into(),
            };
            let row = Row::new(record, Version::from_bytes([0; 16]));
            shard.put(Indexed::new(row, &hasher));
        }
        for n in 0..MANY {
            let found = shard.find(hasher.hash(key(n).digest()));
            assert_eq!(
                found.map(|row| &*row.body),
                Some(n.to_be_bytes().as_slice())
            );
        }
        assert_eq!(shard.len(), MANY as usize);
    }
}

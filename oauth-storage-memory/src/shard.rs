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
    shards::Place,
    slab::{Slab, Slot},
};

/// The records whose digests begin with the same six bits.
///
/// Every row is in `by_digest` and in `forget`, and in `owned` if it is listed. A member is in the
/// `by_family` of its anchor's shard. Putting a member locks that shard anyway, to see whether the
/// family is open.
pub(crate) struct Shard {
    hasher: Hasher,
    rows: Slab,
    by_digest: ByDigest,
    /// The members of the families whose anchors belong in this shard.
    by_family: ByFamily,
    forget: ForgetQueue,
    owned: Owned,
    /// What all rows take together.
    bytes: usize,
}

/// What became of the record with the least `forget_at`.
pub(crate) enum Oldest {
    /// It was removed from this slot.
    Removed(Slot, Row),
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

    /// Writes a row, replacing any row with the same key. Returns its slot, and the family of the
    /// replaced row. A closed anchor stays closed.
    pub(crate) fn put(&mut self, entry: Indexed) -> (Slot, Option<Family>) {
        let Some(slot) = self.slot(entry.key()) else {
            return (self.insert(entry), None);
        };
        let mut row = entry.row;
        let old = &self.rows[slot];
        let family = old.family();
        if old.standing == Standing::ClosedAnchor && row.standing == Standing::Anchor {
            row.close(row.version);
        }
        self.rewrite(slot, row);
        (slot, family)
    }

    pub(crate) fn remove(&mut self, key: Hashed) -> Option<(Slot, Row)> {
        self.slot(key).map(|slot| (slot, self.remove_slot(slot)))
    }

    /// Closes the anchor with this key, if it exists and is open. It may then be forgotten from
    /// `forget_at` on, or earlier if its own time is earlier.
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

    /// The places of the members of this anchor's family, and perhaps others. The anchor belongs in
    /// this shard; the members can be in any.
    pub(crate) fn places(&self, anchor: Hashed) -> impl Iterator<Item = Place> {
        self.by_family.find(anchor.hash)
    }

    /// Removes and returns all places of a family's members, and perhaps others, which the caller
    /// puts back.
    pub(crate) fn take_places(&mut self, anchor: Hashed) -> Vec<Place> {
        self.by_family.take(anchor.hash)
    }

    /// Adds the place of a member of this anchor's family.
    pub(crate) fn join(&mut self, anchor: Hashed, place: Place) {
        self.by_family.insert(anchor.hash, place);
    }

    /// Removes the place of a member of this anchor's family.
    pub(crate) fn leave(&mut self, anchor: Hashed, place: Place) {
        self.by_family.remove(anchor.hash, place);
    }

    /// The row in this slot, if it is a member of this family.
    pub(crate) fn member(&self, slot: Slot, family: Family) -> Option<&Row> {
        let row = self.rows.get(slot)?;
        (row.family() == Some(family)).then_some(row)
    }

    /// Removes the row in this slot, if it is a member of this family.
    pub(crate) fn remove_member(&mut self, slot: Slot, family: Family) -> Option<Row> {
        self.member(slot, family)?;
        Some(self.remove_slot(slot))
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
                First::Row(slot) => break Oldest::Removed(slot, self.remove_slot(slot)),
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

    fn slot(&self, key: Hashed) -> Option<Slot> {
        let mut slots = self.by_digest.find(key.hash);
        slots.find(|slot| self.rows[*slot].digest == key.digest)
    }

    fn insert(&mut self, Indexed { row, hash, .. }: Indexed) -> Slot {
        self.bytes += row.bytes();
        let slot = self.rows.insert(row);
        self.by_digest.insert(hash, slot);
        self.owned.insert(&self.rows[slot], slot);
        self.forget.push(&self.rows, slot);
        slot
    }

    /// Overwrites a row with another one of the same record. Indexes that find both in the same way
    /// are not touched.
    fn rewrite(&mut self, slot: Slot, row: Row) {
        let old = &mut self.rows[slot];
        self.bytes -= old.bytes();
        self.bytes += row.bytes();
        if !old.is_listed_as(&row) {
            self.owned.remove(old);
            self.owned.insert(&row, slot);
        }
        let moves = old.forget_at != row.forget_at;
        *old = row;
        if moves {
            self.forget.push(&self.rows, slot);
        }
    }

    /// Removes a row. If it is a member, its place must be removed from its family afterwards.
    fn remove_slot(&mut self, slot: Slot) -> Row {
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

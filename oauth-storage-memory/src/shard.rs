//! The records of one shard, with their four indexes.

use oauth_core::{
    store::{Digest, Family, Listed, Listing, OwnedBy, Record, Version},
    time::Timestamp,
};

use crate::{
    forget::{First, ForgetQueue},
    index::{ByDigest, ByFamily},
    owned::Owned,
    schema::{Row, Standing},
    slab::{Slab, Slot},
};

/// The records whose digests begin with the same six bits.
///
/// Every row is in `by_digest` and in `forget`, in `by_family` if it is a member, in `owned` if it is listed.
#[derive(Default)]
pub(crate) struct Shard {
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
        let rows = &self.rows;
        let members = self
            .by_family
            .take(family, |slot| rows[slot].family() == Some(family));
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

    /// What the members of a family take, without those that `is_apart` tells of.
    pub(crate) fn bytes_of_members(
        &self,
        family: Family,
        is_apart: impl Fn(&Digest) -> bool,
    ) -> usize {
        let members = self.by_family.find(family);
        members
            .map(|slot| &self.rows[slot])
            .filter(|row| row.family() == Some(family) && !is_apart(&row.digest))
            .map(Row::bytes)
            .sum()
    }

    fn slot(&self, digest: &Digest) -> Option<Slot> {
        let mut slots = self.by_digest.find(digest);
        slots.find(|slot| self.rows[*slot].digest == *digest)
    }

    fn insert(&mut self, row: Row) {
        self.bytes += row.bytes();
        let slot = self.rows.insert(row);
        let row = &self.rows[slot];
        self.by_digest.insert(&row.digest, slot);
        if let Some(family) = row.family() {
            self.by_family.insert(family, slot);
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
            self.by_family.remove(family, slot);
        }
        self.remove_row(slot)
    }

    /// Removes a row that is no longer found by its family.
    fn remove_row(&mut self, slot: Slot) -> Row {
        let row = self.rows.remove(slot);
        self.by_digest.remove(&row.digest, slot);
        self.owned.remove(&row);
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

#[cfg(all(test, not(loom)))]
mod tests {
    use oauth_core::store::{Key, Kind, Realm, Role};

    use super::*;

    /// So many that about ten pairs of them have one hash.
    const MANY: u32 = 300_000;

    #[test]
    fn records_whose_hashes_collide_are_told_apart() {
        let mut shard = Shard::default();
        let key = |n: u32| Key::new(&Realm::default(), Kind::CODE, &[&n.to_be_bytes()]);
        for n in 0..MANY {
            let record = Record {
                key: key(n),
                role: Role::Single,
                owner: None,
                forget_at: Timestamp::MAX,
                body: n.to_be_bytes().into(),
            };
            shard.put(record, Version::from_bytes([0; 16]));
        }
        for n in 0..MANY {
            let found = shard.find(key(n).digest());
            assert_eq!(
                found.map(|row| &*row.body),
                Some(n.to_be_bytes().as_slice())
            );
        }
        assert_eq!(shard.len(), MANY as usize);
    }
}

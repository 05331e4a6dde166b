//! Which slots there are under a digest.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

use hashbrown::{HashTable, hash_table};
use oauth_core::store::{Digest, Family};

use crate::slab::Slot;

/// The slots of records, by the digests of their keys.
///
/// Rows are all over the memory, so none is looked at to put a slot in or to make the table larger. What is found may therefore
/// be under another digest with the same hash, and the caller looks at the row.
#[derive(Default)]
pub(crate) struct ByDigest {
    entries: HashTable<Entry>,
    hasher: Hasher,
}

struct Entry {
    hash: u32,
    slot: Slot,
}

impl ByDigest {
    pub(crate) fn insert(&mut self, digest: &Digest, slot: Slot) {
        let hash = self.hasher.hash(digest);
        self.entries
            .insert_unique(spread(hash), Entry { hash, slot }, |entry| {
                spread(entry.hash)
            });
    }

    pub(crate) fn remove(&mut self, digest: &Digest, slot: Slot) {
        let hash = self.hasher.hash(digest);
        let entry = self
            .entries
            .find_entry(spread(hash), |entry| entry.slot == slot);
        match entry {
            Ok(entry) => drop(entry.remove()),
            Err(_) => unreachable!("every row is found by its digest"),
        }
    }

    /// The slot under this digest, and perhaps some under others.
    pub(crate) fn find(&self, digest: &Digest) -> impl Iterator<Item = Slot> {
        let hash = self.hasher.hash(digest);
        self.entries
            .iter_hash(spread(hash))
            .filter(move |entry| entry.hash == hash)
            .map(|entry| entry.slot)
    }
}

/// Positions in a table are taken from the low bits of this, and what tells neighbours apart from the high ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// The slots of the members of each family.
///
/// Most families have one member in a shard, if any. Those that have more have a list besides: any number of them can be added
/// at the same cost, and the list is searched only for one that leaves before the others. As with [`ByDigest`], no row is looked
/// at here, and what is found may be of another family with the same hash.
#[derive(Default)]
pub(crate) struct ByFamily {
    first: HashTable<Entry>,
    others: HashMap<u32, Vec<Slot>>,
    hasher: Hasher,
}

impl ByFamily {
    pub(crate) fn insert(&mut self, family: Family, slot: Slot) {
        let hash = self.hasher.hash(family.anchor());
        let first = self.first.entry(
            spread(hash),
            |entry| entry.hash == hash,
            |entry| spread(entry.hash),
        );
        match first {
            hash_table::Entry::Vacant(first) => {
                first.insert(Entry { hash, slot });
            }
            hash_table::Entry::Occupied(_) => self.others.entry(hash).or_default().push(slot),
        }
    }

    pub(crate) fn remove(&mut self, family: Family, slot: Slot) {
        let hash = self.hasher.hash(family.anchor());
        let Ok(mut first) = self
            .first
            .find_entry(spread(hash), |entry| entry.hash == hash)
        else {
            unreachable!("every member is found by its family");
        };
        let next = self.others.get_mut(&hash).and_then(|others| {
            if first.get().slot != slot {
                others.retain(|other| *other != slot);
                return Some(first.get().slot);
            }
            others.pop()
        });
        match next {
            Some(next) => first.get_mut().slot = next,
            None => drop(first.remove()),
        }
        if self.others.get(&hash).is_some_and(Vec::is_empty) {
            self.others.remove(&hash);
        }
    }

    /// All slots of this family, and perhaps some of others.
    pub(crate) fn find(&self, family: Family) -> impl Iterator<Item = Slot> {
        let hash = self.hasher.hash(family.anchor());
        let first = self
            .first
            .find(spread(hash), |entry| entry.hash == hash)
            .map(|entry| entry.slot);
        let others = first.and_then(|_| self.others.get(&hash));
        first
            .into_iter()
            .chain(others.into_iter().flatten().copied())
    }

    /// Takes out all slots of this family for which `is_member` says so.
    pub(crate) fn take(&mut self, family: Family, is_member: impl Fn(Slot) -> bool) -> Vec<Slot> {
        let (members, others): (Vec<_>, Vec<_>) =
            self.find(family).partition(|slot| is_member(*slot));
        if members.is_empty() {
            return members;
        }
        let hash = self.hasher.hash(family.anchor());
        self.others.remove(&hash);
        if let Ok(first) = self
            .first
            .find_entry(spread(hash), |entry| entry.hash == hash)
        {
            first.remove();
        }
        for slot in others {
            self.insert(family, slot);
        }
        members
    }
}

/// Digests are uniform, but whoever chooses what is digested can search for some that collide. The hash is keyed.
#[derive(Default)]
struct Hasher(RandomState);

impl Hasher {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "half of a hash is one, too"
    )]
    fn hash(&self, digest: &Digest) -> u32 {
        // Half of a digest is as good as all of it: nobody finds two that agree in 128 bits.
        let half = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        self.0.hash_one(u128::from_ne_bytes(half)) as u32
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::slab::tests::slot;

    fn families() -> Vec<Family> {
        let family = |n: u32| {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&n.to_be_bytes());
            Family::of_anchor(Digest::from_bytes(digest))
        };
        (0..1000).map(family).collect()
    }

    #[test]
    fn members_are_found_among_any_number_of_families() {
        let mut index = ByFamily::default();
        for round in 0..5 {
            for (n, family) in families().into_iter().enumerate() {
                index.insert(family, slot(1000 * round + n));
            }
        }
        for (n, family) in families().into_iter().enumerate() {
            // The first, one in the middle, and then all but one.
            for round in [0, 2] {
                index.remove(family, slot(1000 * round + n));
            }
            let mut found: Vec<_> = index.find(family).collect();
            found.sort_unstable();
            assert_eq!(found, [1, 3, 4].map(|round| slot(1000 * round + n)));
            let taken = index.take(family, |found| found != slot(3000 + n));
            assert_eq!(taken.len(), 2);
            assert_eq!(index.find(family).collect::<Vec<_>>(), [slot(3000 + n)]);
            index.remove(family, slot(3000 + n));
            assert_eq!(index.find(family).count(), 0);
        }
        assert!(index.first.is_empty() && index.others.is_empty());
    }
}

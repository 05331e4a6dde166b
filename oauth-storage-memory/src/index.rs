//! Which slots there are under a digest.

use std::{
    hash::{BuildHasher as _, RandomState},
    iter,
};

use hashbrown::{HashTable, hash_table};
use oauth_core::store::Digest;

use crate::slab::Slot;

/// Half of a hash of a digest, which is all that the indexes know of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash(u32);

impl Hash {
    /// Positions in a table are taken from the low bits of this, and what tells neighbours apart from the high ones.
    fn spread(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

/// A digest with its hash. Those of a commit are hashed before anything is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) digest: Digest,
    pub(crate) hash: Hash,
}

/// Digests are uniform, but whoever chooses what is digested can search for some that collide. The hash is keyed.
#[derive(Clone, Default)]
pub(crate) struct Hasher(RandomState);

impl Hasher {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "half of a hash is one, too"
    )]
    pub(crate) fn hash(&self, digest: &Digest) -> Hashed {
        // Half of a digest is as good as all of it: whoever finds two that agree in 128 bits makes two rows be looked at.
        let half = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        Hashed {
            digest: *digest,
            hash: Hash(self.0.hash_one(u128::from_ne_bytes(half)) as u32),
        }
    }
}

/// The slots of records, by the digests of their keys.
///
/// Rows are all over the memory, so none is looked at to put a slot in or to make the table larger. What is found may therefore
/// be under another digest with the same hash, and the caller looks at the row.
#[derive(Default)]
pub(crate) struct ByDigest(HashTable<Entry>);

struct Entry {
    hash: Hash,
    slot: Slot,
}

impl ByDigest {
    pub(crate) fn insert(&mut self, hash: Hash, slot: Slot) {
        self.0
            .insert_unique(hash.spread(), Entry { hash, slot }, |entry| {
                entry.hash.spread()
            });
    }

    pub(crate) fn remove(&mut self, hash: Hash, slot: Slot) {
        let entry = self.0.find_entry(hash.spread(), |entry| entry.slot == slot);
        match entry {
            Ok(entry) => drop(entry.remove()),
            Err(_) => unreachable!("every row is found by its digest"),
        }
    }

    /// The slot under a digest with this hash, and perhaps some under others.
    pub(crate) fn find(&self, hash: Hash) -> impl Iterator<Item = Slot> {
        self.0
            .iter_hash(hash.spread())
            .filter(move |entry| entry.hash == hash)
            .map(|entry| entry.slot)
    }
}

/// The slots of the members of each family.
///
/// Most families have one member in a shard, if any. Those that have more have a list besides: any number of them can be added
/// at the same cost, and the list is searched only for one that leaves before the others. As with [`ByDigest`], no row is looked
/// at here, and what is found may be of another family with the same hash.
#[derive(Default)]
pub(crate) struct ByFamily(HashTable<Members>);

struct Members {
    family: Hash,
    first: Slot,
    others: Option<Box<Others>>,
}

/// In a box of its own, so that it takes next to nothing where there are none.
struct Others(Vec<Slot>);

impl Members {
    fn slots(&self) -> impl Iterator<Item = Slot> {
        let others = self.others.iter().flat_map(|others| &others.0);
        iter::once(self.first).chain(others.copied())
    }
}

impl ByFamily {
    pub(crate) fn insert(&mut self, family: Hash, slot: Slot) {
        match self.entry(family) {
            hash_table::Entry::Vacant(vacant) => {
                vacant.insert(Members {
                    family,
                    first: slot,
                    others: None,
                });
            }
            hash_table::Entry::Occupied(members) => {
                let others = &mut members.into_mut().others;
                let others = others.get_or_insert_with(|| Box::new(Others(Vec::new())));
                others.0.push(slot);
            }
        }
    }

    pub(crate) fn remove(&mut self, family: Hash, slot: Slot) {
        let hash_table::Entry::Occupied(mut entry) = self.entry(family) else {
            unreachable!("every family of a member is found");
        };
        let Members { first, others, .. } = entry.get_mut();
        match others {
            Some(list) => {
                if *first == slot
                    && let Some(next) = list.0.pop()
                {
                    *first = next;
                } else {
                    list.0.retain(|other| *other != slot);
                }
                if list.0.is_empty() {
                    *others = None;
                }
            }
            None if *first == slot => drop(entry.remove()),
            None => unreachable!("every member is found by its family"),
        }
    }

    /// All slots of this family, and perhaps some of others.
    pub(crate) fn find(&self, family: Hash) -> impl Iterator<Item = Slot> {
        self.0
            .find(family.spread(), |members| members.family == family)
            .into_iter()
            .flat_map(Members::slots)
    }

    /// Takes out all slots of this family for which `is_member` says so.
    pub(crate) fn take(&mut self, family: Hash, is_member: impl Fn(Slot) -> bool) -> Vec<Slot> {
        let (members, others): (Vec<_>, Vec<_>) =
            self.find(family).partition(|slot| is_member(*slot));
        if members.is_empty() {
            return members;
        }
        if let hash_table::Entry::Occupied(entry) = self.entry(family) {
            entry.remove();
        }
        for slot in others {
            self.insert(family, slot);
        }
        members
    }

    fn entry(&mut self, family: Hash) -> hash_table::Entry<'_, Members> {
        self.0.entry(
            family.spread(),
            |members| members.family == family,
            |members| members.family.spread(),
        )
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::slab::tests::slot;

    fn families() -> impl Iterator<Item = Hash> {
        (0..1000).map(Hash)
    }

    #[test]
    fn members_are_found_among_any_number_of_families() {
        let mut index = ByFamily::default();
        for round in 0..5 {
            for (n, family) in families().enumerate() {
                index.insert(family, slot(1000 * round + n));
            }
        }
        for (n, family) in families().enumerate() {
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
        // Two come and go in every order, and the family with them.
        for [one, other] in [[0, 1], [1, 0]] {
            for family in families() {
                index.insert(family, slot(0));
                index.insert(family, slot(1));
                index.remove(family, slot(one));
                assert_eq!(index.find(family).collect::<Vec<_>>(), [slot(other)]);
                index.remove(family, slot(other));
            }
        }
        assert!(index.0.is_empty());
    }
}

//! Which slots there are under a digest.

use std::{
    hash::{BuildHasher as _, RandomState},
    iter,
};

use hashbrown::{HashTable, hash_table};
use oauth_core::store::Digest;

use crate::{shards::Place, slab::Slot};

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

/// The places of the members of each family. Members can be in any shard.
///
/// A place is listed once for the member in it, and once more for each earlier member that is gone
/// but has not been [removed](Self::remove) here yet. So a place may hold no member any more, and
/// the caller must look at the row; but no member is missing. As with [`ByDigest`], places of
/// another family with the same hash may be found too.
///
/// Most families have one member at most. The others have a list besides, which is searched when a
/// member leaves.
#[derive(Default)]
pub(crate) struct ByFamily(HashTable<Members>);

struct Members {
    family: Hash,
    first: Place,
    others: Option<Box<Others>>,
}

/// In a box of its own, so that it takes next to nothing where there are none.
struct Others(Vec<Place>);

impl Members {
    fn places(&self) -> impl Iterator<Item = Place> {
        let others = self.others.iter().flat_map(|others| &others.0);
        iter::once(self.first).chain(others.copied())
    }
}

impl ByFamily {
    pub(crate) fn insert(&mut self, family: Hash, place: Place) {
        match self.entry(family) {
            hash_table::Entry::Vacant(vacant) => {
                vacant.insert(Members {
                    family,
                    first: place,
                    others: None,
                });
            }
            hash_table::Entry::Occupied(members) => {
                let others = &mut members.into_mut().others;
                let others = others.get_or_insert_with(|| Box::new(Others(Vec::new())));
                others.0.push(place);
            }
        }
    }

    /// Removes a place once, however often it is listed.
    pub(crate) fn remove(&mut self, family: Hash, place: Place) {
        let hash_table::Entry::Occupied(mut entry) = self.entry(family) else {
            unreachable!("every family of a member is found");
        };
        let Members { first, others, .. } = entry.get_mut();
        match others {
            Some(list) => {
                if *first == place
                    && let Some(next) = list.0.pop()
                {
                    *first = next;
                } else if let Some(index) = list.0.iter().position(|other| *other == place) {
                    list.0.swap_remove(index);
                }
                if list.0.is_empty() {
                    *others = None;
                }
            }
            None if *first == place => drop(entry.remove()),
            None => unreachable!("every member is found by its family"),
        }
    }

    /// Finds the places of all members of this family, and perhaps others.
    pub(crate) fn find(&self, family: Hash) -> impl Iterator<Item = Place> {
        self.0
            .find(family.spread(), |members| members.family == family)
            .into_iter()
            .flat_map(Members::places)
    }

    /// Removes and returns everything that [`find`](Self::find) finds.
    pub(crate) fn take(&mut self, family: Hash) -> Vec<Place> {
        match self.entry(family) {
            hash_table::Entry::Vacant(_) => Vec::new(),
            hash_table::Entry::Occupied(entry) => entry.remove().0.places().collect(),
        }
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

    /// In any shard.
    fn place(index: usize) -> Place {
        let [first, ..] = index.to_le_bytes();
        Place::of(&Digest::from_bytes([first; 32]), slot(index))
    }

    fn found(index: &ByFamily, family: Hash) -> Vec<Place> {
        let mut found: Vec<_> = index.find(family).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn members_are_found_among_any_number_of_families() {
        let mut index = ByFamily::default();
        for round in 0..5 {
            for (n, family) in families().enumerate() {
                index.insert(family, place(1000 * round + n));
            }
        }
        for (n, family) in families().enumerate() {
            // The first, and one in the middle.
            for round in [0, 2] {
                index.remove(family, place(1000 * round + n));
            }
            let left = [1, 3, 4].map(|round| place(1000 * round + n));
            assert_eq!(found(&index, family), left);
            let mut taken = index.take(family);
            taken.sort_unstable();
            assert_eq!(taken, left);
            assert_eq!(index.find(family).count() + index.take(family).len(), 0);
        }
        // Two come and go in every order, and the family with them.
        for [one, other] in [[0, 1], [1, 0]] {
            for family in families() {
                index.insert(family, place(0));
                index.insert(family, place(1));
                index.remove(family, place(one));
                assert_eq!(found(&index, family), [place(other)]);
                index.remove(family, place(other));
            }
        }
        assert!(index.0.is_empty());
    }

    #[test]
    fn a_place_leaves_as_often_as_it_came() {
        let mut index = ByFamily::default();
        let family = Hash(7);
        for number in [1, 0, 0] {
            index.insert(family, place(number));
        }
        for left in [&[0, 1][..], &[1]] {
            index.remove(family, place(0));
            let left: Vec<_> = left.iter().copied().map(place).collect();
            assert_eq!(found(&index, family), left);
        }
    }
}

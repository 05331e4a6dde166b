//! Which slots there are under a digest.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use oauth_core::store::Digest;

use crate::slab::Slot;

/// Slots by a digest of their rows: that of the key, or that of the family's anchor. Any number of them can have the same one.
///
/// Rows are all over the memory, so none is looked at to put a slot in or to make the table larger. What is found may therefore
/// be under another digest with the same hash, and the caller looks at the row.
///
/// Digests are uniform, but whoever chooses what is digested can search for some that collide. The hash is keyed.
#[derive(Default)]
pub(crate) struct Index {
    entries: HashTable<Entry>,
    hasher: DefaultHashBuilder,
}

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    slot: Slot,
}

impl Index {
    pub(crate) fn insert(&mut self, digest: &Digest, slot: Slot) {
        let hash = self.hash(digest);
        self.entries
            .insert_unique(spread(hash), Entry { hash, slot }, |entry| {
                spread(entry.hash)
            });
    }

    pub(crate) fn remove(&mut self, digest: &Digest, slot: Slot) {
        let hash = self.hash(digest);
        let entry = self
            .entries
            .find_entry(spread(hash), |entry| entry.slot == slot);
        if let Ok(entry) = entry {
            entry.remove();
        }
    }

    /// All slots under this digest, and perhaps some under others.
    pub(crate) fn find(&self, digest: &Digest) -> impl Iterator<Item = Slot> {
        let hash = self.hash(digest);
        self.entries
            .iter_hash(spread(hash))
            .filter(move |entry| entry.hash == hash)
            .map(|entry| entry.slot)
    }

    /// Takes out the slots under this digest, which are those for which `is_under` says so.
    pub(crate) fn take(&mut self, digest: &Digest, is_under: impl Fn(Slot) -> bool) -> Vec<Slot> {
        let hash = self.hash(digest);
        let buckets: Vec<_> = self.entries.iter_hash_buckets(spread(hash)).collect();
        let mut taken = Vec::with_capacity(buckets.len());
        for bucket in buckets {
            if let Ok(entry) = self.entries.get_bucket_entry(bucket)
                && is_under(entry.get().slot)
            {
                taken.push(entry.remove().0.slot);
            }
        }
        taken
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "half of a hash is one, too"
    )]
    fn hash(&self, digest: &Digest) -> u32 {
        self.hasher.hash_one(digest) as u32
    }
}

/// Positions in a table are taken from the low bits of this, and what tells neighbours apart from the high ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::slab::tests::slot;

    #[test]
    fn slots_are_found_among_any_number_of_digests() {
        let mut index = Index::default();
        let digests: Vec<_> = (0..1000_u32)
            .map(|n| {
                let mut digest = [0; 32];
                digest[..4].copy_from_slice(&n.to_be_bytes());
                Digest::from_bytes(digest)
            })
            .collect();
        for round in 0..40 {
            for (n, digest) in digests.iter().enumerate() {
                index.insert(digest, slot(1000 * round + n));
            }
        }
        for (n, digest) in digests.iter().enumerate() {
            index.remove(digest, slot(n));
            let found = index.find(digest).collect::<Vec<_>>();
            assert!((1..40).all(|round| found.contains(&slot(1000 * round + n))));
            assert!(!found.contains(&slot(n)));
            let taken = index.take(digest, |slot| slot.index() % 1000 == n);
            assert_eq!(taken.len(), 39);
        }
        assert!(index.entries.is_empty());
    }
}

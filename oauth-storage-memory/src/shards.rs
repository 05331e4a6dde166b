//! The shards and their locks.

use std::iter;

use oauth_core::{
    store::{Digest, StoreError},
    time::Timestamp,
};
use thiserror::Error;

use crate::{
    ceiling::Ceiling,
    index::Hasher,
    shard::Shard,
    slab::Slot,
    sync::{AtomicU64, Mutex, MutexGuard, Ordering},
};

/// The number of shards, a power of two. Four are enough for the loom models.
pub(crate) const SHARDS: usize = if cfg!(loom) { 4 } else { 64 };

/// The shard in which the record with this digest lies. Shards are in the order of the digests in them.
pub(crate) fn shard_of(digest: &Digest) -> usize {
    first_bits(digest).into()
}

/// The number of the shard as a byte: the first bits of the digest.
fn first_bits(digest: &Digest) -> u8 {
    digest.as_bytes()[0] >> (8 - SHARDS.trailing_zeros())
}

/// The place of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) slot: Slot,
    shard: u8,
}

impl Place {
    /// The place of the record with this digest, in this slot.
    pub(crate) fn of(digest: &Digest, slot: Slot) -> Self {
        Self {
            slot,
            shard: first_bits(digest),
        }
    }

    /// The shard that the slot is in.
    pub(crate) fn shard(self) -> usize {
        self.shard.into()
    }
}

/// All shards.
pub(crate) struct Shards {
    by_digest: [Mutex<Shard>; SHARDS],
    /// For each shard, what no `forget_at` in it is before, so that pruning finds the oldest record without locking them all.
    oldest: [AtomicU64; SHARDS],
    /// How much they may take together, if that is bounded.
    pub(crate) ceiling: Option<Ceiling>,
    /// Of the digests in all of them.
    pub(crate) hasher: Hasher,
}

/// What `oldest` says of an empty shard. No timestamp is that late.
const NEVER: u64 = u64::MAX;

impl Default for Shards {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Shards {
    pub(crate) fn new(ceiling: Option<Ceiling>) -> Self {
        let hasher = Hasher::default();
        Self {
            by_digest: std::array::from_fn(|_| Mutex::new(Shard::new(hasher.clone()))),
            oldest: std::array::from_fn(|_| AtomicU64::new(NEVER)),
            ceiling,
            hasher,
        }
    }

    /// Locks a shard in order to read it.
    pub(crate) fn read(&self, index: usize) -> Result<MutexGuard<'_, Shard>, StoreError> {
        self.by_digest[index]
            .lock()
            .map_err(|_| StoreError::unavailable(Panicked))
    }

    /// Locks a shard in order to change it.
    pub(crate) fn write(&self, index: usize) -> Result<ShardMut<'_>, StoreError> {
        Ok(ShardMut {
            shard: self.read(index)?,
            oldest: &self.oldest[index],
        })
    }

    /// Locks every shard in `set`, in order, so that no two commits wait for each other.
    pub(crate) fn write_all(&self, set: ShardSet) -> Result<Locked<'_>, StoreError> {
        let mut shards = Vec::with_capacity(set.len());
        for index in set.iter() {
            shards.push(self.write(index)?);
        }
        Ok(Locked { set, shards })
    }

    /// Whether some record's `forget_at` is at or before `before`.
    pub(crate) fn is_any_due(&self, before: Timestamp) -> bool {
        let mut oldest = self.oldest.iter();
        oldest.any(|oldest| oldest.load(Ordering::Relaxed) <= before.as_unix_millis())
    }

    /// The shard with the least `forget_at` that is at or before `before`, among those not in `except`.
    pub(crate) fn with_oldest(&self, before: Timestamp, except: ShardSet) -> Option<usize> {
        (0..SHARDS)
            .filter(|index| !except.contains(*index))
            .map(|index| (self.oldest[index].load(Ordering::Relaxed), index))
            .min()
            .filter(|(oldest, _)| *oldest <= before.as_unix_millis())
            .map(|(_, index)| index)
    }
}

/// A set of shards, one bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardSet(u64);

impl ShardSet {
    pub(crate) const ALL: Self = Self(u64::MAX >> (64 - SHARDS));

    pub(crate) fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    fn contains(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }

    /// How many shards in the set come before this one.
    fn rank(self, index: usize) -> usize {
        (self.0 & ((1 << index) - 1)).count_ones() as usize
    }

    fn iter(self) -> impl Iterator<Item = usize> {
        let next = |set: &u64| Some(set & (set - 1)).filter(|set| *set != 0);
        let first = Some(self.0).filter(|set| *set != 0);
        iter::successors(first, next).map(|set| set.trailing_zeros() as usize)
    }
}

/// A shard that is locked in order to change it.
pub(crate) struct ShardMut<'a> {
    pub(crate) shard: MutexGuard<'a, Shard>,
    oldest: &'a AtomicU64,
}

impl Drop for ShardMut<'_> {
    /// Notes the oldest record, while the shard is still locked.
    fn drop(&mut self) {
        let oldest = self.shard.oldest().map_or(NEVER, Timestamp::as_unix_millis);
        // The line is shared by eight shards: it is not written without need.
        if self.oldest.load(Ordering::Relaxed) != oldest {
            self.oldest.store(oldest, Ordering::Relaxed);
        }
    }
}

/// The locked shards of one commit.
pub(crate) struct Locked<'a> {
    set: ShardSet,
    shards: Vec<ShardMut<'a>>,
}

impl Locked<'_> {
    /// The shard of this digest, which must be among those that were locked.
    pub(crate) fn of(&self, digest: &Digest) -> &Shard {
        self.shard(shard_of(digest))
    }

    /// The shard of this digest, to change it.
    pub(crate) fn of_mut(&mut self, digest: &Digest) -> &mut Shard {
        self.shard_mut(shard_of(digest))
    }

    /// Whether this shard is among those that were locked.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn has(&self, index: usize) -> bool {
        self.set.contains(index)
    }

    /// The shard with this index, which must be among those that were locked.
    pub(crate) fn shard(&self, index: usize) -> &Shard {
        &self.shards[self.set.rank(index)].shard
    }

    /// The shard with this index, to change it.
    pub(crate) fn shard_mut(&mut self, index: usize) -> &mut Shard {
        &mut self.shards[self.set.rank(index)].shard
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().map(|locked| &*locked.shard)
    }
}

/// A thread has panicked while it had a part of the store locked.
#[derive(Debug, Error)]
#[error("a thread panicked inside the store, and a part of it may be damaged")]
struct Panicked;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use oauth_core::store::StoreErrorKind;

    use super::*;
    use crate::MemoryStore;

    #[test]
    fn a_shard_that_a_panic_left_behind_is_unavailable_and_the_others_are_not() {
        let store = MemoryStore::default();
        let shards = Arc::clone(&store.shards);
        std::thread::spawn(move || {
            let _locked = shards.write(3).unwrap();
            panic!("on purpose");
        })
        .join()
        .unwrap_err();
        assert_eq!(
            store.shards.read(3).err().map(|error| error.kind()),
            Some(StoreErrorKind::Unavailable)
        );
        assert!(store.shards.write_all(ShardSet::ALL).is_err());
        assert!(store.len().is_err());
        assert!(store.shards.write(4).is_ok());
    }

    #[test]
    fn a_set_ranks_its_shards() {
        let mut set = ShardSet::default();
        for index in [63, 0, 7] {
            set.insert(index);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 7, 63]);
        assert_eq!([0, 7, 63].map(|index| set.rank(index)), [0, 1, 2]);
        assert_eq!(set.len(), 3);
        assert_eq!(ShardSet::ALL.iter().count(), SHARDS);
    }
}

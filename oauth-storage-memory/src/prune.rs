//! What may be forgotten, dropped oldest first.

use oauth_core::{
    store::{Digest, StoreError},
    time::Timestamp,
};

use crate::{
    shard::Oldest,
    shards::{ShardSet, Shards},
};

impl Shards {
    /// Drops up to `limit` records whose `forget_at` is at or before `before`, but none of `spared`, which is sorted.
    ///
    /// It takes one record at a time from the shard that has the oldest, and locks no other meanwhile: a backlog of a million
    /// holds up nobody.
    pub(crate) fn prune(
        &self,
        before: Timestamp,
        limit: usize,
        spared: &[Digest],
    ) -> Result<usize, StoreError> {
        let mut dropped = 0;
        let mut exhausted = ShardSet::default();
        while dropped < limit {
            let Some(index) = self.with_oldest(before, exhausted) else {
                break;
            };
            let oldest = self.write(index)?.shard.remove_oldest(before, spared);
            match oldest {
                Oldest::Removed(row) => {
                    if let Some(ceiling) = &self.ceiling {
                        ceiling.free(row.bytes());
                    }
                    dropped += 1;
                }
                // Only spared ones are left in it, or another thread was faster.
                Oldest::NotYet => exhausted.insert(index),
                Oldest::AskAgain => {}
            }
        }
        Ok(dropped)
    }
}

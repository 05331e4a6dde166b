//! The store, and `load`.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};

use crate::{
    ceiling::Ceiling,
    schema::Row,
    shard::Shard,
    shards::{SHARDS, ShardSet, Shards, shard_of},
};

/// A store in the memory of this process.
///
/// Clones share the same records.
///
/// If a thread panics inside the store, which would be a bug in it, a commit may be left half applied. So the shards that the
/// thread had locked stay locked for good, and what touches them is answered with [`StoreError::unavailable`]: a server that
/// refuses is better than one that takes a revoked token for a live one.
#[derive(Clone, Default)]
pub struct MemoryStore {
    pub(crate) shards: Arc<Shards>,
}

impl MemoryStore {
    /// A store that takes no more than so many bytes.
    ///
    /// A commit for which there is no room is answered with [`StoreError::unavailable`], which is `temporarily_unavailable` on
    /// the wire, after it has dropped what may be forgotten and that was not enough. Nothing that lives is ever dropped to make
    /// room. What needs no new record always has room: removing, ending families, pruning, and writing in place of what is
    /// there.
    ///
    /// A record counts as 288 bytes, which is a little more than it takes; as its body and 16 bytes more if that is longer than 86 bytes;
    /// as its names and about 400 bytes more if it is listed. So an access token mostly is 288 bytes, and more than three and a half million of
    /// them fit into a gibibyte. Beyond the ceiling goes only what records grow by as they are replaced, and about a megabyte that is there
    /// from the start.
    pub fn with_ceiling(bytes: usize) -> Self {
        Self {
            shards: Arc::new(Shards::new(Some(Ceiling::new(bytes)))),
        }
    }

    /// How many bytes its records take, as a ceiling counts them.
    ///
    /// Counted while nothing changes, so that it is never more than the ceiling. Everybody else waits for some microseconds.
    ///
    /// # Errors
    /// If a thread has panicked inside the store.
    pub fn bytes(&self) -> Result<usize, StoreError> {
        let locked = self.shards.write_all(ShardSet::ALL)?;
        Ok(locked.iter().map(Shard::bytes).sum())
    }

    /// How many records it holds, forgettable ones and closed anchors included.
    ///
    /// Counted shard by shard, so that under concurrent commits it is an approximation.
    ///
    /// # Errors
    /// If a thread has panicked inside the store.
    pub fn len(&self) -> Result<usize, StoreError> {
        (0..SHARDS).try_fold(0, |len, index| Ok(len + self.shards.read(index)?.len()))
    }

    /// Whether it holds no record.
    ///
    /// # Errors
    /// If a thread has panicked inside the store.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        self.len().map(|len| len == 0)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let key = self.shards.hasher.hash(key.digest());
        let shard = self.shards.read(shard_of(&key.digest))?;
        Ok(shard.find(key).map(Row::to_stored))
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.shards.commit(commit)
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.shards.list(listing)
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.shards.prune(before, limit, &[])
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

//! A store that keeps what is committed to it, and counts what it is asked.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};

/// Between the server and a store.
pub(super) struct Watch<S> {
    inner: S,
    commits: Mutex<Vec<Commit>>,
    reads: AtomicU64,
}

impl<S: Store> Watch<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            commits: Mutex::default(),
            reads: AtomicU64::new(0),
        }
    }

    /// The commits that were applied since the last call.
    pub(super) fn take_commits(&self) -> Vec<Commit> {
        std::mem::take(&mut self.commits.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many records were asked for since the last call.
    pub(super) fn take_reads(&self) -> u64 {
        self.reads.swap(0, Ordering::Relaxed)
    }
}

#[async_trait]
impl<S: Store> Store for Watch<S> {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.load(key).await
    }

    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.reads.fetch_add(keys.len() as u64, Ordering::Relaxed);
        self.inner.load_all(keys).await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let outcome = self.inner.commit(commit.clone()).await?;
        if outcome == Outcome::Committed {
            let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
            commits.push(commit);
        }
        Ok(outcome)
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.list(listing).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.prune(before, limit).await
    }
}

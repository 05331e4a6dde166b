//! A memory store that records what is in it, and how much was written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use oauth_core::{
    policy::Policy,
    server::Builder,
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use oauth_storage_memory::MemoryStore;

use super::{Fixture, policy};

/// Cheap to clone; clones are one store.
#[derive(Clone, Default)]
pub struct Watched(Arc<Inner>);

#[derive(Default)]
struct Inner {
    store: MemoryStore,
    keys: Mutex<BTreeSet<Key>>,
    written: AtomicUsize,
}

/// A fixture over a watched store.
pub fn watched(change: impl FnOnce(&mut Policy)) -> (Fixture, Watched) {
    let mut policy = policy();
    change(&mut policy);
    watched_server(|builder| builder.policy(policy))
}

/// A fixture over a watched store, with a server of its own making.
pub fn watched_server(build: impl FnOnce(Builder) -> Builder) -> (Fixture, Watched) {
    let store = Watched::default();
    let seen = Arc::new(store.clone());
    (Fixture::built(store.0.store.clone(), seen, build), store)
}

impl Watched {
    /// Everything that was written to it.
    pub async fn records(&self) -> BTreeMap<Key, Stored> {
        let keys = self.0.keys.lock().unwrap().clone();
        let mut records = BTreeMap::new();
        for key in keys {
            if let Some(stored) = self.0.store.load(&key).await.unwrap() {
                records.insert(key, stored);
            }
        }
        // Except for the list of namespaces.
        assert_eq!(records.len(), self.0.store.len().unwrap() - 1);
        records
    }

    /// How many records were written or removed and families ended since this was asked last.
    pub fn take_written(&self) -> usize {
        self.0.written.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl Store for Watched {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.0.store.load(key).await
    }

    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.0.store.load_all(keys).await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let written = commit.puts.len() + commit.removals.len() + commit.ends.len();
        let keys: Vec<_> = commit
            .puts
            .iter()
            .map(|put| put.record.key.clone())
            .collect();
        let outcome = self.0.store.commit(commit).await?;
        if outcome == Outcome::Committed {
            self.0.written.fetch_add(written, Ordering::SeqCst);
            self.0.keys.lock().unwrap().extend(keys);
        }
        Ok(outcome)
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.0.store.list(listing).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.0.store.prune(before, limit).await
    }
}

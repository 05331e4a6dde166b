//! Logs that do not hold what was acknowledged. Only a crash shows it.

use std::sync::Arc;

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use tokio::{sync::Mutex, task::yield_now};

use crate::{ModelStore, crash::Place};

/// A store that is made again from its log after a crash, and a mistake in how it writes that.
#[derive(Clone, Debug)]
pub struct BadLog {
    writes: Writes,
    logged: Arc<Mutex<Logged>>,
}

/// How a log is written, and should not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writes {
    /// Eight commits at a time, which are acknowledged before.
    Late,
    /// Each record of a commit by itself.
    InParts,
}

#[derive(Debug, Default)]
struct Logged {
    model: ModelStore,
    log: Vec<Commit>,
    crashes: usize,
}

impl BadLog {
    /// An empty store.
    pub fn new(writes: Writes) -> Self {
        Self {
            writes,
            logged: Arc::default(),
        }
    }

    /// Loses all that is not in the log.
    pub async fn crash(&self) {
        let mut logged = self.logged.lock().await;
        if self.writes == Writes::Late {
            let written = logged.log.len() / 8 * 8;
            logged.log.truncate(written);
        }
        let model = ModelStore::default();
        for commit in &logged.log {
            let _ = model.commit(commit.clone()).await;
        }
        logged.model = model;
        logged.crashes += 1;
    }

    async fn commit_in_parts(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let crashes = {
            let logged = self.logged.lock().await;
            let outcome = logged.model.commit(commit.clone()).await?;
            if outcome == Outcome::Conflict {
                return Ok(outcome);
            }
            logged.crashes
        };
        for part in parts(commit) {
            let mut logged = self.logged.lock().await;
            if logged.crashes > crashes {
                return Err(StoreError::unknown("the store has crashed meanwhile"));
            }
            logged.log.push(part);
            drop(logged);
            yield_now().await;
        }
        Ok(Outcome::Committed)
    }
}

/// A commit record by record.
fn parts(mut commit: Commit) -> Vec<Commit> {
    let puts = std::mem::take(&mut commit.puts);
    commit.guards.clear();
    let mut parts = vec![commit];
    for put in puts {
        let mut part = Commit::new(parts[0].id);
        part.puts.push(put);
        parts.push(part);
    }
    parts
}

#[async_trait]
impl Store for BadLog {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.logged.lock().await.model.load(key).await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        if self.writes == Writes::InParts {
            return self.commit_in_parts(commit).await;
        }
        let mut logged = self.logged.lock().await;
        let outcome = logged.model.commit(commit.clone()).await?;
        if outcome == Outcome::Committed {
            logged.log.push(commit);
        }
        Ok(outcome)
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.logged.lock().await.model.list(listing).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.logged.lock().await.model.prune(before, limit).await
    }
}

/// There is one place, the store itself.
#[async_trait]
impl Place for BadLog {
    async fn fresh(&self) -> String {
        String::new()
    }

    async fn open(&self, _: &str) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }
}

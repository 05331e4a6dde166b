//! What is forgotten too early, too late, or never.

use std::sync::Mutex;

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Outcome, Store as _, StoreError, Stored},
    time::Timestamp,
};
use tokio::task::yield_now;

use super::{Mistake, locked};
use crate::ModelStore;

/// Hides what it takes for expired.
#[derive(Debug, Default)]
pub struct ReadsTheClock;

#[async_trait]
impl Mistake for ReadsTheClock {
    async fn load(&self, model: &ModelStore, key: &Key) -> Result<Option<Stored>, StoreError> {
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let stored = model.load(key).await?;
        Ok(stored.filter(|stored| stored.forget_at > now))
    }
}

/// Leaves forgettable records to a job that nobody runs.
#[derive(Debug, Default)]
pub struct NeverPrunes;

#[async_trait]
impl Mistake for NeverPrunes {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        commit.prune_before = None;
        model.commit(commit).await
    }
}

/// Lets one commit pay for the whole backlog, and looks at nothing.
#[derive(Debug, Default)]
pub struct PrunesAll;

#[async_trait]
impl Mistake for PrunesAll {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        let before = commit.prune_before.take();
        let outcome = model.commit(commit).await?;
        if let Some(before) = before {
            model.prune(before, usize::MAX).await?;
        }
        Ok(outcome)
    }
}

/// Looks for records that may be forgotten, and then drops them even if they have changed since.
#[derive(Debug, Default)]
pub struct PrunesWhatItSaw(Mutex<Vec<Key>>);

#[async_trait]
impl Mistake for PrunesWhatItSaw {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        let keys = commit.puts.iter().map(|put| put.record.key.clone());
        locked(&self.0).extend(keys);
        model.commit(commit).await
    }

    async fn prune(
        &self,
        model: &ModelStore,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let keys = locked(&self.0).clone();
        let mut due = Vec::new();
        for key in keys {
            let found = model.load(&key).await?;
            if found.is_some_and(|stored| stored.forget_at <= before) && due.len() < limit {
                due.push(key);
            }
        }
        yield_now().await;
        let mut dropped = 0;
        for key in due {
            if let Some(stored) = model.load(&key).await? {
                let removal = Commit::new(stored.version).remove(key, stored.version);
                dropped += usize::from(model.commit(removal).await? == Outcome::Committed);
            }
        }
        Ok(dropped)
    }
}

/// Compares `forget_at` with the wrong sign of equality.
#[derive(Debug, Default)]
pub struct PrunesLate;

#[async_trait]
impl Mistake for PrunesLate {
    async fn prune(
        &self,
        model: &ModelStore,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let millis = before.as_unix_millis();
        model
            .prune(Timestamp::from_unix_millis(millis.saturating_sub(1)), limit)
            .await
    }
}

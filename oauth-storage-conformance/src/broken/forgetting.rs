//! What is forgotten too early, too late, or never.

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Outcome, Store as _, StoreError, Stored},
    time::Timestamp,
};

use super::Mistake;
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

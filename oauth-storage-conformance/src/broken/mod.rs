//! Stores that are broken on purpose, each of which the suite fails.
//!
//! Most are what somebody would write who has not thought of one sentence of the contract. They are here to be looked at, and to
//! be run: a suite is worth what it notices.
//!
//! ```should_panic
//! use oauth_storage_conformance::{broken::{Broken, FindThenMark}, one_winner_among_concurrent_commits, run};
//!
//! // "of concurrent commits whose expectations exclude each other, one wins"
//! run(one_winner_among_concurrent_commits(&Broken::<FindThenMark>::default));
//! ```

mod durability;
mod families;
mod forgetting;
mod listing;
mod races;
mod reading;

use std::{
    fmt::Debug,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};

pub use self::{
    durability::{BadLog, Writes},
    families::{
        AnchorFirst, EndIfUnchanged, EndInTwoSteps, EndThatKeeps, EndWithoutATime, JoinUnchecked,
    },
    forgetting::{NeverPrunes, PrunesAll, PrunesLate, PrunesWhatItSaw, ReadsTheClock},
    listing::{FoldsNames, ListsAllKinds, PagesByPosition, WantsAClient},
    races::{
        EarlyGuard, ExclusiveGuard, FindThenMark, LastWriteWins, LostGuard, OneByOne, OwnVersions,
        SkipsGuardsAlone, UpgradesLocks,
    },
    reading::{Cached, InAnyOrder, LosesConnections, TextBodies},
};
use crate::ModelStore;

/// Something that is done wrong, over a store that does the rest right.
#[async_trait]
pub trait Mistake: Debug + Default + Send + Sync + 'static {
    /// `load`
    async fn load(&self, model: &ModelStore, key: &Key) -> Result<Option<Stored>, StoreError> {
        model.load(key).await
    }

    /// `load_all`
    async fn load_all(
        &self,
        model: &ModelStore,
        keys: &[Key],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            records.push(self.load(model, key).await?);
        }
        Ok(records)
    }

    /// `commit`
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        model.commit(commit).await
    }

    /// `list`
    async fn list(&self, model: &ModelStore, listing: &Listing) -> Result<Page, StoreError> {
        model.list(listing).await
    }

    /// `prune`
    async fn prune(
        &self,
        model: &ModelStore,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        model.prune(before, limit).await
    }
}

/// A store with a [`Mistake`] in it.
#[derive(Debug, Default)]
pub struct Broken<M> {
    model: ModelStore,
    mistake: M,
}

#[async_trait]
impl<M: Mistake> Store for Broken<M> {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.mistake.load(&self.model, key).await
    }

    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.mistake.load_all(&self.model, keys).await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.mistake.commit(&self.model, commit).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.mistake.list(&self.model, listing).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.mistake.prune(&self.model, before, limit).await
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

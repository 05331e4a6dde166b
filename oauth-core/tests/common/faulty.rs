//! A store that fails, keeps its answer to itself, or lets somebody else be faster, where it is told to.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use oauth_storage_memory::MemoryStore;

use super::Fixture;

/// What becomes of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    Pass,
    Unavailable,
    /// The record is of a format that nobody knows yet.
    FromTheFuture,
}

/// What becomes of a commit.
pub enum Step {
    Pass,
    /// Nothing is applied.
    Unavailable,
    /// It is applied, but nobody is told.
    AnswerLost,
    /// It is not applied, and nobody is told.
    CommitLost,
    /// Somebody else was faster.
    Conflict,
    /// This happens before it.
    After(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// This happens instead, and nobody is told.
    LostTo(Pin<Box<dyn Future<Output = ()> + Send>>),
}

#[derive(Default)]
pub struct Faulty {
    inner: MemoryStore,
    loads: Mutex<VecDeque<Load>>,
    commits: Mutex<VecDeque<Step>>,
    always_conflicts: Mutex<bool>,
    tried: AtomicUsize,
    /// The Debug output of everything that came by.
    pub seen: Mutex<String>,
}

impl Faulty {
    pub fn over(inner: MemoryStore) -> Self {
        Self {
            inner,
            ..Self::default()
        }
    }

    /// What becomes of the next loads.
    pub fn load_next(&self, loads: impl IntoIterator<Item = Load>) {
        self.loads.lock().unwrap().extend(loads);
    }

    /// What becomes of the next commits.
    pub fn commit_next(&self, steps: impl IntoIterator<Item = Step>) {
        self.commits.lock().unwrap().extend(steps);
    }

    /// From now on somebody else is always faster.
    pub fn conflict_always(&self) {
        *self.always_conflicts.lock().unwrap() = true;
    }

    /// How many commits there were since the last call.
    pub fn take_tried(&self) -> usize {
        self.tried.swap(0, Ordering::SeqCst)
    }

    fn show(&self, what: &impl std::fmt::Debug) {
        use std::fmt::Write;
        writeln!(self.seen.lock().unwrap(), "{what:?}").unwrap();
    }
}

#[async_trait]
impl Store for Faulty {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let step = self.loads.lock().unwrap().pop_front();
        if step == Some(Load::Unavailable) {
            return Err(StoreError::unavailable("on purpose"));
        }
        let mut stored = self.inner.load(key).await?;
        if let (Some(Load::FromTheFuture), Some(stored)) = (step, &mut stored) {
            stored.body[0] += 1;
        }
        self.show(&stored);
        Ok(stored)
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        self.show(&commit);
        if *self.always_conflicts.lock().unwrap() {
            return Ok(Outcome::Conflict);
        }
        let step = self.commits.lock().unwrap().pop_front();
        match step.unwrap_or(Step::Pass) {
            Step::Pass => self.inner.commit(commit).await,
            Step::Unavailable => Err(StoreError::unavailable("on purpose")),
            Step::AnswerLost => {
                let _ = self.inner.commit(commit).await?;
                Err(StoreError::unknown("on purpose"))
            }
            Step::CommitLost => Err(StoreError::unknown("on purpose")),
            Step::Conflict => Ok(Outcome::Conflict),
            Step::After(other) => {
                other.await;
                self.inner.commit(commit).await
            }
            Step::LostTo(other) => {
                other.await;
                Err(StoreError::unknown("on purpose"))
            }
        }
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let page = self.inner.list(listing).await?;
        self.show(&page);
        Ok(page)
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.prune(before, limit).await
    }
}

/// A fixture over a faulty store.
pub fn faulty() -> (Fixture, Arc<Faulty>) {
    let store = MemoryStore::default();
    let faulty = Arc::new(Faulty::over(store.clone()));
    let seen = Arc::clone(&faulty);
    (Fixture::over(store, seen, |_| {}), faulty)
}

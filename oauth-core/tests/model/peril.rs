//! What can happen to a commit, and to the process that waits for it.

use std::{
    future::pending,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use tokio::sync::Notify;

/// The fate of the first commit of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It is made and acknowledged.
    Fine,
    /// It is not made, and nobody can tell.
    Lost,
    /// It is made, and nobody can tell.
    AnswerLost,
    /// The process dies before it.
    DiesBefore,
    /// The process dies after it, before it answers.
    DiesAfter,
}

/// What a request has to commit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    Nothing,
    /// Only that what it has loaded has not changed.
    Guards,
    Records,
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Course {
    /// It is answered, and what it changes is changed.
    Answered,
    /// The client is told to come back later, and nothing has changed.
    Later,
    /// Nobody answers, and nothing has changed.
    Vanished,
    /// Nobody answers, but it has happened.
    Unheard,
}

impl Fate {
    pub(crate) fn course(self, change: Change) -> Course {
        match (self, change) {
            (Self::Fine | Self::AnswerLost, _)
            | (_, Change::Nothing)
            // What was only to be guarded can be looked at again.
            | (Self::Lost, Change::Guards) => Course::Answered,
            (Self::Lost, Change::Records) => Course::Later,
            (Self::DiesBefore, _) => Course::Vanished,
            (Self::DiesAfter, _) => Course::Unheard,
        }
    }
}

/// A store whose next commit has a fate.
pub(crate) struct Perilous {
    inner: Arc<dyn Store>,
    next: Mutex<Fate>,
    died: Notify,
}

impl Perilous {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            next: Mutex::new(Fate::Fine),
            died: Notify::new(),
        }
    }

    /// The answer to a request whose first commit has this fate; `None` if the process has died.
    pub(crate) async fn attempt<T>(
        &self,
        fate: Fate,
        request: impl Future<Output = T>,
    ) -> Option<T> {
        *self.next.lock().unwrap() = fate;
        let answer = tokio::select! {
            answer = request => Some(answer),
            () = self.died.notified() => None,
        };
        *self.next.lock().unwrap() = Fate::Fine;
        answer
    }

    async fn die(&self) -> Result<Outcome, StoreError> {
        self.died.notify_one();
        pending().await
    }
}

#[async_trait]
impl Store for Perilous {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.inner.load(key).await
    }

    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.inner.load_all(keys).await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let fate = std::mem::replace(&mut *self.next.lock().unwrap(), Fate::Fine);
        match fate {
            Fate::Fine => self.inner.commit(commit).await,
            Fate::Lost => Err(StoreError::unknown("lost")),
            Fate::AnswerLost => {
                let (Outcome::Committed | Outcome::Conflict) = self.inner.commit(commit).await?;
                Err(StoreError::unknown("the answer is lost"))
            }
            Fate::DiesBefore => self.die().await,
            Fate::DiesAfter => {
                let (Outcome::Committed | Outcome::Conflict) = self.inner.commit(commit).await?;
                self.die().await
            }
        }
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.inner.list(listing).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.prune(before, limit).await
    }
}

//! A store that fails where it is told to.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use tokio::task::yield_now;

/// What a store is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// `load`, and `load_all`, which counts as one.
    Load,
    /// `commit`
    Commit,
    /// `list`
    List,
    /// `prune`
    Prune,
}

/// What becomes of one call of a store.
#[non_exhaustive]
pub enum Fault {
    /// Nothing: the store is asked, and answers.
    None,
    /// The store is not asked, and says so.
    Unavailable,
    /// The store is not asked. Of a commit nobody can tell.
    Lost,
    /// The store is asked and does it, but its answer is lost.
    AnswerLost,
    /// A commit is not made, as if somebody else had been faster. Any other call is answered as [`Unavailable`](Self::Unavailable).
    Conflict,
    /// The store is asked, and each record that it loads is changed like this.
    Changed(fn(&mut Stored)),
    /// This happens first; what becomes of the call then is the next fault in the plan.
    After(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Fault {
    /// Something that happens before the call, for example what somebody else does meanwhile.
    pub fn after(first: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::After(Box::pin(first))
    }

    /// A delay: everybody else has so many turns before the call.
    pub fn delay(turns: usize) -> Self {
        Self::after(async move {
            for _ in 0..turns {
                yield_now().await;
            }
        })
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Unavailable => "Unavailable",
            Self::Lost => "Lost",
            Self::AnswerLost => "AnswerLost",
            Self::Conflict => "Conflict",
            Self::Changed(_) => "Changed(..)",
            Self::After(_) => "After(..)",
        })
    }
}

/// A store that fails where it is told to: at any call, before it is made or after it.
///
/// Put it between a server and its store, to see what the server, or what is built upon it, makes of that.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use oauth_core::store::{Commit, Kind, Key, Outcome, Realm, Store, StoreErrorKind, Version};
/// use oauth_storage_conformance::{Fault, Faulty, ModelStore, Operation};
///
/// let store = Faulty::new(ModelStore::default());
/// // The first commit passes; of the second, nobody hears whether it was made.
/// store.plan(Operation::Commit, [Fault::None, Fault::AnswerLost]);
///
/// let commit = |id| Commit::new(Version::from_bytes([id; 16]));
/// assert_eq!(store.commit(commit(1)).await.unwrap(), Outcome::Committed);
/// assert_eq!(store.commit(commit(2)).await.unwrap_err().kind(), StoreErrorKind::Unknown);
/// assert_eq!(store.commit(commit(3)).await.unwrap(), Outcome::Committed);
/// assert_eq!(store.take_calls(Operation::Commit), 3);
/// # });
/// ```
#[derive(Debug, Default)]
pub struct Faulty<S> {
    store: S,
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    faults: [VecDeque<Fault>; 4],
    calls: [usize; 4],
}

impl<S> Faulty<S> {
    /// A store that does not fail yet.
    pub fn new(store: S) -> Self {
        Self {
            store,
            plan: Mutex::default(),
        }
    }

    /// What becomes of the next calls of an operation, after those that are planned already. All later ones pass.
    pub fn plan(&self, operation: Operation, faults: impl IntoIterator<Item = Fault>) {
        self.locked().faults[operation as usize].extend(faults);
    }

    /// Forgets what is still planned, and says how many faults that were, those included that are [`Fault::None`].
    pub fn clear(&self) -> usize {
        let left = std::mem::take(&mut self.locked().faults);
        left.iter().map(VecDeque::len).sum()
    }

    /// How many calls of an operation there were since this was asked last.
    pub fn take_calls(&self, operation: Operation) -> usize {
        std::mem::take(&mut self.locked().calls[operation as usize])
    }

    /// The store that does not fail.
    pub fn get_ref(&self) -> &S {
        &self.store
    }

    fn locked(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of this call.
    async fn next(&self, operation: Operation) -> Fault {
        self.locked().calls[operation as usize] += 1;
        loop {
            let next = self.locked().faults[operation as usize].pop_front();
            match next.unwrap_or(Fault::None) {
                Fault::After(first) => first.await,
                fault => return fault,
            }
        }
    }

    /// Asks the store, unless it is to fail.
    async fn ask<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match self.next(operation).await {
            Fault::None | Fault::Changed(_) | Fault::After(_) => call.await,
            Fault::Unavailable | Fault::Lost | Fault::Conflict => Err(unavailable()),
            Fault::AnswerLost => call.await.and_then(|_| Err(unavailable())),
        }
    }
}

fn unavailable() -> StoreError {
    StoreError::unavailable("on purpose")
}

fn unknown() -> StoreError {
    StoreError::unknown("on purpose")
}

#[async_trait]
impl<S: Store> Store for Faulty<S> {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let mut records = self.load_all(std::slice::from_ref(key)).await?;
        Ok(records.pop().flatten())
    }

    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        let fault = self.next(Operation::Load).await;
        if matches!(fault, Fault::Unavailable | Fault::Lost | Fault::Conflict) {
            return Err(unavailable());
        }
        let mut records = match keys {
            [key] => vec![self.store.load(key).await?],
            keys => self.store.load_all(keys).await?,
        };
        match fault {
            Fault::AnswerLost => return Err(unavailable()),
            Fault::Changed(change) => records.iter_mut().flatten().for_each(change),
            _ => {}
        }
        Ok(records)
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        match self.next(Operation::Commit).await {
            Fault::None | Fault::Changed(_) | Fault::After(_) => self.store.commit(commit).await,
            Fault::Unavailable => Err(unavailable()),
            Fault::Lost => Err(unknown()),
            Fault::AnswerLost => self.store.commit(commit).await.and(Err(unknown())),
            Fault::Conflict => Ok(Outcome::Conflict),
        }
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.ask(Operation::List, self.store.list(listing)).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.ask(Operation::Prune, self.store.prune(before, limit))
            .await
    }
}

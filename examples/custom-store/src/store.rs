//! The four methods, and who waits for whom.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, RwLock},
};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};

use crate::{
    log::Log,
    plan::plan,
    table::{Change, Row, Table},
};

/// A store in a directory of its own, which one process has open at a time.
pub(crate) struct FileStore(Arc<Shared>);

struct Shared {
    /// Who holds this is the only one who changes anything: of concurrent commits the second sees what the first has done.
    log: Mutex<Log>,
    /// Locked for a moment each time, never while anybody waits for the disk.
    table: RwLock<Table>,
}

impl FileStore {
    pub(crate) fn open(directory: impl AsRef<Path>) -> io::Result<Self> {
        let (log, table) = Log::open(directory.as_ref())?;
        let (log, table) = (Mutex::new(log), RwLock::new(table));
        Ok(Self(Arc::new(Shared { log, table })))
    }

    /// Makes what changes `plan` finds on a thread that may wait for the disk, and says how many those were; `None` if it finds
    /// that there must be none.
    ///
    /// "Everything in a commit happens or nothing does, also when the future is dropped": the thread goes on without it.
    async fn change(
        &self,
        plan: impl FnOnce(&Table) -> Option<Vec<Change>> + Send + 'static,
    ) -> Result<Option<usize>, StoreError> {
        let shared = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || shared.change(plan))
            .await
            .map_err(StoreError::unknown)?
    }

    fn read<T>(&self, look: impl FnOnce(&Table) -> T) -> Result<T, StoreError> {
        Ok(look(&*self.0.table.read().map_err(damaged)?))
    }
}

impl Shared {
    fn change(
        &self,
        plan: impl FnOnce(&Table) -> Option<Vec<Change>>,
    ) -> Result<Option<usize>, StoreError> {
        let mut log = self.log.lock().map_err(damaged)?;
        let Some(changes) = plan(&*self.table.read().map_err(damaged)?) else {
            return Ok(None);
        };
        // The file first: nobody reads what a power cut could still undo.
        log.append(&changes)?;
        let count = changes.len();
        let mut table = self.table.write().map_err(damaged)?;
        table.apply(changes);
        drop(table);
        log.shorten(&*self.table.read().map_err(damaged)?);
        Ok(Some(count))
    }
}

#[async_trait]
impl Store for FileStore {
    /// "There are no stale reads": there is one table, and a commit is answered after it is in there.
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.read(|table| table.get(key.digest()).map(Row::to_stored))
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let changed = self.change(move |table| plan(table, commit)).await?;
        Ok(match changed {
            Some(_) => Outcome::Committed,
            None => Outcome::Conflict,
        })
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.read(|table| table.list(listing))
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let oldest = move |table: &Table| {
            let forgettable = table.forgettable(before).take(limit);
            Some(forgettable.map(Change::Remove).collect())
        };
        Ok(self.change(oldest).await?.unwrap_or_default())
    }
}

/// Somebody panicked in the middle of a change. What is in the file is right, but the table may be half of it.
fn damaged<T>(_: std::sync::PoisonError<T>) -> StoreError {
    StoreError::unavailable("a change was interrupted; open the store again")
}

//! The store, `load`, and what happens when the last handle is dropped.

use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _};

use crate::{
    backup::backup,
    commit::apply,
    connection::DatabaseFile,
    error::{BackupError, OpenError},
    list::page,
    prune,
    readers::Readers,
    schema::{stored, stored_columns},
    writer::Writer,
};

/// A store in an SQLite file.
///
/// Clones share the same connections. Dropping the last one waits until the thread that writes has finished what was begun and
/// has moved the log into the database, which takes as long as the disk does.
///
/// Needs no particular async runtime. Reads happen within the poll of their future; they are shorter than the way to another
/// thread and back would be.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file at this path, or creates it, so that only its owner can read it.
    ///
    /// A file of an older version of this software is brought up to date.
    ///
    /// # Errors
    /// If the file cannot be opened, or holds something else, or was written by a newer version of this software.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let file = DatabaseFile::create(path.as_ref())?;
        let writer = Writer::start(file.clone())?;
        let readers = Readers::new(file);
        Ok(Self {
            shared: Arc::new(Shared { readers, writer }),
        })
    }

    /// Copies the database to a file, while it is in use.
    ///
    /// The copy has everything that was acknowledged before this was called, and of every commit all or nothing. It is checked, and
    /// only then put at `path` in one step, in place of what is there, so that only its owner can read it. It is a database
    /// like any other: to restore it, stop the server, remove the database and the files with its name and `-wal` or `-shm` after
    /// it, copy the backup to its place and open it.
    ///
    /// Commits and reads go on meanwhile. The log cannot begin anew before the copy is complete, so there should be space for
    /// what is committed until then. This blocks the thread for as long as reading and writing the file twice takes: in async
    /// code call it where blocking is allowed, as in tokio's `spawn_blocking`.
    ///
    /// A backup holds what the database holds: digests of tokens, names of users, keys of the server.
    ///
    /// # Errors
    /// If the copy cannot be made or is not sound, or if there is a database in use at `path`. What was there is still there then.
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<(), BackupError> {
        backup(self.shared.readers.file(), path.as_ref())
    }
}

impl Drop for Shared {
    /// Then the one that writes, dropped next, is the last connection of this process. If there is no other process either,
    /// SQLite moves the log into the database as it closes.
    fn drop(&mut self) {
        self.readers.close();
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.shared.readers.read(|connection| find(connection, key))
    }

    /// From one snapshot, and one connection.
    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.shared.readers.read(|connection| {
            // A connection that fails in the middle is closed, and the transaction with it.
            connection.prepare_cached("BEGIN")?.execute([])?;
            let records = keys.iter().map(|key| find(connection, key)).collect();
            connection.prepare_cached("COMMIT")?.execute([])?;
            records
        })
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.shared
            .writer
            .run(move |transaction| apply(transaction, &commit))
            .await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.shared
            .readers
            .read(|connection| page(connection, listing))
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        prune::in_steps(limit, |limit| {
            self.shared
                .writer
                .run(move |transaction| prune::prune(transaction, before, limit, &[]))
        })
        .await
    }
}

fn find(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Stored>> {
    const SQL: &str = concat!(
        "SELECT ",
        stored_columns!(),
        " FROM record WHERE digest = ?1"
    );
    connection
        .prepare_cached(SQL)?
        .query_row([key.digest().as_bytes()], stored)
        .optional()
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

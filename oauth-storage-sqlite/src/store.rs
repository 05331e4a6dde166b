//! The store, `load`, and what happens when the last handle is dropped.

use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use rusqlite::OptionalExtension as _;

use crate::{
    commit::apply,
    connection::DatabaseFile,
    error::OpenError,
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
        let writer = Writer::start(file.open_writer()?)?;
        let readers = Readers::new(file);
        Ok(Self {
            shared: Arc::new(Shared { readers, writer }),
        })
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
        const SQL: &str = concat!(
            "SELECT ",
            stored_columns!(),
            " FROM record WHERE digest = ?1"
        );
        self.shared.readers.read(|connection| {
            connection
                .prepare_cached(SQL)?
                .query_row([key.digest().as_bytes()], stored)
                .optional()
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

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

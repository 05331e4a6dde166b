//! What can go wrong.

use std::{io, path::PathBuf, sync::Arc};

use oauth_core::store::StoreError;
use rusqlite::ErrorCode;
use thiserror::Error;

use crate::busy::{PATIENCE, is_busy};

/// A file that could not be opened as a store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file is not there and cannot be created, or may not be read and written.
    #[error("cannot open {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file was written by a newer version of this software, which this one would damage.
    #[error(
        "the database has schema version {found}, and this version of the software knows them up to {known}"
    )]
    TooNew {
        /// The version of the schema in the file.
        found: u32,
        /// The newest that this software knows.
        known: u32,
    },
    /// The file holds something else.
    #[error("the file is not a database of this software")]
    Foreign,
    /// SQLite will not keep a write-ahead log for this file, for example since it is on a network file system.
    #[error("the database does not switch to WAL mode, but stays in mode \"{mode}\"")]
    NoWal {
        /// The mode in which it stays.
        mode: String,
    },
    /// The thread that writes cannot be started.
    #[error("cannot start the thread that writes")]
    Thread(#[source] io::Error),
    /// SQLite failed.
    #[error("SQLite failed to open the database")]
    Sqlite(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            _ => Self::Sqlite(error),
        }
    }
}

/// A backup that could not be made. What was at its path before is still there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file cannot be written.
    #[error("cannot write the backup to {}", path.display())]
    Io {
        /// Where it was to go.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// At the path is the database itself, or another one that is in use or has not been closed: it has a log.
    #[error("{} is a database in use, and no place for a backup", path.display())]
    InUse {
        /// Where the backup was to go.
        path: PathBuf,
    },
    /// The copy is not as it should be.
    #[error("the copy of the database is incomplete or damaged")]
    Incomplete,
    /// SQLite failed.
    #[error("SQLite failed to copy the database")]
    Sqlite(#[from] rusqlite::Error),
}

/// The thread that writes is gone.
#[derive(Debug, Error)]
#[error("the thread that writes to the database has stopped")]
pub(crate) struct WriterStopped;

/// The thread that writes panicked in the middle of this. It goes on with a new connection.
#[derive(Debug, Error)]
#[error("the thread that writes to the database panicked before it could answer")]
pub(crate) struct WriterPanicked;

/// Another connection, mostly of another process, has a lock and keeps it.
#[derive(Debug, Error)]
#[error("another process has kept the database locked for {} seconds", PATIENCE.as_secs())]
pub(crate) struct Busy(#[source] Arc<rusqlite::Error>);

/// A row that no version of this software wrote.
#[derive(Debug, Error)]
#[error("a row of the database has {0}")]
pub(crate) struct DamagedRow(pub(crate) &'static str);

/// What to answer when reading failed.
pub(crate) fn read_failed(error: rusqlite::Error) -> StoreError {
    let is_damage = match &error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => true,
        error => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ),
    };
    if is_damage {
        StoreError::unreadable(error)
    } else {
        unavailable(&Arc::new(error))
    }
}

/// What to answer when SQLite failed and nothing was applied.
pub(crate) fn unavailable(error: &Arc<rusqlite::Error>) -> StoreError {
    if is_busy(error) {
        StoreError::unavailable(Busy(Arc::clone(error)))
    } else {
        StoreError::unavailable(Arc::clone(error))
    }
}

//! The file opened, created or refused.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use crate::{
    busy::{is_busy, wait},
    checkpoint::SIZE_LIMIT,
    error::OpenError,
    schema::{inspect, migrate},
};

/// How many prepared statements a connection keeps: all that there are.
const STATEMENTS: usize = 32;

/// The file of a store, which exists.
#[derive(Clone)]
pub(crate) struct DatabaseFile(PathBuf);

impl DatabaseFile {
    /// Makes sure that there is a file, which only its owner may read if it is new.
    pub(crate) fn create(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io {
            path: path.to_owned(),
            source,
        };
        // Absolute, since the process may change its directory, and so that ":memory:" is a file like any other.
        let path = std::path::absolute(path).map_err(failed)?;
        create_private(&path).map_err(failed)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens the connection that writes, and brings the file up to date.
    pub(crate) fn open_writer(&self) -> Result<Connection, OpenError> {
        let mut connection = self.connect()?;
        // Nothing is changed in a file that is not ours.
        let look = connection.transaction()?;
        inspect(&look)?;
        look.finish()?;
        let mode = use_wal(&connection)?;
        if mode != "wal" {
            return Err(OpenError::NoWal { mode });
        }
        connection.pragma_update(None, "synchronous", "FULL")?;
        // On macOS a flush is only one with this; elsewhere it changes nothing.
        connection.pragma_update(None, "fullfsync", true)?;
        // The log is moved by `checkpoint`, and not within a commit.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "journal_size_limit", SIZE_LIMIT)?;
        let migration = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        migrate(&migration)?;
        migration.commit()?;
        Ok(connection)
    }

    /// Opens a connection that reads.
    pub(crate) fn open_reader(&self) -> rusqlite::Result<Connection> {
        let connection = self.connect()?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// Opens a connection, to do with it whatever its owner wants.
    pub(crate) fn connect(&self) -> rusqlite::Result<Connection> {
        // A reader may write, too: after a crash, whoever comes first recovers the log.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.0, flags)?;
        connection.busy_handler(Some(wait))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise SQLite compiles a statement that compares with `<` anew for each value that is bound to it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    }
}

/// Switches to WAL mode, and says which mode that made.
///
/// SQLite does not ask the busy handler when two connections do this at once, so this asks it.
fn use_wal(connection: &Connection) -> rusqlite::Result<String> {
    let mut attempts = 0;
    loop {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match mode {
            Err(error) if is_busy(&error) && wait(attempts) => attempts += 1,
            mode => return mode,
        }
    }
}

/// SQLite gives its log the permissions that the database has.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

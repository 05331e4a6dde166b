//! The pool of connections that read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use oauth_core::store::StoreError;
use rusqlite::Connection;

use crate::{connection::DatabaseFile, error::read_failed};

/// How many connections wait for their next reader; more are closed when they are no longer needed.
const IDLE: usize = 16;

/// Connections that read.
///
/// A reader takes one for as long as it computes, and awaits nothing meanwhile. So there are never more than threads.
pub(crate) struct Readers {
    file: DatabaseFile,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(file: DatabaseFile) -> Self {
        Self {
            file,
            idle: Mutex::default(),
        }
    }

    pub(crate) fn file(&self) -> &DatabaseFile {
        &self.file
    }

    /// Reads on this thread.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.file.open_reader().map_err(read_failed)?,
        };
        // A connection that has failed is not used again.
        let answer = read(&connection).map_err(read_failed)?;
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(answer)
    }

    /// Closes the connections that wait.
    pub(crate) fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // Pushing and popping leave nothing half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

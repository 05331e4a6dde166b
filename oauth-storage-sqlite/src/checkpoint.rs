//! The log kept short.

use std::time::Duration;

use rusqlite::Connection;

use crate::busy::with_patience;

/// After how many frames the log is moved into the database: 4 MiB of pages, which takes a few milliseconds.
const STEP: i64 = 1000;

/// From how many frames on it is worth waiting for readers, so that the log can begin anew.
const LONG: i64 = 4 * STEP;

/// How long to wait for readers. Those of this software are gone within microseconds.
const PATIENCE: Duration = Duration::from_millis(20);

/// After how long without a commit the log is emptied.
pub(crate) const QUIET: Duration = Duration::from_millis(500);

/// What the file of the log is cut to when it begins anew, in bytes: it does not stay as long as it once was.
pub(crate) const SIZE_LIMIT: i64 = LONG * 4096;

/// Moves the log into the database, between groups of commits, after these have been answered.
///
/// SQLite would do it within a commit that somebody waits for. And it never waits for readers, so that under constant reads and
/// writes there may be none but unlucky moments, and the log grows without end.
#[derive(Default)]
pub(crate) struct Log {
    /// How many frames are in it.
    frames: i64,
    /// From how many frames on to try the next time.
    next: i64,
}

enum Mode {
    /// Looks only. A version of SQLite that does not know it does what is passive.
    Noop,
    /// Moves what no reader still needs in the log, and hinders nobody.
    Passive,
    /// Moves all, and waits until no reader needs the log, so that it begins anew with the next commit.
    Restart,
    /// The same, and cuts the file of the log to nothing.
    Truncate,
}

impl Log {
    /// Takes a look after each group, and moves a step if there is one.
    ///
    /// It may fail, without harm: everything stays in the log then, and the next group tries again.
    pub(crate) fn tend(&mut self, connection: &Connection) {
        let Ok(frames) = checkpoint(connection, &Mode::Noop) else {
            return;
        };
        if frames < self.frames {
            // It has begun anew.
            self.next = 0;
        }
        self.frames = frames;
        if frames < self.next.max(STEP) {
            return;
        }
        let mode = if frames < LONG {
            Mode::Passive
        } else {
            Mode::Restart
        };
        // A reader that stays may be why it does not become shorter. It is not asked after every group.
        self.next = frames + STEP;
        let _ = checkpoint(connection, &mode);
    }

    /// Whether there is something that could be moved while it is quiet.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Empties it, if no reader needs it.
    pub(crate) fn truncate(&mut self, connection: &Connection) {
        if let Ok(frames) = checkpoint(connection, &Mode::Truncate) {
            self.frames = frames;
        }
    }
}

/// Says how many frames are in the log.
fn checkpoint(connection: &Connection, mode: &Mode) -> rusqlite::Result<i64> {
    let sql = match mode {
        Mode::Noop => "PRAGMA wal_checkpoint(NOOP)",
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Restart => "PRAGMA wal_checkpoint(RESTART)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    with_patience(PATIENCE, || {
        // The columns are whether somebody was in the way, the frames in the log, and how many of them are moved.
        connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get(1))
    })
}

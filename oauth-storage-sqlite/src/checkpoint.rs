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

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicBool, Ordering},
            mpsc,
        },
        thread,
    };

    use super::*;
    use crate::connection::DatabaseFile;

    /// A reader that is there whenever one looks, and leaves only when a checkpoint waits for it: that holds the lock of who
    /// writes meanwhile.
    fn leave_when_waited_for(file: &DatabaseFile, ready: &mpsc::Sender<()>, done: &AtomicBool) {
        let reader = file.connect().unwrap();
        let look = "BEGIN; SELECT count(*) FROM record;";
        reader.execute_batch(look).unwrap();
        let probe = file.connect().unwrap();
        probe.busy_timeout(Duration::ZERO).unwrap();
        ready.send(()).unwrap();
        while !done.load(Ordering::Relaxed)
            && probe.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok()
        {}
    }

    #[test]
    fn a_long_log_begins_anew_although_there_is_always_a_reader() {
        let directory = tempfile::tempdir().unwrap();
        let file = DatabaseFile::create(&directory.path().join("test.db")).unwrap();
        let writer = file.open_writer().unwrap();
        writer
            .execute_batch("CREATE TABLE filling (bytes BLOB)")
            .unwrap();
        let fill = |pages: i64| {
            let sql = "INSERT INTO filling VALUES (zeroblob(?1))";
            writer.execute(sql, [pages * 4096]).unwrap();
        };
        let mut log = Log::default();
        // A machine that is busy may let the patience of one checkpoint pass before the reader runs again.
        for _ in 0..20 {
            fill(LONG);
            let done = AtomicBool::new(false);
            thread::scope(|scope| {
                let (ready, is_ready) = mpsc::channel();
                let (file, done) = (&file, &done);
                scope.spawn(move || leave_when_waited_for(file, &ready, done));
                is_ready.recv().unwrap();
                log.tend(&writer);
                fill(1);
                log.tend(&writer);
                done.store(true, Ordering::Relaxed);
            });
            if log.frames < STEP {
                return;
            }
        }
        panic!("the log has {} frames", log.frames);
    }
}

//! How long to wait for a lock that another connection holds.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use rusqlite::ErrorCode;

/// How long a commit or a read waits for others, before it is `unavailable`.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

thread_local! {
    static PATIENCE_NOW: Cell<Duration> = const { Cell::new(PATIENCE) };
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The busy handler of every connection: asks again after a millisecond, until patience ends.
///
/// SQLite's own `busy_timeout` waits ever longer, up to 100 ms, and would starve beside a process that writes all the time.
pub(crate) fn wait(attempts: i32) -> bool {
    if attempts == 0 {
        SINCE.set(Some(Instant::now()));
    }
    thread::sleep(Duration::from_millis(1));
    SINCE
        .get()
        .is_none_or(|since| since.elapsed() < PATIENCE_NOW.get())
}

/// Does something on this thread that shall wait no longer than this.
pub(crate) fn with_patience<T>(patience: Duration, something: impl FnOnce() -> T) -> T {
    let before = PATIENCE_NOW.replace(patience);
    let answer = something();
    PATIENCE_NOW.set(before);
    answer
}

/// Whether an error says that another connection holds a lock, whichever: also that of who recovers the log, and also if
/// what was read is outdated meanwhile.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn every_kind_of_busy_is_busy() {
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_BUSY_RECOVERY,
            ffi::SQLITE_BUSY_TIMEOUT,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_PROTOCOL,
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert!(is_busy(&error), "{error:?}");
        }
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None);
        assert!(!is_busy(&error));
    }
}

//! Copies of the file, made while it is in use.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use crate::{
    connection::{DatabaseFile, create_private},
    error::BackupError,
};

/// Copies the database to `path`, and replaces what is there at once, when the copy is complete and has been checked.
pub(crate) fn backup(file: &DatabaseFile, path: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Io {
        path: path.to_owned(),
        source,
    };
    let path = std::path::absolute(path).map_err(failed)?;
    refuse_database_in_use(file, &path)?;
    let partial = Partial::beside(&path).map_err(failed)?;
    copy(file, &partial.0)?;
    File::open(&partial.0)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&partial.0, &path))
        .and_then(|()| sync_directory(&path))
        .map_err(failed)
}

/// A copy in the place of a database that is open, or that has a log, would be damaged by that log.
fn refuse_database_in_use(file: &DatabaseFile, path: &Path) -> Result<(), BackupError> {
    let is_log_there = ["-wal", "-journal"].iter().any(|suffix| {
        let mut log = path.as_os_str().to_owned();
        log.push(suffix);
        Path::new(&log).exists()
    });
    let is_own = match (fs::canonicalize(path), fs::canonicalize(file.path())) {
        (Ok(path), Ok(own)) => path == own,
        _ => false,
    };
    if is_log_there || is_own {
        return Err(BackupError::InUse {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn copy(file: &DatabaseFile, path: &Path) -> Result<(), BackupError> {
    let source = file.connect()?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(path, flags)?;
    // The whole file is flushed at the end.
    copy.pragma_update(None, "synchronous", "OFF")?;
    let backup = Backup::new(&source, &mut copy)?;
    // All in one step, so from one snapshot. In several it would begin again after each commit in between.
    if backup.step(-1)? != StepResult::Done {
        return Err(BackupError::Incomplete);
    }
    drop(backup);
    // A copy is one file, without a log. The store switches it back when it is opened.
    let mode: String =
        copy.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    let verdict: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if mode != "delete" || verdict != "ok" {
        return Err(BackupError::Incomplete);
    }
    copy.close().map_err(|(_, error)| error.into())
}

/// A file that is removed unless it has been renamed.
struct Partial(PathBuf);

impl Partial {
    fn beside(path: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = path
            .file_name()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
        let mut partial = OsString::from(OsStr::new("."));
        partial.push(name);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        partial.push(format!(".{}-{number}.partial", process::id()));
        let partial = path.with_file_name(partial);
        // One that a process with this number left behind when it was killed.
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        create_private(&partial)?;
        Ok(Self(partial))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // There is none any more if it was renamed.
        let _ = fs::remove_file(&self.0);
        let mut journal = self.0.clone().into_os_string();
        journal.push("-journal");
        let _ = fs::remove_file(journal);
    }
}

/// Makes a renaming last. Windows has no way to, and does not need it.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) if cfg!(unix) => File::open(directory)?.sync_all(),
        _ => Ok(()),
    }
}

//! The file: a line for each commit, complete or not there.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth_core::store::StoreError;
use sha2::{Digest as _, Sha256};

use crate::table::{Change, Table};

/// Bytes of a line that tell whether the others are as they were written.
const CHECKSUM: usize = 8;
/// How long the file may be whatever is in it.
const ALLOWANCE: u64 = 1024 * 1024;

pub(crate) struct Log {
    directory: PathBuf,
    /// `None` once something went wrong with it: nobody then knows what is in it, and only opening it again tells.
    file: Option<File>,
    length: u64,
    /// From which length on it is written anew, without what is no longer so.
    too_long: u64,
    /// Held as long as the store is open, so that no other process opens it.
    _lock: File,
}

impl Log {
    /// Opens the log in `directory`, or begins one, and reads it.
    pub(crate) fn open(directory: &Path) -> io::Result<(Self, Table)> {
        fs::create_dir_all(directory)?;
        let lock = File::create(directory.join("lock"))?;
        lock.try_lock()?;
        let mut table = Table::default();
        match fs::read(directory.join("records")) {
            Ok(bytes) => read(&bytes, &mut table)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut log = Self {
            directory: directory.to_owned(),
            file: None,
            length: 0,
            too_long: 0,
            _lock: lock,
        };
        // Which also leaves out the half of a line that may be at the end.
        log.rewrite(&table)?;
        Ok((log, table))
    }

    /// Writes a commit, and returns when it will be there after a power cut.
    pub(crate) fn append(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let line = line(changes).map_err(StoreError::unavailable)?;
        // Out of its place while it is written to: it only gets back there if all went well.
        let Some(mut file) = self.file.take() else {
            let reason = "the file could not be written; open the store again";
            return Err(StoreError::unavailable(reason));
        };
        // "StoreError::unknown if the store cannot tell": after a failed write or sync, the line may be there or not.
        file.write_all(&line).map_err(StoreError::unknown)?;
        file.sync_data().map_err(StoreError::unknown)?;
        self.file = Some(file);
        self.length += line.len() as u64;
        Ok(())
    }

    /// Writes the file anew if it has become long. The commit before is done, so its answer does not depend on this.
    pub(crate) fn shorten(&mut self, table: &Table) {
        if self.length > self.too_long
            && self.file.take().is_some()
            && let Err(error) = self.rewrite(table)
        {
            eprintln!("the file could not be written anew: {error}");
        }
    }

    /// Replaces the file by one that says what is in the table, at one stroke: the new one is complete before it has the name.
    fn rewrite(&mut self, table: &Table) -> io::Result<()> {
        let new = self.directory.join("records.new");
        let mut writer = BufWriter::new(File::create(&new)?);
        let mut length = 0;
        for (digest, row) in table.rows() {
            let line = line(&[Change::Put(*digest, row.clone())])?;
            writer.write_all(&line)?;
            length += line.len() as u64;
        }
        let file = writer.into_inner()?;
        file.sync_all()?;
        fs::rename(new, self.directory.join("records"))?;
        // The name is in the directory, and the directory's name in the one above.
        File::open(&self.directory)?.sync_all()?;
        File::open(self.directory.join(".."))?.sync_all()?;
        self.file = Some(file);
        self.length = length;
        self.too_long = 2 * length + ALLOWANCE;
        Ok(())
    }
}

/// Applies what the lines say.
///
/// A crash can leave the last line incomplete: its commit was never acknowledged, and did not happen. Any other line that cannot
/// be read is damage, and going on without it would bring back what was spent.
fn read(bytes: &[u8], table: &mut Table) -> io::Result<()> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        match changes(line) {
            Some(changes) => table.apply(changes),
            None if lines.peek().is_none() => {}
            None => {
                let reason = "a line in the middle of the file is damaged";
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            }
        }
    }
    Ok(())
}

fn line(changes: &[Change]) -> io::Result<Vec<u8>> {
    let content = postcard::to_allocvec(changes).map_err(io::Error::other)?;
    let content = [&checksum(&content)[..], &content].concat();
    Ok((URL_SAFE_NO_PAD.encode(content) + "\n").into_bytes())
}

/// What a line says; `None` if it is not as it was written.
fn changes(line: &[u8]) -> Option<Vec<Change>> {
    let content = URL_SAFE_NO_PAD.decode(line.strip_suffix(b"\n")?).ok()?;
    let (sum, content) = content.split_first_chunk()?;
    (*sum == checksum(content)).then_some(())?;
    postcard::from_bytes(content).ok()
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&Sha256::digest(content)[..CHECKSUM]);
    sum
}

#[cfg(test)]
mod tests {
    use oauth_core::store::{Digest, Key, Kind, Realm, Record, Role, StoreErrorKind, Version};
    use tempfile::TempDir;

    use super::*;
    use crate::table::Row;

    fn put(name: u8) -> Change {
        let record = Record {
            key: Key::new(&Realm::default(), Kind::CODE, &[&[name]]),
            role: Role::Single,
            owner: None,
            forget_at: oauth_core::time::Timestamp::MAX,
            body: [name].into(),
        };
        let digest = *record.key.digest();
        let row = Row::new(record, Version::from_bytes([name; 16]), false);
        Change::Put(digest, row)
    }

    fn digest(change: &Change) -> Digest {
        let (Change::Put(digest, _) | Change::Remove(digest)) = change;
        *digest
    }

    /// A directory with one commit of `first`, and one of `second` and `third` together.
    fn written() -> TempDir {
        let directory = TempDir::new().unwrap();
        let (mut log, _) = Log::open(directory.path()).unwrap();
        log.append(&[put(1)]).unwrap();
        log.append(&[put(2), put(3)]).unwrap();
        directory
    }

    fn found(directory: &TempDir) -> [bool; 3] {
        let (_, table) = Log::open(directory.path()).unwrap();
        [1, 2, 3].map(|name| table.get(&digest(&put(name))).is_some())
    }

    #[test]
    fn half_a_line_is_a_commit_that_did_not_happen() {
        let directory = written();
        let records = directory.path().join("records");
        let whole = fs::read(&records).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert_eq!(found(&directory), [true; 3]);
        for length in first..whole.len() {
            fs::write(&records, &whole[..length]).unwrap();
            assert_eq!(found(&directory), [true, false, false], "{length}");
        }
        // As some file systems leave it: as long as it should be, but not written.
        for length in first..whole.len() {
            let mut zeros = whole.clone();
            zeros[length..].fill(0);
            fs::write(&records, &zeros).unwrap();
            assert_eq!(found(&directory), [true, false, false], "{length}");
        }
    }

    #[test]
    fn damage_in_the_middle_is_refused() {
        let directory = written();
        let records = directory.path().join("records");
        let whole = fs::read(&records).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for at in 0..first {
            let mut damaged = whole.clone();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            fs::write(&records, &damaged).unwrap();
            assert!(Log::open(directory.path()).is_err(), "{at}");
            assert_eq!(fs::read(&records).unwrap(), damaged, "it is left as it is");
        }
    }

    #[test]
    fn after_a_failure_nothing_is_written_until_it_is_opened_again() {
        let directory = written();
        let (mut log, _) = Log::open(directory.path()).unwrap();
        // Opened for reading only, so that writing fails.
        log.file = Some(File::open(directory.path().join("records")).unwrap());
        for kind in [StoreErrorKind::Unknown, StoreErrorKind::Unavailable] {
            assert_eq!(log.append(&[put(4)]).unwrap_err().kind(), kind);
        }
        log.length = u64::MAX;
        log.shorten(&Table::default());
        drop(log);
        assert_eq!(found(&directory), [true; 3]);
    }

    #[test]
    fn one_has_it_open_at_a_time() {
        let directory = TempDir::new().unwrap();
        let open = Log::open(directory.path()).unwrap();
        assert!(Log::open(directory.path()).is_err());
        drop(open);
        assert!(Log::open(directory.path()).is_ok());
    }

    #[test]
    fn what_is_no_longer_so_leaves_the_file() {
        let directory = TempDir::new().unwrap();
        let (mut log, mut table) = Log::open(directory.path()).unwrap();
        for _ in 0..100 {
            let changes: Vec<_> = (0..100).map(|_| put(1)).collect();
            log.append(&changes).unwrap();
            table.apply(changes);
            log.shorten(&table);
        }
        let length = fs::metadata(directory.path().join("records"))
            .unwrap()
            .len();
        assert_eq!(length, log.length);
        assert!(length < ALLOWANCE + ALLOWANCE / 10, "{length}");
        drop(log);
        assert_eq!(found(&directory), [true, false, false]);
    }
}

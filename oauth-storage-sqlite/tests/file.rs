//! The file of a store: what is created, what is refused, and what is there when it is opened again.

use std::{error::Error as _, path::Path};

use oauth_core::{
    store::{Commit, Key, Kind, Outcome, Realm, Record, Role, Store as _, StoreErrorKind, Version},
    time::Timestamp,
};
use oauth_storage_sqlite::{OpenError, SqliteStore};
use rusqlite::Connection;

fn key() -> Key {
    Key::new(&Realm::default(), Kind::CODE, &[b"code"])
}

fn creation() -> Commit {
    Commit::new(Version::from_bytes([7; 16])).create(Record {
        key: key(),
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::from(*b"body"),
    })
}

#[tokio::test]
async fn a_commit_is_there_when_the_file_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    let store = SqliteStore::open(&path).unwrap();
    let clone = store.clone();
    drop(store);
    assert_eq!(clone.commit(creation()).await.unwrap(), Outcome::Committed);
    drop(clone);
    let files: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(files, ["oauth.db"], "the last handle leaves no log behind");
    let store = SqliteStore::open(&path).unwrap();
    let stored = store.load(&key()).await.unwrap().unwrap();
    assert_eq!(*stored.body, *b"body");
    assert_eq!(store.commit(creation()).await.unwrap(), Outcome::Conflict);
}

#[tokio::test]
async fn two_stores_over_one_file_see_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    let [one, other] = [0; 2].map(|_| SqliteStore::open(&path).unwrap());
    assert!(other.load(&key()).await.unwrap().is_none());
    assert_eq!(one.commit(creation()).await.unwrap(), Outcome::Committed);
    assert!(other.load(&key()).await.unwrap().is_some());
    assert_eq!(other.commit(creation()).await.unwrap(), Outcome::Conflict);
}

#[tokio::test]
async fn several_records_load_at_once_as_they_were_asked_for_and_after_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("oauth.db")).unwrap();
    let absent = Key::new(&Realm::default(), Kind::CODE, &[b"another"]);
    let keys = [key(), absent.clone(), key(), absent];
    for expected in [[false; 4], [true, false, true, false]] {
        let found = store.load_all(&keys).await.unwrap();
        let found: Vec<_> = found.iter().map(Option::is_some).collect();
        // The second time, the snapshot of the first is not in the way.
        assert_eq!(found, expected);
        let _ = store.commit(creation()).await.unwrap();
    }
    assert!(store.load_all(&[]).await.unwrap().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_a_new_file_and_its_log() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("oauth.db")).unwrap();
    assert_eq!(store.commit(creation()).await.unwrap(), Outcome::Committed);
    let mut files = 0;
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log, and the index of that");
}

#[test]
fn a_file_of_newer_software_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    drop(SqliteStore::open(&path).unwrap());
    let version = |number: u32| {
        let connection = Connection::open(&path).unwrap();
        connection
            .pragma_update(None, "user_version", number)
            .unwrap();
    };
    version(99);
    let before = std::fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::TooNew {
                found: 99,
                known: 1
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("version 99"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    version(1);
    SqliteStore::open(&path).unwrap();
}

#[test]
fn a_file_with_something_else_in_it_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let application = directory.path().join("application.db");
    let connection = Connection::open(&application).unwrap();
    connection
        .execute_batch("CREATE TABLE user (id INTEGER)")
        .unwrap();
    drop(connection);
    let versioned = directory.path().join("versioned.db");
    let connection = Connection::open(&versioned).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let text = directory.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database at all, but a text of some length ".repeat(40),
    )
    .unwrap();
    for path in [application, versioned, text] {
        let before = std::fs::read(&path).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(
            matches!(error, OpenError::Foreign),
            "{}: {error:?}",
            path.display()
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_path_that_leads_nowhere_is_named() {
    let path = Path::new("/no such directory/oauth.db");
    let error = SqliteStore::open(path).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
    assert!(
        error.to_string().contains("/no such directory/oauth.db"),
        "{error}"
    );
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_file_that_is_damaged_under_way_is_an_error_and_not_an_absence() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.commit(creation()).await.unwrap(), Outcome::Committed);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute("UPDATE record SET version = x'00'", [])
        .unwrap();
    let error = store.load(&key()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreadable);
}

//! Backups of a database in use.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use common::{change, create, id, is_there, key, record};
use oauth_core::store::{Outcome, Store as _};
use oauth_storage_sqlite::{BackupError, SqliteStore};

const TASKS: u64 = 16;
/// Of each task.
type Counts = [u64; 16];

/// Each commit is a record that stays, and one that the next commit removes.
async fn commit(store: &SqliteStore, task: u64, number: u64) {
    let mut commit = change(task, number)
        .create(record(key("stays", task, number)))
        .create(record(key("passes", task, number)));
    if let Some(before) = number.checked_sub(1) {
        commit = commit.remove(key("passes", task, before), id(task, before));
    }
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
}

/// How many commits of a task are in a store; fails if one is half there.
async fn whole(store: &SqliteStore, task: u64) -> u64 {
    let mut made = 0;
    while is_there(store, &key("stays", task, made)).await {
        made += 1;
    }
    for number in 0..made + 2 {
        assert_eq!(
            is_there(store, &key("passes", task, number)).await,
            number + 1 == made,
            "commit {number} of {made} of task {task} is half there"
        );
    }
    made
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_under_way_has_all_that_was_acknowledged_and_nothing_half() {
    let directory = tempfile::tempdir().unwrap();
    let copies = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("oauth.db")).unwrap();
    // Enough for a copy to take longer than a commit.
    for number in 0..2_000 {
        create(&store, TASKS, number).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(Mutex::new(Counts::default()));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, stop) = (store.clone(), Arc::clone(&stop));
            let acknowledged = Arc::clone(&acknowledged);
            tokio::spawn(async move {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    commit(&store, task, number).await;
                    number += 1;
                    acknowledged.lock().unwrap()[usize::try_from(task).unwrap()] = number;
                }
            })
        })
        .collect();
    let path = copies.path().join("copy.db");
    let mut committed_meanwhile = 0;
    let mut rounds = 0;
    // A copy may be faster than a commit, but not a hundred times.
    while rounds < 5 || committed_meanwhile == 0 {
        rounds += 1;
        assert!(rounds < 100, "commits wait until a backup is done");
        let (store, target) = (store.clone(), path.clone());
        let before = *acknowledged.lock().unwrap();
        tokio::task::spawn_blocking(move || store.backup_to(target))
            .await
            .unwrap()
            .unwrap();
        let after = *acknowledged.lock().unwrap();
        assert_eq!(files(copies.path()), ["copy.db"]);
        committed_meanwhile += after.iter().sum::<u64>() - before.iter().sum::<u64>();
        // As whoever restores it: copied to its place, and opened there.
        let place = tempfile::tempdir().unwrap();
        std::fs::copy(&path, place.path().join("oauth.db")).unwrap();
        let copy = SqliteStore::open(place.path().join("oauth.db")).unwrap();
        for (task, before) in (0..TASKS).zip(before) {
            let made = whole(&copy, task).await;
            assert!(
                made >= before,
                "{before} commits of task {task} were acknowledged, and {made} are in the copy"
            );
            // It is a store like any other.
            commit(&copy, task, made).await;
        }
        assert!(is_there(&copy, &key("record", TASKS, 1_999)).await);
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_a_backup_whatever_was_there_before() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("oauth.db")).unwrap();
    create(&store, 0, 0).await;
    let path = directory.path().join("copy.db");
    std::fs::write(&path, "an older one").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    store.backup_to(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let copy = SqliteStore::open(&path).unwrap();
    assert!(is_there(&copy, &key("record", 0, 0)).await);
}

#[tokio::test]
async fn a_database_in_use_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let [path, other] = ["oauth.db", "other.db"].map(|name| directory.path().join(name));
    let store = SqliteStore::open(&path).unwrap();
    let second = SqliteStore::open(&other).unwrap();
    create(&second, 1, 1).await;
    for target in [&path, &other] {
        let error = store.backup_to(target).unwrap_err();
        assert!(matches!(error, BackupError::InUse { .. }), "{error:?}");
    }
    assert!(is_there(&second, &key("record", 1, 1)).await);
    drop(second);
    store.backup_to(&other).unwrap();
}

#[tokio::test]
async fn a_backup_that_fails_leaves_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    let store = SqliteStore::open(&path).unwrap();
    create(&store, 0, 0).await;
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy.db");
    std::fs::write(&copy, "an older one").unwrap();
    // Nothing of this file can be moved to a directory that is not there.
    let nowhere = copies.path().join("no such directory").join("copy.db");
    let error = store.backup_to(nowhere).unwrap_err();
    assert!(matches!(error, BackupError::Io { .. }), "{error:?}");
    // Damage far from where opening looks.
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 4096;
    bytes[last..].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let error = store.backup_to(&copy).unwrap_err();
    assert!(
        matches!(error, BackupError::Incomplete | BackupError::Sqlite(_)),
        "{error:?}"
    );
    assert_eq!(files(copies.path()), ["copy.db"]);
    assert_eq!(std::fs::read(&copy).unwrap(), b"an older one");
}

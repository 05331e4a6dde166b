//! The log stays short, whoever reads and writes.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use common::{change, create, id, is_there, key, record};
use oauth_core::store::{Outcome, Store as _};
use oauth_storage_sqlite::SqliteStore;
use rusqlite::Connection;

const MEBIBYTE: u64 = 1 << 20;

/// How long the log may become while nobody holds it up: four steps of 1,000 pages, and what one group adds.
const BOUND: u64 = 20 * MEBIBYTE;

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

/// Commits so often, from eight tasks, replacing what is there: a log that is never moved would have grown by 8 KiB each time
/// at least.
async fn churn(store: &SqliteStore, round: u64, commits: u64) {
    const TASKS: u64 = 8;
    let tasks = (0..TASKS).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            let task = round * TASKS + task;
            create(&store, task, 0).await;
            for number in 1..commits / TASKS {
                let mut record = record(key("record", task, 0));
                record.body = number.to_be_bytes().repeat(1_250).into();
                let replace = change(task, number).replace(record, id(task, number - 1));
                assert_eq!(store.commit(replace).await.unwrap(), Outcome::Committed);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_bounded_while_readers_come_and_go_and_is_gone_when_it_is_quiet() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    let log = log_of(&path);
    let store = SqliteStore::open(&path).unwrap();
    create(&store, 1_000_000, 0).await;

    // Constant readers, of this process and beside it.
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, stop) = (store.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    assert!(is_there(&store, &key("record", 1_000_000, 0)).await);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 0..3 {
        churn(&store, round, 1_600).await;
        assert!(size(&log) < BOUND, "{} in round {round}", size(&log));
    }

    // One that stays keeps the log from beginning anew, for as long as it stays.
    let mut other = Connection::open(&path).unwrap();
    let snapshot = other.transaction().unwrap();
    let count =
        |reader: &Connection| reader.query_row("SELECT count(*) FROM record", [], |row| row.get(0));
    let before: i64 = count(&snapshot).unwrap();
    churn(&store, 3, 2_400).await;
    assert!(size(&log) > BOUND, "{}", size(&log));
    assert_eq!(count(&snapshot), Ok(before));
    snapshot.finish().unwrap();
    churn(&store, 4, 2_400).await;
    assert!(size(&log) < BOUND, "{}", size(&log));

    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    drop(other);
    // Nothing is asked any more. Of how long that takes nothing is said here, but it comes.
    while size(&log) > 0 {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(is_there(&store, &key("record", 0, 0)).await);
}

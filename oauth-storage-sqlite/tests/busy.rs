//! Another process that holds the lock: for a while it is waited for, and after that it is no commit's fault.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use std::{
    env,
    error::Error as _,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{change, create, is_there, key, record};
use oauth_core::store::{Store as _, StoreErrorKind};
use oauth_storage_sqlite::SqliteStore;
use rusqlite::Connection;

/// The file that a child is to lock.
const FILE: &str = "OAUTH_TEST_FILE";

/// Starts a process that takes the lock, and waits until it has it. It keeps it until its standard input ends.
fn lock(test: &str, path: &Path) -> Child {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(FILE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("locked")));
    child
}

/// What the child does.
fn hold(path: impl AsRef<Path>) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("BEGIN IMMEDIATE; UPDATE record SET body = x'00'")
        .unwrap();
    println!("\nlocked");
    std::io::stdout().flush().unwrap();
    std::io::stdin().lines().for_each(drop);
    connection.execute_batch("ROLLBACK").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_kept_is_unavailable_with_a_reason_and_reads_go_on() {
    if let Some(path) = env::var_os(FILE) {
        hold(path);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    let store = SqliteStore::open(&path).unwrap();
    create(&store, 0, 0).await;
    let mut child = lock(
        "a_lock_that_is_kept_is_unavailable_with_a_reason_and_reads_go_on",
        &path,
    );

    let began = Instant::now();
    let create_one = |number| change(0, number).create(record(key("record", 0, number)));
    let (one, other) = tokio::join!(store.commit(create_one(1)), store.commit(create_one(2)));
    for failed in [one, other] {
        let failed = failed.unwrap_err();
        assert_eq!(failed.kind(), StoreErrorKind::Unavailable);
        let source = failed.source().unwrap().to_string();
        assert!(
            source.contains("another process has kept the database locked for 5 seconds"),
            "{source}"
        );
    }
    assert!(
        began.elapsed() >= Duration::from_secs(5),
        "it has given up before that"
    );
    assert!(is_there(&store, &key("record", 0, 0)).await);
    assert!(!is_there(&store, &key("record", 0, 1)).await);

    // It lets go while a commit waits.
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { create(&store, 0, 3).await }
    });
    drop(child.stdin.take());
    waiting.await.unwrap();
    assert!(child.wait().unwrap().success());
    assert!(is_there(&store, &key("record", 0, 3)).await);
}

/// A process that dies with the lock leaves none behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_dies_with_its_process() {
    if let Some(path) = env::var_os(FILE) {
        hold(path);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    let store = SqliteStore::open(&path).unwrap();
    let mut child = lock("a_lock_dies_with_its_process", &path);
    child.kill().unwrap();
    child.wait().unwrap();
    create(&store, 0, 0).await;
}

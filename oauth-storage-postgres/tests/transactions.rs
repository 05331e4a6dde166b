//! Commits at the seams of a transaction: between its statements, and when there is none.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use common::{Schema, raw};
use oauth_core::{
    store::{
        Commit, Key, Kind, Outcome, Realm, Record, Role, Store as _, StoreError, StoreErrorKind,
        Version,
    },
    time::Timestamp,
};
use oauth_storage_postgres::PostgresStore;
use throwaway::{Lease, relay};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

fn key(number: u8) -> Key {
    Key::new(&Realm::default(), Kind::GRANT, &[&[number]])
}

fn digest(number: u8) -> Vec<u8> {
    key(number).digest().as_bytes().to_vec()
}

fn record(number: u8, role: Role) -> Record {
    Record {
        key: key(number),
        role,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::default(),
    }
}

fn change(number: u8) -> Commit {
    Commit::new(Version::from_bytes([number; 16]))
}

/// The numbers of the commits that wrote these records.
async fn versions<const N: usize>(store: &PostgresStore, numbers: [u8; N]) -> Vec<Option<u8>> {
    let found = store.load_all(&numbers.map(key)).await.unwrap();
    found
        .iter()
        .map(|found| Some(found.as_ref()?.version.as_bytes()[0]))
        .collect()
}

/// Statements that are sent behind a `BEGIN` that fails (since it was cancelled, for example) are not carried out one by one.
#[tokio::test]
async fn without_a_transaction_nothing_is_written() {
    let Some(server) = Lease::postgres() else {
        return throwaway::skip("PostgreSQL");
    };
    let schema = Schema::new(server.url()).await;
    let fails = Arc::new(AtomicBool::new(false));
    let failing = Arc::clone(&fails);
    let spoil = move |bytes: &mut [u8]| {
        let begin = bytes.windows(5).position(|word| word == b"BEGIN");
        if let Some(begin) = begin.filter(|_| failing.load(Ordering::SeqCst)) {
            bytes[begin] = b'X';
        }
    };
    let url = relay(&schema.url, spoil, || {}).await;
    let store = PostgresStore::connect_with(&url, 1).await.unwrap();
    let opening = change(1)
        .create(record(1, Role::Anchor))
        .create(record(2, Role::Member(key(1).family())))
        .create(record(3, Role::Single));
    assert_eq!(store.commit(opening).await.unwrap(), Outcome::Committed);

    fails.store(true, Ordering::SeqCst);
    let everything = change(2)
        .replace(record(3, Role::Single), Version::from_bytes([1; 16]))
        .create(record(4, Role::Single))
        .end(key(1).family(), Timestamp::MAX);
    let error = store.commit(everything.clone()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    let later = Timestamp::MAX;
    assert!(store.prune(later, 10).await.is_err());
    let found = versions(&store, [1, 2, 3, 4]).await;
    assert_eq!(found, [Some(1), Some(1), Some(1), None]);

    // The connection is as good as before.
    fails.store(false, Ordering::SeqCst);
    assert_eq!(store.commit(everything).await.unwrap(), Outcome::Committed);
    assert_eq!(store.prune(later, 10).await.unwrap(), 3);
}

/// An end that waits for an anchor, which is then forgotten, holds its place: who puts it again comes after the end, and whose
/// members were there before are gone.
#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_is_forgotten_and_put_again_does_not_keep_its_old_members() {
    let Some(server) = Lease::postgres() else {
        return throwaway::skip("PostgreSQL");
    };
    let schema = Schema::new(server.url()).await;
    let store = PostgresStore::connect(&schema.url).await.unwrap();
    // Anchors are taken in the order of their digests, so an end of both can be halted between them.
    let mut anchors = [1, 2];
    anchors.sort_unstable_by_key(|number| *key(*number).digest());
    let [first, second] = anchors;
    let opening = change(1)
        .create(record(first, Role::Anchor))
        .create(record(second, Role::Anchor))
        .create(record(3, Role::Member(key(first).family())));
    assert_eq!(store.commit(opening).await.unwrap(), Outcome::Committed);
    let (forgetting, halting) = (raw(&schema.url).await, raw(&schema.url).await);
    let forgetter = lock(&forgetting, first).await;
    let halter = lock(&halting, second).await;
    let watching = raw(&schema.url).await;

    let ending = change(2)
        .end(key(first).family(), Timestamp::MAX)
        .end(key(second).family(), Timestamp::MAX);
    let ending = spawn(&store, ending);
    let ender = until_one_waits_for(&watching, forgetter, || false)
        .await
        .unwrap();
    let forget = "DELETE FROM oauth_record WHERE digest = $1";
    forgetting.execute(forget, &[&digest(first)]).await.unwrap();
    forgetting.batch_execute("COMMIT").await.unwrap();
    until_one_waits_for(&watching, halter, || false).await;

    let again = change(3)
        .create(record(first, Role::Anchor))
        .create(record(4, Role::Member(key(first).family())));
    let again = spawn(&store, again);
    until_one_waits_for(&watching, ender, || again.is_finished()).await;
    halting.batch_execute("COMMIT").await.unwrap();
    assert_eq!(ending.await.unwrap().unwrap(), Outcome::Committed);
    assert_eq!(again.await.unwrap().unwrap(), Outcome::Committed);
    let found = versions(&store, [first, second, 3, 4]).await;
    assert_eq!(found, [Some(3), Some(2), None, Some(3)]);
}

fn spawn(store: &PostgresStore, commit: Commit) -> JoinHandle<Result<Outcome, StoreError>> {
    let store = store.clone();
    tokio::spawn(async move { store.commit(commit).await })
}

/// Begins a transaction that locks a record, and says which process of the database has it.
async fn lock(client: &Client, number: u8) -> i32 {
    client.batch_execute("BEGIN").await.unwrap();
    let sql = "SELECT pg_backend_pid() FROM oauth_record WHERE digest = $1 FOR UPDATE";
    client
        .query_one(sql, &[&digest(number)])
        .await
        .unwrap()
        .get(0)
}

/// Looks until a process waits for this one, and says which; or until there is no more to wait for.
async fn until_one_waits_for(client: &Client, pid: i32, or: impl Fn() -> bool) -> Option<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)) LIMIT 1";
    while !or() {
        if let Some(row) = client.query_opt(sql, &[&pid]).await.unwrap() {
            return Some(row.get(0));
        }
    }
    None
}

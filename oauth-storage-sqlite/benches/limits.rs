//! How far the store is from what SQLite itself can do, as ratios taken in one run: `cargo bench -p oauth-storage-sqlite`.
//!
//! Issuing is compared with a ceiling: a thread with a plain connection in the same mode, to the same table with the same indexes,
//! that inserts the same rows with one prepared statement, as many in a transaction as wait at the moment, and answers the
//! same tasks through the same channels. It checks nothing, prunes nothing, and knows no commits. Reading is compared with the
//! same statement on a plain connection. Rounds alternate, so that a noisy machine is noisy for both; the median of the
//! ratios counts.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "this is a measurement: what fails shall stop it, and what is counted is far from 2^52"
)]

use std::{
    iter,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use futures_channel::oneshot;
use oauth_core::{
    store::{Commit, Key, Kind, Outcome, Realm, Record, Role, Store as _, Version},
    time::Timestamp,
};
use oauth_storage_sqlite::SqliteStore;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::runtime::Runtime;

/// How long each side runs in a round.
const ROUND: Duration = Duration::from_millis(1500);
const ROUNDS: usize = 5;
/// As in the store.
const GROUP: usize = 512;

fn main() {
    // `cargo test --all-targets` runs this, too, and does not say so.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("measures something with `cargo bench` only");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    println!("commits of one access token, each answered when it is on the disk");
    println!(
        "callers   store/s  ceiling/s  ratio (median of {ROUNDS})  longest, in ms: store  ceiling"
    );
    for callers in [1, 8, 64] {
        commits(&runtime, callers);
    }
    println!("point reads among 100,000 records, on one thread");
    reads(&runtime);
}

fn commits(runtime: &Runtime, callers: u64) {
    let rounds: Vec<(Speed, Speed)> = (0..ROUNDS)
        .map(|_| {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("store.db");
            let store = Arc::new(SqliteStore::open(&path).unwrap());
            let ours = runtime.block_on(rate(callers, move |number| {
                let store = Arc::clone(&store);
                async move {
                    let outcome = store.commit(creation(number)).await.unwrap();
                    assert_eq!(outcome, Outcome::Committed);
                }
            }));
            let path = directory.path().join("ceiling.db");
            let ceiling = Arc::new(Ceiling::start(&path));
            let theirs = runtime.block_on(rate(callers, move |number| {
                let ceiling = Arc::clone(&ceiling);
                async move { ceiling.insert(number).await }
            }));
            (ours, theirs)
        })
        .collect();
    let of_both = |value: fn(&Speed) -> f64| -> Vec<_> {
        let pairs = rounds.iter();
        pairs
            .map(|(ours, theirs)| (value(ours), value(theirs)))
            .collect()
    };
    let (ours, theirs, ratio) = medians(&of_both(|speed| speed.rate));
    let (longest, their_longest, _) = medians(&of_both(|speed| speed.longest));
    println!(
        "{callers:7}  {ours:8.0}  {theirs:9.0}  {ratio:21.2}  {longest:21.1}  {their_longest:7.1}"
    );
}

struct Speed {
    /// Operations a second.
    rate: f64,
    /// What the longest took, in milliseconds.
    longest: f64,
}

/// How fast so many tasks are, each of which does one operation after the other.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    callers: u64,
    operation: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Speed {
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (next, operation) = (Arc::clone(&next), operation.clone());
            tokio::spawn(async move {
                let mut longest = Duration::ZERO;
                while began.elapsed() < ROUND {
                    let asked = Instant::now();
                    operation(next.fetch_add(1, Ordering::Relaxed)).await;
                    longest = longest.max(asked.elapsed());
                }
                longest
            })
        })
        .collect();
    let mut longest = Duration::ZERO;
    for task in tasks {
        longest = longest.max(task.await.unwrap());
    }
    Speed {
        rate: next.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64(),
        longest: longest.as_secs_f64() * 1e3,
    }
}

fn record(number: u64) -> Record {
    Record {
        key: Key::new(
            &Realm::default(),
            Kind::ACCESS_TOKEN,
            &[&number.to_be_bytes()],
        ),
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::from_unix_millis(4_000_000 + number),
        body: Box::from([7; 80]),
    }
}

/// What the server commits when it issues a token.
fn creation(number: u64) -> Commit {
    let mut commit = Commit::new(version(number)).create(record(number));
    commit.prune_before = Some(Timestamp::from_unix_seconds(3000));
    commit
}

fn version(number: u64) -> Version {
    Version::from_bytes((u128::from(number) + 1).to_be_bytes())
}

/// A thread that does as little as it can.
struct Ceiling {
    rows: Option<mpsc::Sender<(u64, oneshot::Sender<()>)>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Ceiling {
    fn start(path: &Path) -> Self {
        let mut connection = plain(path);
        let (rows, queue) = mpsc::channel::<(u64, oneshot::Sender<()>)>();
        let thread = thread::spawn(move || {
            while let Ok(first) = queue.recv() {
                let group: Vec<_> = iter::once(first)
                    .chain(queue.try_iter())
                    .take(GROUP)
                    .collect();
                let transaction = connection
                    .transaction_with_behavior(TransactionBehavior::Immediate)
                    .unwrap();
                for (number, _) in &group {
                    insert(&transaction, *number);
                }
                transaction.commit().unwrap();
                for (_, reply) in group {
                    let _ = reply.send(());
                }
            }
        });
        Self {
            rows: Some(rows),
            thread: Some(thread),
        }
    }

    async fn insert(&self, number: u64) {
        let (reply, answer) = oneshot::channel();
        self.rows.as_ref().unwrap().send((number, reply)).unwrap();
        answer.await.unwrap();
    }
}

impl Drop for Ceiling {
    fn drop(&mut self) {
        drop(self.rows.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A plain connection in the mode of the store, to the tables of one.
fn plain(path: &Path) -> Connection {
    drop(SqliteStore::open(path).unwrap());
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        .unwrap();
    connection
}

fn insert(connection: &Connection, number: u64) {
    const INSERT: &str = "INSERT INTO record
        (version, role, family, client, subject, forget_at, body, digest, realm, kind)
        VALUES (?1, 0, NULL, NULL, NULL, ?2, ?3, ?4, ?5, ?6)";
    let record = record(number);
    let forget_at = i64::try_from(record.forget_at.as_unix_millis()).unwrap();
    connection
        .prepare_cached(INSERT)
        .unwrap()
        .execute(params![
            version(number).as_bytes(),
            forget_at,
            record.body,
            record.key.digest().as_bytes(),
            record.key.realm().as_str(),
            record.key.kind().as_str()
        ])
        .unwrap();
}

fn reads(runtime: &Runtime) {
    const COUNT: u64 = 100_000;
    const READS: u64 = 100_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut connection = plain(&path);
    let transaction = connection.transaction().unwrap();
    for number in 0..COUNT {
        insert(&transaction, number);
    }
    transaction.commit().unwrap();
    let store = SqliteStore::open(&path).unwrap();
    // Every record once, in an order that is not that of the table.
    let keys: Vec<_> = (0..READS)
        .map(|number| record(number * 7919 % COUNT).key)
        .collect();
    let sql = "SELECT version, role, family, forget_at, body FROM record WHERE digest = ?1";
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            runtime.block_on(async {
                for key in &keys {
                    assert!(store.load(key).await.unwrap().is_some());
                }
            });
            let ours = began.elapsed();
            let began = Instant::now();
            for key in &keys {
                let mut select = connection.prepare_cached(sql).unwrap();
                let row = select.query_row([key.digest().as_bytes()], |row| {
                    Ok((
                        row.get::<_, [u8; 16]>(0)?,
                        row.get::<_, i64>(1)?,
                        row.get::<_, Option<[u8; 32]>>(2)?,
                        row.get::<_, i64>(3)?,
                        row.get::<_, Vec<u8>>(4)?,
                    ))
                });
                assert_eq!(row.unwrap().4.len(), 80);
            }
            let each = |time: Duration| time.as_secs_f64() * 1e6 / READS as f64;
            (each(ours), each(began.elapsed()))
        })
        .collect();
    let (ours, raw, ratio) = medians(&rounds);
    println!("store {ours:.2} µs, plain connection {raw:.2} µs, ratio {ratio:.2}");
}

/// The medians of both sides, and of their ratio.
fn medians(rounds: &[(f64, f64)]) -> (f64, f64, f64) {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    (
        median(rounds.iter().map(|round| round.0).collect()),
        median(rounds.iter().map(|round| round.1).collect()),
        median(rounds.iter().map(|round| round.0 / round.1).collect()),
    )
}

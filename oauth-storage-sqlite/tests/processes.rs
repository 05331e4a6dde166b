//! Processes that share a file, and processes that are killed.
//!
//! The children are this test again, started with a role in their environment.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::{
    collections::BTreeMap,
    env,
    hash::{BuildHasher, RandomState},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use oauth_core::{
    store::{Commit, Key, Kind, Outcome, Realm, Record, Role, Store as _, Version},
    time::Timestamp,
};
use oauth_storage_sqlite::SqliteStore;

/// The file that a child is to open.
const FILE: &str = "OAUTH_TEST_FILE";
/// What the keys of a child begin with.
const NAME: &str = "OAUTH_TEST_NAME";

const TASKS: u64 = 8;
const KILLS: u64 = 20;

fn spawn(test: &str, path: &Path, name: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(FILE, path)
        .env(NAME, name.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What this process was started as, if it is a child.
fn role() -> Option<(SqliteStore, u64)> {
    let path = env::var_os(FILE)?;
    let name = env::var(NAME).unwrap().parse().unwrap();
    Some((SqliteStore::open(path).unwrap(), name))
}

/// Tells the parent two numbers.
fn tell(one: u64, other: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\ntold {one} {other}").unwrap();
    out.flush().unwrap();
}

fn told(line: &str) -> Option<(u64, u64)> {
    let (one, other) = line.strip_prefix("told ")?.split_once(' ')?;
    Some((one.parse().ok()?, other.parse().ok()?))
}

fn random() -> u64 {
    RandomState::new().hash_one(())
}

fn version() -> Version {
    Version::from_bytes((u128::from(random()) << 64 | u128::from(random())).to_be_bytes())
}

fn key(kind: &'static str, name: u64, task: u64, number: u64) -> Key {
    let name = [name, task, number].map(u64::to_be_bytes).concat();
    Key::new(&Realm::default(), Kind::extension(kind), &[&name])
}

fn record(key: Key) -> Record {
    Record {
        key,
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::from([0; 200]),
    }
}

/// A commit is two new records, and the removal of one that the commit before made. Of what was acknowledged, both are there
/// and the other is gone; of the one commit that may have been under way, all of it or nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_half_there() {
    if let Some((store, name)) = role() {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| tokio::spawn(commit_for_ever(store.clone(), name, task)))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    for name in 0..KILLS {
        let mut child = spawn(
            "what_was_acknowledged_survives_a_kill_and_nothing_is_half_there",
            &path,
            name,
        );
        let last = kill_after(&mut child, 1 + random() % 400);
        let store = SqliteStore::open(&path).unwrap();
        for task in 0..TASKS {
            verify(&store, name, task, last.get(&task).copied()).await;
        }
    }
}

async fn commit_for_ever(store: SqliteStore, name: u64, task: u64) {
    let mut previous = None;
    for number in 0.. {
        let id = version();
        let mut commit = Commit::new(id)
            .create(record(key("stays", name, task, number)))
            .create(record(key("passes", name, task, number)));
        if let Some(previous) = previous {
            commit = commit.remove(key("passes", name, task, number - 1), previous);
        }
        assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
        tell(task, number);
        previous = Some(id);
    }
}

/// Kills the child once it has told so often, and returns the last number that each of its tasks has told.
fn kill_after(child: &mut Child, lines: u64) -> BTreeMap<u64, u64> {
    let mut last = BTreeMap::new();
    let mut count = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some((task, number)) = told(&line.unwrap()) {
            last.insert(task, number);
            count += 1;
            if count == lines {
                child.kill().unwrap();
            }
        }
    }
    assert!(count >= lines, "the child ended by itself");
    child.wait().unwrap();
    last
}

async fn verify(store: &SqliteStore, name: u64, task: u64, last: Option<u64>) {
    let mut made = 0;
    while is_there(store, key("stays", name, task, made)).await {
        made += 1;
    }
    let acknowledged = last.map_or(0, |last| last + 1);
    assert!(
        made == acknowledged || made == acknowledged + 1,
        "task {task} of child {name} had {acknowledged} commits acknowledged, and {made} are there"
    );
    for number in 0..made + 2 {
        let expected = number + 1 == made;
        assert_eq!(
            is_there(store, key("passes", name, task, number)).await,
            expected,
            "commit {number} of {made} of task {task} of child {name} is half there"
        );
    }
    assert!(!is_there(store, key("stays", name, task, made + 1)).await);
}

async fn is_there(store: &SqliteStore, key: Key) -> bool {
    store.load(&key).await.unwrap().is_some()
}

/// Processes that open a new file at the same moment, and want the same records, each get some and none gets an error.
#[tokio::test(flavor = "multi_thread")]
async fn one_winner_among_processes() {
    const CLAIMS: u64 = 150;
    if let Some((store, name)) = role() {
        for number in 0..CLAIMS {
            let commit = Commit::new(version())
                .create(record(key("claim", 0, 0, number)))
                .create(record(key("own", name, 0, number)));
            if store.commit(commit).await.unwrap() == Outcome::Committed {
                tell(name, number);
            }
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.db");
    let children: Vec<_> = (0..4)
        .map(|name| spawn("one_winner_among_processes", &path, name))
        .collect();
    let mut winners = BTreeMap::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        for (name, number) in String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .filter_map(told)
        {
            let before = winners.insert(number, name);
            assert_eq!(before, None, "{number} was won twice");
        }
    }
    assert_eq!(winners.len() as u64, CLAIMS);
    let store = SqliteStore::open(&path).unwrap();
    for number in 0..CLAIMS {
        for name in 0..4 {
            assert_eq!(
                is_there(&store, key("own", name, 0, number)).await,
                winners[&number] == name
            );
        }
    }
}

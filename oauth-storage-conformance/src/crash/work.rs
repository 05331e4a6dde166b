//! What is going on while something is killed: commits of every sort, and what there is after each of them.

use oauth_core::{
    store::{Commit, Expect, Key, Kind, Outcome, Record, Role, Store, Version},
    time::Timestamp,
};

use crate::bench::{at, brief, realm, version};

/// How many tasks work at the same time.
pub(crate) const TASKS: u64 = 8;

/// How many commits there are until they begin anew, with other keys.
const CYCLE: u64 = 7;

/// One task's work. Its commits follow each other, and depend on each other.
pub(crate) struct Work {
    name: Box<[u8]>,
    task: u64,
    /// The ids of the commits of this cycle.
    ids: Vec<Version>,
}

/// The expected state of a record: its key, the commit that wrote it, and whether its family has
/// ended.
struct Expected {
    key: Key,
    /// `None` if it is not to be there.
    by: Option<u64>,
    closed: bool,
}

/// When a record that was put may be forgotten, and when an anchor that an end has closed.
const OPEN: Timestamp = at(2_000);
const CLOSED: Timestamp = at(1_000);

impl Work {
    pub(crate) fn new(name: &str, task: u64) -> Self {
        Self {
            name: name.as_bytes().into(),
            task,
            ids: Vec::new(),
        }
    }

    /// The commit of this number, after all before it.
    pub(crate) fn commit(&mut self, number: u64) -> Commit {
        let id = version();
        let (cycle, step) = (number / CYCLE, number % CYCLE);
        if step == 0 {
            self.ids.clear();
        }
        self.ids.push(id);
        let [anchor, first, second, third, fourth, single, last] = self.keys(cycle);
        let family = anchor.family();
        let member = |key| record(key, Role::Member(family), number);
        let by = |step: usize| self.ids[step];
        let commit = Commit::new(id);
        match step {
            0 => commit
                .create(record(anchor, Role::Anchor, number))
                .create(member(first))
                .create(member(second)),
            1 => commit
                .guard(anchor, Expect::Version(by(0)))
                .replace(member(first), by(0)),
            2 => commit.remove(second, by(0)).create(member(third)),
            // This is what a refresh does.
            3 => commit
                .replace(record(anchor, Role::Anchor, number), by(0))
                .create(member(fourth)),
            4 => {
                let mut commit =
                    commit
                        .guard(last, Expect::Absent)
                        .create(record(single, Role::Single, number));
                commit.prune_before = Some(at(1));
                commit
            }
            5 => commit.guard(anchor, Expect::Version(by(3))),
            _ => commit
                .end(family, CLOSED)
                .create(record(last, Role::Single, number)),
        }
    }

    /// Whether the commit of this id and number has been applied.
    pub(crate) async fn is_applied(&self, store: &dyn Store, commit: &Commit) -> bool {
        // A commit that only guards never conflicts with its own retry.
        let Some(put) = commit.puts.last() else {
            return false;
        };
        let found = load(store, &put.record.key).await;
        found.is_some_and(|stored| stored.version == commit.id)
    }

    /// Whether there is what `commits` commits leave, and nothing else; otherwise, what is not so.
    pub(crate) async fn verify(&self, store: &dyn Store, commits: u64) -> Result<(), String> {
        for cycle in 0..=commits / CYCLE + 1 {
            let done = commits.saturating_sub(cycle * CYCLE).min(CYCLE);
            for expected in self.after(cycle, done) {
                let found = load(store, &expected.key).await;
                let by = found.as_ref().map(|stored| number_in(&stored.body));
                let closed = found.as_ref().is_some_and(|stored| stored.closed);
                let time = if closed { CLOSED } else { OPEN };
                let is_in_time = found.as_ref().is_none_or(|found| found.forget_at == time);
                if (by, closed) != (expected.by, expected.closed) || !is_in_time {
                    return Err(format!(
                        "after {commits} commits of task {}, the record of commit {:?} loads as {}",
                        self.task,
                        expected.by,
                        brief(found.as_ref()),
                    ));
                }
            }
        }
        Ok(())
    }

    /// What there is of a cycle after so many of its commits.
    fn after(&self, cycle: u64, done: u64) -> [Expected; 7] {
        let [anchor, first, second, third, fourth, single, last] = self.keys(cycle);
        let begin = cycle * CYCLE;
        let ended = done == CYCLE;
        let is = |key, by: Option<u64>| Expected {
            key,
            by: by.map(|step| begin + step),
            closed: false,
        };
        let member = |key, by: Option<u64>| is(key, by.filter(|_| !ended));
        [
            Expected {
                closed: ended,
                ..is(anchor, (done > 0).then_some(if done > 3 { 3 } else { 0 }))
            },
            member(first, done.checked_sub(1).map(|last| last.min(1))),
            member(second, (done == 1 || done == 2).then_some(0)),
            member(third, (done > 2).then_some(2)),
            member(fourth, (done > 3).then_some(3)),
            is(single, (done > 4).then_some(4)),
            is(last, ended.then_some(6)),
        ]
    }

    fn keys(&self, cycle: u64) -> [Key; 7] {
        let key = |role: &'static str| {
            let numbers = [self.task, cycle].map(u64::to_be_bytes).concat();
            Key::new(&realm(), Kind::extension(role), &[&self.name, &numbers])
        };
        [
            "anchor", "first", "second", "third", "fourth", "single", "last",
        ]
        .map(key)
    }
}

fn record(key: Key, role: Role, number: u64) -> Record {
    let mut body = vec![0; 200];
    body[..8].copy_from_slice(&number.to_be_bytes());
    Record {
        key,
        role,
        owner: None,
        forget_at: OPEN,
        body: body.into(),
    }
}

fn number_in(body: &[u8]) -> u64 {
    let number = body.first_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(number)
}

/// Loads, however often that takes: what was interrupted may not be back yet.
async fn load(store: &dyn Store, key: &Key) -> Option<oauth_core::store::Stored> {
    for _ in 0..600 {
        match store.load(key).await {
            Ok(found) => return found,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
    panic!("the store cannot be read half a minute after it was interrupted");
}

/// Commits, and tells the number of every commit that is acknowledged, until that says to stop.
///
/// An answer that is lost or says that the store is unavailable is asked for again.
pub(crate) async fn work(store: &dyn Store, mut work: Work, mut goes_on: impl FnMut(u64) -> bool) {
    for number in 0.. {
        let commit = work.commit(number);
        while !is_acknowledged(store, &work, &commit).await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        if !goes_on(number) {
            return;
        }
    }
}

async fn is_acknowledged(store: &dyn Store, work: &Work, commit: &Commit) -> bool {
    match store.commit(commit.clone()).await {
        Ok(Outcome::Committed) => true,
        // Nobody else uses its keys: if there is a conflict, it is with itself, after an answer that was lost.
        Ok(Outcome::Conflict) => {
            let is_applied = work.is_applied(store, commit).await;
            require!(
                "a commit whose expectations all hold is committed",
                is_applied,
                "this was a conflict: {commit:?}"
            );
            true
        }
        Err(_) => false,
    }
}

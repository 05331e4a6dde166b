//! Concurrent histories: whatever loads and commits answered at the same time, they could have answered one after the other.

mod history;
mod search;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use oauth_core::store::{Commit, Expect, Key, Kind, Outcome, Put, Record, Role, Stored, Version};

use self::{
    history::{Did, Event, History, Seen},
    search::is_linearizable,
};
use crate::{
    Harness,
    bench::{Bench, RACERS, anchor, answered, at, change, key, member, race, single},
    random::Random,
};

/// How many tasks use the same records. More would make more histories than can be searched.
const TASKS: usize = 8;
const STEPS: usize = 4;
const ROUNDS: u64 = 24;

/// How many different values of `forget_at` there are.
const TIMES: u64 = 100;

/// 64 tasks load and commit at random, eight over the same few records, and what they were answered is what they would have
/// been if each operation had happened in one moment between its call and its answer.
pub async fn concurrent_histories_are_linearizable(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    for round in 0..ROUNDS {
        let groups: Arc<[Group]> = (0..RACERS / TASKS).map(|_| Group::new()).collect();
        let events: Vec<Vec<Event>> = {
            let (bench, groups) = (bench.clone(), Arc::clone(&groups));
            race(move |number| {
                let (bench, groups) = (bench.clone(), Arc::clone(&groups));
                async move {
                    let seed = round * RACERS as u64 + number as u64 + 1;
                    // Small seeds begin alike.
                    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let mut task = Task {
                        number,
                        random: Random(seed),
                        seen: BTreeMap::new(),
                    };
                    task.run(&bench, &groups[number / TASKS]).await
                }
            })
            .await
        };
        for group in 0..groups.len() {
            let events = events.iter().flatten();
            let events = events.filter(|event| event.task / TASKS == group);
            let history = History::new(events.cloned());
            require!(
                "what concurrent loads and commits answer, they could have answered one after the other, each at some moment between \
                 its call and its answer",
                is_linearizable(&history),
                "this could not have been in any order:\n{}",
                history.shortest(is_linearizable)
            );
        }
    }
}

/// Records that some tasks share, and the clock that orders what they do.
struct Group {
    /// The first is an anchor, the next two may be its members.
    keys: [Key; 4],
    clock: AtomicUsize,
}

impl Group {
    fn new() -> Self {
        Self {
            keys: [0; 4].map(|_| key(Kind::GRANT)),
            clock: AtomicUsize::new(0),
        }
    }

    fn now(&self) -> usize {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }
}

struct Task {
    number: usize,
    random: Random,
    /// What it knows of the records.
    seen: BTreeMap<usize, Version>,
}

impl Task {
    async fn run(&mut self, bench: &Bench, group: &Group) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..STEPS {
            let event = if self.random.below(5) < 2 {
                self.load(bench, group).await
            } else {
                self.commit(bench, group).await
            };
            events.push(event);
        }
        events
    }

    async fn load(&mut self, bench: &Bench, group: &Group) -> Event {
        let index = self.random.index(group.keys.len());
        let key = &group.keys[index];
        let call = group.now();
        let found = answered(bench.store.load(key).await);
        let back = group.now();
        self.note(index, found.as_ref());
        Event {
            task: self.number,
            call,
            back,
            did: Did::Load {
                digest: *key.digest(),
                found: found.map(|stored| Seen {
                    version: stored.version,
                    closed: stored.closed,
                    forget_at: stored.forget_at,
                }),
            },
        }
    }

    fn note(&mut self, index: usize, found: Option<&Stored>) {
        match found {
            Some(stored) => self.seen.insert(index, stored.version),
            None => self.seen.remove(&index),
        };
    }

    async fn commit(&mut self, bench: &Bench, group: &Group) -> Event {
        let commit = self.change(group);
        let call = group.now();
        let outcome = answered(bench.store.commit(commit.clone()).await);
        let back = group.now();
        if outcome == Outcome::Committed {
            for put in &commit.puts {
                let index = group.keys.iter().position(|key| *key == put.record.key);
                self.seen.extend(index.map(|index| (index, commit.id)));
            }
        }
        Event {
            task: self.number,
            call,
            back,
            did: Did::Commit {
                commit,
                outcome: Some(outcome),
            },
        }
    }

    /// A commit that expects what this task has seen last, which others may have changed since.
    fn change(&mut self, group: &Group) -> Commit {
        let mut commit = change();
        let family = group.keys[0].family();
        let ends = self.random.below(6) == 0;
        if ends {
            commit = commit.end(family, at(self.random.below(TIMES)));
        }
        for (index, key) in group.keys.iter().enumerate() {
            if self.random.below(2) == 0 || (ends && index == 0) {
                continue;
            }
            let expect = self.seen.get(&index);
            let expect = expect.map_or(Expect::Absent, |version| Expect::Version(*version));
            match (self.random.below(4), expect) {
                (0, expect) => commit = commit.guard(key.clone(), expect),
                (1, Expect::Version(version)) if index > 0 => {
                    commit = commit.remove(key.clone(), version);
                }
                _ => {
                    let record = match index {
                        0 => anchor(key),
                        1 | 2 if !ends => member(key, family),
                        _ => single(key),
                    };
                    let record = Record {
                        forget_at: at(self.random.below(TIMES)),
                        ..record
                    };
                    commit.puts.push(Put { record, expect });
                }
            }
        }
        debug_assert!(
            !ends
                || commit
                    .puts
                    .iter()
                    .all(|put| put.record.role == Role::Single),
            "a commit never puts into a family that it ends"
        );
        commit
    }
}

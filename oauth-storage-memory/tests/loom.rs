//! Models of what threads do to the store at the same moment, run through every order in which they can come to its locks and
//! atomics: `RUSTFLAGS="--cfg loom" cargo test -p oauth-storage-memory --test loom`.
//!
//! The store has four shards here. The name of a key says in which one it is.

#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::task::{Context, Poll, Waker};

use loom::thread;
use oauth_core::{
    store::{
        Commit, Expect, Family, Key, Kind, Outcome, Realm, Record, Role, Store, StoreErrorKind,
        Stored, Version,
    },
    time::Timestamp,
};
use oauth_storage_memory::MemoryStore;

const NOW: Timestamp = Timestamp::from_unix_seconds(1000);

/// Runs a model with at most so many switches away from a thread that could go on.
fn model(preemptions: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(run);
}

fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("the memory store awaits nothing"),
    }
}

/// The nth key of a shard.
fn key(shard: u8, nth: usize) -> Key {
    let keys = (0..=u8::MAX).map(|name| Key::new(&Realm::default(), Kind::CODE, &[&[name]]));
    keys.filter(|key| key.digest().as_bytes()[0] >> 6 == shard)
        .nth(nth)
        .unwrap()
}

fn record(key: &Key) -> Record {
    Record {
        key: key.clone(),
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::default(),
    }
}

fn anchor(key: &Key) -> Record {
    Record {
        role: Role::Anchor,
        ..record(key)
    }
}

fn member(key: &Key, family: Family) -> Record {
    Record {
        role: Role::Member(family),
        ..record(key)
    }
}

fn id(number: u8) -> Version {
    Version::from_bytes([number; 16])
}

fn change(number: u8) -> Commit {
    Commit::new(id(number))
}

fn commit(store: &MemoryStore, commit: Commit) -> Outcome {
    now(store.commit(commit)).unwrap()
}

fn load(store: &MemoryStore, key: &Key) -> Option<Stored> {
    now(store.load(key)).unwrap()
}

/// Two commits at once; the first in another thread.
fn both(store: &MemoryStore, one: Commit, other: Commit) -> [Outcome; 2] {
    let same = store.clone();
    let first = thread::spawn(move || commit(&same, one));
    let second = commit(store, other);
    [first.join().unwrap(), second]
}

fn winners(outcomes: &[Outcome]) -> usize {
    let won = |outcome: &&Outcome| **outcome == Outcome::Committed;
    outcomes.iter().filter(won).count()
}

#[test]
fn one_winner_among_commits_on_the_same_key() {
    model(5, || {
        let store = MemoryStore::default();
        let (code, marks) = (key(0, 0), [key(1, 0), key(1, 1)]);
        assert_eq!(
            commit(&store, change(1).create(record(&code))),
            Outcome::Committed
        );
        let spend = |number: u8| {
            change(number)
                .replace(record(&code), id(1))
                .create(record(&marks[usize::from(number) - 2]))
        };
        let outcomes = both(&store, spend(2), spend(3));
        assert_eq!(winners(&outcomes), 1);
        for (outcome, mark) in outcomes.iter().zip(&marks) {
            assert_eq!(
                load(&store, mark).is_some(),
                *outcome == Outcome::Committed,
                "the loser left something, or the winner did not"
            );
        }
    });
}

#[test]
fn one_winner_among_three_who_create_the_same_key() {
    model(4, || {
        let store = MemoryStore::default();
        let code = key(0, 0);
        let racers: Vec<_> = (1..3)
            .map(|number| {
                let (store, create) = (store.clone(), change(number).create(record(&code)));
                thread::spawn(move || commit(&store, create))
            })
            .collect();
        let mut outcomes = vec![commit(&store, change(3).create(record(&code)))];
        outcomes.extend(racers.into_iter().map(|racer| racer.join().unwrap()));
        assert_eq!(winners(&outcomes), 1);
    });
}

/// Also that they do not wait for each other for ever: their keys are in two shards, and named in the opposite order.
#[test]
fn a_guard_excludes_a_change_and_the_other_way_round() {
    model(5, || {
        let store = MemoryStore::default();
        let [one, other] = [key(0, 0), key(1, 0)];
        let opening = change(1).create(record(&one)).create(record(&other));
        assert_eq!(commit(&store, opening), Outcome::Committed);
        let crossed = |number: u8, guarded: &Key, replaced: &Key| {
            change(number)
                .guard(guarded.clone(), Expect::Version(id(1)))
                .replace(record(replaced), id(1))
        };
        let outcomes = both(&store, crossed(2, &one, &other), crossed(3, &other, &one));
        assert_eq!(winners(&outcomes), 1);
    });
}

#[test]
fn nothing_is_added_to_a_family_that_ends() {
    model(5, || {
        let store = MemoryStore::default();
        let (grant, tokens) = (key(0, 0), [key(0, 1), key(1, 0)]);
        let opening = change(1)
            .create(anchor(&grant))
            .create(member(&tokens[0], grant.family()));
        assert_eq!(commit(&store, opening), Outcome::Committed);
        let [added, ended] = both(
            &store,
            change(2).create(member(&tokens[1], grant.family())),
            change(3).end(grant.family(), Timestamp::MAX),
        );
        assert_eq!(ended, Outcome::Committed);
        assert!(
            tokens.iter().all(|token| load(&store, token).is_none()),
            "a member outlives its family; the addition was {added:?}"
        );
        assert!(load(&store, &grant).unwrap().closed);
    });
}

/// An end looks up the members in the anchor's shard before it locks their shards. It must not miss
/// a member that is added in between.
#[test]
fn a_refresh_comes_before_the_end_of_its_grant_or_is_a_conflict() {
    model(5, || {
        let store = MemoryStore::default();
        // A member in a shard before that of the anchor, and those that come in that itself and after it.
        let (grant, tokens) = (key(1, 0), [key(0, 0), key(1, 1), key(2, 0)]);
        let opening = change(1)
            .create(anchor(&grant))
            .create(member(&tokens[0], grant.family()));
        assert_eq!(commit(&store, opening), Outcome::Committed);
        let refresh = change(2)
            .create(member(&tokens[1], grant.family()))
            .create(member(&tokens[2], grant.family()))
            .replace(anchor(&grant), id(1));
        let ending = change(3).end(grant.family(), NOW);
        let [refreshed, ended] = both(&store, refresh, ending);
        assert_eq!(ended, Outcome::Committed);
        assert!(
            tokens.iter().all(|token| load(&store, token).is_none()),
            "a member outlives its family; the refresh was {refreshed:?}"
        );
        let found = load(&store, &grant).unwrap();
        assert!(found.closed && found.version == id(3) && found.forget_at == NOW);
    });
}

/// A reader sees either all of a family that is ending, or nothing.
#[test]
fn the_members_of_a_family_end_at_once() {
    model(5, || {
        let store = MemoryStore::default();
        let (grant, tokens) = (key(0, 0), [key(0, 1), key(1, 0)]);
        let opening = change(1)
            .create(anchor(&grant))
            .create(member(&tokens[0], grant.family()))
            .create(member(&tokens[1], grant.family()));
        assert_eq!(commit(&store, opening), Outcome::Committed);
        let ender = {
            let (store, family) = (store.clone(), grant.family());
            thread::spawn(move || commit(&store, change(2).end(family, NOW)))
        };
        let has_ended = load(&store, &tokens[1]).is_none();
        assert!(!has_ended || load(&store, &tokens[0]).is_none());
        assert!(!has_ended || load(&store, &grant).unwrap().closed);
        assert_eq!(ender.join().unwrap(), Outcome::Committed);
    });
}

/// Pruning a member unlocks its shard before it removes the place from the family's list. Another
/// member may be put into the same place in between.
#[test]
fn a_member_in_the_place_of_a_pruned_one_ends_with_its_family() {
    let forgettable = |token: &Key, family| Record {
        forget_at: Timestamp::from_unix_seconds(1),
        ..member(token, family)
    };
    // In the same family, and in one that was ended, forgotten and opened again meanwhile.
    for opens_again in [false, true] {
        model(4, move || {
            let store = MemoryStore::default();
            let (grant, tokens) = (key(0, 0), [key(1, 0), key(1, 1)]);
            let family = grant.family();
            let opening = change(1)
                .create(anchor(&grant))
                .create(forgettable(&tokens[0], family));
            assert_eq!(commit(&store, opening), Outcome::Committed);
            let pruner = {
                let store = store.clone();
                thread::spawn(move || now(store.prune(Timestamp::from_unix_seconds(1), 1)))
            };
            let mut joining = change(2).create(member(&tokens[1], family));
            if opens_again {
                let ending = change(3).end(family, NOW);
                assert_eq!(commit(&store, ending), Outcome::Committed);
                now(store.prune(NOW, 9)).unwrap();
                joining = joining.create(anchor(&grant));
            }
            assert_eq!(commit(&store, joining), Outcome::Committed);
            assert!(pruner.join().unwrap().unwrap() <= 1);
            let ending = change(4).end(family, NOW);
            assert_eq!(commit(&store, ending), Outcome::Committed);
            assert!(load(&store, &tokens[1]).is_none());
            assert!(load(&store, &grant).unwrap().closed);
        });
    }
}

#[test]
fn what_a_commit_wrote_is_seen_from_then_on_by_whoever_saw_a_part_of_it() {
    model(5, || {
        let store = MemoryStore::default();
        let [one, other] = [key(0, 0), key(1, 0)];
        let writer = {
            let (store, keys) = (store.clone(), [one.clone(), other.clone()]);
            thread::spawn(move || {
                let both = change(1).create(record(&keys[0])).create(record(&keys[1]));
                commit(&store, both)
            })
        };
        // In either order of the shards.
        let seen = [load(&store, &other), load(&store, &one)].map(|stored| stored.is_some());
        assert_ne!(seen, [true, false]);
        let seen = [load(&store, &one), load(&store, &other)].map(|stored| stored.is_some());
        assert_ne!(seen, [true, false]);
        assert_eq!(writer.join().unwrap(), Outcome::Committed);
    });
}

/// Pruning looks at atomics to find the shard with the oldest record. Whatever they say meanwhile, nothing that lives is
/// dropped, no more is dropped than may be, and once all is quiet, whatever may be forgotten is found.
#[test]
fn pruning_at_the_same_moment_drops_each_once_and_finds_what_is_left() {
    model(4, || {
        let store = MemoryStore::default();
        let forgettable = |key: &Key| Record {
            forget_at: NOW,
            ..record(key)
        };
        let opening = change(1)
            .create(forgettable(&key(0, 0)))
            .create(forgettable(&key(1, 0)));
        assert_eq!(commit(&store, opening), Outcome::Committed);
        let other = {
            let store = store.clone();
            thread::spawn(move || {
                let mut more = change(2)
                    .create(record(&key(0, 1)))
                    .create(forgettable(&key(1, 1)));
                more.prune_before = Some(NOW);
                commit(&store, more)
            })
        };
        let dropped = now(store.prune(NOW, 1)).unwrap();
        assert_eq!(dropped, 1);
        assert_eq!(other.join().unwrap(), Outcome::Committed);
        let rest = now(store.prune(NOW, 10)).unwrap();
        assert!(rest <= 1, "{rest} were left, and the commit dropped none");
        assert!(load(&store, &key(0, 1)).is_some());
        assert_eq!(store.len().unwrap(), 1);
    });
}

#[test]
fn the_last_room_under_a_ceiling_is_given_once() {
    let one_record = {
        let measured = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let result = std::sync::Arc::clone(&measured);
        model(0, move || {
            let store = MemoryStore::default();
            let _ = commit(&store, change(1).create(record(&key(0, 0))));
            result.store(store.bytes().unwrap(), std::sync::atomic::Ordering::Relaxed);
        });
        measured.load(std::sync::atomic::Ordering::Relaxed)
    };
    model(5, move || {
        let store = MemoryStore::with_ceiling(2 * one_record);
        let first = change(1).create(record(&key(0, 0)));
        assert_eq!(commit(&store, first), Outcome::Committed);
        let creator = {
            let store = store.clone();
            thread::spawn(move || now(store.commit(change(2).create(record(&key(0, 1))))))
        };
        let own = now(store.commit(change(3).create(record(&key(1, 0)))));
        let other = creator.join().unwrap();
        let refused: Vec<_> = [own, other].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].kind(), StoreErrorKind::Unavailable);
        assert_eq!(store.len().unwrap(), 2);
        // What is removed has room for one more, and for one only.
        assert_eq!(
            commit(&store, change(4).remove(key(0, 0), id(1))),
            Outcome::Committed
        );
        assert_eq!(
            commit(&store, change(5).create(record(&key(0, 2)))),
            Outcome::Committed
        );
        assert!(now(store.commit(change(6).create(record(&key(0, 3))))).is_err());
    });
}

//! What a store with a ceiling takes and refuses, and that what it counts is what it takes.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::{
    alloc::System,
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
};

use oauth_core::{
    AuthorizationServer,
    client::{Client, ClientAuthentication, ClientRequest, ClientSecrets},
    error::ErrorCode,
    grant::GrantType,
    operator_secret::OperatorSecret,
    random::{Entropy, EntropyError},
    store::{
        Commit, Expect, Key, Kind, Outcome, Owner, Realm, Record, Role, StaticClients, Store,
        StoreErrorKind, Version,
    },
    time::{Clock, Timestamp},
    token::PresentedToken,
    types::{Issuer, SecretDigest},
};
use oauth_storage_memory::MemoryStore;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NOW: Timestamp = Timestamp::from_unix_seconds(1000);

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

fn key(number: u64) -> Key {
    Key::new(
        &Realm::default(),
        Kind::ACCESS_TOKEN,
        &[&number.to_be_bytes()],
    )
}

fn record(number: u64) -> Record {
    Record {
        key: key(number),
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::from([0; 80]),
    }
}

fn id(number: u64) -> Version {
    Version::from_bytes((u128::from(number) + 1).to_be_bytes())
}

fn change(number: u64) -> Commit {
    let mut commit = Commit::new(id(number));
    commit.prune_before = Some(NOW);
    commit
}

/// Commits it, and says whether there was room.
fn fits(store: &MemoryStore, commit: Commit) -> bool {
    match now(store.commit(commit)) {
        Ok(outcome) => {
            assert_eq!(outcome, Outcome::Committed);
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            let source = error.source().unwrap().to_string();
            assert!(source.contains("the memory store is full"), "{source}");
            false
        }
    }
}

fn is_there(store: &MemoryStore, number: u64) -> bool {
    now(store.load(&key(number))).unwrap().is_some()
}

/// A store with a ceiling, and as many records as fit under it, from 0 on.
fn full(ceiling: usize) -> (MemoryStore, u64) {
    let store = MemoryStore::with_ceiling(ceiling);
    let mut count = 0;
    while fits(&store, change(count).create(record(count))) {
        count += 1;
        assert!(store.bytes().unwrap() <= ceiling);
    }
    assert!(count > 10, "{count}");
    (store, count)
}

#[test]
fn a_full_store_refuses_what_is_new_and_drops_nothing_that_lives() {
    let (store, count) = full(10_000);
    for number in count..count + 100 {
        assert!(!fits(&store, change(number).create(record(number))));
        assert!(!is_there(&store, number));
    }
    assert!((0..count).all(|number| is_there(&store, number)));
    assert_eq!(store.len().unwrap() as u64, count);
}

#[test]
fn a_refused_commit_applies_nothing() {
    let (store, count) = full(10_000);
    let both = change(count)
        .create(record(count))
        .create(record(count + 1))
        .remove(key(0), id(0));
    assert!(!fits(&store, both));
    assert!(is_there(&store, 0) && !is_there(&store, count) && !is_there(&store, count + 1));
}

#[test]
fn a_full_store_replaces_and_removes() {
    let (store, count) = full(10_000);
    let longer = Record {
        body: Box::from([0; 500]),
        ..record(0)
    };
    assert!(fits(&store, change(count).replace(longer, id(0))));
    assert!(!fits(&store, change(count).create(record(count))));
    // That is longer now, so that one record less is not enough.
    assert!(fits(&store, change(count).remove(key(1), id(1))));
    assert!(!fits(&store, change(count).create(record(count))));
    assert!(fits(&store, change(count).remove(key(0), id(count))));
    assert!(fits(&store, change(count).create(record(count))));
}

#[test]
fn a_commit_that_frees_as_much_as_it_adds_fits() {
    let (store, count) = full(10_000);
    let exchange = change(count).create(record(count)).remove(key(0), id(0));
    assert!(fits(&store, exchange));
    assert!(is_there(&store, count));
}

#[test]
fn a_full_store_ends_families_and_what_they_free_has_room_for_others() {
    let store = MemoryStore::with_ceiling(10_000);
    let anchor = Key::new(&Realm::default(), Kind::GRANT, &[b"grant"]);
    let family = anchor.family();
    let opening = Record {
        key: anchor.clone(),
        role: Role::Anchor,
        ..record(0)
    };
    assert!(fits(&store, change(0).create(opening)));
    let member = |number| Record {
        role: Role::Member(family),
        ..record(number)
    };
    let mut count = 1;
    while fits(&store, change(count).create(member(count))) {
        count += 1;
    }
    // Two for what one member frees: the first of the family is removed by the same commit, and is not counted twice.
    let mut one_too_many = change(count)
        .remove(key(1), id(1))
        .end(family, Timestamp::MAX);
    for number in 0..count {
        one_too_many = one_too_many.create(record(1000 + number));
    }
    assert!(!fits(&store, one_too_many));
    assert!(
        now(store.load(&anchor))
            .unwrap()
            .is_some_and(|anchor| !anchor.closed)
    );
    let mut as_many = change(count).end(family, Timestamp::MAX);
    for number in 1..count {
        as_many = as_many.create(record(1000 + number));
    }
    assert!(fits(&store, as_many));
    assert!(
        now(store.load(&anchor))
            .unwrap()
            .is_some_and(|anchor| anchor.closed)
    );
    assert!((1..count).all(|number| !is_there(&store, number) && is_there(&store, 1000 + number)));
    assert!(store.bytes().unwrap() <= 10_000);
}

#[test]
fn a_commit_drops_what_may_be_forgotten_to_make_room_but_not_what_it_needs() {
    let store = MemoryStore::with_ceiling(10_000);
    let forgettable = |number| Record {
        forget_at: NOW,
        ..record(number)
    };
    let mut count = 0;
    loop {
        let mut commit = change(count).create(forgettable(count));
        commit.prune_before = None;
        if !fits(&store, commit) {
            break;
        }
        count += 1;
    }
    // It drops at most twice what it puts.
    let guarded = change(count)
        .create(record(count))
        .guard(key(0), Expect::Version(id(0)));
    assert!(fits(&store, guarded));
    assert!(is_there(&store, 0) && is_there(&store, count));
    assert_eq!(store.len().unwrap() as u64, count - 1);
    // What conflicts stays a conflict, full or not.
    let conflict = change(count + 1)
        .create(record(count + 1))
        .guard(key(0), Expect::Absent);
    assert_eq!(now(store.commit(conflict)).unwrap(), Outcome::Conflict);
    let dropped = now(store.prune(NOW, usize::MAX)).unwrap();
    assert_eq!(dropped as u64, count - 2);
    assert!(fits(&store, change(count + 1).create(record(count + 1))));
}

#[test]
fn the_ceiling_holds_whatever_comes_at_once() {
    const CEILING: usize = 300_000;
    let store = MemoryStore::with_ceiling(CEILING);
    let created: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u64)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    let mut created = 0;
                    for number in 0..500 {
                        let number = thread << 32 | number;
                        created += u64::from(fits(store, change(number).create(record(number))));
                        if number % 3 == 0 && is_there(store, number) {
                            created -= 1;
                            assert!(fits(store, change(number).remove(key(number), id(number))));
                        }
                        assert!(store.bytes().unwrap() <= CEILING);
                    }
                    created
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    let len = store.len().unwrap();
    assert_eq!(len as u64, created);
    // Nothing has leaked from the account: exactly as many fit as if one had come after the other.
    let mut more = 0;
    while fits(
        &store,
        change(1 << 40 | more).create(record(1 << 40 | more)),
    ) {
        more += 1;
    }
    let each = store.bytes().unwrap() / store.len().unwrap();
    assert_eq!(store.len().unwrap(), CEILING / each);
}

/// Of a counter: what is issued only has to differ.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for bytes in buffer.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
            bytes.copy_from_slice(&number[..bytes.len()]);
        }
        Ok(())
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(12 * 60 * 60)
    }
}

#[test]
fn a_server_over_a_full_store_is_temporarily_unavailable_and_still_validates_and_revokes() {
    let secret = "generated, and 256 bits long";
    let robot = Client::confidential(
        "robot".parse().unwrap(),
        ClientAuthentication::SecretPost(ClientSecrets::new(SecretDigest::of(secret))),
    )
    .grant_types([GrantType::CLIENT_CREDENTIALS])
    .build()
    .unwrap();
    let clients: StaticClients = [robot].into_iter().collect();
    let server = AuthorizationServer::builder(
        Issuer::new("https://login.example").unwrap(),
        Arc::new(MemoryStore::with_ceiling(10_000)),
        Arc::new(clients),
        Arc::new(Noon),
        Arc::new(Counting(AtomicU64::new(0))),
    )
    .operator_secret(OperatorSecret::from_bytes([7; 32]))
    .build()
    .unwrap();
    let presented = |params: &[(&str, &str)]| {
        ClientRequest::new(
            params
                .iter()
                .copied()
                .chain([("client_id", "robot"), ("client_secret", secret)])
                .collect(),
        )
    };
    let ask = presented(&[("grant_type", "client_credentials")]);
    let mut tokens = Vec::new();
    let fault = loop {
        match now(server.token(&ask)) {
            Ok(answer) => tokens.push(answer.access_token),
            Err(error) => break error.into_denial().unwrap_err(),
        }
    };
    assert_eq!(fault.refusal().code, ErrorCode::TEMPORARILY_UNAVAILABLE);
    assert!(tokens.len() > 10);
    for token in &tokens {
        assert!(
            now(server.validate(&PresentedToken::bearer(token.clone())))
                .unwrap()
                .is_some()
        );
    }
    let revocation = presented(&[("token", tokens[0].expose())]);
    now(server.revoke(&revocation)).unwrap();
    assert!(
        now(server.validate(&PresentedToken::bearer(tokens[0].clone())))
            .unwrap()
            .is_none()
    );
    now(server.token(&ask)).unwrap();
    now(server.token(&ask)).unwrap_err();
}

/// Run with the other tests of this file in one process, it would count what they allocate, too: it runs in a process of its own.
#[test]
fn what_is_counted_is_what_is_taken() {
    if std::env::var_os("OAUTH_TEST_ALONE").is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "what_is_counted_is_what_is_taken"])
            .env("OAUTH_TEST_ALONE", "1")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    for what in ["tokens", "members", "siblings", "listed", "moved"] {
        for count in [10_000, 40_000_u64] {
            let before = ALLOCATOR.stats();
            let store = MemoryStore::with_ceiling(usize::MAX);
            for number in 0..count {
                let mut record = record(number);
                let mut commit = change(number);
                let anchor = Key::new(&Realm::default(), Kind::GRANT, &[&number.to_be_bytes()]);
                match what {
                    "members" | "siblings" => {
                        record.role = Role::Member(anchor.family());
                        if what == "siblings" {
                            let name = [number, 1].map(u64::to_be_bytes).concat();
                            commit = commit.create(Record {
                                key: Key::new(&Realm::default(), Kind::CODE, &[&name]),
                                ..record.clone()
                            });
                        }
                        let opening = Record {
                            key: anchor,
                            role: Role::Anchor,
                            ..record.clone()
                        };
                        commit = commit.create(opening);
                    }
                    "listed" => {
                        record.owner = Owner::new(
                            Some("client".into()),
                            Some(format!("subject {number}").into()),
                        );
                    }
                    _ => {}
                }
                let moved = Record {
                    forget_at: Timestamp::from_unix_seconds(2000 + number),
                    ..record.clone()
                };
                let written = commit.id;
                assert!(fits(&store, commit.create(record)));
                // As a code that is spent: its place among what is to be forgotten is another one from then on.
                if what == "moved" {
                    let moving = change(count + number).replace(moved, written);
                    assert!(fits(&store, moving));
                }
            }
            let after = ALLOCATOR.stats();
            let bytes = |stats: stats_alloc::Stats| stats.bytes_allocated - stats.bytes_deallocated;
            let allocations = |stats: stats_alloc::Stats| stats.allocations - stats.deallocations;
            // What the system's allocator takes for itself is 8 bytes, and half of 16 for a size that is no multiple of that.
            let taken =
                bytes(after) - bytes(before) + 16 * (allocations(after) - allocations(before));
            let counted = store.bytes().unwrap();
            let taken = taken.saturating_sub(1_200_000);
            assert!(
                taken <= counted && taken > counted / 2,
                "{count} {what} are counted as {counted} bytes, and take {taken}"
            );
        }
    }
}

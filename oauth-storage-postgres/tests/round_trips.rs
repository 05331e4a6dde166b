//! How often a request goes to the database and back.
//!
//! The store talks to the database through a relay that counts. The counts are those of the second request of a kind; the first finds statements to prepare.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "these are tests, their helpers too"
)]

mod common;
#[path = "../../oauth-core/tests/common/mod.rs"]
mod server;

use std::sync::Arc;

use common::Schema;
use oauth_core::{
    store::{Commit, Family, Key, Kind, Outcome, Realm, Record, Role, Store, Version},
    time::Timestamp,
};
use oauth_storage_memory::MemoryStore;
use oauth_storage_postgres::PostgresStore;
use server::{
    Fixture,
    clients::{MACHINE, POST},
    flow::{from, refresh_token},
};
use throwaway::{Lease, RoundTrips};

fn key(name: &str) -> Key {
    Key::new(&Realm::default(), Kind::CODE, &[name.as_bytes()])
}

fn record(name: &str, role: Role) -> Record {
    Record {
        key: key(name),
        role,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::from([0; 200]),
    }
}

fn change(number: u8) -> Commit {
    Commit {
        prune_before: Some(Timestamp::from_unix_seconds(1)),
        ..Commit::new(Version::from_bytes([number; 16]))
    }
}

// On one thread, so that the connection sends when the store waits, and what is sent at once is sent in one piece.
#[tokio::test]
async fn a_read_is_one_round_trip_and_so_is_a_commit_of_whatever_size() {
    let Some(server) = Lease::postgres() else {
        return throwaway::skip("PostgreSQL");
    };
    let schema = Schema::new(server.url()).await;
    let (counter, url) = RoundTrips::to(&schema.url).await;
    let store = PostgresStore::connect_with(&url, 1).await.unwrap();
    store.load(&key("first")).await.unwrap();
    counter.take();

    store.load(&key("anchor")).await.unwrap();
    assert_eq!(counter.take(), 1, "load");
    store
        .load_all(&[key("a"), key("b"), key("c")])
        .await
        .unwrap();
    assert_eq!(counter.take(), 1, "load_all");

    let family: Family = key("anchor").family();
    let opening = change(1)
        .create(record("anchor", Role::Anchor))
        .create(record("code", Role::Member(family)));
    let moving = change(2)
        .guard(
            key("anchor"),
            oauth_core::store::Expect::Version(opening.id),
        )
        .replace(record("code", Role::Member(family)), opening.id)
        .create(record("access", Role::Member(family)))
        .create(record("refresh", Role::Member(family)));
    let ending = change(3)
        .end(family, Timestamp::MAX)
        .create(record("mark", Role::Single));
    // What has been committed conflicts.
    let conflicting = opening.clone();
    for (commit, outcome, what) in [
        (opening, Outcome::Committed, "opening"),
        (moving, Outcome::Committed, "moving"),
        (ending, Outcome::Committed, "ending"),
        (conflicting, Outcome::Conflict, "a conflict"),
    ] {
        // The statement that prunes is prepared for the number that it prunes, once.
        let prunes = 2 * commit.puts.len();
        assert!(prunes <= 6, "the usual numbers are prepared beforehand");
        assert_eq!(store.commit(commit).await.unwrap(), outcome);
        assert_eq!(counter.take(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_code_is_redeemed_in_two_round_trips_and_a_token_validates_in_one() {
    let Some(server) = Lease::postgres() else {
        return throwaway::skip("PostgreSQL");
    };
    let schema = Schema::new(server.url()).await;
    let (counter, url) = RoundTrips::to(&schema.url).await;
    let store = PostgresStore::connect_with(&url, 1).await.unwrap();
    let fixture = Fixture::over(MemoryStore::default(), Arc::new(store), |_| {});
    // What is prepared at first, and the server's own keys.
    fixture.tokens(POST).await;

    let code = fixture.code(POST).await;
    counter.take();
    let tokens = fixture.redeem(POST, &code).await.unwrap();
    assert_eq!(counter.take(), 2, "code redemption");
    fixture
        .refresh(POST, refresh_token(&tokens), &[])
        .await
        .unwrap();
    assert_eq!(counter.take(), 2, "refresh");
    assert!(fixture.is_valid(&tokens.access_token).await);
    assert_eq!(counter.take(), 1, "validation");
    assert!(fixture.is_active(&tokens.access_token).await);
    assert_eq!(counter.take(), 1, "introspection");
    let request = from(MACHINE, &[("grant_type", "client_credentials")]);
    fixture.token(&request).await.unwrap();
    assert_eq!(counter.take(), 1, "client credentials");
}

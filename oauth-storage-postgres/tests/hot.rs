//! Replacing a grant's record as a refresh does writes to no index: PostgreSQL makes a heap-only
//! tuple (HOT) of it, as long as no column of an index changes and the page has room.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use common::{Schema, raw};
use oauth_core::{
    store::{Commit, Key, Kind, Outcome, Owner, Realm, Record, Role, Store as _, Version},
    time::Timestamp,
};
use oauth_storage_postgres::PostgresStore;
use throwaway::Postgres;

/// The record of a grant after this many refreshes.
fn grant(number: u64, refreshes: u64, forget_at: u64) -> Record {
    Record {
        key: Key::new(&Realm::default(), Kind::GRANT, &[&number.to_be_bytes()]),
        role: Role::Anchor,
        owner: Owner::new(
            Some("client".into()),
            Some(format!("subject {number}").into()),
        ),
        forget_at: Timestamp::from_unix_seconds(forget_at),
        body: refreshes.to_be_bytes().repeat(50).into(),
    }
}

fn token(number: u64, refreshes: u64) -> Record {
    let name = [number, refreshes].map(u64::to_be_bytes).concat();
    Record {
        key: Key::new(&Realm::default(), Kind::ACCESS_TOKEN, &[&name]),
        role: Role::Member(grant(number, 0, 0).key.family()),
        owner: None,
        forget_at: Timestamp::from_unix_seconds(1),
        body: [0; 120].into(),
    }
}

fn version(number: u64, refreshes: u64) -> Version {
    let bytes = [number, refreshes].map(u64::to_be_bytes).concat();
    Version::from_bytes(bytes.try_into().unwrap())
}

/// A series of refreshes of some grants.
struct Refreshes {
    grants: u64,
    /// How often each is refreshed.
    times: u64,
    /// Whether a refresh also puts a member and prunes one.
    joins: bool,
    /// Whether a refresh changes the `forget_at` of the grant.
    moves: bool,
}

/// Opens and refreshes grants, and returns the fraction of replacements that were heap-only.
async fn hot_part(server: &str, refreshes: &Refreshes) -> f64 {
    let Refreshes {
        grants,
        times,
        joins,
        moves,
    } = *refreshes;
    let schema = Schema::new(server).await;
    let store = PostgresStore::connect_with(&schema.url, 1).await.unwrap();
    for number in 0..grants {
        let opening = Commit::new(version(number, 0)).create(grant(number, 0, 1_000));
        assert_eq!(store.commit(opening).await.unwrap(), Outcome::Committed);
    }
    for done in 1..=times {
        for number in 0..grants {
            let forget_at = if moves { 1_000 + done } else { 1_000 };
            let mut refresh = Commit::new(version(number, done))
                .replace(grant(number, done, forget_at), version(number, done - 1));
            if joins {
                refresh = refresh.create(token(number, done));
            }
            refresh.prune_before = Some(Timestamp::from_unix_seconds(1));
            assert_eq!(store.commit(refresh).await.unwrap(), Outcome::Committed);
        }
    }
    // A connection reports its statistics when it closes.
    drop(store);
    let client = raw(server).await;
    let sql = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
        WHERE schemaname = $1 AND relname = 'oauth_record'";
    loop {
        let row = client.query_one(sql, &[&schema.name]).await.unwrap();
        let [replaced, hot]: [i64; 2] = [row.get(0), row.get(1)];
        if u64::try_from(replaced).unwrap() == grants * times {
            #[expect(clippy::cast_precision_loss, reason = "there are thousands")]
            return hot as f64 / replaced as f64;
        }
    }
}

#[tokio::test]
async fn a_refresh_of_a_grant_writes_to_no_index() {
    // A server of its own: rows that any open transaction in the database can still see keep their
    // space.
    let Some(server) = Postgres::start_with(&["fsync=off"]) else {
        return throwaway::skip("PostgreSQL");
    };
    let server = &server.url();
    let one_again_and_again = Refreshes {
        grants: 1,
        times: 400,
        joins: true,
        moves: false,
    };
    let part = hot_part(server, &one_again_and_again).await;
    assert!(part > 0.99, "of one grant: {part}");
    let each_of_many = Refreshes {
        grants: 200,
        times: 4,
        joins: false,
        ..one_again_and_again
    };
    // The grants fill whole pages, so the only free space is what the fill factor leaves.
    let part = hot_part(server, &each_of_many).await;
    assert!(part > 0.99, "of many grants: {part}");
    // `forget_at` has an index, so the counter notices this.
    let moving = Refreshes {
        moves: true,
        ..one_again_and_again
    };
    let part = hot_part(server, &moving).await;
    assert!(part < 0.01, "with other times: {part}");
}

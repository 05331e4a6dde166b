//! A database that dies under the store, and comes back.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Kind, Outcome, Realm, Record, Role, Store, StoreErrorKind, Version},
    time::Timestamp,
};
use oauth_storage_conformance::crash::{
    Place, run, what_was_acknowledged_survives_an_interruption,
};
use oauth_storage_postgres::PostgresStore;
use throwaway::Postgres;

/// A server of this test's own, which it may kill.
struct Own(Mutex<Postgres>);

impl Own {
    /// Kills one of the processes that serve connections, if there is one.
    fn kill_backend(&self, number: usize) -> bool {
        let server = self.0.lock().unwrap();
        let backends = server.backends();
        let Some(last) = backends.len().checked_sub(1) else {
            return false;
        };
        server.kill_process(backends[number % (last + 1)]);
        true
    }
}

#[async_trait]
impl Place for Own {
    async fn fresh(&self) -> String {
        let url = self.0.lock().unwrap().url();
        common::schema(&url).await
    }

    async fn open(&self, name: &str) -> Arc<dyn Store> {
        Arc::new(PostgresStore::connect(name).await.unwrap())
    }
}

/// The server sees that one of its processes has died, ends all others and recovers from its log.
#[test]
fn what_was_acknowledged_survives_the_death_of_what_serves_a_connection() {
    let Some(server) = Postgres::start() else {
        return throwaway::skip("PostgreSQL");
    };
    let own = Own(Mutex::new(server));
    run(async || {
        let mut number = 0;
        what_was_acknowledged_survives_an_interruption(&own, async || {
            // The server may not be back yet from the last time.
            while !own.kill_backend(number) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            number += 1;
        })
        .await;
    });
}

#[test]
fn what_was_acknowledged_survives_the_death_of_the_server() {
    let Some(server) = Postgres::start() else {
        return throwaway::skip("PostgreSQL");
    };
    let own = Own(Mutex::new(server));
    run(async || {
        what_was_acknowledged_survives_an_interruption(&own, async || {
            let mut server = own.0.lock().unwrap();
            server.kill();
            server.restart();
        })
        .await;
    });
}

fn creation(name: &str) -> Commit {
    Commit::new(Version::from_bytes([7; 16])).create(Record {
        key: key(name),
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::from(*b"body"),
    })
}

fn key(name: &str) -> Key {
    Key::new(&Realm::default(), Kind::CODE, &[name.as_bytes()])
}

/// Without a server there is an answer, it comes in time, and says that nothing was applied; when it is back, so is the store.
#[test]
fn a_server_that_is_away_is_unavailable_until_it_is_back() {
    let Some(mut server) = Postgres::start() else {
        return throwaway::skip("PostgreSQL");
    };
    run(async || {
        let store = PostgresStore::connect(&server.url()).await.unwrap();
        let outcome = store.commit(creation("before")).await.unwrap();
        assert_eq!(outcome, Outcome::Committed);
        server.kill();
        // The store cannot have noticed yet: the connection looks as it did.
        let error = store.commit(creation("at once")).await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                StoreErrorKind::Unknown | StoreErrorKind::Unavailable
            ),
            "{error:?}"
        );
        let begun = Instant::now();
        let error = store.commit(creation("away")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        let error = store.load(&key("before")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(
            begun.elapsed().as_secs() < 30,
            "a dead server is not waited for"
        );
        server.restart();
        assert!(store.load(&key("before")).await.unwrap().is_some());
        assert!(store.load(&key("away")).await.unwrap().is_none());
        let outcome = store.commit(creation("after")).await.unwrap();
        assert_eq!(outcome, Outcome::Committed);
    });
}

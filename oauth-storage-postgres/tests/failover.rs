//! A database that dies under the store, and comes back.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use oauth_core::store::Store;
use oauth_storage_conformance::crash::{
    self, Place, run, what_was_acknowledged_survives_an_interruption,
};
use oauth_storage_postgres::PostgresStore;
use throwaway::Postgres;

/// How often a server that recovers is asked to connect, and how long after each refusal: for a minute, at the least.
const ATTEMPTS: usize = 6000;
const PAUSE: Duration = Duration::from_millis(10);

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
        self.0.lock().unwrap().url()
    }

    /// The server may be recovering from what was last done to it, and then connects nobody.
    async fn open(&self, name: &str) -> Arc<dyn Store> {
        for _ in 0..ATTEMPTS {
            if let Ok(store) = PostgresStore::connect(name).await {
                return Arc::new(store);
            }
            tokio::time::sleep(PAUSE).await;
        }
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
                tokio::time::sleep(PAUSE).await;
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

#[test]
fn a_server_that_is_away_is_unavailable_until_it_is_back() {
    let Some(server) = Postgres::start() else {
        return throwaway::skip("PostgreSQL");
    };
    let own = Own(Mutex::new(server));
    let stop = || own.0.lock().unwrap().kill();
    let start = || own.0.lock().unwrap().restart();
    run(async || {
        crash::a_server_that_is_away_is_unavailable_until_it_is_back(&own, stop, start).await;
    });
}

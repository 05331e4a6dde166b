//! A Redis that dies under the store, and comes back; or that does not answer.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use common::{PREFIX, change, key, place, raw, record, tell};
use oauth_core::store::{Outcome, Role, Store, StoreErrorKind};
use oauth_storage_conformance::crash::{
    self, Place, run, what_was_acknowledged_survives_an_interruption,
};
use redis_store::RedisStore;
use throwaway::Redis;

/// A server of this test's own, which it may kill.
struct Own(Mutex<Redis>);

#[async_trait]
impl Place for Own {
    async fn fresh(&self) -> String {
        place(&self.0.lock().unwrap().url())
    }

    async fn open(&self, name: &str) -> Arc<dyn Store> {
        common::open(name).await
    }
}

#[test]
fn what_was_acknowledged_survives_the_death_of_the_server() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
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

/// A machine that dies in the middle of writing leaves the beginning of what it was to write.
#[tokio::test]
async fn of_a_commit_that_was_half_written_nothing_is_there() {
    let Some(mut server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let names: Vec<_> = (0..5).map(|number| number.to_string()).collect();
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let directory: (String, String) = tell(&mut raw(&server.url()).await, "CONFIG GET dir")
        .await
        .unwrap();
    let log = Path::new(&directory.1).join("appendonlydir/appendonly.aof.1.incr.aof");
    let first = change().create(record("first", Role::Single));
    let first = (store.commit(first).await.unwrap(), fs::read(&log).unwrap());
    let second = names
        .iter()
        .fold(change(), |all, name| all.create(record(name, Role::Single)));
    let second = (store.commit(second).await.unwrap(), fs::read(&log).unwrap());
    assert_eq!([first.0, second.0], [Outcome::Committed; 2]);
    let (before, after) = (first.1.len(), second.1.len());
    drop(store);
    for part in 0..=16 {
        let length = before + (after - before) * part / 16;
        server.kill();
        fs::write(&log, &second.1[..length]).unwrap();
        server.restart();
        let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
        assert!(store.load(&key("first")).await.unwrap().is_some());
        for name in &names {
            let found = store.load(&key(name)).await.unwrap();
            assert_eq!(
                found.is_some(),
                length == after,
                "{name}, {length} of {after} bytes"
            );
        }
    }
}

/// As a network does: the server goes on, and may have heard the last commit or not.
#[test]
fn what_was_acknowledged_survives_the_loss_of_connections() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let own = Own(Mutex::new(server));
    run(async || {
        let url = own.0.lock().unwrap().url();
        let mut other = raw(&url).await;
        what_was_acknowledged_survives_an_interruption(&own, async || {
            let killed: u32 = tell(&mut other, "CLIENT KILL TYPE normal SKIPME yes")
                .await
                .unwrap();
            assert!(killed > 0, "somebody was connected");
        })
        .await;
    });
}

#[test]
fn a_server_that_is_away_is_unavailable_until_it_is_back() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let own = Own(Mutex::new(server));
    let stop = || own.0.lock().unwrap().kill();
    let start = || own.0.lock().unwrap().restart();
    run(async || {
        crash::a_server_that_is_away_is_unavailable_until_it_is_back(&own, stop, start).await;
    });
}

/// A server that has taken a commit and does not answer is not waited for without end, and nothing is claimed about the commit.
#[tokio::test]
async fn an_answer_that_does_not_come_is_unknown() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let mut other = raw(&server.url()).await;
    let () = tell(&mut other, "CLIENT PAUSE 100000 WRITE").await.unwrap();
    // Whenever all there is to do is to wait, this clock goes on to the next timeout.
    tokio::time::pause();
    let commit = change().create(record("slow", Role::Single));
    let error = store.commit(commit.clone()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown, "{error:?}");
    tokio::time::resume();
    assert!(store.load(&key("slow")).await.unwrap().is_none());
    let () = tell(&mut other, "CLIENT UNPAUSE").await.unwrap();
    // Redis may do now what it was asked to do then. Whichever it was, it is this commit, and happens once.
    let again = store.commit(commit.clone()).await.unwrap();
    let found = store.load(&key("slow")).await.unwrap().unwrap();
    assert_eq!(found.version, commit.id, "{again:?}");
}

/// A connection that is lost before anybody has noticed: a read is asked again, and of a commit nothing is claimed.
#[tokio::test]
async fn a_connection_that_is_lost_is_made_again() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let mut other = redis::Client::open(server.url())
        .unwrap()
        .get_connection()
        .unwrap();
    // Without leaving this thread to the connection, which would notice.
    let mut lose_it = || {
        let mut kill = redis::cmd("CLIENT");
        kill.arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert_eq!(kill.query::<u32>(&mut other).unwrap(), 1);
    };
    lose_it();
    assert!(store.load(&key("name")).await.unwrap().is_none());
    lose_it();
    let commit = change().create(record("name", Role::Single));
    let error = store.commit(commit.clone()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown, "{error:?}");
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
}

/// A server that lost its scripts is handed them again.
#[tokio::test]
async fn scripts_that_are_gone_are_handed_over_again() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let () = tell(&mut raw(&server.url()).await, "SCRIPT FLUSH")
        .await
        .unwrap();
    let commit = change().create(record("name", Role::Single));
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
}

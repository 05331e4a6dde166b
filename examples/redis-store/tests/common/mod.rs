//! Stores with prefixes of their own, so that tests can share a server.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "these are tests, their helpers too, and not each needs all"
)]

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Key, Kind, Realm, Record, Role, Store, Version},
    time::Timestamp,
};
use oauth_storage_conformance::{Harness, crash::Place};
use redis::{FromRedisValue, RedisResult, aio::MultiplexedConnection};
use redis_store::RedisStore;
use throwaway::Lease;

/// A new prefix for each store, on the server of a lease or of a URL.
pub(crate) struct Prefixes {
    server: Option<Lease>,
    last: Mutex<Option<String>>,
}

impl Prefixes {
    pub(crate) fn new() -> Self {
        // A process that is started by a test is told where to go.
        let is_child = std::env::var_os("OAUTH_CONFORMANCE_PLACE").is_some();
        let server = (!is_child).then(Lease::redis).flatten();
        if server.is_none() && !is_child {
            throwaway::skip("Redis");
        }
        Self {
            server,
            last: Mutex::default(),
        }
    }
}

#[async_trait]
impl Harness for Prefixes {
    async fn fresh(&self) -> Arc<dyn Store> {
        let place = place(self.server.as_ref().unwrap().url());
        *self.last.lock().unwrap() = Some(place.clone());
        open(&place).await
    }

    async fn reopen(&self) -> Option<Arc<dyn Store>> {
        let place = self.last.lock().unwrap().clone()?;
        Some(open(&place).await)
    }

    fn is_missing(&self) -> bool {
        self.server.is_none()
    }
}

#[async_trait]
impl Place for Prefixes {
    async fn fresh(&self) -> String {
        place(self.server.as_ref().unwrap().url())
    }

    async fn open(&self, name: &str) -> Arc<dyn Store> {
        open(name).await
    }

    fn is_missing(&self) -> bool {
        self.server.is_none() && std::env::var_os("OAUTH_CONFORMANCE_PLACE").is_none()
    }
}

/// A URL with a new prefix after it.
pub(crate) fn place(url: &str) -> String {
    let name = RandomState::new().hash_one(std::process::id());
    format!("{url}#test:{name:x}:")
}

pub(crate) async fn open(place: &str) -> Arc<dyn Store> {
    let (url, prefix) = place.split_once('#').unwrap();
    Arc::new(RedisStore::connect(url, prefix).await.unwrap())
}

pub(crate) const PREFIX: &str = "oauth:";

/// A connection without a store.
pub(crate) async fn raw(url: &str) -> MultiplexedConnection {
    redis::Client::open(url)
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap()
}

/// Gives a command, in words.
pub(crate) async fn tell<T: FromRedisValue>(
    redis: &mut MultiplexedConnection,
    command: &str,
) -> RedisResult<T> {
    let mut words = command.split(' ');
    let mut told = redis::cmd(words.next().unwrap());
    for word in words {
        told.arg(word);
    }
    told.query_async(redis).await
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(&Realm::default(), Kind::GRANT, &[name.as_bytes()])
}

pub(crate) fn record(name: &str, role: Role) -> Record {
    Record {
        key: key(name),
        role,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::from([0; 200]),
    }
}

/// A commit with an id of its own.
pub(crate) fn change() -> Commit {
    let id = [0, 1].map(|half| RandomState::new().hash_one(half).to_be_bytes());
    Commit::new(Version::from_bytes(id.concat().try_into().unwrap()))
}

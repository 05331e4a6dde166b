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
use oauth_core::store::Store;
use oauth_storage_conformance::{Harness, crash::Place};
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

//! Stores in schemas of their own, so that tests can share a server.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "these are tests, their helpers too, and not each needs all"
)]

pub(crate) mod relay;

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use oauth_core::store::Store;
use oauth_storage_conformance::{Harness, crash::Place};
use oauth_storage_postgres::PostgresStore;
use throwaway::Lease;

/// A new schema for each store.
pub(crate) struct Schemas {
    server: Option<Lease>,
    last: Mutex<Option<String>>,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let server = Lease::postgres();
        if server.is_none() {
            throwaway::skip("PostgreSQL");
        }
        Self {
            server,
            last: Mutex::default(),
        }
    }
}

#[async_trait]
impl Harness for Schemas {
    async fn fresh(&self) -> Arc<dyn Store> {
        let url = schema(self.server.as_ref().unwrap().url()).await;
        *self.last.lock().unwrap() = Some(url.clone());
        Arc::new(PostgresStore::connect(&url).await.unwrap())
    }

    async fn reopen(&self) -> Option<Arc<dyn Store>> {
        let url = self.last.lock().unwrap().clone()?;
        Some(Arc::new(PostgresStore::connect(&url).await.unwrap()))
    }

    fn is_missing(&self) -> bool {
        self.server.is_none()
    }
}

/// A new schema of a server, which processes find by its connection string.
pub(crate) struct Server(Option<Lease>);

impl Server {
    pub(crate) fn new() -> Self {
        // A process that is started by a test is told where to go.
        Self((!is_child()).then(Lease::postgres).flatten())
    }
}

fn is_child() -> bool {
    std::env::var_os("OAUTH_CONFORMANCE_PLACE").is_some()
}

#[async_trait]
impl Place for Server {
    async fn fresh(&self) -> String {
        schema(self.0.as_ref().unwrap().url()).await
    }

    async fn open(&self, name: &str) -> Arc<dyn Store> {
        Arc::new(PostgresStore::connect(name).await.unwrap())
    }

    fn is_missing(&self) -> bool {
        if self.0.is_none() && !is_child() {
            throwaway::skip("PostgreSQL");
            return true;
        }
        false
    }
}

/// A connection string for a new schema in the database of another.
pub(crate) async fn schema(url: &str) -> String {
    let name = format!("test_{:x}", RandomState::new().hash_one(std::process::id()));
    let client = raw(url).await;
    client
        .batch_execute(&format!("CREATE SCHEMA {name}"))
        .await
        .unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}options=-c%20search_path%3D{name}")
}

/// A connection without a store.
pub(crate) async fn raw(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

//! Stores in schemas of their own, so that tests can share a server.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "these are tests, their helpers too, and not each needs all"
)]

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex},
    thread,
};

use async_trait::async_trait;
use oauth_core::store::Store;
use oauth_storage_conformance::{Harness, crash::Place};
use oauth_storage_postgres::PostgresStore;
use throwaway::Lease;
use tokio::runtime::Builder;

/// A new schema for each store.
pub(crate) struct Schemas {
    // Dropped before the server.
    made: Mutex<Vec<Schema>>,
    server: Option<Lease>,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let server = Lease::postgres();
        if server.is_none() {
            throwaway::skip("PostgreSQL");
        }
        Self {
            made: Mutex::default(),
            server,
        }
    }
}

#[async_trait]
impl Harness for Schemas {
    async fn fresh(&self) -> Arc<dyn Store> {
        let schema = Schema::new(self.server.as_ref().unwrap().url()).await;
        let store = PostgresStore::connect(&schema.url).await.unwrap();
        self.made.lock().unwrap().push(schema);
        Arc::new(store)
    }

    async fn reopen(&self) -> Option<Arc<dyn Store>> {
        let url = self.made.lock().unwrap().last()?.url.clone();
        Some(Arc::new(PostgresStore::connect(&url).await.unwrap()))
    }

    fn is_missing(&self) -> bool {
        self.server.is_none()
    }
}

/// A new schema of a server, which processes find by its connection string.
pub(crate) struct Server {
    // Dropped before the server.
    made: Mutex<Vec<Schema>>,
    server: Option<Lease>,
}

impl Server {
    pub(crate) fn new() -> Self {
        // A process that is started by a test is told where to go.
        Self {
            made: Mutex::default(),
            server: (!is_child()).then(Lease::postgres).flatten(),
        }
    }
}

fn is_child() -> bool {
    std::env::var_os("OAUTH_CONFORMANCE_PLACE").is_some()
}

#[async_trait]
impl Place for Server {
    async fn fresh(&self) -> String {
        let schema = Schema::new(self.server.as_ref().unwrap().url()).await;
        let url = schema.url.clone();
        self.made.lock().unwrap().push(schema);
        url
    }

    async fn open(&self, name: &str) -> Arc<dyn Store> {
        Arc::new(PostgresStore::connect(name).await.unwrap())
    }

    fn is_missing(&self) -> bool {
        if self.server.is_none() && !is_child() {
            throwaway::skip("PostgreSQL");
            return true;
        }
        false
    }
}

/// A new schema in a database, which is gone with all that is in it when this is dropped, also by a test that fails.
pub(crate) struct Schema {
    server: String,
    pub(crate) name: String,
    /// A connection string that leads there.
    pub(crate) url: String,
}

impl Schema {
    pub(crate) async fn new(server: &str) -> Self {
        let name = format!("test_{:x}", RandomState::new().hash_one(std::process::id()));
        let client = raw(server).await;
        client
            .batch_execute(&format!("CREATE SCHEMA {name}"))
            .await
            .unwrap();
        let separator = if server.contains('?') { '&' } else { '?' };
        Self {
            url: format!("{server}{separator}options=-c%20search_path%3D{name}"),
            server: server.to_owned(),
            name,
        }
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // Who holds locks there gives them up by itself, or has been left behind by a test that failed.
        let drop = format!(
            "SET lock_timeout = '20s'; DROP SCHEMA {} CASCADE",
            self.name
        );
        let server = &self.server;
        // A thread of its own, as this one may be one of a runtime.
        let dropped = thread::scope(|scope| {
            let dropping = scope.spawn(|| {
                let runtime = Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async { raw(server).await.batch_execute(&drop).await })
            });
            dropping.join()
        });
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("the schema {} is left in the database", self.name);
        }
    }
}

/// A connection without a store.
pub(crate) async fn raw(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

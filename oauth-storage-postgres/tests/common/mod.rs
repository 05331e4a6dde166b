//! Stores in schemas of their own, so that tests can share a database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "these are tests, their helpers too"
)]

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use oauth_core::store::Store;
use oauth_storage_conformance::Harness;
use oauth_storage_postgres::PostgresStore;

/// A new schema for each store.
#[derive(Default)]
pub(crate) struct Schemas {
    last: Mutex<Option<String>>,
}

#[async_trait]
impl Harness for Schemas {
    async fn fresh(&self) -> Arc<dyn Store> {
        let url = schema(&std::env::var("TEST_POSTGRES_URL").unwrap()).await;
        *self.last.lock().unwrap() = Some(url.clone());
        Arc::new(PostgresStore::connect(&url).await.unwrap())
    }

    async fn reopen(&self) -> Option<Arc<dyn Store>> {
        let url = self.last.lock().unwrap().clone()?;
        Some(Arc::new(PostgresStore::connect(&url).await.unwrap()))
    }
}

/// A connection string for a new schema in the database of another.
pub(crate) async fn schema(url: &str) -> String {
    let name = format!("test_{:x}", RandomState::new().hash_one(std::process::id()));
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(&format!("CREATE SCHEMA {name}"))
        .await
        .unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}options=-c%20search_path%3D{name}")
}

//! Processes that share a file, and processes that are killed.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::sync::Arc;

use async_trait::async_trait;
use oauth_core::store::Store;
use oauth_storage_conformance::crash::Place;
use oauth_storage_sqlite::SqliteStore;
use tempfile::TempDir;

/// A directory with one database.
struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

#[async_trait]
impl Place for Directory {
    async fn fresh(&self) -> String {
        let path = self.0.path().join("oauth.db");
        path.into_os_string().into_string().unwrap()
    }

    async fn open(&self, name: &str) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(name).unwrap())
    }
}

oauth_storage_conformance::process_tests!(Directory::new());

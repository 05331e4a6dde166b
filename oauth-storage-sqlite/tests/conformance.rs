//! The SQLite store keeps the storage contract.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::sync::Arc;

use async_trait::async_trait;
use oauth_core::store::Store;
use oauth_storage_conformance::Harness;
use oauth_storage_sqlite::SqliteStore;
use tempfile::TempDir;

/// A directory with one database.
struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.0.path().join("oauth.db")).unwrap())
    }
}

#[async_trait]
impl Harness for Directory {
    async fn fresh(&self) -> Arc<dyn Store> {
        for file in std::fs::read_dir(self.0.path()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        self.open()
    }

    async fn reopen(&self) -> Option<Arc<dyn Store>> {
        Some(self.open())
    }
}

oauth_storage_conformance::tests!(Directory::new());

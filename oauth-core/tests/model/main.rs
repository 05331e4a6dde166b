//! Random sequences of what clients, users, thieves and operators do, against a model that is simple enough to be right.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

#[path = "../common/mod.rs"]
mod common;
mod expected;
mod operation;
mod peril;
mod run;

use std::sync::Arc;

use oauth_storage_memory::MemoryStore;
use oauth_storage_sqlite::SqliteStore;

#[test]
fn the_memory_store_does_what_the_model_does() {
    run::check(120, || (Arc::new(MemoryStore::default()), ()));
}

#[test]
fn the_sqlite_store_does_what_the_model_does() {
    run::check(20, || {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path().join("oauth.db")).unwrap();
        (Arc::new(store), directory)
    });
}

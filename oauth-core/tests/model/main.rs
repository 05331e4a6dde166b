//! Random sequences of what clients, users, thieves and operators do, against a model that is simple enough to be right.

#[path = "../common/mod.rs"]
mod common;
mod expected;
mod operation;
mod run;

use std::sync::Arc;

use oauth_storage_memory::MemoryStore;

#[test]
fn the_memory_store_does_what_the_model_does() {
    run::check(|| (Arc::new(MemoryStore::default()), ()));
}

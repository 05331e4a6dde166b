//! A server over a store that fails where it is told to.

use std::sync::Arc;

use oauth_storage_conformance::{Fault, Faulty};
use oauth_storage_memory::MemoryStore;

use super::Fixture;

pub type FaultyStore = Faulty<MemoryStore>;

/// A fixture over a faulty store.
pub fn faulty() -> (Fixture, Arc<FaultyStore>) {
    let store = MemoryStore::default();
    let faulty = Arc::new(Faulty::new(store.clone()));
    let seen = Arc::clone(&faulty);
    (Fixture::over(store, seen, |_| {}), faulty)
}

/// What is loaded is of a format that nobody knows yet.
pub const FROM_THE_FUTURE: Fault = Fault::Changed(|stored| stored.body[0] += 1);

//! The memory store keeps the storage contract.

#![cfg(not(loom))]

use oauth_storage_memory::MemoryStore;

oauth_storage_conformance::tests!(MemoryStore::default);

//! The memory store keeps the storage contract.

use oauth_storage_memory::MemoryStore;

oauth_storage_conformance::tests!(MemoryStore::default);

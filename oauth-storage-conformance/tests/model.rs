//! The model keeps the contract.

use oauth_storage_conformance::ModelStore;

oauth_storage_conformance::tests!(ModelStore::default);

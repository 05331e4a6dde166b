//! The Redis store keeps the storage contract.

mod common;

oauth_storage_conformance::tests!(common::Prefixes::new());

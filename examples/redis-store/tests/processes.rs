//! Processes that share a server, and processes that are killed.

mod common;

oauth_storage_conformance::process_tests!(common::Prefixes::new());

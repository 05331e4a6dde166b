//! Processes that share a database, and processes that are killed.

mod common;

oauth_storage_conformance::process_tests!(common::Server::new());

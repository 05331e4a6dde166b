//! The test suite for whatever keeps the records of an OAuth 2 authorization server.
//!
//! Every sentence of the [storage contract](oauth_core::store) is a function here, named after it, that takes any store. One
//! line in the tests of a store's crate runs them all, each as a test of its own:
//!
//! ```
//! # use oauth_storage_conformance::ModelStore as MyStore;
//! oauth_storage_conformance::tests!(MyStore::default);
//! ```
//!
//! What the macro takes is a [`Harness`]: something that makes an empty store, and, if the store lasts, opens it again. A
//! function that returns a store is one. The tests bring their own tokio runtime, of several threads.
//!
//! A check that fails says which sentence is broken, and how it saw that. A store that passes can still lose a race that did not
//! happen to be run; the races here are run many times, and against a real database they are worth running for an hour.
//!
//! How to write a store, from the first test to the last kill, is told in `docs/custom-store.md`.
//!
//! [`ModelStore`] is the contract as a program, with one lock and without an index: the shortest store that passes.

#![expect(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a check fails by panicking, and that is all it does"
)]

#[macro_use]
mod bench;
pub mod broken;
mod cancel;
mod commit;
pub mod crash;
mod family;
mod faulty;
mod forget;
mod harness;
mod last;
mod linear;
mod list;
mod model;
mod promises;
mod race;
mod random;
mod read;
mod suite;

pub use self::{
    cancel::*,
    commit::*,
    family::*,
    faulty::{Fault, Faulty, Operation},
    forget::*,
    harness::{Harness, run},
    last::*,
    linear::concurrent_histories_are_linearizable,
    list::*,
    model::ModelStore,
    promises::*,
    race::*,
    random::*,
    read::*,
    suite::{Check, Running, checks},
};

/// The code in the guide is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/custom-store.md")]
struct Guide;

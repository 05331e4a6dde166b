//! Stores that several processes open, and processes that are killed.
//!
//! These checks need a store that outlives a process, and a [`Place`] where processes find it. One line in a file of its own in
//! the `tests` of a store's crate makes tests of them:
//!
//! ```text
//! oauth_storage_conformance::process_tests!(MyPlace::new());
//! ```
//!
//! The processes are the same test program again, started with the name of one test and a variable in its environment. Each
//! kill is a `kill -9` at a random moment. There are 30; the variable `CRASH_KILLS` asks for more.
//!
//! A database that is a process of its own can be killed too:
//! [`what_was_acknowledged_survives_an_interruption`] goes on committing while the author's function does so, and
//! [`a_server_that_is_away_is_unavailable_until_it_is_back`] looks at what a store says meanwhile.

mod away;
mod interruption;
mod killed;
mod shared;
mod work;

use std::{env, hash::BuildHasher as _, sync::Arc};

use async_trait::async_trait;
use oauth_core::store::Store;

pub use self::{
    away::a_server_that_is_away_is_unavailable_until_it_is_back,
    interruption::what_was_acknowledged_survives_an_interruption,
    killed::what_was_acknowledged_survives_a_kill_and_nothing_is_half_there,
    shared::one_winner_among_processes,
};

/// Where several processes find the same store.
#[async_trait]
pub trait Place: Send + Sync {
    /// Makes a new, empty place, and returns its name: a path, a connection string. What is there lives as long as `self`.
    async fn fresh(&self) -> String;

    /// Opens the store at the place of this name. Also called in processes that have not made it, and while a database may still be
    /// recovering from what a test did to it: then this waits until it is back.
    async fn open(&self, name: &str) -> Arc<dyn Store>;

    /// Whether the store cannot be tested here; the answer says so to whoever runs the tests.
    fn is_missing(&self) -> bool {
        false
    }
}

/// How often to kill: 30 times, or as the variable `CRASH_KILLS` says.
///
/// # Panics
/// If that says no number.
pub fn kills() -> u64 {
    env::var("CRASH_KILLS").map_or(30, |kills| {
        kills
            .parse()
            .unwrap_or_else(|_| panic!("CRASH_KILLS is to be a number, and is {kills:?}"))
    })
}

/// Makes tests of the checks with several processes, of the stores at a [`Place`].
#[macro_export]
macro_rules! process_tests {
    ($place:expr $(,)?) => {
        $crate::process_tests! { $place =>
            what_was_acknowledged_survives_a_kill_and_nothing_is_half_there
            one_winner_among_processes
        }
    };
    ($place:expr => $($check:ident)*) => {$(
        #[test]
        fn $check() {
            let place = $place;
            let test = concat!(module_path!(), "::", stringify!($check));
            $crate::crash::run(async || $crate::crash::$check(&place, test).await);
        }
    )*};
}

/// Runs a check with several processes to its end.
#[doc(hidden)]
pub fn run(check: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("no runtime to run the check on: {error}"));
    runtime.block_on(check());
}

fn random(below: u64) -> u64 {
    std::hash::RandomState::new().hash_one(()) % below
}

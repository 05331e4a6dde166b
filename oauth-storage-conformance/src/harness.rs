//! How a check gets the store that it checks.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use oauth_core::store::Store;

/// Makes the stores that are checked.
#[async_trait]
pub trait Harness: Send + Sync {
    /// An empty store, which nobody else uses.
    async fn fresh(&self) -> Arc<dyn Store>;

    /// Opens the store again that [`fresh`](Self::fresh) made last, after all handles to it are gone, as a new process would.
    ///
    /// `None`, the default, is for a store that promises nothing beyond its process.
    async fn reopen(&self) -> Option<Arc<dyn Store>> {
        None
    }

    /// Whether the store cannot be checked here, for want of its database. Whoever says so tells the one who runs the tests.
    fn is_missing(&self) -> bool {
        false
    }
}

#[async_trait]
impl<F, S> Harness for F
where
    F: Fn() -> S + Send + Sync,
    S: Store,
{
    async fn fresh(&self) -> Arc<dyn Store> {
        Arc::new(self())
    }
}

/// Runs a check to its end on a runtime of four threads.
///
/// # Panics
/// If the check fails, or is not done after five minutes.
pub fn run(check: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("no runtime to run the check on: {error}"));
    runtime.block_on(async {
        let done = tokio::time::timeout(Duration::from_mins(5), check).await;
        assert!(
            done.is_ok(),
            "the check is not done after five minutes: an operation of the store hangs"
        );
    });
}

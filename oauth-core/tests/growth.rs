//! What does not grow: the store, when as much comes as goes, and the cost of those who come with the tokens of a family that has ended.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers included"
)]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use common::{
    Fixture,
    clients::{MACHINE, WEB},
    flow::{from, refresh_token, wire},
    seconds,
};
use oauth_core::{
    store::{Commit, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use oauth_storage_memory::MemoryStore;

/// Counts what a store is asked.
#[derive(Default)]
struct Counting {
    inner: MemoryStore,
    reads: AtomicUsize,
    commits: AtomicUsize,
}

impl Counting {
    /// How many records were asked for, and how many commits there were, since the last call.
    fn take(&self) -> (usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        (take(&self.reads), take(&self.commits))
    }
}

#[async_trait]
impl Store for Counting {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.load(key).await
    }

    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.reads.fetch_add(keys.len(), Ordering::SeqCst);
        self.inner.load_all(keys).await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.inner.commit(commit).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.list(listing).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.prune(before, limit).await
    }
}

#[tokio::test]
async fn an_hour_of_churn_leaves_as_many_records_as_there_were() {
    let fixture = Fixture::with(|policy| policy.access_token_lifetime = seconds(600));
    let request = from(MACHINE, &[("grant_type", "client_credentials")]);
    let (mut least, mut most) = (usize::MAX, 0);
    for second in 0..90 * 60 {
        fixture.token(&request).await.unwrap();
        fixture.clock.advance(seconds(1));
        if second >= 30 * 60 {
            least = least.min(fixture.records());
            most = most.max(fixture.records());
        }
    }
    // Those that live are among them, and not much else.
    assert!(least >= 600, "{least}");
    assert!(most * 10 <= least * 12, "from {least} to {most}");
}

#[tokio::test]
async fn a_great_family_ends_in_one_commit_and_a_replay_costs_one_read() {
    const REFRESHES: usize = 20_000;
    let store = Arc::new(Counting::default());
    let fixture = Fixture::over(store.inner.clone(), Arc::clone(&store) as _, |policy| {
        policy.tokens_per_grant = u32::MAX;
    });
    let before = fixture.records();
    let mut tokens = vec![refresh_token(&fixture.tokens(WEB).await).clone()];
    for number in 0..REFRESHES {
        let next = fixture.refresh(WEB, &tokens[number], &[]).await.unwrap();
        tokens.push(refresh_token(&next).clone());
    }
    // The grant, and the access tokens that live.
    assert_eq!(fixture.records(), before + 1 + REFRESHES + 1);
    store.take();

    let reuse = fixture.refresh(WEB, &tokens[0], &[]).await;
    assert_eq!(wire(&reuse), "invalid_grant");
    assert_eq!(store.take(), (1, 1));
    // The closed anchor of the grant is left, as the mark that its family has ended.
    assert_eq!(fixture.records(), before + 1);

    for token in &tokens {
        assert_eq!(
            wire(&fixture.refresh(WEB, token, &[]).await),
            "invalid_grant"
        );
        assert_eq!(store.take(), (1, 0));
    }
}

//! Futures that are dropped before they are done.

use std::{future::poll_fn, pin::Pin, task::Poll};

use oauth_core::store::{Commit, Key, Kind, Outcome};
use tokio::task::yield_now;

use crate::{
    Harness,
    bench::{Bench, brief, change, key, race, single},
};

/// A commit whose future is dropped has happened or has not, and the store goes on.
pub async fn a_dropped_commit_happened_or_did_not(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    for polls in 0..40 {
        try_one(&bench, polls).await;
    }
    // Many at a time: neither the dropped ones nor those between them hang.
    race(|number| {
        let bench = bench.clone();
        async move {
            for polls in 0..8 {
                try_one(&bench, (polls + number) % 12).await;
            }
        }
    })
    .await;
    let after = key(Kind::CODE);
    bench.create(single(&after)).await;
}

async fn try_one(bench: &Bench, polls: usize) {
    let [one, other] = [key(Kind::CODE), key(Kind::ACCESS_TOKEN)];
    let dropped = both(&one, &other);
    poll_and_drop(bench, dropped.clone(), polls).await;
    // This one needs the same keys: when it is answered, what became of the dropped one is settled.
    let next = both(&one, &other);
    let expected = match bench.commit(next.clone()).await {
        Outcome::Committed => next.id,
        Outcome::Conflict => dropped.id,
    };
    for key in [&one, &other] {
        let loaded = bench.load(key).await;
        require!(
            "everything in a commit happens or nothing does, also when its future is dropped",
            loaded
                .as_ref()
                .is_some_and(|stored| stored.version == expected),
            "dropped after {polls} polls, of {dropped:?} and {next:?} a record loads as {}",
            brief(loaded.as_ref())
        );
    }
}

fn both(one: &Key, other: &Key) -> Commit {
    change().create(single(one)).create(single(other))
}

async fn poll_and_drop(bench: &Bench, commit: Commit, polls: usize) {
    let mut future = bench.store.commit(commit);
    for _ in 0..polls {
        let is_done =
            poll_fn(|context| Poll::Ready(Pin::new(&mut future).poll(context).is_ready())).await;
        if is_done {
            return;
        }
        yield_now().await;
    }
}

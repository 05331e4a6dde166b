//! Futures that are dropped before they are done.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
};

use oauth_core::store::{Commit, Key, Kind, Listing, Outcome, OwnedBy, Record};
use tokio::task::yield_now;

use crate::{
    Harness,
    bench::{Bench, answered, at, brief, change, digests, key, owner, race, realm, single, sorted},
};

/// When a future is dropped.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// When it was polled so often, at every turn of its task, whether it can go on or not.
    Polled(usize),
    /// When it has come so far that it asked to be polled so often.
    Woken(usize),
}

impl Moment {
    /// One moment after the other: nearly all of those there are in an operation that asks a database a few times.
    fn all() -> impl Iterator<Item = Self> {
        let polled = (0..40).map(Self::Polled);
        polled.chain((0..8).map(Self::Woken))
    }

    /// Another moment for each number.
    fn numbered(number: usize) -> Self {
        if number.is_multiple_of(2) {
            Self::Polled(number / 2 % 12)
        } else {
            Self::Woken(number / 2 % 4)
        }
    }
}

/// A commit whose future is dropped has happened or has not, and the store goes on.
pub async fn a_dropped_commit_happened_or_did_not(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    for moment in Moment::all() {
        drop_a_commit(&bench, moment).await;
    }
    // Many at a time: neither the dropped ones nor those between them hang.
    race(|number| {
        let bench = bench.clone();
        async move {
            for turn in 0..8 {
                drop_a_commit(&bench, Moment::numbered(number + turn)).await;
            }
        }
    })
    .await;
    let after = key(Kind::CODE);
    bench.create(single(&after)).await;
}

async fn drop_a_commit(bench: &Bench, moment: Moment) {
    let [one, other] = [key(Kind::CODE), key(Kind::ACCESS_TOKEN)];
    let dropped = both(&one, &other);
    run_until(bench.store.commit(dropped.clone()), moment).await;
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
            "dropped when {moment:?}, of {dropped:?} and {next:?} a record loads as {}",
            brief(loaded.as_ref())
        );
    }
}

fn both(one: &Key, other: &Key) -> Commit {
    change().create(single(one)).create(single(other))
}

/// A load, a listing or a prune whose future is dropped takes nothing with it: what is asked next is answered, and rightly.
///
/// There are more of them than a pool has connections.
pub async fn a_dropped_question_takes_nothing_with_it(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let kept = [Kind::CODE, Kind::GRANT, Kind::GRANT].map(key);
    for key in &kept {
        let listed = Record {
            owner: Some(owner("client", "subject")),
            ..single(key)
        };
        bench.create(listed).await;
    }
    for moment in Moment::all() {
        drop_questions(&bench, &kept, moment).await;
    }
    race(|number| {
        let (bench, kept) = (bench.clone(), kept.clone());
        async move {
            for turn in 0..8 {
                drop_questions(&bench, &kept, Moment::numbered(number + turn)).await;
            }
        }
    })
    .await;
    let due = bench.prune(at(10), usize::MAX).await;
    require!(
        "a prune drops what may be forgotten, also what a dropped one has left",
        bench.prune(at(10), usize::MAX).await == 0,
        "after one that dropped {due} there was something left to drop"
    );
}

async fn drop_questions(bench: &Bench, kept: &[Key; 3], moment: Moment) {
    let store = &bench.store;
    let listing = Listing {
        realm: realm(),
        kind: Kind::GRANT,
        by: OwnedBy::Subject("subject".into()),
        after: None,
        limit: 10,
    };
    let forgettable = Record {
        forget_at: at(5),
        ..single(&key(Kind::CODE))
    };
    bench.apply(change().create(forgettable)).await;
    run_until(store.load(&kept[0]), moment).await;
    run_until(store.load_all(kept), moment).await;
    run_until(store.list(&listing), moment).await;
    run_until(store.prune(at(10), 2), moment).await;
    let loaded = answered(store.load_all(kept).await);
    let listed = answered(store.list(&listing).await);
    require!(
        "the store goes on when the future of a load, a listing or a prune is dropped",
        bench.load(&kept[0]).await.is_some()
            && loaded.len() == kept.len()
            && loaded.iter().all(Option::is_some)
            && digests(&listed.items) == sorted(&kept[1..]),
        "dropped when {moment:?}, it loads {loaded:?} and lists {listed:?}"
    );
}

/// Runs a future until that moment, and drops it, if it is not done before.
async fn run_until(future: impl Future, moment: Moment) {
    match moment {
        Moment::Polled(polls) => {
            let mut future = pin!(future);
            for _ in 0..polls {
                if is_done(future.as_mut()).await {
                    return;
                }
                yield_now().await;
            }
        }
        Moment::Woken(times) => {
            let mut left = times;
            let mut future = pin!(future);
            poll_fn(|context| match future.as_mut().poll(context) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending if left == 0 => Poll::Ready(()),
                Poll::Pending => {
                    left -= 1;
                    Poll::Pending
                }
            })
            .await;
        }
    }
}

/// Polls once.
async fn is_done(mut future: Pin<&mut impl Future>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

//! What is left after a restart.

use oauth_core::store::{Kind, Outcome, OwnedBy, Record};

use crate::{
    Harness,
    bench::{
        Bench, NEVER, anchor, at, brief, change, digests, key, member, owner, race, realm, single,
        sorted,
    },
};

/// Everything that was acknowledged is as it was when the store is opened again. Of a store that does not last, nothing is asked.
pub async fn what_was_acknowledged_is_there_after_a_restart(harness: &dyn Harness) {
    const SENTENCE: &str = "what was acknowledged is there after a restart";
    let bench = Bench::new(harness).await;
    let [open, closed, token, ended, removed] = [0; 5].map(|_| key(Kind::GRANT));
    let owned = |key| Record {
        owner: Some(owner("client", "subject")),
        forget_at: at(9),
        ..anchor(key)
    };
    let version = bench
        .apply(
            change()
                .create(owned(&open))
                .create(owned(&closed))
                .create(member(&token, open.family()))
                .create(member(&ended, closed.family()))
                .create(single(&removed)),
        )
        .await;
    bench
        .apply(
            change()
                .end(closed.family(), NEVER)
                .remove(removed.clone(), version),
        )
        .await;
    let raced: Vec<_> = race(|_| {
        let bench = bench.clone();
        async move {
            let key = key(Kind::REPLAY);
            bench.create(single(&key)).await;
            key
        }
    })
    .await;
    let keys: Vec<_> = [open.clone(), closed.clone(), token.clone(), ended, removed]
        .into_iter()
        .chain(raced)
        .collect();
    let mut before = Vec::new();
    for key in &keys {
        before.push(bench.load(key).await);
    }
    drop(bench);
    let Some(store) = harness.reopen().await else {
        return;
    };
    let bench = Bench { store };
    for (key, before) in keys.iter().zip(&before) {
        let after = bench.load(key).await;
        require!(
            SENTENCE,
            after == *before,
            "before, {}; after, {}",
            brief(before.as_ref()),
            brief(after.as_ref())
        );
    }
    let listed = bench
        .walk(&realm(), Kind::GRANT, OwnedBy::Subject("subject".into()), 1)
        .await;
    require!(
        SENTENCE,
        digests(&listed) == sorted([&open]),
        "after a restart, {listed:?} is listed"
    );
    let outcome = bench
        .commit(change().create(member(&key(Kind::CODE), closed.family())))
        .await;
    require!(
        SENTENCE,
        outcome == Outcome::Conflict,
        "an ended family was open after a restart"
    );
    bench.apply(change().end(open.family(), NEVER)).await;
    let loaded = bench.load(&token).await;
    require!(
        SENTENCE,
        loaded.is_none(),
        "a family that ended after a restart still has {}",
        brief(loaded.as_ref())
    );
    let pruned = bench.prune(at(9), usize::MAX).await;
    require!(
        SENTENCE,
        pruned == 2,
        "after a restart, {pruned} of 2 records may be forgotten"
    );
}

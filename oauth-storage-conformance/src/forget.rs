//! Forgetting: only when told to, only what may be, and enough.

use oauth_core::{
    store::{Commit, Expect, Kind, OwnedBy, Record},
    time::Timestamp,
};

use crate::{
    Harness,
    bench::{Bench, NEVER, anchor, at, brief, change, key, member, owner, realm, single},
};

/// A record whose time has long come is there until something is pruned.
pub async fn time_alone_forgets_nothing(harness: &dyn Harness) {
    const SENTENCE: &str = "a store never reads a clock: only prune_before and prune drop records";
    let bench = Bench::new(harness).await;
    let [old, grant, token] = [
        key(Kind::CONSENT),
        key(Kind::GRANT),
        key(Kind::ACCESS_TOKEN),
    ];
    let version = bench
        .apply(
            change()
                .create(Record {
                    forget_at: at(0),
                    owner: Some(owner("client", "subject")),
                    ..single(&old)
                })
                .create(Record {
                    forget_at: at(1),
                    ..anchor(&grant)
                })
                .create(Record {
                    forget_at: at(1),
                    ..member(&token, grant.family())
                }),
        )
        .await;
    // An end, a removal and additions, none of which prunes.
    for _ in 0..3 {
        let [other, added] = [key(Kind::GRANT), key(Kind::CODE)];
        let version = bench
            .apply(change().create(anchor(&other)).create(single(&added)))
            .await;
        bench
            .apply(change().remove(added, version).end(other.family(), NEVER))
            .await;
    }
    for key in [&old, &grant, &token] {
        let loaded = bench.load(key).await;
        require!(
            SENTENCE,
            loaded
                .as_ref()
                .is_some_and(|stored| stored.version == version && !stored.closed),
            "a record with a forget_at in 1970 loads as {}",
            brief(loaded.as_ref())
        );
    }
    let listed = bench
        .walk(
            &realm(),
            Kind::CONSENT,
            OwnedBy::Subject("subject".into()),
            5,
        )
        .await;
    require!(
        SENTENCE,
        listed.len() == 1,
        "a record with a forget_at in 1970 is listed {} times",
        listed.len()
    );
    bench
        .apply(
            change()
                .guard(old.clone(), Expect::Version(version))
                .create(member(&key(Kind::ACCESS_TOKEN), grant.family())),
        )
        .await;
}

/// Pruning drops what may be forgotten at that time, up to the limit, and says how many.
pub async fn prune_drops_what_may_be_forgotten_and_nothing_else(harness: &dyn Harness) {
    const SENTENCE: &str = "prune drops up to limit records whose forget_at is at or before the time given, and says how many";
    let bench = Bench::new(harness).await;
    let keys: Vec<_> = (0..10).map(|_| key(Kind::REPLAY)).collect();
    let last = key(Kind::SERVER_KEY);
    let records = (1..).zip(&keys).map(|(seconds, key)| Record {
        forget_at: at(seconds),
        owner: Some(owner("client", "subject")),
        ..single(key)
    });
    bench
        .apply(records.fold(change().create(single(&last)), Commit::create))
        .await;
    let almost = Timestamp::from_unix_millis(999);
    for (before, limit, expected) in [
        (at(0), usize::MAX, 0),
        (almost, usize::MAX, 0),
        (at(1), 0, 0),
        (at(1), usize::MAX, 1),
        (at(1), usize::MAX, 0),
        (at(6), 3, 3),
        (at(6), 3, 2),
        (at(6), 3, 0),
    ] {
        let dropped = bench.prune(before, limit).await;
        require!(
            SENTENCE,
            dropped == expected,
            "prune({before}, {limit}) dropped {dropped}, not {expected}"
        );
    }
    for (seconds, key) in (1..).zip(&keys) {
        let loaded = bench.load(key).await;
        require!(
            SENTENCE,
            loaded.is_some() == (seconds > 6),
            "after prune({}), a record with forget_at {} loads as {}",
            at(6),
            at(seconds),
            brief(loaded.as_ref())
        );
    }
    let listed = bench
        .walk(&realm(), Kind::REPLAY, OwnedBy::Client("client".into()), 3)
        .await;
    require!(
        "what was dropped is not listed",
        listed.len() == 4,
        "{} of 4 are listed",
        listed.len()
    );
    // A key is free again once its record is forgotten.
    bench.create(single(&keys[0])).await;
    let dropped = bench.prune(at(u64::MAX), usize::MAX).await;
    require!(
        SENTENCE,
        dropped == 6,
        "of 4 records, and 2 that may be forgotten at the end of time, {dropped} were dropped at it"
    );
}

/// A commit that puts *n* records drops at most 2*n*, and one that conflicts or puts none drops none.
pub async fn a_commit_prunes_at_most_twice_what_it_puts(harness: &dyn Harness) {
    const SENTENCE: &str =
        "a commit with prune_before that puts n records drops up to 2n forgettable ones";
    let bench = Bench::new(harness).await;
    let other = key(Kind::GRANT);
    bench.create(anchor(&other)).await;
    for puts in 0..6_usize {
        let stale = (0..100).map(|seconds| Record {
            forget_at: at(seconds),
            ..single(&key(Kind::REPLAY))
        });
        bench.apply(stale.fold(change(), Commit::create)).await;
        let kept: Vec<_> = (0..puts).map(|_| key(Kind::CODE)).collect();
        let mut commit = kept
            .iter()
            .fold(change().end(other.family(), NEVER), |commit, key| {
                commit.create(single(key))
            });
        commit.prune_before = Some(at(100));
        bench.apply(commit).await;
        let left = bench.prune(at(100), usize::MAX).await;
        require!(
            SENTENCE,
            (100 - 2 * puts..=100).contains(&left),
            "a commit that put {puts} left {left} of 100 forgettable records"
        );
    }
}

/// A commit does not drop what it guards or puts, nor the anchor that lets it put.
pub async fn a_commit_prunes_nothing_that_it_needs(harness: &dyn Harness) {
    const SENTENCE: &str = "what a commit drops is not what it guards or puts, nor the anchor of a family into which it puts";
    let bench = Bench::new(harness).await;
    let [grant, guarded, replaced] = [key(Kind::GRANT), key(Kind::CONSENT), key(Kind::CODE)];
    let forgettable = |record| Record {
        forget_at: at(1),
        ..record
    };
    let old = bench
        .apply(
            change()
                .create(forgettable(anchor(&grant)))
                .create(forgettable(single(&guarded)))
                .create(forgettable(single(&replaced))),
        )
        .await;
    let created: Vec<_> = (0..10).map(|_| key(Kind::ACCESS_TOKEN)).collect();
    let mut commit = change()
        .guard(guarded.clone(), Expect::Version(old))
        .replace(forgettable(single(&replaced)), old);
    for key in &created {
        commit = commit.create(forgettable(member(key, grant.family())));
    }
    commit.prune_before = Some(at(2));
    bench.apply(commit).await;
    for key in created.iter().chain([&grant, &guarded, &replaced]) {
        let loaded = bench.load(key).await;
        require!(
            SENTENCE,
            loaded.is_some(),
            "the {} is gone",
            key.kind().as_str()
        );
    }
    let left = bench.prune(at(2), usize::MAX).await;
    require!(
        SENTENCE,
        left == 13,
        "13 records may be pruned afterwards, and {left} were"
    );
}

/// A table to which records are added as fast as others become forgettable stays as large as it is.
pub async fn a_table_in_steady_state_does_not_grow(harness: &dyn Harness) {
    const LIVE: usize = 50;
    const SENTENCE: &str = "a commit with prune_before drops up to twice what it puts, so that a table in steady state does not grow";
    let bench = Bench::new(harness).await;
    // A backlog, of which no single commit is to pay the whole.
    let backlog = (0..400).map(|_| Record {
        forget_at: at(0),
        ..single(&key(Kind::REPLAY))
    });
    bench.apply(backlog.fold(change(), Commit::create)).await;
    // It may be forgotten before all others, but every commit guards it.
    let guarded = key(Kind::CONSENT);
    let version = bench
        .create(Record {
            forget_at: at(0),
            ..single(&guarded)
        })
        .await;
    for now in 0..1_500 {
        let mut commit = change()
            .guard(guarded.clone(), Expect::Version(version))
            .create(Record {
                forget_at: at(now + LIVE as u64),
                ..single(&key(Kind::ACCESS_TOKEN))
            });
        commit.prune_before = Some(at(now));
        bench.apply(commit).await;
    }
    let left = bench.prune(at(u64::MAX), usize::MAX).await;
    require!(
        SENTENCE,
        left <= 6 * LIVE,
        "with never more than {LIVE} records that may not be forgotten, and 1500 commits of one record each, \
         1901 records were put and {left} are left"
    );
    require!(
        "only what may be forgotten is dropped",
        left >= LIVE,
        "{LIVE} records may not be forgotten, and {left} are left"
    );
}

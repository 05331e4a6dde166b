//! Concurrent commits.

use oauth_core::store::{Commit, Expect, Key, Kind, Outcome, Record};

use crate::{
    Harness,
    bench::{Bench, RACERS, anchor, at, brief, change, key, member, race, single},
};

/// How often a race is run.
const ROUNDS: usize = 12;

/// Of commits that all create, all replace or all remove the same record, one wins.
pub async fn one_winner_among_concurrent_commits(harness: &dyn Harness) {
    const SENTENCE: &str = "of concurrent commits whose expectations exclude each other, one wins";
    let bench = Bench::new(harness).await;
    for round in 0..ROUNDS {
        let spent = key(Kind::CODE);
        let winner = one_winner(&bench, SENTENCE, "creating one record", |_, commit| {
            commit.create(single(&spent))
        })
        .await;
        let winner = one_winner(&bench, SENTENCE, "replacing one record", |_, commit| {
            commit
                .create(single(&key(Kind::ACCESS_TOKEN)))
                .replace(single(&spent), winner.id)
        })
        .await;
        let stored = bench.load(&spent).await;
        require!(
            SENTENCE,
            stored
                .as_ref()
                .is_some_and(|stored| stored.version == winner.id),
            "{:?} won round {round}, and the record loads as {}",
            winner.id,
            brief(stored.as_ref())
        );
        let _ = one_winner(&bench, SENTENCE, "removing one record", |_, commit| {
            commit.remove(spent.clone(), winner.id)
        })
        .await;
    }
}

/// Races commits, and returns the one that won; what the others were to create must not be there.
async fn one_winner(
    bench: &Bench,
    sentence: &str,
    what: &str,
    build: impl Fn(usize, Commit) -> Commit,
) -> Commit {
    let marks: Vec<_> = (0..RACERS).map(|_| key(Kind::REPLAY)).collect();
    let commits: Vec<_> = marks
        .iter()
        .enumerate()
        .map(|(number, mark)| build(number, change().create(single(mark))))
        .collect();
    let outcomes = race(|number| {
        let (bench, commit) = (bench.clone(), commits[number].clone());
        async move { (number, bench.commit(commit).await) }
    })
    .await;
    let winners: Vec<_> = outcomes
        .into_iter()
        .filter(|(_, outcome)| *outcome == Outcome::Committed)
        .map(|(number, _)| number)
        .collect();
    let [winner] = winners[..] else {
        panic!(
            "the store breaks its contract.\n  contract: {sentence}\n  but: of {RACERS} commits, {what}, {} won",
            winners.len()
        );
    };
    for (number, mark) in marks.iter().enumerate() {
        let is_there = bench.load(mark).await.is_some();
        require!(
            "everything in a commit happens or nothing does",
            is_there == (number == winner),
            "of {RACERS} commits, {what}, number {winner} won, and the mark of number {number} is there: {is_there}"
        );
    }
    commits[winner].clone()
}

/// Of concurrent refreshes of one grant, one wins. Each replaces the anchor and puts a member,
/// while others only put a member. There must be no deadlock, not even one that the database
/// resolves.
pub async fn one_winner_among_refreshes_of_one_grant(harness: &dyn Harness) {
    const SENTENCE: &str = "of concurrent commits whose expectations exclude each other, one wins, whatever the interleaving";
    let bench = Bench::new(harness).await;
    let grant = key(Kind::GRANT);
    let token = || member(&key(Kind::ACCESS_TOKEN), grant.family());
    let mut version = bench.create(anchor(&grant)).await;
    for round in 0..ROUNDS {
        let what = "replacing an anchor and putting a member of its family";
        let winner = one_winner(&bench, SENTENCE, what, |number, commit| match number % 2 {
            0 => commit.create(token()).replace(anchor(&grant), version),
            _ => commit.replace(anchor(&grant), version).create(token()),
        })
        .await;
        version = winner.id;
        let outcomes = race(|number| {
            let is_refresh = number % 4 != 0;
            let commit = change().create(token());
            let commit = if is_refresh {
                commit.replace(anchor(&grant), version)
            } else {
                commit
            };
            let (bench, id) = (bench.clone(), commit.id);
            async move { (is_refresh, id, bench.commit(commit).await) }
        })
        .await;
        let committed = |refresh| {
            let of_sort = outcomes.iter().filter(move |(is, ..)| *is == refresh);
            of_sort.filter(|(.., outcome)| *outcome == Outcome::Committed)
        };
        let winners: Vec<_> = committed(true).map(|(_, id, _)| *id).collect();
        let [winner] = winners[..] else {
            fail!(
                SENTENCE,
                "in round {round}, {} refreshes won beside others who joined the family",
                winners.len()
            );
        };
        let joined = committed(false).count();
        require!(
            "a member can be put while its family is open",
            joined == RACERS / 4,
            "beside refreshes, {joined} of {} could join",
            RACERS / 4
        );
        version = winner;
    }
    let loaded = bench.load(&grant).await;
    require!(
        SENTENCE,
        loaded
            .as_ref()
            .is_some_and(|stored| stored.version == version),
        "{version:?} won the last race, and the anchor loads as {}",
        brief(loaded.as_ref())
    );
}

/// If a commit puts off a record's `forget_at` while others prune, the record has the new time
/// afterwards, or the commit conflicts.
pub async fn a_record_whose_time_is_put_off_is_not_pruned(harness: &dyn Harness) {
    const SENTENCE: &str =
        "only records whose forget_at is at or before the time given are dropped";
    let (due, put_off) = (at(1), at(100));
    let bench = Bench::new(harness).await;
    for _ in 0..ROUNDS {
        let grants: Vec<_> = (0..RACERS / 2).map(|_| key(Kind::GRANT)).collect();
        let until = |grant: &Key, forget_at| Record {
            forget_at,
            ..anchor(grant)
        };
        let opening = grants.iter().map(|grant| until(grant, due));
        let version = bench.apply(opening.fold(change(), Commit::create)).await;
        let outcomes = race(|number| {
            let bench = bench.clone();
            let grant = grants[number / 2].clone();
            async move {
                if number % 2 == 0 {
                    let token = member(&key(Kind::ACCESS_TOKEN), grant.family());
                    let commit = change()
                        .replace(until(&grant, put_off), version)
                        .create(token);
                    let id = commit.id;
                    return Some((grant, id, bench.commit(commit).await));
                }
                for _ in 0..4 {
                    if number % 4 == 1 {
                        bench.prune(due, 2).await;
                    } else {
                        let mut commit = change().create(single(&key(Kind::REPLAY)));
                        commit.prune_before = Some(due);
                        bench.apply(commit).await;
                    }
                }
                None
            }
        })
        .await;
        for (grant, id, outcome) in outcomes.into_iter().flatten() {
            let loaded = bench.load(&grant).await;
            let found = loaded
                .as_ref()
                .map(|stored| (stored.version, stored.forget_at));
            let expected = (outcome == Outcome::Committed).then_some((id, put_off));
            require!(
                SENTENCE,
                found == expected,
                "while others pruned, putting a record's time off was answered with {outcome:?}, and it loads as {}",
                brief(loaded.as_ref())
            );
        }
    }
}

/// Of two commits, each of which guards what the other one changes, one wins.
pub async fn one_winner_among_commits_that_guard_what_the_other_changes(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    for _ in 0..ROUNDS {
        let [left, right] = [key(Kind::CONSENT), key(Kind::CONSENT)];
        let version = bench
            .apply(change().create(single(&left)).create(single(&right)))
            .await;
        let outcomes = race(|number| {
            let (guarded, changed) = if number % 2 == 0 {
                (&left, &right)
            } else {
                (&right, &left)
            };
            let commit = change()
                .guard(guarded.clone(), Expect::Version(version))
                .replace(single(changed), version);
            let bench = bench.clone();
            async move { bench.commit(commit).await }
        })
        .await;
        let won = outcomes
            .iter()
            .filter(|outcome| **outcome == Outcome::Committed)
            .count();
        require!(
            "an expectation that only guards excludes those who would change the record",
            won == 1,
            "{won} of {RACERS} commits won, each of which guarded what half of the others changed"
        );
        let [new, absent] = [key(Kind::CODE), key(Kind::CODE)];
        let outcomes = race(|number| {
            let (guarded, created) = if number % 2 == 0 {
                (&new, &absent)
            } else {
                (&absent, &new)
            };
            let commit = change()
                .guard(guarded.clone(), Expect::Absent)
                .create(single(created));
            let bench = bench.clone();
            async move { bench.commit(commit).await }
        })
        .await;
        let won = outcomes
            .iter()
            .filter(|outcome| **outcome == Outcome::Committed)
            .count();
        require!(
            "a guard of absence excludes those who would create the record",
            won == 1,
            "{won} of {RACERS} commits won, each of which guarded the absence of what half of the others created"
        );
    }
}

/// Commits that guard one record, and change others, all happen.
pub async fn guards_that_only_guard_do_not_exclude_each_other(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let consent = key(Kind::CONSENT);
    let version = bench.create(single(&consent)).await;
    for _ in 0..ROUNDS {
        let outcomes = race(|_| {
            let commit = change()
                .guard(consent.clone(), Expect::Version(version))
                .create(single(&key(Kind::GRANT)));
            let bench = bench.clone();
            async move { bench.commit(commit).await }
        })
        .await;
        let lost = outcomes
            .iter()
            .filter(|outcome| **outcome == Outcome::Conflict)
            .count();
        require!(
            "a guard excludes those who would change the record, not others who guard it",
            lost == 0,
            "{lost} of {RACERS} commits were conflicts"
        );
    }
}

/// Two records that every commit writes together always have the same version.
pub async fn concurrent_commits_do_not_mix(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [left, right] = [key(Kind::CODE), key(Kind::ACCESS_TOKEN)];
    let mut version = bench
        .apply(change().create(single(&left)).create(single(&right)))
        .await;
    for round in 0..ROUNDS {
        race(|number| {
            let (bench, left, right) = (bench.clone(), left.clone(), right.clone());
            async move {
                // Half of them expect something that another one may just have changed.
                let commit = if number % 2 == 0 {
                    change()
                        .replace(single(&left), version)
                        .replace(single(&right), version)
                } else {
                    let Some(stored) = bench.load(&right).await else {
                        return;
                    };
                    let body = Box::from(*b"other");
                    change()
                        .replace(
                            Record {
                                body,
                                ..single(&left)
                            },
                            stored.version,
                        )
                        .replace(single(&right), stored.version)
                };
                let _ = bench.commit(commit).await;
            }
        })
        .await;
        let [one, other] = [bench.load(&left).await, bench.load(&right).await];
        let versions = [&one, &other].map(|stored| stored.as_ref().map(|stored| stored.version));
        let [Some(one), Some(other)] = versions else {
            panic!("the store lost a record that is only ever replaced");
        };
        require!(
            "everything in a commit happens or nothing does",
            one == other,
            "in round {round}, two records that are only written together have the versions {one:?} and {other:?}"
        );
        version = one;
    }
}

/// Commits that name the same keys in different orders do not wait for each other for ever.
pub async fn concurrent_commits_in_any_order_of_keys_finish(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let keys: Vec<_> = (0..8).map(|_| key(Kind::REFRESH_TOKEN)).collect();
    for _ in 0..ROUNDS {
        let outcomes = race(|number| {
            let mut commit = change();
            for index in 0..keys.len() {
                let index = if number % 2 == 0 {
                    index
                } else {
                    keys.len() - 1 - index
                };
                let key = &keys[(index + number) % keys.len()];
                commit = if (index + number) % 3 == 0 {
                    commit.guard(key.clone(), Expect::Absent)
                } else {
                    commit.create(single(key))
                };
            }
            let bench = bench.clone();
            async move {
                let id = commit.id;
                (id, bench.commit(commit).await)
            }
        })
        .await;
        let winners: Vec<_> = outcomes
            .into_iter()
            .filter(|(_, outcome)| *outcome == Outcome::Committed)
            .map(|(id, _)| id)
            .collect();
        require!(
            "of concurrent commits whose expectations exclude each other, one wins, whatever the interleaving",
            winners.len() == 1,
            "{} of {RACERS} won",
            winners.len()
        );
        let mut removal = change();
        for key in &keys {
            if let Some(stored) = bench.load(key).await {
                removal = removal.remove(key.clone(), stored.version);
            }
        }
        bench.apply(removal).await;
    }
}

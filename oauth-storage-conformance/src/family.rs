//! Families: who may join, and what ends with them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use oauth_core::store::{Expect, Family, Kind, Outcome, Record};

use crate::{
    Harness,
    bench::{Bench, NEVER, anchor, at, brief, change, key, member, race, single},
};

/// Nothing can be put into a family that has ended.
pub async fn a_put_into_an_ended_family_conflicts(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [grant, token] = [key(Kind::GRANT), key(Kind::ACCESS_TOKEN)];
    bench.create(anchor(&grant)).await;
    bench.apply(change().end(grant.family(), NEVER)).await;
    joins_in_vain(&bench, grant.family(), "that has ended").await;
    let version = bench.create(single(&token)).await;
    let outcome = bench
        .commit(change().replace(member(&token, grant.family()), version))
        .await;
    require!(
        "a put of a member is a conflict unless its family is open",
        outcome == Outcome::Conflict,
        "a record was moved into a family that has ended"
    );
}

/// Nothing can be put into a family whose anchor is not there, or is no anchor.
pub async fn a_put_into_a_family_without_an_anchor_conflicts(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [never, no_anchor, removed, forgotten] = [0; 4].map(|_| key(Kind::GRANT));
    joins_in_vain(&bench, never.family(), "that was never opened").await;
    bench.create(single(&no_anchor)).await;
    joins_in_vain(
        &bench,
        no_anchor.family(),
        "named by a record that is no anchor",
    )
    .await;
    let version = bench.create(anchor(&removed)).await;
    bench.apply(change().remove(removed.clone(), version)).await;
    joins_in_vain(&bench, removed.family(), "whose anchor was removed").await;
    bench
        .create(Record {
            forget_at: at(1),
            ..anchor(&forgotten)
        })
        .await;
    bench.prune(at(1), 1).await;
    joins_in_vain(&bench, forgotten.family(), "whose anchor was pruned").await;
}

async fn joins_in_vain(bench: &Bench, family: Family, what: &str) {
    const SENTENCE: &str = "a put of a member is a conflict unless its family is open";
    let [token, mark] = [key(Kind::ACCESS_TOKEN), key(Kind::REPLAY)];
    let outcome = bench
        .commit(
            change()
                .create(single(&mark))
                .create(member(&token, family)),
        )
        .await;
    require!(
        SENTENCE,
        outcome == Outcome::Conflict,
        "a record was put into a family {what}"
    );
    for key in [&token, &mark] {
        let loaded = bench.load(key).await;
        require!(
            SENTENCE,
            loaded.is_none(),
            "the conflict over a family {what} left {}",
            brief(loaded.as_ref())
        );
    }
}

/// One commit may put an anchor and its first members, whichever of them it names first.
pub async fn a_family_can_be_opened_and_joined_in_one_commit(harness: &dyn Harness) {
    const SENTENCE: &str = "a family is open if its anchor is put by the same commit";
    let bench = Bench::new(harness).await;
    for is_anchor_first in [true, false] {
        let [grant, code, later] = [key(Kind::GRANT), key(Kind::CODE), key(Kind::ACCESS_TOKEN)];
        let (anchor, member_first) = (anchor(&grant), member(&code, grant.family()));
        let commit = if is_anchor_first {
            change().create(anchor).create(member_first)
        } else {
            change().create(member_first).create(anchor)
        };
        let outcome = bench.commit(commit).await;
        require!(
            SENTENCE,
            outcome == Outcome::Committed,
            "with the anchor named first: {is_anchor_first}, it was a conflict"
        );
        let outcome = bench
            .commit(change().create(member(&later, grant.family())))
            .await;
        require!(
            "a family is open while its anchor is there and not closed",
            outcome == Outcome::Committed,
            "a later member was a conflict"
        );
        bench.apply(change().end(grant.family(), NEVER)).await;
        for key in [&code, &later] {
            let loaded = bench.load(key).await;
            require!(
                "ending a family removes all its members",
                loaded.is_none(),
                "there is still {}",
                brief(loaded.as_ref())
            );
        }
    }
}

/// The anchor of an ended family is still there, closed, with the version of the commit that ended it.
pub async fn a_closed_anchor_stays_and_has_a_new_version(harness: &dyn Harness) {
    const SENTENCE: &str = "ending a family marks its anchor closed, as a change of its version";
    let bench = Bench::new(harness).await;
    let grant = key(Kind::GRANT);
    let record = Record {
        forget_at: at(7),
        ..anchor(&grant)
    };
    let opened = bench.create(record.clone()).await;
    let ended = bench.apply(change().end(grant.family(), NEVER)).await;
    let loaded = bench.load(&grant).await;
    let is_as_it_should = loaded.as_ref().is_some_and(|stored| {
        stored.closed
            && stored.version == ended
            && stored.role == record.role
            && stored.forget_at == record.forget_at
            && stored.body == record.body
    });
    require!(
        SENTENCE,
        is_as_it_should,
        "{record:?}, ended by {ended:?}, loads as {}",
        brief(loaded.as_ref())
    );
    for (commit, what) in [
        (
            change().replace(record.clone(), opened),
            "replace the anchor at its version before the end",
        ),
        (
            change()
                .guard(grant.clone(), Expect::Version(opened))
                .create(single(&key(Kind::CODE))),
            "guard the anchor at its version before the end",
        ),
        (change().create(record.clone()), "create the anchor again"),
    ] {
        let outcome = bench.commit(commit).await;
        require!(
            SENTENCE,
            outcome == Outcome::Conflict,
            "a commit could {what}"
        );
    }
    require!(
        "the anchor stays as the mark that nobody can add to this family again, until it may be forgotten",
        bench.prune(at(6), usize::MAX).await == 0 && bench.prune(at(7), usize::MAX).await == 1,
        "it is not pruned when its record said"
    );
}

/// A closed anchor may be forgotten from the earlier of its own time and the one that the end names.
pub async fn an_end_names_when_its_anchor_may_be_forgotten(harness: &dyn Harness) {
    const SENTENCE: &str = "the anchor that an end closes may be forgotten from the earlier of the end's time and its own";
    let bench = Bench::new(harness).await;
    let [earlier, later, ended, absent] = [0; 4].map(|_| key(Kind::GRANT));
    for (key, forget_at) in [(&earlier, 10), (&later, 3), (&ended, 10)] {
        let record = Record {
            forget_at: at(forget_at),
            ..anchor(key)
        };
        bench.create(record).await;
    }
    bench.apply(change().end(ended.family(), at(7))).await;
    let ending = change()
        .end(earlier.family(), at(5))
        .end(later.family(), at(5))
        .end(ended.family(), at(1))
        .end(absent.family(), at(1));
    bench.apply(ending).await;
    for (what, key, expected) in [
        ("an anchor that could be forgotten later", &earlier, 5),
        ("an anchor that could be forgotten earlier", &later, 3),
        ("an anchor that had been closed before", &ended, 7),
    ] {
        let loaded = bench.load(key).await;
        require!(
            SENTENCE,
            loaded
                .as_ref()
                .is_some_and(|stored| stored.closed && stored.forget_at == at(expected)),
            "{what} loads as {}",
            brief(loaded.as_ref())
        );
    }
    for (before, expected) in [(2, 0), (3, 1), (4, 0), (5, 1), (6, 0), (7, 1), (10, 0)] {
        let dropped = bench.prune(at(before), usize::MAX).await;
        require!(
            SENTENCE,
            dropped == expected,
            "prune({}) dropped {dropped}, not {expected}",
            at(before)
        );
    }
    let loaded = bench.load(&absent).await;
    require!(
        "ending a family that was never there changes nothing",
        loaded.is_none(),
        "there is now {}",
        brief(loaded.as_ref())
    );
}

/// Replacing a closed anchor does not open its family.
pub async fn a_closed_anchor_stays_closed_when_it_is_replaced(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let grant = key(Kind::GRANT);
    bench.create(anchor(&grant)).await;
    let closed = bench.apply(change().end(grant.family(), NEVER)).await;
    let together = change()
        .replace(anchor(&grant), closed)
        .create(member(&key(Kind::CODE), grant.family()));
    let outcome = bench.commit(together).await;
    require!(
        "a closed anchor is the mark that nobody can add to this family again, also if it is replaced",
        outcome == Outcome::Conflict,
        "a commit replaced the anchor and put a member"
    );
    let replaced = bench.apply(change().replace(anchor(&grant), closed)).await;
    let loaded = bench.load(&grant).await;
    require!(
        "a closed anchor stays closed, also if it is replaced",
        loaded
            .as_ref()
            .is_some_and(|stored| stored.closed && stored.version == replaced),
        "it loads as {}",
        brief(loaded.as_ref())
    );
    joins_in_vain(&bench, grant.family(), "whose closed anchor was replaced").await;
}

/// An end takes the members of its family, and no other record.
pub async fn ending_a_family_removes_its_members_and_nothing_else(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [ended, other] = [key(Kind::GRANT), key(Kind::GRANT)];
    let members: Vec<_> = (0..20).map(|_| key(Kind::ACCESS_TOKEN)).collect();
    let others: Vec<_> = (0..20).map(|_| key(Kind::ACCESS_TOKEN)).collect();
    let lone = key(Kind::ACCESS_TOKEN);
    let mut commit = change()
        .create(anchor(&ended))
        .create(anchor(&other))
        .create(single(&lone));
    for (one, two) in members.iter().zip(&others) {
        commit = commit
            .create(member(one, ended.family()))
            .create(member(two, other.family()));
    }
    let version = bench.apply(commit).await;
    // Some members are replaced, removed or moved before the end.
    let moved = &members[3];
    bench
        .apply(
            change()
                .replace(member(&members[1], ended.family()), version)
                .remove(members[2].clone(), version)
                .replace(member(moved, other.family()), version),
        )
        .await;
    bench.apply(change().end(ended.family(), NEVER)).await;
    for key in members.iter().filter(|key| *key != moved) {
        let loaded = bench.load(key).await;
        require!(
            "ending a family removes all its members",
            loaded.is_none(),
            "there is still {}",
            brief(loaded.as_ref())
        );
    }
    for key in others.iter().chain([&lone, &other, moved]) {
        let loaded = bench.load(key).await;
        require!(
            "ending a family removes its members, and no others",
            loaded.as_ref().is_some_and(|stored| !stored.closed),
            "what does not belong to it loads as {}",
            brief(loaded.as_ref())
        );
    }
}

/// Thousands of members end in one commit.
pub async fn ending_a_great_family_is_one_commit(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let grant = key(Kind::GRANT);
    bench.create(anchor(&grant)).await;
    let members: Vec<_> = (0..5_000).map(|_| key(Kind::ACCESS_TOKEN)).collect();
    for some in members.chunks(500) {
        let joining = some.iter().fold(change(), |commit, key| {
            commit.create(member(key, grant.family()))
        });
        bench.apply(joining).await;
    }
    bench.apply(change().end(grant.family(), NEVER)).await;
    for key in &members {
        require!(
            "ending a family removes all its members",
            bench.load(key).await.is_none(),
            "one of {} is still there",
            members.len()
        );
    }
}

/// What has ended, or never was, can be ended, and stays as it is.
pub async fn ending_a_closed_or_absent_family_changes_nothing(harness: &dyn Harness) {
    const SENTENCE: &str =
        "ending a family that is closed or was never there succeeds and changes nothing";
    let bench = Bench::new(harness).await;
    let [closed, absent, no_anchor] = [0; 3].map(|_| key(Kind::GRANT));
    bench.create(anchor(&closed)).await;
    let ended = bench.apply(change().end(closed.family(), NEVER)).await;
    let created = bench.create(single(&no_anchor)).await;
    for family in [closed.family(), absent.family(), no_anchor.family()] {
        let outcome = bench.commit(change().end(family, NEVER)).await;
        require!(SENTENCE, outcome == Outcome::Committed, "it was a conflict");
    }
    for (what, key, expected) in [
        ("a closed anchor, ended again,", &closed, Some(ended)),
        ("the anchor of a family that never was", &absent, None),
        ("a record that is no anchor", &no_anchor, Some(created)),
    ] {
        let loaded = bench.load(key).await;
        require!(
            SENTENCE,
            loaded.as_ref().map(|stored| stored.version) == expected
                && loaded
                    .as_ref()
                    .is_none_or(|stored| stored.closed == (key == &closed)),
            "{what} loads as {}",
            brief(loaded.as_ref())
        );
    }
}

/// Members end with their family when its anchor was forgotten before.
pub async fn ending_a_family_without_an_anchor_removes_its_members(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [grant, token] = [key(Kind::GRANT), key(Kind::ACCESS_TOKEN)];
    let short = Record {
        forget_at: at(1),
        ..anchor(&grant)
    };
    bench
        .apply(
            change()
                .create(short)
                .create(member(&token, grant.family())),
        )
        .await;
    bench.prune(at(1), usize::MAX).await;
    bench.apply(change().end(grant.family(), NEVER)).await;
    let loaded = bench.load(&token).await;
    require!(
        "members whose anchor has been forgotten are removed all the same",
        loaded.is_none(),
        "there is still {}",
        brief(loaded.as_ref())
    );
}

/// A commit that replaces or guards an anchor while its family ends is committed before the end, or
/// conflicts. Afterwards the anchor is closed, and stays closed if it is replaced.
pub async fn ending_a_family_excludes_concurrent_replacements(harness: &dyn Harness) {
    const SENTENCE: &str = "the anchor of an ended family stays as the mark that nobody can add to it again, against concurrent replacements too";
    let bench = Bench::new(harness).await;
    for round in 0..20 {
        let grant = key(Kind::GRANT);
        let open = Record {
            forget_at: at(10),
            ..anchor(&grant)
        };
        bench.create(open.clone()).await;
        let has_ended = Arc::new(AtomicBool::new(false));
        let ends = race(|number| {
            let (bench, open, has_ended) = (bench.clone(), open.clone(), Arc::clone(&has_ended));
            async move {
                if number % 16 != 0 {
                    change_until_closed(&bench, open, number % 2 == 0, &has_ended).await;
                    return None;
                }
                for _ in 0..round {
                    tokio::task::yield_now().await;
                }
                let id = bench.apply(change().end(open.key.family(), at(5))).await;
                has_ended.store(true, Ordering::SeqCst);
                Some(id)
            }
        })
        .await;
        let loaded = bench.load(&grant).await;
        let Some(closed) = loaded.as_ref().filter(|stored| {
            stored.closed && stored.forget_at == at(5) && ends.contains(&Some(stored.version))
        }) else {
            fail!(
                SENTENCE,
                "after a race between replacements and ends, the anchor loads as {}",
                brief(loaded.as_ref())
            );
        };
        let again = bench.apply(change().replace(open, closed.version)).await;
        let loaded = bench.load(&grant).await;
        require!(
            SENTENCE,
            loaded
                .as_ref()
                .is_some_and(|stored| stored.closed && stored.version == again),
            "replaced after its end, the anchor loads as {}",
            brief(loaded.as_ref())
        );
        joins_in_vain(
            &bench,
            grant.family(),
            "whose anchor was replaced in a race",
        )
        .await;
    }
}

/// Keeps replacing or guarding an anchor, without putting a member, until its family has ended.
async fn change_until_closed(bench: &Bench, open: Record, replaces: bool, has_ended: &AtomicBool) {
    let mut version = None;
    for _ in 0..32 {
        let loaded = bench.load(&open.key).await;
        let is_open = loaded.as_ref().is_some_and(|stored| !stored.closed);
        if is_open {
            version = loaded.map(|stored| stored.version);
        }
        let Some(version) = version else {
            return;
        };
        let had_ended = has_ended.load(Ordering::SeqCst);
        let commit = if replaces {
            change().replace(open.clone(), version)
        } else {
            change().guard(open.key.clone(), Expect::Version(version))
        };
        let outcome = bench.commit(commit).await;
        require!(
            "ending a family is a change of its anchor's version",
            outcome == Outcome::Conflict || (is_open && !had_ended),
            "a commit that expected the anchor as it was before its end was committed after that"
        );
        if !is_open {
            return;
        }
    }
}

/// Whatever was added while a family ended is gone with it, and nothing can be added after.
pub async fn ending_a_family_excludes_concurrent_additions(harness: &dyn Harness) {
    const SENTENCE: &str =
        "a member can only be put while its family is open, against concurrent ends too";
    let bench = Bench::new(harness).await;
    for round in 0..20 {
        let grant = key(Kind::GRANT);
        let first = key(Kind::CODE);
        bench
            .apply(
                change()
                    .create(anchor(&grant))
                    .create(member(&first, grant.family())),
            )
            .await;
        let added: Vec<Vec<_>> = race(|number| {
            let (bench, family) = (bench.clone(), grant.family());
            async move {
                // Some end it, at different moments; all others add until they cannot.
                if number % 16 == 0 {
                    for _ in 0..round {
                        tokio::task::yield_now().await;
                    }
                    bench.apply(change().end(family, NEVER)).await;
                    return Vec::new();
                }
                let mut added = Vec::new();
                for _ in 0..32 {
                    let token = key(Kind::ACCESS_TOKEN);
                    let outcome = bench.commit(change().create(member(&token, family))).await;
                    if outcome == Outcome::Conflict {
                        break;
                    }
                    added.push(token);
                }
                added
            }
        })
        .await;
        for key in added.iter().flatten().chain([&first]) {
            let loaded = bench.load(key).await;
            require!(
                SENTENCE,
                loaded.is_none(),
                "after a race between additions and ends, an ended family has {}",
                brief(loaded.as_ref())
            );
        }
        let loaded = bench.load(&grant).await;
        require!(
            SENTENCE,
            loaded.as_ref().is_some_and(|stored| stored.closed),
            "after the race, the anchor loads as {}",
            brief(loaded.as_ref())
        );
        joins_in_vain(&bench, grant.family(), "that has ended in a race").await;
    }
}

//! Commits: all or nothing, and only if what they expect is so.

use oauth_core::store::{
    Commit, Expect, Guard, Key, Kind, Outcome, OwnedBy, Put, Record, Removal, Role, Version,
};

use crate::{
    Harness,
    bench::{
        Bench, NEVER, anchor, at, brief, change, digests, key, member, owner, realm, single,
        version,
    },
};

/// One commit creates, replaces, removes, ends and joins at once.
pub async fn everything_in_a_commit_happens(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [ending, growing] = [key(Kind::GRANT), key(Kind::GRANT)];
    let [created, replaced, removed, ended, joining] = [0; 5].map(|_| key(Kind::CODE));
    let version = bench
        .apply(
            change()
                .create(anchor(&ending))
                .create(anchor(&growing))
                .create(single(&replaced))
                .create(single(&removed))
                .create(member(&ended, ending.family())),
        )
        .await;
    let id = bench
        .apply(
            change()
                .guard(growing.clone(), Expect::Version(version))
                .create(single(&created))
                .replace(single(&replaced), version)
                .remove(removed.clone(), version)
                .create(member(&joining, growing.family()))
                .end(ending.family(), NEVER),
        )
        .await;
    for (what, key, expected) in [
        ("the created record", &created, Some(id)),
        ("the replaced record", &replaced, Some(id)),
        ("the removed record", &removed, None),
        ("the new member", &joining, Some(id)),
        ("the member of the ended family", &ended, None),
        ("the anchor of the ended family", &ending, Some(id)),
        ("the guarded anchor", &growing, Some(version)),
    ] {
        let loaded = bench.load(key).await;
        require!(
            "everything in a commit happens or nothing does",
            loaded.as_ref().map(|stored| stored.version) == expected,
            "{what} loads as {}",
            brief(loaded.as_ref())
        );
    }
}

/// If one expectation fails, of a guard, a put or a removal, the commit is a conflict and changes nothing.
pub async fn a_failed_expectation_applies_nothing(harness: &dyn Harness) {
    const SENTENCE: &str =
        "if one expectation fails, nothing is applied and the answer is Conflict";
    let bench = Bench::new(harness).await;
    let [present, absent] = [key(Kind::CODE), key(Kind::CODE)];
    let old = bench.create(single(&present)).await;
    let current = bench.apply(change().replace(single(&present), old)).await;
    for failing in failing(&present, &absent, old) {
        let [grant, member_key, replaced, removed, created, stale] =
            [0; 6].map(|_| key(Kind::GRANT));
        let before = bench
            .apply(
                change()
                    .create(anchor(&grant))
                    .create(member(&member_key, grant.family()))
                    .create(single(&replaced))
                    .create(single(&removed))
                    .create(Record {
                        forget_at: at(1),
                        ..single(&stale)
                    }),
            )
            .await;
        let mut commit = change()
            .create(single(&created))
            .replace(single(&replaced), before)
            .remove(removed.clone(), before)
            .end(grant.family(), NEVER);
        commit.prune_before = Some(at(2));
        let what = failing.add_to(&mut commit);
        let outcome = bench.commit(commit).await;
        require!(
            SENTENCE,
            outcome == Outcome::Conflict,
            "{what}: the answer was {outcome:?}"
        );
        for (part, key, expected) in [
            ("what it creates", &created, None),
            ("what it replaces", &replaced, Some(before)),
            ("what it removes", &removed, Some(before)),
            ("the anchor that it closes", &grant, Some(before)),
            (
                "a member of the family that it ends",
                &member_key,
                Some(before),
            ),
            ("what it could prune", &stale, Some(before)),
            ("the record in question", &present, Some(current)),
            ("the missing record in question", &absent, None),
        ] {
            let loaded = bench.load(key).await;
            require!(
                SENTENCE,
                loaded.as_ref().map(|stored| stored.version) == expected,
                "{what}: {part} loads as {}",
                brief(loaded.as_ref())
            );
        }
        bench.prune(at(2), usize::MAX).await;
    }
}

enum Failing {
    Guard(&'static str, Guard),
    Put(&'static str, Put),
    Removal(&'static str, Removal),
}

/// Every way to expect what is not so.
fn failing(present: &Key, absent: &Key, old: Version) -> Vec<Failing> {
    let (old, absence) = (Expect::Version(old), Expect::Absent);
    let guard = |key: &Key, expect| Guard {
        key: key.clone(),
        expect,
    };
    let put = |key: &Key, expect| Put {
        record: single(key),
        expect,
    };
    let removal = |key: &Key| Removal {
        key: key.clone(),
        version: version(),
    };
    vec![
        Failing::Guard("a guard expects another version", guard(present, old)),
        Failing::Guard(
            "a guard expects absence of what is there",
            guard(present, absence),
        ),
        Failing::Guard(
            "a guard expects a version of what is not there",
            guard(absent, old),
        ),
        Failing::Put("a put expects another version", put(present, old)),
        Failing::Put(
            "a put expects absence of what is there",
            put(present, absence),
        ),
        Failing::Put(
            "a put expects a version of what is not there",
            put(absent, old),
        ),
        Failing::Removal("a removal expects another version", removal(present)),
        Failing::Removal("a removal expects what is not there", removal(absent)),
    ]
}

impl Failing {
    fn add_to(self, commit: &mut Commit) -> &'static str {
        match self {
            Self::Guard(what, guard) => {
                commit.guards.push(guard);
                what
            }
            Self::Put(what, put) => {
                commit.puts.push(put);
                what
            }
            Self::Removal(what, removal) => {
                commit.removals.push(removal);
                what
            }
        }
    }
}

/// Guards of what is so, absence included, stop nothing and change nothing.
pub async fn a_guard_that_holds_lets_the_commit_happen(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [guarded, absent, created] = [0; 3].map(|_| key(Kind::CODE));
    let version = bench.create(single(&guarded)).await;
    bench
        .apply(
            change()
                .guard(guarded.clone(), Expect::Version(version))
                .guard(absent.clone(), Expect::Absent)
                .create(single(&created)),
        )
        .await;
    let loaded = bench.load(&guarded).await;
    require!(
        "a guarded record is left as it is",
        loaded
            .as_ref()
            .is_some_and(|stored| stored.version == version),
        "it loads as {}",
        brief(loaded.as_ref())
    );
    let loaded = bench.load(&absent).await;
    require!(
        "a guard of absence creates nothing",
        loaded.is_none(),
        "there is now {}",
        brief(loaded.as_ref())
    );
}

/// A commit that has nothing to write is a conflict if a guard fails, and is committed otherwise.
pub async fn a_commit_of_guards_alone_is_still_committed(harness: &dyn Harness) {
    const SENTENCE: &str =
        "a commit of guards alone is still committed, and a guard that fails is a conflict";
    let bench = Bench::new(harness).await;
    let [present, absent, closed] = [0; 3].map(|_| key(Kind::GRANT));
    let old = bench
        .apply(change().create(single(&present)).create(anchor(&closed)))
        .await;
    let current = bench.apply(change().replace(single(&present), old)).await;
    let ended = bench.apply(change().end(closed.family(), NEVER)).await;
    let absence = Expect::Absent;
    for (what, key, expect, expected) in [
        ("its version", &present, Expect::Version(current), true),
        ("an older version", &present, Expect::Version(old), false),
        ("absence of what is there", &present, absence, false),
        ("absence", &absent, absence, true),
        ("a version of nothing", &absent, Expect::Version(old), false),
        ("a closed anchor", &closed, Expect::Version(ended), true),
        (
            "an anchor before its end",
            &closed,
            Expect::Version(old),
            false,
        ),
    ] {
        for prune_before in [None, Some(at(1))] {
            let mut commit = change()
                .guard(key.clone(), expect)
                .guard(Key::new(&realm(), Kind::REPLAY, &[b"never"]), absence);
            commit.prune_before = prune_before;
            let outcome = bench.commit(commit).await;
            require!(
                SENTENCE,
                outcome == expected_outcome(expected),
                "guarding {what}, the answer was {outcome:?}"
            );
        }
    }
    for (key, expected) in [
        (&present, Some(current)),
        (&closed, Some(ended)),
        (&absent, None),
    ] {
        let loaded = bench.load(key).await;
        require!(
            "a commit of guards alone changes nothing",
            loaded.as_ref().map(|stored| stored.version) == expected,
            "after it was guarded, a record loads as {}",
            brief(loaded.as_ref())
        );
    }
}

fn expected_outcome(holds: bool) -> Outcome {
    if holds {
        Outcome::Committed
    } else {
        Outcome::Conflict
    }
}

/// A commit may guard an anchor and remove a member, and end their family, too: it expects what was so before it.
pub async fn expectations_are_of_what_stood_before_the_commit(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [grant, next] = [key(Kind::GRANT), key(Kind::GRANT)];
    let [code, token, moved] = [0; 3].map(|_| key(Kind::ACCESS_TOKEN));
    let version = bench
        .apply(
            change()
                .create(anchor(&grant))
                .create(member(&code, grant.family()))
                .create(member(&token, grant.family()))
                .create(member(&moved, grant.family())),
        )
        .await;
    let commit = change()
        .guard(grant.clone(), Expect::Version(version))
        .guard(token.clone(), Expect::Version(version))
        .remove(code.clone(), version)
        .create(anchor(&next))
        .replace(member(&moved, next.family()), version)
        .end(grant.family(), NEVER);
    let outcome = bench.commit(commit).await;
    require!(
        "an expectation is of the record as it stands before the commit",
        outcome == Outcome::Committed,
        "a commit that guards the anchor of the family that it ends, and removes a member of it, was a conflict"
    );
    let [code, token, moved] = [
        bench.load(&code).await,
        bench.load(&token).await,
        bench.load(&moved).await,
    ];
    require!(
        "ending a family removes all its members",
        code.is_none() && token.is_none(),
        "there are still {} and {}",
        brief(code.as_ref()),
        brief(token.as_ref())
    );
    require!(
        "what a commit puts into another family does not end with the old one",
        moved
            .as_ref()
            .is_some_and(|moved| moved.role == Role::Member(next.family())),
        "it loads as {}",
        brief(moved.as_ref())
    );
}

/// Every record that a commit writes has the commit's id as its version.
pub async fn versions_are_the_ids_of_commits(harness: &dyn Harness) {
    const SENTENCE: &str = "versions are taken from the commit, never made by the store";
    let bench = Bench::new(harness).await;
    let [grant, code] = [key(Kind::GRANT), key(Kind::CODE)];
    let first = bench
        .apply(change().create(anchor(&grant)).create(single(&code)))
        .await;
    for key in [&grant, &code] {
        let loaded = bench.load(key).await;
        require!(
            SENTENCE,
            loaded
                .as_ref()
                .is_some_and(|stored| stored.version == first),
            "created by {first:?}, it loads as {}",
            brief(loaded.as_ref())
        );
    }
    let second = bench
        .apply(
            change()
                .replace(single(&code), first)
                .end(grant.family(), NEVER),
        )
        .await;
    for key in [&grant, &code] {
        let loaded = bench.load(key).await;
        require!(
            SENTENCE,
            loaded
                .as_ref()
                .is_some_and(|stored| stored.version == second),
            "replaced or closed by {second:?}, it loads as {}",
            brief(loaded.as_ref())
        );
    }
}

/// A replaced record is found by its new owner, ends with its new family, and may be forgotten when it now says.
pub async fn a_replacement_changes_role_owner_and_forget_at(harness: &dyn Harness) {
    const SENTENCE: &str = "a put writes the whole record in place of the one that stands there";
    let bench = Bench::new(harness).await;
    let [old, new] = [key(Kind::GRANT), key(Kind::GRANT)];
    let moved = key(Kind::CONSENT);
    let version = bench
        .apply(
            change()
                .create(anchor(&old))
                .create(anchor(&new))
                .create(Record {
                    owner: Some(owner("old client", "old subject")),
                    forget_at: at(10),
                    ..member(&moved, old.family())
                }),
        )
        .await;
    let replacement = Record {
        owner: Some(owner("new client", "new subject")),
        forget_at: at(20),
        ..member(&moved, new.family())
    };
    let version = bench.apply(change().replace(replacement, version)).await;
    let by = [
        (OwnedBy::Client("old client".into()), 0),
        (OwnedBy::Subject("old subject".into()), 0),
        (OwnedBy::Client("new client".into()), 1),
        (OwnedBy::Subject("new subject".into()), 1),
    ];
    for (by, expected) in by {
        let found = bench.walk(&realm(), Kind::CONSENT, by.clone(), 10).await;
        require!(
            SENTENCE,
            found.len() == expected,
            "{} are listed by {by:?}",
            found.len()
        );
    }
    bench.apply(change().end(old.family(), NEVER)).await;
    let pruned = bench.prune(at(19), usize::MAX).await;
    let loaded = bench.load(&moved).await;
    require!(
        SENTENCE,
        pruned == 0 && loaded.is_some(),
        "it ended with its old family, or was forgotten when it used to say"
    );
    let unowned = Record {
        forget_at: at(5),
        ..single(&moved)
    };
    bench
        .apply(change().replace(unowned, version).end(new.family(), NEVER))
        .await;
    let found = bench
        .walk(
            &realm(),
            Kind::CONSENT,
            OwnedBy::Client("new client".into()),
            10,
        )
        .await;
    require!(
        SENTENCE,
        found.is_empty(),
        "{:?} is listed without an owner",
        digests(&found)
    );
    let loaded = bench.load(&moved).await;
    require!(
        SENTENCE,
        loaded
            .as_ref()
            .is_some_and(|stored| stored.role == Role::Single),
        "it left its family in the commit that ended it, and loads as {}",
        brief(loaded.as_ref())
    );
    let pruned = bench.prune(at(5), usize::MAX).await;
    require!(
        SENTENCE,
        pruned == 1,
        "{pruned} were forgotten at the time that it now says"
    );
}

//! Listing: what an owner has, a page at a time.

use std::collections::BTreeSet;

use oauth_core::store::{Commit, Key, Kind, Listing, OPERATOR, OwnedBy, Owner, Realm, Record};

use crate::{
    Harness,
    bench::{
        Bench, NEVER, anchor, change, digests, key, member, owner, race, realm, single, sorted,
    },
};

/// A record with an owner is listed under its client and under its subject, whatever its role; one without is not.
pub async fn listing_is_by_subject_or_by_client(harness: &dyn Harness) {
    const SENTENCE: &str =
        "list finds the records that have an owner, by its subject or by its client";
    let bench = Bench::new(harness).await;
    let [one, two, three, own, nobodys] = [0; 5].map(|_| key(Kind::GRANT));
    let family = one.family();
    bench
        .apply(
            change()
                .create(Record {
                    owner: Some(owner("mail", "alice")),
                    ..anchor(&one)
                })
                .create(Record {
                    owner: Some(owner("mail", "bob")),
                    ..single(&two)
                })
                .create(Record {
                    owner: Some(owner("alice", "mail")),
                    ..member(&three, family)
                })
                .create(Record {
                    owner: Some(Owner::Client("machine".into())),
                    ..single(&own)
                })
                .create(single(&nobodys)),
        )
        .await;
    for (by, expected) in [
        (OwnedBy::Client("mail".into()), sorted([&one, &two])),
        (OwnedBy::Client("alice".into()), sorted([&three])),
        (OwnedBy::Client("machine".into()), sorted([&own])),
        (OwnedBy::Subject("machine".into()), Vec::new()),
        (OwnedBy::Subject("".into()), Vec::new()),
        (OwnedBy::Subject("alice".into()), sorted([&one])),
        (OwnedBy::Subject("bob".into()), sorted([&two])),
        (OwnedBy::Subject("mail".into()), sorted([&three])),
        (OwnedBy::Subject("carol".into()), Vec::new()),
        (OwnedBy::Client(String::new().into()), Vec::new()),
    ] {
        let found = bench.walk(&realm(), Kind::GRANT, by.clone(), 10).await;
        require!(
            SENTENCE,
            digests(&found) == expected,
            "by {by:?}, found {found:?}, not {expected:?}"
        );
    }
    let found = bench
        .walk(&realm(), Kind::GRANT, OwnedBy::Subject("bob".into()), 10)
        .await;
    let loaded = bench.load(&two).await;
    require!(
        "a listed record is the one that loads, with its owner",
        found.len() == 1
            && Some(&found[0].stored) == loaded.as_ref()
            && found[0].owner == owner("mail", "bob"),
        "listed {found:?}, loaded {loaded:?}"
    );
    bench
        .apply(
            change()
                .remove(two.clone(), found[0].stored.version)
                .end(family, NEVER),
        )
        .await;
    let found = bench
        .walk(&realm(), Kind::GRANT, OwnedBy::Client("mail".into()), 10)
        .await;
    require!(
        "what was removed is not listed",
        found.is_empty(),
        "found {found:?}"
    );
    let found = bench
        .walk(&realm(), Kind::GRANT, OwnedBy::Client("alice".into()), 10)
        .await;
    require!(
        "what ended with its family is not listed",
        found.is_empty(),
        "found {found:?}"
    );
}

/// A record is listed under its owner's client, its subject, or both, whichever the owner has.
pub async fn an_owner_has_a_client_a_subject_or_both(harness: &dyn Harness) {
    const SENTENCE: &str = "a record is listed under each name that its owner has";
    let bench = Bench::new(harness).await;
    let [of_client, of_subject, of_both, operators] = [0; 4].map(|_| key(Kind::CONSENT));
    let owners = [
        (&of_client, Owner::Client("name".into())),
        (&of_subject, Owner::Subject("name".into())),
        (&of_both, owner("name", "name")),
        (&operators, Owner::operator()),
    ];
    let mut commit = change();
    for (key, owner) in &owners {
        commit = commit.create(Record {
            owner: Some(owner.clone()),
            ..single(key)
        });
    }
    let mut version = bench.apply(commit).await;
    let name = || "name".into();
    for (by, expected) in [
        (OwnedBy::Client(name()), sorted([&of_client, &of_both])),
        (OwnedBy::Subject(name()), sorted([&of_subject, &of_both])),
        (OwnedBy::operator(), sorted([&operators])),
        (OwnedBy::Client(OPERATOR.into()), Vec::new()),
        (OwnedBy::Client("".into()), Vec::new()),
        (OwnedBy::Subject("".into()), Vec::new()),
    ] {
        let found = bench.walk(&realm(), Kind::CONSENT, by.clone(), 10).await;
        require!(
            SENTENCE,
            digests(&found) == expected,
            "by {by:?}, found {found:?}, not {expected:?}"
        );
        for listed in &found {
            let put = owners
                .iter()
                .find(|(key, _)| *key.digest() == listed.digest);
            require!(
                "a record is given back with the names that its owner has",
                put.is_some_and(|(_, owner)| *owner == listed.owner),
                "it was put as {put:?}, and is listed as {:?}",
                listed.owner
            );
        }
    }
    // One record gets each of these owners in turn, and must not stay listed under an earlier name.
    for (_, owner) in owners.iter().rev() {
        let record = Record {
            owner: Some(owner.clone()),
            ..single(&of_client)
        };
        version = bench.apply(change().replace(record, version)).await;
        for by in [
            OwnedBy::Client(name()),
            OwnedBy::Subject(name()),
            OwnedBy::operator(),
        ] {
            let found = bench.walk(&realm(), Kind::CONSENT, by.clone(), 10).await;
            let is_listed = digests(&found).contains(of_client.digest());
            require!(
                SENTENCE,
                is_listed == owner.is_found_by(&by),
                "after its owner was replaced by {owner:?}, a record is listed by {by:?}: {is_listed}"
            );
        }
    }
}

/// Two issuers' users called "alice" stay two, and a listing is of one kind.
pub async fn listing_keeps_realms_and_kinds_apart(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let places = [
        (Realm::new("one"), Kind::GRANT),
        (Realm::new("two"), Kind::GRANT),
        (Realm::new("one"), Kind::CONSENT),
        (Realm::new("oneg"), Kind::extension("rant")),
    ];
    let keys: Vec<_> = places
        .iter()
        .map(|(realm, kind)| Key::new(realm, *kind, &[b"name"]))
        .collect();
    for key in &keys {
        bench
            .create(Record {
                owner: Some(owner("client", "alice")),
                ..single(key)
            })
            .await;
    }
    for ((realm, kind), key) in places.iter().zip(&keys) {
        for by in [
            OwnedBy::Client("client".into()),
            OwnedBy::Subject("alice".into()),
        ] {
            let found = bench.walk(realm, *kind, by.clone(), 10).await;
            require!(
                "a listing is of one realm and one kind",
                digests(&found) == [*key.digest()],
                "the records of kind {kind:?} in {realm:?} by {by:?} are {found:?}"
            );
        }
    }
}

/// Names that look alike are not the same, and names may hold any character.
pub async fn listing_compares_names_as_bytes(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let names = [
        "zoë",
        "Zoë",
        "zoë ",
        " zoë",
        "zoe\u{308}",
        "zoe",
        "zo",
        "zo%",
        "zo_",
        "'; DROP TABLE record; --",
        "\"zoë\"",
        "a\0b",
        "a\0c",
        "a",
        "\u{1f600}",
        "\\",
        "",
    ];
    let keys: Vec<_> = names.iter().map(|_| key(Kind::GRANT)).collect();
    for (name, key) in names.iter().zip(&keys) {
        bench
            .create(Record {
                owner: Some(owner(name, name)),
                ..single(key)
            })
            .await;
    }
    for (name, key) in names.iter().zip(&keys) {
        for by in [
            OwnedBy::Client((*name).into()),
            OwnedBy::Subject((*name).into()),
        ] {
            let found = bench.walk(&realm(), Kind::GRANT, by.clone(), 10).await;
            require!(
                "names are compared as bytes, and given back as they were put",
                digests(&found) == [*key.digest()] && found[0].owner == owner(name, name),
                "by {by:?}, found {found:?}"
            );
        }
    }
}

/// An ended family's anchor is not listed, also after it has been replaced.
pub async fn listing_leaves_out_closed_anchors(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [open, closed] = [key(Kind::GRANT), key(Kind::GRANT)];
    let owned = |key| Record {
        owner: Some(owner("client", "subject")),
        ..anchor(key)
    };
    bench
        .apply(change().create(owned(&open)).create(owned(&closed)))
        .await;
    let version = bench.apply(change().end(closed.family(), NEVER)).await;
    for when in ["after its family ended", "after it was replaced, too"] {
        for by in [
            OwnedBy::Client("client".into()),
            OwnedBy::Subject("subject".into()),
        ] {
            let found = bench.walk(&realm(), Kind::GRANT, by.clone(), 1).await;
            require!(
                "closed anchors are not listed",
                digests(&found) == [*open.digest()],
                "{when}, the listing by {by:?} is {found:?}"
            );
        }
        let _ = bench
            .commit(change().replace(owned(&closed), version))
            .await;
    }
}

/// Pages of any size, one after the other, are the whole listing in the order of its digests.
pub async fn pages_are_in_order_and_miss_nothing(harness: &dyn Harness) {
    const SENTENCE: &str = "list gives a page at a time, in the order of the digests; next is None if this was the last";
    let bench = Bench::new(harness).await;
    let keys: Vec<_> = (0..60).map(|_| key(Kind::GRANT)).collect();
    let records = keys.iter().map(|key| Record {
        owner: Some(owner("client", "subject")),
        ..anchor(key)
    });
    bench.apply(records.fold(change(), Commit::create)).await;
    let expected = sorted(&keys);
    for limit in [1, 7, 59, 60, 61, 10_000] {
        for by in [
            OwnedBy::Client("client".into()),
            OwnedBy::Subject("subject".into()),
        ] {
            let found = bench.walk(&realm(), Kind::GRANT, by.clone(), limit).await;
            require!(
                SENTENCE,
                digests(&found) == expected,
                "in pages of {limit}, {} records are listed by {by:?}, which are not the 60 in their order",
                found.len()
            );
        }
    }
    for limit in [20, 60] {
        let mut listing = Listing {
            realm: realm(),
            kind: Kind::GRANT,
            by: OwnedBy::Subject("subject".into()),
            after: None,
            limit,
        };
        for _ in 1..60 / limit {
            let page = bench.page(&listing).await;
            require!(
                SENTENCE,
                page.items.len() == limit && page.next.is_some(),
                "a page before the last is {page:?}"
            );
            listing.after = page.next;
        }
        let page = bench.page(&listing).await;
        require!(
            SENTENCE,
            page.items.len() == limit && page.next.is_none(),
            "the last page, a full one of {limit}, has {} records and says that the next comes after {:?}",
            page.items.len(),
            page.next
        );
    }
}

/// A walk through the pages finds what stays there once, while other records come, go and change.
pub async fn a_record_that_stays_is_listed_once(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    walk_while_records_go_between_the_pages(&bench).await;
    walk_in_a_race(&bench).await;
}

const STAYS: &str =
    "a record that is there for the whole of a walk through the pages is listed once";

fn owned(key: &Key) -> Record {
    Record {
        owner: Some(owner("client", "subject")),
        ..anchor(key)
    }
}

async fn walk_while_records_go_between_the_pages(bench: &Bench) {
    let mut keys: Vec<_> = (0..40).map(|_| key(Kind::CONSENT)).collect();
    keys.sort_by_key(|key| *key.digest());
    let version = bench
        .apply(
            keys.iter()
                .fold(change(), |commit, key| commit.create(owned(key))),
        )
        .await;
    // Every second one stays. The others go, one after each page, and soon after they were on it.
    let staying = sorted(keys.iter().step_by(2));
    let mut going = keys.iter().skip(1).step_by(2);
    let mut listing = Listing {
        realm: realm(),
        kind: Kind::CONSENT,
        by: OwnedBy::Client("client".into()),
        after: None,
        limit: 4,
    };
    let mut found = Vec::new();
    loop {
        let page = bench.page(&listing).await;
        found.extend(digests(&page.items));
        let Some(next) = page.next else { break };
        listing.after = Some(next);
        if let Some(key) = going.next() {
            bench.apply(change().remove(key.clone(), version)).await;
        }
    }
    found.retain(|digest| staying.contains(digest));
    require!(
        STAYS,
        found == staying,
        "of {} records that stayed, one walk found {}",
        staying.len(),
        found.len()
    );
}

async fn walk_in_a_race(bench: &Bench) {
    let staying: Vec<_> = (0..30).map(|_| key(Kind::GRANT)).collect();
    let version = bench
        .apply(
            staying
                .iter()
                .fold(change(), |commit, key| commit.create(owned(key))),
        )
        .await;
    let expected: BTreeSet<_> = sorted(&staying).into_iter().collect();
    let walks = race(|number| {
        let (bench, staying) = (bench.clone(), staying.clone());
        async move {
            if number % 4 == 0 {
                let by = if number % 8 == 0 {
                    OwnedBy::Client("client".into())
                } else {
                    OwnedBy::Subject("subject".into())
                };
                return Some(bench.walk(&realm(), Kind::GRANT, by, 1 + number / 4).await);
            }
            for _ in 0..5 {
                let passing = key(Kind::GRANT);
                let version = bench
                    .create(Record {
                        owner: Some(owner("client", "subject")),
                        ..single(&passing)
                    })
                    .await;
                bench.apply(change().remove(passing, version)).await;
            }
            // A record that is replaced stays.
            let replaced = &staying[number % staying.len()];
            let _ = bench
                .commit(change().replace(owned(replaced), version))
                .await;
            None
        }
    })
    .await;
    for walk in walks.iter().flatten() {
        let found: Vec<_> = digests(walk)
            .into_iter()
            .filter(|digest| expected.contains(digest))
            .collect();
        require!(
            STAYS,
            found.len() == expected.len()
                && found.iter().collect::<BTreeSet<_>>().len() == expected.len(),
            "of {} records that stayed, one walk found {}",
            expected.len(),
            found.len()
        );
    }
}

//! Reading.

use oauth_core::store::{Commit, Key, Kind, Realm, Record, Role};

use crate::{
    Harness,
    bench::{
        Bench, NEVER, anchor, answered, at, brief, change, key, member, owner, race, single,
        version,
    },
};

/// A record loads with the version, role, `forget_at` and body that it was put with.
pub async fn a_record_loads_as_it_was_put(harness: &dyn Harness) {
    const SENTENCE: &str = "load gives the record under a key as the last commit left it";
    let bench = Bench::new(harness).await;
    let grant = key(Kind::GRANT);
    let records = [
        Record {
            owner: Some(owner("client", "subject")),
            forget_at: at(2_000_000_000),
            ..anchor(&grant)
        },
        Record {
            forget_at: at(0),
            ..member(&key(Kind::CODE), grant.family())
        },
        Record {
            body: Box::from(*b"another body"),
            ..single(&key(Kind::REPLAY))
        },
    ];
    let mut commit = change();
    for record in &records {
        commit = commit.create(record.clone());
    }
    let id = bench.apply(commit).await;
    for record in records {
        let loaded = bench.load(&record.key).await;
        let is_same = loaded.as_ref().is_some_and(|stored| {
            stored.version == id
                && stored.role == record.role
                && !stored.closed
                && stored.forget_at == record.forget_at
                && stored.body == record.body
        });
        require!(
            SENTENCE,
            is_same,
            "put {record:?} with version {id:?}, loaded {}",
            brief(loaded.as_ref())
        );
    }
}

/// A key without a record loads as `None`, before there was one and after it was removed.
pub async fn what_is_not_there_loads_as_none(harness: &dyn Harness) {
    const SENTENCE: &str = "load gives None for a record that is not there, never an error";
    let bench = Bench::new(harness).await;
    let key = key(Kind::CODE);
    let before = bench.load(&key).await;
    require!(
        SENTENCE,
        before.is_none(),
        "loaded {}",
        brief(before.as_ref())
    );
    let version = bench.create(single(&key)).await;
    bench.apply(change().remove(key.clone(), version)).await;
    let after = bench.load(&key).await;
    require!(
        SENTENCE,
        after.is_none(),
        "after its removal, loaded {}",
        brief(after.as_ref())
    );
}

/// The same name is another record in another realm, or as another kind.
pub async fn realms_and_kinds_keep_records_apart(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let name: &[&[u8]] = &[b"name"];
    let keys = [
        Key::new(&Realm::new("one"), Kind::CODE, name),
        Key::new(&Realm::new("two"), Kind::CODE, name),
        Key::new(&Realm::new("one"), Kind::ACCESS_TOKEN, name),
        Key::new(&Realm::new("one"), Kind::extension("x_code"), name),
    ];
    for (number, key) in (0..).zip(&keys) {
        let body = Box::from([number]);
        bench
            .create(Record {
                body,
                ..single(key)
            })
            .await;
    }
    for (number, key) in (0_u8..).zip(&keys) {
        let loaded = bench.load(key).await;
        require!(
            "realm and kind are in the digest, which alone identifies a record",
            loaded
                .as_ref()
                .is_some_and(|stored| *stored.body == [number]),
            "{key:?} loads as {}",
            brief(loaded.as_ref())
        );
    }
}

/// Bodies come back with the bytes they had, whatever those are.
pub async fn bodies_are_kept_byte_for_byte(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies: [&[u8]; 6] = [
        b"",
        b"\0",
        b"it's \"quoted\" \\x00 %s $1 ?",
        b" blanks around it \r\n",
        &every_byte,
        &every_byte.repeat(16),
    ];
    for body in bodies {
        let key = key(Kind::ACCESS_TOKEN);
        bench
            .create(Record {
                body: body.into(),
                ..single(&key)
            })
            .await;
        let loaded = bench.load(&key).await;
        require!(
            "a body is kept as it was put, byte for byte",
            loaded.as_ref().is_some_and(|stored| *stored.body == *body),
            "of a body of {} bytes, loaded {}",
            body.len(),
            brief(loaded.as_ref())
        );
    }
}

/// Whoever begins to load after a commit was acknowledged sees it.
pub async fn there_are_no_stale_reads(harness: &dyn Harness) {
    const SENTENCE: &str =
        "load gives what the last commit acknowledged before the call left, or a later one";
    let bench = Bench::new(harness).await;
    let key = key(Kind::REFRESH_TOKEN);
    let grant = crate::bench::key(Kind::GRANT);
    let mut current = bench.create(single(&key)).await;
    for round in 0..10 {
        let next = change().replace(single(&key), current);
        current = bench.apply(next).await;
        let seen = race(|_| {
            let (bench, key) = (bench.clone(), key.clone());
            async move { bench.load(&key).await.map(|stored| stored.version) }
        })
        .await;
        require!(
            SENTENCE,
            seen.iter().all(|seen| *seen == Some(current)),
            "after {round} replacements by {current:?}, loads gave {seen:?}"
        );
    }
    let family = grant.family();
    bench
        .apply(change().create(anchor(&grant)).replace(
            Record {
                role: Role::Member(family),
                ..single(&key)
            },
            current,
        ))
        .await;
    // Whoever remembers what it loads now has to forget it when the family ends.
    let loaded = bench.load(&key).await;
    require!(
        SENTENCE,
        loaded.is_some(),
        "a record that is there does not load"
    );
    bench.apply(change().end(family, NEVER)).await;
    let seen = race(|_| {
        let (bench, key) = (bench.clone(), key.clone());
        async move { bench.load(&key).await }
    })
    .await;
    require!(
        SENTENCE,
        seen.iter().all(Option::is_none),
        "a member of a family that has ended still loads"
    );
    // A load of what was never there must not be remembered either.
    let id = version();
    bench.apply(Commit::new(id).create(single(&key))).await;
    let loaded = bench.load(&key).await;
    require!(
        SENTENCE,
        loaded.as_ref().is_some_and(|stored| stored.version == id),
        "a record that was created after a load of nothing loads as {}",
        brief(loaded.as_ref())
    );
}

/// Several records load in the order of their keys, each as it would alone, also if one is asked for twice or is not there.
pub async fn several_load_as_each_alone(harness: &dyn Harness) {
    let bench = Bench::new(harness).await;
    let [one, other, absent] = [0; 3].map(|_| key(Kind::CODE));
    bench.create(single(&one)).await;
    bench.create(anchor(&other)).await;
    for keys in [
        vec![],
        vec![absent.clone()],
        vec![one.clone(), other.clone()],
        vec![other.clone(), one.clone()],
        vec![
            other.clone(),
            absent.clone(),
            one.clone(),
            other.clone(),
            absent,
        ],
    ] {
        let mut expected = Vec::new();
        for key in &keys {
            expected.push(bench.load(key).await);
        }
        let loaded = answered(bench.store.load_all(&keys).await);
        require!(
            "load_all gives for each key what a load of its own would have given",
            loaded == expected,
            "{loaded:?} instead of {expected:?}"
        );
    }
}

//! Replacing the operator secret, and keeping it in the store.

use oauth_core::{
    authorize::{InteractionDenial, Verdict},
    grant::RefreshDenial,
    operator_secret::{OperatorSecret, OperatorSecrets},
    server::Builder,
};

use crate::{
    common::{
        Answered, Fixture, OPERATOR_SECRET,
        clients::{self, WEB},
        flow::{approve, browser, code_in, refresh_token},
        seconds,
    },
    pair, refused,
};

const GRACE: u64 = 30;

fn old() -> OperatorSecret {
    OperatorSecret::from_bytes(OPERATOR_SECRET)
}

fn new() -> OperatorSecret {
    OperatorSecret::from_bytes([0x17; 32])
}

/// The servers of a rotation, over one store: with the old secret; accepting the new one; with that as the current one; and
/// without the old one.
struct Rotation {
    old: Fixture,
    accepting: Fixture,
    current: Fixture,
    new: Fixture,
}

impl Rotation {
    fn new() -> Self {
        let old = Fixture::new();
        let beside = |seed, secrets: OperatorSecrets| {
            old.beside_built(clients::all(), seed, |builder| {
                builder.operator_secret(secrets)
            })
        };
        Self {
            accepting: beside(2, OperatorSecrets::new(self::old()).and(self::new())),
            current: beside(3, OperatorSecrets::new(self::new()).and(self::old())),
            new: beside(4, self::new().into()),
            old,
        }
    }
}

/// Accept the new one everywhere, make it current, drop the old one: nobody is logged out, and a retry gets the same.
#[tokio::test]
async fn a_rotation_logs_nobody_out() {
    let Rotation {
        old,
        accepting,
        current,
        new,
    } = Rotation::new();
    let mut tokens = old.tokens(WEB).await;
    // In each step of the rotation servers of two kinds run side by side.
    for servers in [[&old, &accepting], [&accepting, &current], [&current, &new]] {
        for by in servers {
            let next = by.next(&tokens).await;
            for again in servers {
                assert_eq!(pair(&again.next(&tokens).await), pair(&next));
            }
            // What came before the previous one is known by its tag.
            let last = by.next(&next).await;
            for again in servers {
                let late = again.refresh(WEB, refresh_token(&tokens), &[]).await;
                assert_eq!(refused(late), RefreshDenial::LateRetry);
            }
            tokens = last;
        }
        // Before the old one is dropped, the longest lifetime of a refresh token passes; here a refresh does.
        tokens = current.next(&tokens).await;
    }
}

/// Interactions and sealed values stay valid while the old secret is accepted, and no longer.
#[tokio::test]
async fn what_was_sealed_can_be_opened_while_its_secret_is_accepted() {
    let Rotation {
        old,
        accepting,
        current,
        new,
    } = Rotation::new();
    let rows = [
        (&old, [(&accepting, true), (&current, true), (&new, false)]),
        (&accepting, [(&old, true), (&current, true), (&new, false)]),
        (&current, [(&accepting, true), (&new, true), (&old, false)]),
        (&new, [(&accepting, true), (&current, true), (&old, false)]),
    ];
    let cookie = browser(1);
    for (by, readers) in rows {
        let interaction = by.pend(WEB, &[]).await;
        let sealed = by.server.sealer().await.unwrap().seal("session", b"alice");
        let yes = Verdict::Approve(approve("alice"));
        let mut locations = Vec::new();
        for (reader, is_good) in readers {
            let opened = reader
                .server
                .sealer()
                .await
                .unwrap()
                .open("session", &sealed);
            assert_eq!(opened.is_some(), is_good);
            let shown = reader
                .server
                .interaction(&interaction.handle, Some(&cookie));
            match shown.await.outcome() {
                Ok(_) => {
                    assert!(is_good);
                    let settled = reader.settle(&interaction, yes.clone()).await.unwrap();
                    locations.push(settled.response.location());
                }
                Err(denial) => assert_eq!((is_good, denial), (false, InteractionDenial::Forged)),
            }
        }
        // The repetition is the same, whichever secret is the current one.
        assert_eq!(locations.len(), 2);
        assert_eq!(locations[0], locations[1]);
    }
}

/// After the old one was dropped the current token still works, by its digest.
#[tokio::test]
async fn a_token_outlives_the_secret_that_it_was_made_with() {
    let Rotation { old, new, .. } = Rotation::new();
    let code = old.code(WEB).await;
    let first = old.tokens(WEB).await;
    let second = old.next(&first).await;
    old.clock.advance(seconds(GRACE));
    let third = new.next(&second).await;
    assert_eq!(pair(&new.next(&second).await), pair(&third));
    // A code takes no operator secret.
    new.redeem(WEB, &code).await.unwrap();
}

/// A reuse of an old token is unknown then, and ends nothing; that of the previous one is known by its digest.
#[tokio::test]
async fn a_tag_of_a_dropped_secret_is_unknown() {
    let Rotation {
        old, current, new, ..
    } = Rotation::new();
    let first = old.tokens(WEB).await;
    let mut tokens = first.clone();
    for _ in 0..3 {
        tokens = old.next(&tokens).await;
    }
    let records = old.records();
    new.knows_nothing_of(refresh_token(&first), "dropped").await;
    assert_eq!(old.records(), records);
    tokens = new.next(&tokens).await;
    let known = current.refresh(WEB, refresh_token(&first), &[]).await;
    assert_eq!(refused(known), RefreshDenial::Reused);
    assert!(!new.is_valid(&tokens.access_token).await);

    let first = old.tokens(WEB).await;
    let second = old.next(&first).await;
    old.clock.advance(seconds(GRACE));
    let known = new.refresh(WEB, refresh_token(&first), &[]).await;
    assert_eq!(refused(known), RefreshDenial::Reused);
    assert!(!new.is_valid(&second.access_token).await);
}

/// If no valid secret gives the successor that was given out, the retry is denied, and nothing ends.
#[tokio::test]
async fn a_retry_under_a_dropped_secret_ends_nothing() {
    let Rotation {
        old, current, new, ..
    } = Rotation::new();
    let first = old.tokens(WEB).await;
    let second = old.next(&first).await;
    for params in [&[][..], &[("scope", "read")]] {
        let records = old.records();
        let answer = new.refresh(WEB, refresh_token(&first), params).await;
        assert_eq!(refused(answer), RefreshDenial::NoSecret);
        assert_eq!(old.records(), records);
        assert!(new.is_valid(&second.access_token).await);
    }
    assert_eq!(pair(&current.next(&first).await), pair(&second));
    new.next(&second).await;
}

/// Two servers over one store have one secret, which is then in the store; without it there is none.
#[tokio::test]
async fn a_secret_can_dangerously_be_kept_in_the_store() {
    let fixture = Fixture::making(Builder::dangerous_secret_in_store);
    let other = fixture.beside_built(clients::all(), 5, |builder| {
        builder.dangerous_secret_in_store()
    });
    let interaction = fixture.pend(WEB, &[]).await;
    assert_eq!(fixture.records(), 1, "the secret");
    let yes = Verdict::Approve(approve("alice"));
    let settled = other.settle(&interaction, yes.clone()).await.unwrap();
    let again = fixture.settle(&interaction, yes).await.unwrap();
    assert_eq!(again.response.location(), settled.response.location());
    let tokens = other
        .redeem(WEB, &code_in(&settled.response))
        .await
        .unwrap();
    let next = fixture.next(&tokens).await;
    assert_eq!(pair(&other.next(&tokens).await), pair(&next));
    let last = other.next(&next).await;
    let late = fixture.refresh(WEB, refresh_token(&tokens), &[]).await;
    assert_eq!(refused(late), RefreshDenial::LateRetry);
    // It is never forgotten, and is the namespace's own.
    fixture.clock.advance(seconds(99 * 365 * 24 * 3600));
    fixture.server.prune(100).await.unwrap();
    assert_eq!(fixture.records(), 1);
    let stranger = fixture.beside_built(clients::all(), 6, |builder| {
        let realm = oauth_core::store::Realm::new("other");
        builder.dangerous_secret_in_store().realm(realm)
    });
    stranger.pend(WEB, &[]).await;
    assert_eq!(fixture.records(), 2);
    // A server with a secret of the operator's keeps none there, and does not take that one.
    let cookie = browser(1);
    let with_own = fixture.beside(clients::all(), |_| {});
    let shown = with_own
        .server
        .interaction(&interaction.handle, Some(&cookie));
    assert_eq!(shown.await.denied(), InteractionDenial::Forged);
    with_own
        .knows_nothing_of(refresh_token(&last), "forgotten")
        .await;
    assert_eq!(fixture.records(), 2);
}

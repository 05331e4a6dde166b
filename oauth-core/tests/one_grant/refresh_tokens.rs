//! What a refresh token is to its grant: current, previous, or older.

use oauth_core::{
    grant::{RefreshDenial, TokenDenial},
    store::{Key, Kind, Realm, Store},
    time::Clock,
    token::TokenResponse,
    types::Secret,
};

use crate::{
    GENERATION, ID, SECRET_OF_REFRESH_TOKEN, TAG, altered,
    common::{
        CALENDAR, Fixture, ISSUER, MAIL,
        clients::{LEGACY, WEB},
        flow::{refresh_token, wire},
        scope, seconds, secret,
        watched::{watched, watched_server},
    },
    pair, refused,
};

const GRACE: u64 = 30;

/// Guessing a secret for a known id changes nothing; nor does altering a token, whatever it was to its grant.
#[tokio::test]
async fn a_guess_changes_nothing_and_is_unknown() {
    type Change = fn(&mut Vec<u8>);
    let guesses: [(&str, Change); 9] = [
        ("another secret", |token| {
            token[SECRET_OF_REFRESH_TOKEN][31] ^= 1;
        }),
        ("no secret", |token| token[SECRET_OF_REFRESH_TOKEN].fill(0)),
        ("one generation later", |token| token[GENERATION][3] += 1),
        ("the last generation", |token| token[GENERATION].fill(0xff)),
        ("another generation", |token| token[GENERATION][3] ^= 0x40),
        ("another tag", |token| token[TAG][15] ^= 0x80),
        ("no tag", |token| token[TAG].fill(0)),
        ("another grant", |token| token[ID][0] ^= 1),
        ("a byte less", |token| {
            token.pop();
        }),
    ];
    let (fixture, store) = watched(|_| {});
    let mut tokens = vec![fixture.tokens(WEB).await];
    for _ in 0..4 {
        fixture.clock.advance(seconds(1));
        tokens.push(fixture.next(tokens.last().unwrap()).await);
    }
    for (age, tokens) in tokens.iter().rev().enumerate() {
        for (what, change) in guesses {
            let guess = secret(&altered(refresh_token(tokens).expose(), change));
            let what = format!("{what} for the one {age} before the current");
            fixture.is_unknown(&store, &guess, &what).await;
        }
        // Of a grant without any refresh token, and of another one.
        let code = fixture.code(WEB).await;
        let other = fixture.tokens(WEB).await;
        for id in [&code, refresh_token(&other).expose()] {
            let id = crate::bytes(id)[ID].to_vec();
            let guess = altered(refresh_token(tokens).expose(), |token| {
                token[ID].copy_from_slice(&id);
            });
            let what = "a token of another grant";
            fixture.is_unknown(&store, &secret(&guess), what).await;
        }
    }
    fixture.next(tokens.last().unwrap()).await;
}

/// Digests and tags are bound to kind, namespace and grant id.
#[tokio::test]
async fn a_token_of_another_namespace_is_unknown() {
    let (ours, store) = watched(|_| {});
    // The same randomness and the same operator secret, and so the same ids and secrets.
    let (theirs, _) = watched_server(|builder| builder.realm(Realm::new("other")));
    let (mut one, mut two) = (ours.tokens(WEB).await, theirs.tokens(WEB).await);
    let (our_bytes, their_bytes) = (
        crate::bytes(refresh_token(&one).expose()),
        crate::bytes(refresh_token(&two).expose()),
    );
    assert_eq!(our_bytes[..TAG.start], their_bytes[..TAG.start]);
    assert_ne!(our_bytes[TAG], their_bytes[TAG]);
    let first = two.clone();
    for _ in 0..3 {
        ours.is_unknown(&store, refresh_token(&two), "theirs").await;
        ours.is_unknown(&store, refresh_token(&first), "their first")
            .await;
        (one, two) = (ours.next(&one).await, theirs.next(&two).await);
    }
    ours.next(&one).await;
}

/// A store that was restored from a backup has lost what came after that. Tokens from the lost time
/// end nothing that has begun since, as long as they are not older than the previous token.
#[tokio::test]
async fn a_token_of_a_time_that_was_lost_is_unknown() {
    let (ours, store) = watched(|_| {});
    let (lost, _) = watched(|_| {});
    let mut one = ours.tokens(WEB).await;
    let mut two = lost.tokens(WEB).await;
    assert_eq!(pair(&one), pair(&two));
    // From here on, their randomness is another.
    lost.server.random().unwrap();
    two = lost.next(&two).await;
    let later = lost.next(&two).await;
    ours.is_unknown(&store, refresh_token(&two), "later").await;
    for what in ["as old as the current", "as old as the previous"] {
        one = ours.next(&one).await;
        for token in [refresh_token(&two), refresh_token(&later)] {
            ours.is_unknown(&store, token, what).await;
        }
    }
    ours.next(&one).await;
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// A new pair of tokens.
    Rotated,
    /// The same pair again, and nothing is written.
    SamePair,
    /// Denied, and nothing ends.
    LateRetry,
    /// Denied, and the family ends.
    Reused,
}

/// The rules of refreshing: a list of uses, each so many seconds after the one before; then the token that came so many before
/// the last is presented, so many seconds later.
#[tokio::test]
async fn a_refresh_token_is_what_its_age_makes_it() {
    use Expected as E;
    struct Row(&'static str, u64, &'static [u64], usize, u64, Expected);
    let rows = [
        Row("the first", GRACE, &[], 0, 0, E::Rotated),
        Row(
            "the current one, at once",
            GRACE,
            &[0, 0, 0],
            0,
            0,
            E::Rotated,
        ),
        Row("the current one, late", GRACE, &[5], 0, 9_999, E::Rotated),
        Row("the previous one, at once", GRACE, &[0], 1, 0, E::SamePair),
        Row("the previous one, in time", GRACE, &[0], 1, 29, E::SamePair),
        Row(
            "the previous one, used late",
            GRACE,
            &[99],
            1,
            29,
            E::SamePair,
        ),
        Row(
            "the previous one of many",
            GRACE,
            &[0, 0, 7],
            1,
            29,
            E::SamePair,
        ),
        Row("the previous one, too late", GRACE, &[0], 1, 30, E::Reused),
        Row(
            "the previous one of many, too late",
            GRACE,
            &[0, 9],
            1,
            30,
            E::Reused,
        ),
        Row(
            "the one before, at once",
            GRACE,
            &[0, 0],
            2,
            0,
            E::LateRetry,
        ),
        Row(
            "the one before, in the grace of its use",
            GRACE,
            &[0, 10],
            2,
            19,
            E::LateRetry,
        ),
        Row("the one before, later", GRACE, &[0, 10], 2, 20, E::Reused),
        Row(
            "the one before, used long after it",
            GRACE,
            &[0, 30],
            2,
            0,
            E::Reused,
        ),
        Row("one older, at once", GRACE, &[0, 0, 0], 3, 0, E::Reused),
        Row(
            "a much older one",
            GRACE,
            &[0, 0, 0, 0, 0, 99],
            6,
            0,
            E::Reused,
        ),
        Row("no grace: the current one", 0, &[0], 0, 0, E::Rotated),
        Row("no grace: the previous one", 0, &[0], 1, 0, E::Reused),
        Row("no grace: the one before", 0, &[0, 0], 2, 0, E::Reused),
    ];
    for Row(what, grace, uses, age, after, expected) in rows {
        let (fixture, store) = watched(|policy| policy.refresh_grace = seconds(grace));
        let mut all = vec![fixture.tokens(WEB).await];
        for pause in uses {
            fixture.clock.advance(seconds(*pause));
            all.push(fixture.next(all.last().unwrap()).await);
        }
        fixture.clock.advance(seconds(after));
        let presented = refresh_token(&all[all.len() - 1 - age]);
        // Everything has to be right before anything is spent or ended.
        for (client, wrong) in [
            (LEGACY, &[][..]),
            (WEB, &[("scope", "admin")]),
            (WEB, &[("resource", MAIL)]),
        ] {
            let before = store.records().await;
            let answer = fixture.refresh(client, presented, wrong).await;
            let told = match wrong {
                [] => "invalid_grant",
                [("scope", _)] => "invalid_scope",
                _ => "invalid_target",
            };
            assert_eq!(wire(&answer), told, "{what}");
            assert_eq!(store.records().await, before, "{what}");
        }
        let before = store.records().await;
        store.take_written();
        let answer = fixture.refresh(WEB, presented, &[]).await;
        let written = store.take_written();
        let last = refresh_token(all.last().unwrap());
        match expected {
            E::Rotated => {
                let answer = answer.unwrap();
                assert!(all.iter().all(|old| {
                    let (old, new) = (pair(old), pair(&answer));
                    old.0 != new.0 && old.1 != new.1
                }));
                assert_eq!(written, 2, "{what}: the grant and an access token");
            }
            E::SamePair => {
                assert_eq!(pair(&answer.unwrap()), pair(all.last().unwrap()), "{what}");
                assert_eq!(store.records().await, before, "{what}");
                assert_eq!(written, 0, "{what}");
            }
            E::LateRetry => {
                assert_eq!(refused(answer), RefreshDenial::LateRetry, "{what}");
                assert_eq!(store.records().await, before, "{what}");
                fixture.refresh(WEB, last, &[]).await.unwrap();
            }
            E::Reused => {
                assert_eq!(refused(answer), RefreshDenial::Reused, "{what}");
                assert_eq!(fixture.records(), 1, "{what}: the closed grant");
                for tokens in &all {
                    fixture
                        .is_unknown(&store, refresh_token(tokens), what)
                        .await;
                    assert!(!fixture.is_valid(&tokens.access_token).await, "{what}");
                }
            }
        }
    }
}

/// A retry with another permitted scope or resource gets the same successor and its own access
/// token, as when two tabs refresh at once.
#[tokio::test]
async fn two_tabs_get_one_successor_and_an_access_token_each() {
    let (fixture, store) = watched(|_| {});
    let asked = [
        ("scope", "read write"),
        ("resource", MAIL),
        ("+resource", CALENDAR),
    ];
    let first = fixture.tokens_for(WEB, "alice", &asked).await;
    let tabs: [&[(&str, &str)]; 5] = [
        &[],
        &[("scope", "read")],
        &[("scope", "write"), ("resource", MAIL)],
        &[("resource", MAIL)],
        &[("resource", CALENDAR)],
    ];
    let mut answers: Vec<TokenResponse> = Vec::new();
    for round in 0..2 {
        for (n, tab) in tabs.into_iter().enumerate() {
            store.take_written();
            let answer = fixture.refresh(WEB, refresh_token(&first), tab).await;
            let answer = answer.unwrap();
            let written = store.take_written();
            if round == 0 {
                assert_eq!(written, 2, "{tab:?}");
                let access_token = answer.access_token.expose();
                let is_new = |old: &TokenResponse| old.access_token.expose() != access_token;
                assert!(answers.iter().all(is_new), "{tab:?}");
                answers.push(answer);
            } else {
                assert_eq!(written, 0, "{tab:?}");
                assert_eq!(pair(&answer), pair(&answers[n]), "{tab:?}");
            }
        }
        fixture.clock.advance(seconds(GRACE - 1));
    }
    let successor = refresh_token(&answers[0]);
    for answer in &answers {
        assert!(fixture.is_valid(&answer.access_token).await);
        assert_eq!(refresh_token(answer).expose(), successor.expose());
    }
    assert_eq!(answers[1].token.scope, scope("read"));
    assert_eq!(answers[2].token.audience, [MAIL]);
    assert_eq!(answers[4].token.audience, ["calendar"]);
    // The grace is that of the use, however many retries there were.
    fixture.clock.advance(seconds(1));
    let late = fixture.refresh(WEB, refresh_token(&first), tabs[3]).await;
    assert_eq!(refused(late), RefreshDenial::Reused);
}

/// Everything that a store may forget by now is forgotten, by a clock that is right.
async fn prune(fixture: &Fixture) {
    let now = fixture.clock.now();
    fixture.store.prune(now, 1_000).await.unwrap();
}

/// A revoked access token leaves a mark until the grace is over, so that a retry cannot bring it back.
#[tokio::test]
async fn a_retry_brings_no_revoked_access_token_back() {
    for scope in [&[][..], &[("scope", "read")]] {
        for waited in [0, GRACE - 1] {
            let (fixture, _) = watched(|_| {});
            let first = fixture.tokens(WEB).await;
            let second = fixture.next(&first).await;
            let retry = fixture.refresh(WEB, refresh_token(&first), scope).await;
            let revoked = retry.unwrap().access_token;
            fixture.revoke(WEB, &revoked).await.unwrap();
            assert!(!fixture.is_valid(&revoked).await);
            // Revoking it again, or by somebody else, is as for one that nobody knows.
            fixture.revoke(LEGACY, &revoked).await.unwrap();
            assert!(fixture.server.holder(&revoked).await.unwrap().is_none());
            fixture.clock.advance(seconds(waited));
            prune(&fixture).await;
            let mut seen = vec![revoked.expose().to_owned()];
            for _ in 0..3 {
                let again = fixture.refresh(WEB, refresh_token(&first), scope).await;
                let (access_token, successor) = pair(&again.unwrap());
                assert_eq!(successor, refresh_token(&second).expose());
                assert!(!seen.contains(&access_token));
                assert!(fixture.is_valid(&secret(&access_token)).await);
                assert!(!fixture.is_valid(&revoked).await);
                seen.push(access_token);
            }
            // The mark is gone when it is of no use any more.
            fixture.clock.advance(seconds(GRACE));
            let before = fixture.records();
            prune(&fixture).await;
            assert_eq!(fixture.records(), before - 1);
            assert!(!fixture.is_valid(&revoked).await);
        }
    }
}

/// Nor one that has expired within the grace.
#[tokio::test]
async fn a_retry_brings_no_expired_access_token_back() {
    let (fixture, _) = watched(|policy| policy.access_token_lifetime = seconds(10));
    let first = fixture.tokens(WEB).await;
    let second = fixture.next(&first).await;
    for later in [10, 19] {
        fixture.clock.advance(seconds(later));
        prune(&fixture).await;
        assert!(!fixture.is_valid(&second.access_token).await);
        let again = fixture.refresh(WEB, refresh_token(&first), &[]).await;
        let again = again.unwrap();
        assert_ne!(pair(&again).0, pair(&second).0);
        assert_eq!(pair(&again).1, pair(&second).1);
        assert!(fixture.is_valid(&again.access_token).await);
        assert_eq!(again.expires_in, seconds(10));
        assert!(!fixture.is_valid(&second.access_token).await);
    }
}

/// A refresh token that is presented as another kind of secret is none.
#[tokio::test]
async fn kinds_do_not_mix() {
    let (fixture, store) = watched(|_| {});
    let code = fixture.code(WEB).await;
    let tokens = fixture.tokens(WEB).await;
    for text in [
        code.replace("oauth_ac_", "oauth_rt_"),
        code.replace("oauth_ac_", "oauth_at_"),
        refresh_token(&tokens)
            .expose()
            .replace("oauth_rt_", "oauth_at_"),
        tokens
            .access_token
            .expose()
            .replace("oauth_at_", "oauth_rt_"),
    ] {
        fixture.is_unknown(&store, &secret(&text), &text).await;
    }
    for text in [refresh_token(&tokens), &tokens.access_token] {
        let code = format!("oauth_ac_{}", &text.expose()["oauth_rt_".len()..]);
        fixture.is_unknown_code(&store, &code, &code).await;
    }
    fixture.redeem(WEB, &code).await.unwrap();
    fixture.next(&tokens).await;
}

/// The store and an old token together give nothing: a successor takes the operator secret.
#[tokio::test]
async fn a_successor_takes_the_operator_secret() {
    use oauth_core::operator_secret::OperatorSecret;
    let (ours, _) = watched(|_| {});
    let (theirs, _) =
        watched_server(|builder| builder.operator_secret(OperatorSecret::from_bytes([9; 32])));
    let (one, two) = (ours.tokens(WEB).await, theirs.tokens(WEB).await);
    let secret_of = |token: &Secret| crate::bytes(token.expose())[SECRET_OF_REFRESH_TOKEN].to_vec();
    assert_eq!(
        secret_of(refresh_token(&one)),
        secret_of(refresh_token(&two))
    );
    let (one, two) = (ours.next(&one).await, theirs.next(&two).await);
    assert_ne!(
        secret_of(refresh_token(&one)),
        secret_of(refresh_token(&two))
    );
    assert_ne!(one.access_token.expose(), two.access_token.expose());
}

/// What a retry depends on can end in the middle of it.
#[tokio::test]
async fn a_retry_of_a_grant_that_has_expired_is_denied() {
    let (fixture, store) = watched(|policy| policy.refresh_token_lifetime = seconds(20));
    let first = fixture.tokens(WEB).await;
    fixture.next(&first).await;
    fixture.clock.advance(seconds(20));
    let before = store.records().await;
    let answer = fixture.refresh(WEB, refresh_token(&first), &[]).await;
    assert_eq!(
        answer.unwrap_err(),
        TokenDenial::Refresh(RefreshDenial::Expired)
    );
    assert_eq!(store.records().await, before);
}

/// An anchor is found by the id in the token, and by nothing else.
#[tokio::test]
async fn a_token_names_its_grant() {
    let (fixture, store) = watched(|_| {});
    let tokens = fixture.tokens(WEB).await;
    let id = crate::bytes(refresh_token(&tokens).expose())[ID].to_vec();
    let key = Key::new(&Realm::new(ISSUER), Kind::GRANT, &[&id]);
    assert!(store.records().await.contains_key(&key));
}

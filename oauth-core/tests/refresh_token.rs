//! Refresh: rotation with a grace for lost answers, and an end for whoever shows a used token.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::time::Duration;

use common::{
    CALENDAR, Fixture, MAIL,
    clients::{self, APP, BRIEF, LEGACY, NATIVE, ODD, ODD_LIFETIMES, POST, WEB},
    flow::{from, refresh_token, wire},
    millis, scope, seconds,
};
use oauth_core::{
    client::{Client, ClientMetadata, Lifetimes},
    event::Event,
    grant::{GrantType, RefreshDenial, TokenDenial},
    policy::Policy,
    time::Clock,
    token::{IntrospectionResponse, PresentedToken, TokenResponse},
    types::Secret,
};

const GRACE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn denied(answer: Result<TokenResponse, TokenDenial>) -> RefreshDenial {
    match answer.unwrap_err() {
        TokenDenial::Refresh(denial) => denial,
        other => panic!("{other:?}"),
    }
}

fn same(a: &Secret, b: &Secret) -> bool {
    a.expose() == b.expose()
}

impl Fixture {
    /// Refreshes as the client should.
    async fn next(&self, client: &str, tokens: &TokenResponse) -> TokenResponse {
        let answer = self.refresh(client, refresh_token(tokens), &[]).await;
        answer.unwrap()
    }
}

/// 6749-6-f, 9700-2.2.2-a, v21-4.3-a, 6749-10.4-a: a refresh token is replaced by its use, whoever the client is.
#[tokio::test]
async fn a_refresh_token_works_once() {
    for client in [WEB, POST, APP, NATIVE, LEGACY, ODD] {
        let fixture = Fixture::with(|policy| policy.refresh_grace = Duration::ZERO);
        let first = fixture.tokens(client).await;
        let second = fixture.next(client, &first).await;
        assert!(!same(refresh_token(&first), refresh_token(&second)));
        assert!(!same(&first.access_token, &second.access_token));
        let third = fixture.next(client, &second).await;
        assert!(!same(refresh_token(&second), refresh_token(&third)));
        // Rotation takes no access token away.
        for tokens in [&first, &second, &third] {
            assert!(fixture.is_valid(&tokens.access_token).await);
        }
        assert!(!fixture.is_active(refresh_token(&first)).await);
        assert!(!fixture.is_active(refresh_token(&second)).await);
        assert!(fixture.is_active(refresh_token(&third)).await);
        assert_eq!(third.token.subject.unwrap().as_str(), "alice");
    }
}

/// What happens to a retry, and to the family with it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Retry {
    /// The same tokens again.
    Same,
    /// The same refresh token again, with an access token of its own.
    Other,
    /// The end of the family.
    Ended,
}

/// The grace rules of the design, one by one.
#[tokio::test]
async fn a_retry_within_grace_gets_the_same_successor() {
    type Params = &'static [(&'static str, &'static str)];
    struct Row(&'static str, u64, Params, u64, Params, Retry);
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap();
    let both: Params = &[("resource", MAIL), ("resource", CALENDAR)];
    let turned: Params = &[("resource", CALENDAR), ("resource", MAIL)];
    let grace = ms(GRACE);
    let rows = [
        Row("at once", grace, &[], 0, &[], Retry::Same),
        Row(
            "at the last moment",
            grace,
            &[],
            grace - 1,
            &[],
            Retry::Same,
        ),
        Row("too late", grace, &[], grace, &[], Retry::Ended),
        Row("no grace", 0, &[], 0, &[], Retry::Ended),
        Row("another grace", 5, &[], 4, &[], Retry::Same),
        Row("another grace, too late", 5, &[], 5, &[], Retry::Ended),
        Row(
            "the same scope",
            grace,
            &[("scope", "read")],
            0,
            &[("scope", "read")],
            Retry::Same,
        ),
        Row(
            "the same scope in another order",
            grace,
            &[("scope", "read write")],
            0,
            &[("scope", "write read")],
            Retry::Same,
        ),
        Row(
            "less scope",
            grace,
            &[],
            0,
            &[("scope", "read")],
            Retry::Other,
        ),
        Row(
            "more scope",
            grace,
            &[("scope", "read")],
            0,
            &[],
            Retry::Other,
        ),
        Row("the same resources", grace, both, 0, turned, Retry::Same),
        Row(
            "one resource less",
            grace,
            both,
            0,
            &[("resource", MAIL)],
            Retry::Other,
        ),
        Row(
            "another resource",
            grace,
            &[("resource", MAIL)],
            0,
            &[("resource", CALENDAR)],
            Retry::Other,
        ),
        Row(
            "a resource at last",
            grace,
            &[],
            0,
            &[("resource", MAIL)],
            Retry::Other,
        ),
        Row(
            "something else",
            grace,
            &[],
            0,
            &[("foo", "bar")],
            Retry::Same,
        ),
    ];
    for Row(what, grace, first, after, second, expected) in rows {
        let fixture = Fixture::with(|policy| policy.refresh_grace = millis(grace));
        let request = [
            ("scope", "read write"),
            ("resource", MAIL),
            ("+resource", CALENDAR),
        ];
        let tokens = fixture.tokens_for(WEB, "alice", &request).await;
        let used = refresh_token(&tokens);
        let answer = fixture.refresh(WEB, used, first).await.unwrap();
        fixture.clock.advance(millis(after));
        let records = fixture.records();
        let again = fixture.refresh(WEB, used, second).await;
        match expected {
            Retry::Same | Retry::Other => {
                let again = again.unwrap_or_else(|denial| panic!("{what}: {denial:?}"));
                let is_same = expected == Retry::Same;
                assert!(
                    same(refresh_token(&again), refresh_token(&answer)),
                    "{what}"
                );
                assert_eq!(
                    same(&again.access_token, &answer.access_token),
                    is_same,
                    "{what}"
                );
                assert_eq!(fixture.records(), records + usize::from(!is_same), "{what}");
                let now = fixture.clock.now();
                assert_eq!(
                    again.expires_in,
                    again.token.expires_at.saturating_since(now)
                );
                for token in [&answer.access_token, &again.access_token] {
                    assert!(fixture.is_valid(token).await, "{what}");
                }
                // Nothing forked: there is one successor, and it gives what the retry gave.
                let next = fixture.refresh(WEB, refresh_token(&again), second).await;
                let next = next.unwrap();
                assert_eq!(again.token.scope, next.token.scope, "{what}");
                assert_eq!(again.token.audience, next.token.audience, "{what}");
            }
            Retry::Ended => {
                // 9700-4.14.2-c, v21-4.3.1-b
                assert_eq!(denied(again), RefreshDenial::Reused, "{what}");
                for tokens in [&tokens, &answer] {
                    assert!(!fixture.is_valid(&tokens.access_token).await, "{what}");
                }
                let successor = fixture.refresh(WEB, refresh_token(&answer), &[]).await;
                assert_eq!(denied(successor), RefreshDenial::Unknown, "{what}");
            }
        }
    }
}

/// Once its refresh token is used, an answer has arrived. A retry that comes after that is not
/// taken for theft, as long as the grace of that use lasts; anything older is.
#[tokio::test]
async fn grace_ends_when_the_successor_is_used() {
    for (after, expected) in [
        (Duration::ZERO, RefreshDenial::LateRetry),
        (GRACE - millis(1), RefreshDenial::LateRetry),
        (GRACE, RefreshDenial::Reused),
    ] {
        let fixture = Fixture::new();
        let first = fixture.tokens(APP).await;
        let second = fixture.next(APP, &first).await;
        fixture.clock.advance(seconds(1));
        let third = fixture.next(APP, &second).await;
        // Of the first one's use, not of the second one's.
        fixture.clock.advance(after.saturating_sub(seconds(1)));
        let late = fixture.refresh(APP, refresh_token(&first), &[]).await;
        assert_eq!(denied(late), expected, "{after:?}");
        let ended = expected == RefreshDenial::Reused;
        for tokens in [&first, &second, &third] {
            assert_eq!(fixture.is_valid(&tokens.access_token).await, !ended);
        }
        if ended {
            let last = fixture.refresh(APP, refresh_token(&third), &[]).await;
            assert_eq!(denied(last), RefreshDenial::Unknown);
        } else {
            fixture.next(APP, &third).await;
            let oldest = fixture.refresh(APP, refresh_token(&first), &[]).await;
            assert_eq!(denied(oldest), RefreshDenial::Reused);
        }
    }
}

/// The grace counts from the first use, and a retry does not restart it.
#[tokio::test]
async fn a_retry_does_not_prolong_grace() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    fixture.next(WEB, &tokens).await;
    fixture.clock.advance(millis(29_999));
    fixture.next(WEB, &tokens).await;
    fixture.clock.advance(millis(1));
    assert_eq!(
        denied(fixture.refresh(WEB, refresh_token(&tokens), &[]).await),
        RefreshDenial::Reused
    );
}

/// A client that has a grace of its own has that, to the millisecond, and no other.
#[tokio::test]
async fn grace_is_as_long_as_was_said() {
    let own = ODD_LIFETIMES.refresh_grace.unwrap();
    for (client, grace) in [(WEB, GRACE), (ODD, own)] {
        for (after, expected) in [(grace - millis(1), "ok"), (grace, "invalid_grant")] {
            let fixture = Fixture::new();
            let tokens = fixture.tokens(client).await;
            fixture.next(client, &tokens).await;
            fixture.clock.advance(after);
            let answer = fixture.refresh(client, refresh_token(&tokens), &[]).await;
            assert_eq!(wire(&answer), expected, "{client} {after:?}");
        }
    }
}

/// A policy without grace holds for what was used before it came, too.
#[tokio::test]
async fn grace_that_is_turned_off_is_off_at_once() {
    let fixture = Fixture::new();
    let strict = fixture.beside(clients::all(), |policy| {
        policy.refresh_grace = Duration::ZERO;
    });
    let tokens = fixture.tokens(WEB).await;
    let next = fixture.next(WEB, &tokens).await;
    let last = strict.next(WEB, &next).await;
    assert_eq!(
        denied(strict.refresh(WEB, refresh_token(&next), &[]).await),
        RefreshDenial::Reused
    );
    assert!(!fixture.is_active(refresh_token(&last)).await);
}

/// v21-4.3.1-b, 9700-4.14.2-c: however old the used token is, and it ends its own family only.
#[tokio::test]
async fn a_used_token_is_known_for_as_long_as_its_family_lives() {
    let fixture = Fixture::new();
    let other = fixture.tokens(WEB).await;
    let first = fixture.tokens(WEB).await;
    let mut tokens = first.clone();
    for _ in 0..28 {
        fixture.clock.advance(DAY);
        fixture.server.prune(1000).await.unwrap();
        tokens = fixture.next(WEB, &tokens).await;
    }
    assert_eq!(
        denied(fixture.refresh(WEB, refresh_token(&first), &[]).await),
        RefreshDenial::Reused
    );
    assert!(matches!(
        fixture.events.last(),
        Event::TokenDenied {
            reason: TokenDenial::Refresh(RefreshDenial::Reused),
            ..
        }
    ));
    assert!(!fixture.is_valid(&tokens.access_token).await);
    assert_eq!(
        denied(fixture.refresh(WEB, refresh_token(&tokens), &[]).await),
        RefreshDenial::Unknown
    );
    fixture.next(WEB, &other).await;
}

/// An invalid attempt changes nothing, with a token that is to be used and with one that has been.
#[tokio::test]
async fn an_invalid_attempt_changes_nothing() {
    type Params = &'static [(&'static str, &'static str)];
    let rows: &[(&str, &str, Params, &str)] = &[
        ("6749-6-b", LEGACY, &[], "invalid_grant"),
        ("6749-6-b", APP, &[], "invalid_grant"),
        (
            "6749-6-d 6749-5.2-f 9700-4.14.2-b",
            WEB,
            &[("scope", "read admin")],
            "invalid_scope",
        ),
        ("6749-5.2-f", WEB, &[("scope", "unknown")], "invalid_scope"),
        ("6749-5.2-f", WEB, &[("scope", "read\\")], "invalid_scope"),
        ("6749-3.2-b", WEB, &[("scope", " ")], "invalid_scope"),
        (
            "9700-4.14.2-b",
            WEB,
            &[("resource", CALENDAR)],
            "invalid_target",
        ),
        (
            "8707-2.2-c",
            WEB,
            &[("resource", MAIL), ("resource", CALENDAR)],
            "invalid_target",
        ),
        (
            "8707-2.2-c",
            WEB,
            &[("resource", "https://unknown.example")],
            "invalid_target",
        ),
        ("6749-5.2-e", BRIEF, &[], "unauthorized_client"),
        (
            "6749-3.2-d",
            WEB,
            &[("scope", "read"), ("scope", "read")],
            "invalid_request",
        ),
        (
            "6749-3.2-d",
            WEB,
            &[("refresh_token", "x")],
            "invalid_request",
        ),
    ];
    for (id, client, params, error) in rows {
        let fixture = Fixture::new();
        let request = [("scope", "read write"), ("resource", MAIL)];
        let tokens = fixture.tokens_for(WEB, "alice", &request).await;
        let records = fixture.records();
        let answer = fixture
            .refresh(client, refresh_token(&tokens), params)
            .await;
        assert_eq!(wire(&answer), *error, "{id}");
        assert_eq!(fixture.records(), records, "{id}");
        let next = fixture.next(WEB, &tokens).await;
        fixture.clock.advance(GRACE);
        let answer = fixture
            .refresh(client, refresh_token(&tokens), params)
            .await;
        assert_eq!(wire(&answer), *error, "{id}");
        assert!(fixture.is_valid(&tokens.access_token).await, "{id}");
        fixture.next(WEB, &next).await;
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_refused() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    let altered = {
        let text = refresh_token(&tokens).expose();
        let last = if text.ends_with('A') { 'B' } else { 'A' };
        common::secret(&format!("{}{last}", &text[..text.len() - 1]))
    };
    // 6749-6-c, 9700-4.14.2-d
    for (none, reason) in [
        (altered, RefreshDenial::Forged),
        (common::secret("x"), RefreshDenial::Unknown),
        (tokens.access_token.clone(), RefreshDenial::Unknown),
    ] {
        assert_eq!(denied(fixture.refresh(WEB, &none, &[]).await), reason);
    }
    for params in [
        vec![("grant_type", "refresh_token")],
        vec![("grant_type", "refresh_token"), ("refresh_token", "")],
    ] {
        // 6749-5.2-b
        assert_eq!(
            wire(&fixture.token(&from(WEB, &params)).await),
            "invalid_request"
        );
    }
    fixture.next(WEB, &tokens).await;
}

/// 6749-6-e, 6749-6-g: what is narrowed is the access token, and the grant stays what it was.
#[tokio::test]
async fn the_original_scope_is_kept() {
    let fixture = Fixture::new();
    let tokens = fixture
        .tokens_for(WEB, "alice", &[("scope", "read write")])
        .await;
    let narrow = fixture
        .refresh(WEB, refresh_token(&tokens), &[("scope", "read")])
        .await
        .unwrap();
    assert_eq!(narrow.token.scope, scope("read"));
    let valid = fixture
        .server
        .validate(&PresentedToken::bearer(narrow.access_token.clone()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(valid.scope, scope("read"));
    let other = fixture
        .refresh(WEB, refresh_token(&narrow), &[("scope", "write")])
        .await
        .unwrap();
    assert_eq!(other.token.scope, scope("write"));
    let all = fixture.next(WEB, &other).await;
    assert_eq!(all.token.scope, scope("read write"));
    // An empty scope is no scope.
    let all = fixture
        .refresh(WEB, refresh_token(&all), &[("scope", "")])
        .await
        .unwrap();
    assert_eq!(all.token.scope, scope("read write"));
}

/// Absolute, from the user's approval, however often it is refreshed: to the millisecond.
#[tokio::test]
async fn a_grant_ends_when_it_was_said_to() {
    for (client, lifetime, step) in [
        (WEB, DAY * 30, DAY),
        (ODD, ODD_LIFETIMES.refresh_token.unwrap(), seconds(20)),
    ] {
        let fixture = Fixture::new();
        let code = fixture.code(client).await;
        fixture.clock.advance(seconds(5));
        let mut tokens = fixture.redeem(client, &code).await.unwrap();
        let mut left = lifetime - seconds(5) - millis(1);
        while left > step {
            fixture.clock.advance(step);
            left -= step;
            tokens = fixture.next(client, &tokens).await;
        }
        fixture.clock.advance(left);
        tokens = fixture.next(client, &tokens).await;
        fixture.clock.advance(millis(1));
        // 6749-6-c
        assert_eq!(
            denied(fixture.refresh(client, refresh_token(&tokens), &[]).await),
            RefreshDenial::Expired
        );
        assert!(!fixture.is_active(refresh_token(&tokens)).await);
        // Its last access token ends by its own time.
        assert!(fixture.is_valid(&tokens.access_token).await);
        fixture.clock.advance(tokens.expires_in - millis(1));
        assert!(!fixture.is_valid(&tokens.access_token).await);
    }
}

/// 9700-4.14.2-e, v21-4.3.3-a: a refresh token that nobody uses ends, to the millisecond.
#[tokio::test]
async fn an_unused_token_ends() {
    let by_policy = |policy: &mut Policy| policy.refresh_token_idle = Some(seconds(100));
    for (client, idle) in [
        (WEB, seconds(100)),
        (ODD, ODD_LIFETIMES.refresh_token_idle.unwrap()),
    ] {
        let fixture = Fixture::with(by_policy);
        let first = fixture.tokens(client).await;
        let unused = fixture.tokens(client).await;
        fixture.clock.advance(idle - millis(1));
        // Each use restarts the time.
        let second = fixture.next(client, &first).await;
        assert!(
            fixture.introspect(client, refresh_token(&unused)).await
                != IntrospectionResponse::Inactive
        );
        fixture.clock.advance(millis(1));
        assert_eq!(
            denied(fixture.refresh(client, refresh_token(&unused), &[]).await),
            RefreshDenial::Idle
        );
        assert_eq!(
            fixture.introspect(client, refresh_token(&unused)).await,
            IntrospectionResponse::Inactive
        );
        fixture.clock.advance(idle - millis(2));
        fixture.next(client, &second).await;
    }
    // Zero, for a client, is no such limit.
    let fixture = Fixture::with(by_policy);
    let tireless = fixture.beside(
        vec![
            Client::public(APP.parse().unwrap())
                .redirect_uri(clients::redirect_uri(APP))
                .scope(scope("read"))
                .lifetimes(Lifetimes::new().with_refresh_token_idle(Duration::ZERO))
                .build()
                .unwrap(),
        ],
        by_policy,
    );
    let tokens = tireless.tokens(APP).await;
    fixture.clock.advance(DAY * 29);
    tireless.next(APP, &tokens).await;
}

/// Idle is a token that waits to be used.
#[tokio::test]
async fn a_retry_is_not_idle() {
    let fixture = Fixture::with(|policy| policy.refresh_token_idle = Some(seconds(10)));
    let tokens = fixture.tokens(WEB).await;
    fixture.clock.advance(millis(9_999));
    let next = fixture.next(WEB, &tokens).await;
    fixture.clock.advance(millis(9_999));
    let again = fixture.next(WEB, &tokens).await;
    assert!(same(refresh_token(&next), refresh_token(&again)));
}

/// A client that loses the grant cannot go on, and what was granted is not lost to one that gets it back.
#[tokio::test]
async fn the_client_has_to_be_allowed_to_refresh_still() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(APP).await;
    let client = Client::public(APP.parse().unwrap())
        .redirect_uri(clients::redirect_uri(APP))
        .grant_types([GrantType::AUTHORIZATION_CODE])
        .build()
        .unwrap();
    for (clients, error) in [
        (vec![client], "unauthorized_client"),
        (vec![], "invalid_client"),
    ] {
        let later = fixture.beside(clients, |_| {});
        assert_eq!(
            wire(&later.refresh(APP, refresh_token(&tokens), &[]).await),
            error
        );
    }
    fixture.next(APP, &tokens).await;
}

/// v21-4.3.1-a: the tokens of a grant that was ended are no use.
#[tokio::test]
async fn the_grant_has_to_be_there_still() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    let used = fixture.next(WEB, &tokens).await;
    let page = fixture.server.grants(
        oauth_core::store::OwnedBy::Subject("alice".into()),
        None,
        10,
    );
    let grant = page.await.unwrap().grants[0].id;
    fixture.server.end_grant(grant).await.unwrap();
    for tokens in [tokens, used] {
        assert_eq!(
            denied(fixture.refresh(WEB, refresh_token(&tokens), &[]).await),
            RefreshDenial::Unknown
        );
        assert!(!fixture.is_valid(&tokens.access_token).await);
    }
}

/// What the operator takes back is gone: a refresh gives no more than client and policy allow now, and a resource server that was
/// taken away contributes nothing.
#[tokio::test]
async fn a_refresh_gives_no_more_than_is_allowed_now() {
    let fixture = Fixture::new();
    let asked = [
        ("scope", "read write"),
        ("resource", MAIL),
        ("+resource", CALENDAR),
    ];
    let tokens = fixture.tokens_for(ODD, "alice", &asked).await;
    assert_eq!(tokens.token.scope, scope("read write"));

    let mut clients = clients::all();
    for client in &mut clients {
        if client.id().as_str() == ODD {
            let mut narrowed = ClientMetadata::from(&*client);
            narrowed.scope = "read".into();
            narrowed.settings.default_scope = None;
            *client = narrowed.try_into().unwrap();
        }
    }
    let fewer = fixture.beside(clients, |_| {});
    let next = fewer
        .refresh(ODD, refresh_token(&tokens), &[])
        .await
        .unwrap();
    assert_eq!(next.token.scope, scope("read"));

    // Only the calendar is left, where `write` means nothing.
    let gone = fixture.beside(clients::all(), |policy| {
        policy.resources.remove(&common::resource(MAIL));
    });
    let last = gone.refresh(ODD, refresh_token(&next), &[]).await.unwrap();
    assert_eq!(last.token.scope, scope("read"));
    assert_eq!(last.token.audience, ["calendar"]);
    let none = fixture.beside(clients::all(), |policy| policy.resources.clear());
    let nothing = none.refresh(ODD, refresh_token(&last), &[]).await.unwrap();
    assert!(nothing.token.scope.is_empty());
    assert!(nothing.token.audience.is_empty());
}

//! The code for tokens: bound to everything it was asked with, once, and in time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use common::{
    CALENDAR, Fixture, MAIL,
    clients::{APP, BRIEF, LEGACY, NATIVE, ODD, ODD_LIFETIMES, PLAIN, WEB, redirect_uri},
    flow::{CHALLENGE, VERIFIER, changed, exchange, from, pairs, refresh_token, wire},
    millis, scope, seconds,
};
use oauth_core::{
    client::ClientRequest,
    event::Event,
    grant::{CodeDenial, TokenDenial},
    token::{PresentedToken, TokenResponse},
};

/// A good request to exchange a code, with changes.
fn ask(client: &str, code: &str, changes: &[(&str, &str)]) -> ClientRequest {
    let params = changed(pairs(&exchange(code, &redirect_uri(client))), changes);
    let params: Vec<_> = params
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    from(client, &params)
}

async fn is_alive(fixture: &Fixture, tokens: &TokenResponse) -> bool {
    let access = fixture.is_valid(&tokens.access_token).await;
    if let Some(refresh_token) = &tokens.refresh_token {
        assert_eq!(fixture.is_active(refresh_token).await, access);
    }
    access
}

const OTHER_VERIFIER: &str = "another-verifier-that-is-long-enough-for-the-rules";
const NO_CHALLENGE: &[(&str, &str)] = &[("-code_challenge", ""), ("-code_challenge_method", "")];
const PLAIN_CHALLENGE: &[(&str, &str)] = &[
    ("code_challenge", VERIFIER),
    ("code_challenge_method", "plain"),
];

/// 6749-4.1.2-e, 6749-4.1.2-f, 6749-4.1.2-g, v21-4.1.3-b: an invalid attempt changes nothing, before and after the code is spent.
#[tokio::test]
async fn a_code_is_bound_to_all_it_was_asked_with() {
    type Changes = &'static [(&'static str, &'static str)];
    struct Row(
        &'static str,
        &'static str,
        Changes,
        &'static str,
        Changes,
        &'static str,
    );
    let rows = [
        Row(
            "6749-4.1.3-b v21-7.5.2-a",
            WEB,
            &[],
            LEGACY,
            &[("redirect_uri", "https://web.example/cb?own=1")],
            "invalid_grant",
        ),
        Row(
            "6749-4.1.3-b",
            WEB,
            &[],
            APP,
            &[("redirect_uri", "https://web.example/cb?own=1")],
            "invalid_grant",
        ),
        Row(
            "6749-4.1.3-b",
            APP,
            &[],
            NATIVE,
            &[("redirect_uri", "com.example.app:/cb")],
            "invalid_grant",
        ),
        Row(
            "6749-4.1.3-d v21-10.2-a",
            WEB,
            &[],
            WEB,
            &[("redirect_uri", "https://web.example/cb")],
            "invalid_grant",
        ),
        Row(
            "6749-4.1.3-d",
            NATIVE,
            &[("redirect_uri", "http://127.0.0.1:51004/cb")],
            NATIVE,
            &[("redirect_uri", "http://127.0.0.1:51005/cb")],
            "invalid_grant",
        ),
        Row(
            "6749-4.1.3-d",
            LEGACY,
            NO_CHALLENGE,
            LEGACY,
            &[("-redirect_uri", ""), ("-code_verifier", "")],
            "invalid_grant",
        ),
        Row(
            "7636-4.6-c 7636-4.4-a 9700-2.1.1-b v21-7.5.2-a",
            APP,
            &[],
            APP,
            &[("code_verifier", OTHER_VERIFIER)],
            "invalid_grant",
        ),
        Row(
            "7636-4.6-c",
            APP,
            &[],
            APP,
            &[("code_verifier", CHALLENGE)],
            "invalid_grant",
        ),
        Row(
            "9700-2.1.1-b",
            WEB,
            &[],
            WEB,
            &[("code_verifier", OTHER_VERIFIER)],
            "invalid_grant",
        ),
        Row(
            "7636-4.6-c",
            PLAIN,
            PLAIN_CHALLENGE,
            PLAIN,
            &[("code_verifier", OTHER_VERIFIER)],
            "invalid_grant",
        ),
        Row(
            "7636-4.6-d v21-4.1.3-a",
            APP,
            &[],
            APP,
            &[("-code_verifier", "")],
            "invalid_grant",
        ),
        Row(
            "7636-4.6-d v21-4.1.3-a",
            LEGACY,
            &[],
            LEGACY,
            &[("code_verifier", "")],
            "invalid_grant",
        ),
        Row(
            "7636-4.1-a",
            APP,
            &[],
            APP,
            &[("code_verifier", "short")],
            "invalid_request",
        ),
        Row(
            "9700-2.1.1-c v21-3.2.4-a v21-4.1.3-a",
            LEGACY,
            NO_CHALLENGE,
            LEGACY,
            &[],
            "invalid_request",
        ),
        Row(
            "8707-2.2-c 9700-4.14.2-b",
            WEB,
            &[("resource", MAIL)],
            WEB,
            &[("resource", CALENDAR)],
            "invalid_target",
        ),
        Row(
            "8707-2.2-c",
            WEB,
            &[("resource", MAIL)],
            WEB,
            &[("resource", MAIL), ("+resource", CALENDAR)],
            "invalid_target",
        ),
        Row(
            "8707-2.2-c",
            WEB,
            &[],
            WEB,
            &[("resource", MAIL)],
            "invalid_target",
        ),
        Row(
            "8707-2.2-c",
            WEB,
            &[("resource", MAIL)],
            WEB,
            &[("resource", "https://unknown.example")],
            "invalid_target",
        ),
        Row(
            "6749-4.1.3-c",
            WEB,
            &[],
            WEB,
            &[("code", "oauth_ac_nothing")],
            "invalid_grant",
        ),
        Row(
            "6749-5.2-b 6749-3.2-b",
            WEB,
            &[],
            WEB,
            &[("code", "")],
            "invalid_request",
        ),
        Row(
            "6749-3.2-d",
            WEB,
            &[],
            WEB,
            &[("+code", "x")],
            "invalid_request",
        ),
        Row(
            "6749-3.2-d",
            WEB,
            &[],
            WEB,
            &[("foo", "1"), ("+foo", "1")],
            "invalid_request",
        ),
        Row(
            "6749-4.5-a",
            WEB,
            &[],
            WEB,
            &[("grant_type", "urn:example:grant")],
            "unsupported_grant_type",
        ),
        Row(
            "6749-4.5-a",
            WEB,
            &[],
            WEB,
            &[("grant_type", "implicit")],
            "unsupported_grant_type",
        ),
        Row(
            "9700-2.4-a",
            WEB,
            &[],
            WEB,
            &[
                ("grant_type", "password"),
                ("username", "alice"),
                ("password", "a"),
            ],
            "unsupported_grant_type",
        ),
        Row(
            "6749-5.2-b",
            WEB,
            &[],
            WEB,
            &[("grant_type", "")],
            "invalid_request",
        ),
    ];
    for Row(id, client, request, thief, changes, error) in rows {
        let fixture = Fixture::new();
        let code = fixture.code_for(client, "alice", request).await;
        let mut fitting: Vec<_> = request
            .iter()
            .copied()
            .filter(|(name, _)| *name == "redirect_uri")
            .collect();
        if request == NO_CHALLENGE {
            fitting.push(("-code_verifier", ""));
        }
        let right = ask(client, &code, &fitting);
        let wrong = ask(thief, &code, changes);
        let records = fixture.records();
        let answer = fixture.token(&wrong).await;
        assert_eq!(wire(&answer), error, "{id} {changes:?}");
        assert!(
            matches!(fixture.events.last(), Event::TokenDenied { reason, .. } if Err(reason) == answer.map(|_| ()))
        );
        assert_eq!(fixture.records(), records, "{id}");
        // The right request still works,
        let tokens = fixture.token(&right).await.unwrap();
        // and a wrong replay leaves its tokens alone;
        assert_eq!(wire(&fixture.token(&wrong).await), error, "{id}");
        assert!(is_alive(&fixture, &tokens).await, "{id} {changes:?}");
        // but a right one ends them.
        let replay = fixture.token(&right).await;
        assert_eq!(replay.unwrap_err(), TokenDenial::Code(CodeDenial::Replayed));
        assert!(!is_alive(&fixture, &tokens).await, "{id}");
        assert_eq!(
            fixture.token(&right).await.unwrap_err(),
            TokenDenial::Code(CodeDenial::Unknown)
        );
    }
}

/// 7636-4.6-e, 9700-2.1.1-a, 8252-8.5-a, v21-8.1-a
#[tokio::test]
async fn a_right_request_gets_tokens() {
    type Changes = &'static [(&'static str, &'static str)];
    let rows: &[(&str, &str, Changes, Changes)] = &[
        ("9700-2.1.1-a 7636-4.6-e 7636-4.2-a", WEB, &[], &[]),
        ("8252-8.1-a 8252-8.5-a v21-8.1-a", APP, &[], &[]),
        ("6749-3.2-c", WEB, &[], &[("foo", "bar"), ("state", "x")]),
        ("v21-10.2-a", WEB, &[], &[("-redirect_uri", "")]),
        (
            "v21-10.2-a",
            APP,
            &[("-redirect_uri", "")],
            &[("-redirect_uri", "")],
        ),
        ("6749-4.1.3-d", APP, &[("-redirect_uri", "")], &[]),
        ("7636-5-a", LEGACY, NO_CHALLENGE, &[("-code_verifier", "")]),
        (
            "6749-4.1.3-d 7636-5-a",
            LEGACY,
            &[
                ("-redirect_uri", ""),
                ("-code_challenge", ""),
                ("-code_challenge_method", ""),
            ],
            &[("-redirect_uri", ""), ("-code_verifier", "")],
        ),
        ("7636-5-a", LEGACY, &[], &[]),
        ("7636-4.6-e", PLAIN, PLAIN_CHALLENGE, &[]),
        (
            "8252-7.3-a",
            NATIVE,
            &[("redirect_uri", "http://127.0.0.1:51004/cb")],
            &[("redirect_uri", "http://127.0.0.1:51004/cb")],
        ),
    ];
    for (id, client, request, changes) in rows {
        let fixture = Fixture::new();
        let code = fixture.code_for(client, "alice", request).await;
        let tokens = fixture.token(&ask(client, &code, changes)).await;
        let tokens = tokens.unwrap_or_else(|denial| panic!("{id} {denial:?}"));
        assert_eq!(tokens.token.client_id.as_str(), *client);
        assert_eq!(tokens.token.subject.as_ref().unwrap().as_str(), "alice");
        assert_eq!(tokens.token.scope, scope("read"));
        assert_eq!(tokens.token.audience, ["https://default.example"]);
        assert_eq!(tokens.expires_in, seconds(3600));
        assert_eq!(tokens.token_type.as_str(), "Bearer");
        assert!(tokens.refresh_token.is_some());
        let valid = fixture
            .server
            .validate(&PresentedToken::bearer(tokens.access_token.clone()))
            .await
            .unwrap();
        assert_eq!(valid, Some(tokens.token));
        assert!(matches!(
            fixture.events.last(),
            Event::TokenIssued {
                subject: Some(_),
                ..
            }
        ));
    }
}

/// v21-4.1.3-c: there is no code without a challenge but for clients that are dangerously allowed it.
#[tokio::test]
async fn no_other_client_gets_a_code_without_a_challenge() {
    for client in [WEB, APP, NATIVE, BRIEF, ODD] {
        let fixture = Fixture::new();
        let request = changed(common::flow::authorization_request(client), NO_CHALLENGE);
        let answer = fixture.authorize(request, &common::flow::browser(1)).await;
        assert!(
            matches!(answer, oauth_core::server::AuthorizeAnswer::Respond(_)),
            "{client}"
        );
    }
}

/// 6749-4.1.2-c, 6749-4.1.2-d, 6749-4.1.3-c: to the millisecond, and for a client as it was registered.
#[tokio::test]
async fn a_code_lives_as_long_as_was_said() {
    for (client, lifetime) in [(WEB, seconds(60)), (ODD, ODD_LIFETIMES.code.unwrap())] {
        for (after, expected) in [(lifetime - millis(1), "ok"), (lifetime, "invalid_grant")] {
            let fixture = Fixture::new();
            let code = fixture.code(client).await;
            fixture.clock.advance(after);
            assert_eq!(
                wire(&fixture.redeem(client, &code).await),
                expected,
                "{client} {after:?}"
            );
            assert!(lifetime <= seconds(600));
        }
    }
}

/// Access tokens too.
#[tokio::test]
async fn an_access_token_lives_as_long_as_was_said() {
    for (client, lifetime) in [
        (WEB, seconds(3600)),
        (ODD, ODD_LIFETIMES.access_token.unwrap()),
    ] {
        let fixture = Fixture::new();
        let tokens = fixture.tokens(client).await;
        assert_eq!(tokens.expires_in, lifetime);
        fixture.clock.advance(lifetime - millis(1));
        assert!(fixture.is_valid(&tokens.access_token).await);
        fixture.clock.advance(millis(1));
        assert!(!fixture.is_valid(&tokens.access_token).await);
    }
}

/// A spent code is known for as long as its tokens live: a replay that comes late ends them all the same.
#[tokio::test]
async fn a_late_replay_ends_what_there_is_then() {
    let fixture = Fixture::new();
    let code = fixture.code(WEB).await;
    let first = fixture.redeem(WEB, &code).await.unwrap();
    fixture.clock.advance(seconds(29 * 24 * 3600));
    fixture.server.prune(1000).await.unwrap();
    let second = fixture
        .refresh(WEB, refresh_token(&first), &[])
        .await
        .unwrap();
    assert!(is_alive(&fixture, &second).await);
    assert_eq!(wire(&fixture.redeem(WEB, &code).await), "invalid_grant");
    assert!(!is_alive(&fixture, &second).await);
    assert_eq!(
        wire(&fixture.refresh(WEB, refresh_token(&second), &[]).await),
        "invalid_grant"
    );
}

/// A replay ends its own family and no other.
#[tokio::test]
async fn a_replay_ends_one_family() {
    let fixture = Fixture::new();
    let other = fixture.tokens(WEB).await;
    let code = fixture.code(WEB).await;
    let tokens = fixture.redeem(WEB, &code).await.unwrap();
    fixture.redeem(WEB, &code).await.unwrap_err();
    assert!(!is_alive(&fixture, &tokens).await);
    assert!(is_alive(&fixture, &other).await);
}

/// 9700-4.14.2-a: whether there is a refresh token is decided per client.
#[tokio::test]
async fn a_client_without_the_grant_gets_no_refresh_token() {
    let fixture = Fixture::new();
    let code = fixture.code(BRIEF).await;
    let tokens = fixture.redeem(BRIEF, &code).await.unwrap();
    assert!(tokens.refresh_token.is_none());
    // A replay ends the access token here too.
    fixture.redeem(BRIEF, &code).await.unwrap_err();
    assert!(!fixture.is_valid(&tokens.access_token).await);
}

/// 8707-2.1-c, 8707-2.2-a, 8707-2.2-b, 9700-2.3-a
#[tokio::test]
async fn resources_are_of_the_whole_grant_and_each_token_takes_some() {
    let fixture = Fixture::new();
    let both = [
        ("scope", "read write admin"),
        ("resource", MAIL),
        ("+resource", CALENDAR),
    ];
    for (asked, audience, granted) in [
        (vec![], vec!["calendar", MAIL], "read write admin"),
        (vec![("resource", MAIL)], vec![MAIL], "read write"),
        (vec![("resource", CALENDAR)], vec!["calendar"], "read admin"),
        (
            vec![("resource", MAIL), ("+resource", CALENDAR)],
            vec!["calendar", MAIL],
            "read write admin",
        ),
    ] {
        let code = fixture.code_for(WEB, "alice", &both).await;
        let first = fixture.token(&ask(WEB, &code, &asked)).await.unwrap();
        assert_eq!(first.token.audience, audience);
        assert_eq!(first.token.scope, scope(granted));
        let all = fixture
            .refresh(WEB, refresh_token(&first), &[])
            .await
            .unwrap();
        assert_eq!(all.token.audience, ["calendar", MAIL]);
        assert_eq!(all.token.scope, scope("read write admin"));
        let other = fixture
            .refresh(WEB, refresh_token(&all), &[("resource", CALENDAR)])
            .await
            .unwrap();
        assert_eq!(other.token.audience, ["calendar"]);
        assert_eq!(other.token.scope, scope("read admin"));
        let last = fixture
            .refresh(WEB, refresh_token(&other), &[("resource", MAIL)])
            .await
            .unwrap();
        assert_eq!(last.token.audience, [MAIL]);
        assert_eq!(last.token.scope, scope("read write"));
    }
}

/// 6749-10.3-a: a token of one kind is no token of another, and an altered one is none.
#[tokio::test]
async fn a_code_is_nothing_else() {
    let fixture = Fixture::new();
    let code = common::secret(&fixture.code(WEB).await);
    assert!(!fixture.is_valid(&code).await);
    assert!(!fixture.is_active(&code).await);
    assert_eq!(
        wire(&fixture.refresh(WEB, &code, &[]).await),
        "invalid_grant"
    );
    fixture.revoke(WEB, &code).await.unwrap();
    let tokens = fixture.redeem(WEB, code.expose()).await.unwrap();
    for token in [&tokens.access_token, refresh_token(&tokens)] {
        assert_eq!(
            wire(&fixture.redeem(WEB, token.expose()).await),
            "invalid_grant"
        );
    }
    assert!(!fixture.is_valid(refresh_token(&tokens)).await);
    assert_eq!(
        wire(&fixture.refresh(WEB, &tokens.access_token, &[]).await),
        "invalid_grant"
    );
    let text = tokens.access_token.expose();
    for at in 0..text.len() {
        let mut altered = text.as_bytes().to_vec();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = common::secret(&String::from_utf8(altered).unwrap());
        assert!(!fixture.is_valid(&altered).await);
        assert!(!fixture.is_active(&altered).await);
    }
    assert!(is_alive(&fixture, &tokens).await);
}

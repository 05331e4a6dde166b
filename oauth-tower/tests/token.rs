//! The token endpoint.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{
    CALENDAR, Does, Fixture, MAIL, Setup,
    call::{Answer, Changes, Pairs, changed, encoded, form, form_of, pairs, request, with},
    clients::{APP, BRIEF, LEGACY, MACHINE, NATIVE, ODD, POST, WEB, basic, client_secret},
    flow::{ask, exchange},
    scope, yes,
};
use http::{
    Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;

/// Asserts that it is a token response as RFC 6749 §5.1 has it, and tells its members.
#[track_caller]
fn assert_granted(answer: &Answer, row: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{row}: {answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store", "{row}");
    assert_eq!(answer.header("pragma"), "no-cache", "{row}");
    let document = answer.json();
    assert!(
        document["access_token"]
            .as_str()
            .unwrap()
            .starts_with("oauth_at_"),
        "{row}"
    );
    assert_eq!(document["token_type"], "Bearer", "{row}");
    assert_eq!(document["expires_in"], 3600, "{row}");
    document.as_object().unwrap().keys().cloned().collect()
}

fn client_credentials() -> Pairs {
    pairs(&[("grant_type", "client_credentials")])
}

/// 6749-5.1-a, 6749-5.1-b, 6749-5.1-c, v21-3.2.3-a, 6750-4-a, 6750-5.3-a, 6749-4.4.3-a, 7636-4.6-e, 9700-2.1.1-a, 8252-8.1-a,
/// 7636-4.2-a, v21-8.1-a, 8252-8.5-a
#[tokio::test]
async fn a_grant_is_answered_with_tokens() {
    let fixture = Fixture::new();
    for client in [WEB, POST, APP, NATIVE, ODD] {
        let code = fixture.code(client).await;
        let answer = fixture.redeem(client, &code, &[]).await;
        let members = assert_granted(&answer, client);
        assert_eq!(
            members,
            [
                "access_token",
                "expires_in",
                "refresh_token",
                "scope",
                "token_type"
            ]
        );
        assert_eq!(answer.member("scope"), "read");
        let again = fixture
            .refresh(client, &answer.member("refresh_token"), &[])
            .await;
        assert_eq!(assert_granted(&again, client), members);
    }
    let machine = fixture
        .send(form_of(MACHINE, "/token", &client_credentials()))
        .await;
    assert_eq!(
        assert_granted(&machine, "6749-4.4.3-a"),
        ["access_token", "expires_in", "scope", "token_type"]
    );
}

fn by(authorization: &str, params: &Pairs) -> Request<Full<Bytes>> {
    with(form("/token", params), AUTHORIZATION, authorization)
}

/// 9700-4.14.2-a
#[tokio::test]
async fn who_gets_refresh_tokens_is_registered() {
    let fixture = Fixture::new();
    let code = fixture.code(BRIEF).await;
    let answer = fixture.redeem(BRIEF, &code, &[]).await;
    assert_eq!(
        assert_granted(&answer, "9700-4.14.2-a"),
        ["access_token", "expires_in", "scope", "token_type"]
    );
    let other = fixture.tokens(WEB).await;
    fixture
        .refresh(BRIEF, &other.refresh, &[])
        .await
        .assert_denied(400, "unauthorized_client", "6749-5.2-e");
}

/// v21-4.3.3-a, 9700-4.14.2-e
#[tokio::test]
async fn a_refresh_token_that_is_not_used_ends() {
    let mut setup = Setup::default();
    setup.policy.refresh_token_idle = Some(Duration::from_secs(60));
    let fixture = setup.build();
    let mut token = fixture.tokens(WEB).await.refresh;
    for _ in 0..3 {
        fixture.clock.advance(Duration::from_millis(59_999));
        token = fixture
            .refresh(WEB, &token, &[])
            .await
            .member("refresh_token");
    }
    fixture.clock.advance(Duration::from_secs(60));
    fixture
        .refresh(WEB, &token, &[])
        .await
        .assert_denied(400, "invalid_grant", "9700-4.14.2-e");
}

/// 8252-8.4-b, v21-2.1-a: every way to say who one is, right and wrong. A client is of one type, by its registration. The client is looked at before anything else, so any grant will do.
#[tokio::test]
async fn a_client_proves_who_it_is_by_its_one_method() {
    let fixture = Fixture::new();
    let good = client_credentials();
    let plus = |changes: &[(&str, &str)]| changed(client_credentials(), changes);
    let (web, post) = (client_secret(WEB), client_secret(POST));
    for (row, request) in [
        ("6749-2.3.1-a, v21-2.4.1-b", by(&basic(WEB, &web), &good)),
        (
            "6749-2.3.1-b",
            by(&basic(MACHINE, &client_secret(MACHINE)), &good),
        ),
        (
            "the scheme in any case",
            by(&basic(WEB, &web).replace("Basic", "bAsIc"), &good),
        ),
        (
            "naming oneself twice",
            by(&basic(WEB, &web), &plus(&[("client_id", WEB)])),
        ),
        (
            "6749-3.2-c",
            by(&basic(WEB, &web), &plus(&[("foo", "bar")])),
        ),
        (
            "6749-3.2-b",
            by(
                &basic(WEB, &web),
                &plus(&[("client_secret", ""), ("scope", "")]),
            ),
        ),
    ] {
        assert_granted(&fixture.send(request).await, row);
    }
    let refusals = [
        (
            "6749-2.2-b, 6749-3.2.1-a, 6749-4.4.2-a",
            401,
            form("/token", &plus(&[("client_id", WEB)])),
        ),
        ("6749-3.2.1-b", 401, form("/token", &good)),
        (
            "6749-5.2-c, 6749-5.2-d",
            401,
            by(&basic(WEB, "wrong"), &good),
        ),
        ("6749-5.2-c", 401, by(&basic("nobody", &web), &good)),
        ("6749-5.2-c", 401, by(&basic("", &web), &good)),
        ("6749-5.2-c", 401, by(&basic("w\u{e9}b", &web), &good)),
        ("6749-5.2-c", 401, by(&basic(WEB, ""), &good)),
        ("not base64", 401, by("Basic web:secret", &good)),
        ("no colon", 401, by("Basic d2Vi", &good)),
        ("no credentials", 401, by("Basic", &good)),
        ("another scheme", 401, by("Bearer x", &good)),
        (
            "another scheme beside a public client's name",
            401,
            by("Bearer x", &plus(&[("client_id", APP)])),
        ),
        ("6749-2.3.2-a", 401, by(&basic(POST, &post), &good)),
        (
            "6749-2.3.2-a",
            401,
            form(
                "/token",
                &plus(&[("client_id", WEB), ("client_secret", &web)]),
            ),
        ),
        (
            "6749-5.2-c",
            401,
            form(
                "/token",
                &plus(&[("client_id", POST), ("client_secret", "wrong")]),
            ),
        ),
        (
            "a secret of nobody",
            401,
            form("/token", &plus(&[("client_secret", &post)])),
        ),
        (
            "6749-2.3-a, 8252-8.5-b",
            401,
            form(
                "/token",
                &plus(&[("client_id", APP), ("client_secret", "x")]),
            ),
        ),
        ("6749-4.1.3-a", 401, by(&basic(APP, ""), &good)),
        (
            "6749-2.3-b",
            400,
            by(&basic(WEB, &web), &plus(&[("client_secret", &web)])),
        ),
        (
            "6749-2.3-b",
            400,
            by(
                &basic(WEB, &web),
                &plus(&[("client_id", WEB), ("client_secret", &web)]),
            ),
        ),
        (
            "two clients",
            400,
            by(&basic(WEB, &web), &plus(&[("client_id", APP)])),
        ),
    ];
    for (row, status, request) in refusals {
        let error = if status == 401 {
            "invalid_client"
        } else {
            "invalid_request"
        };
        fixture
            .send(request)
            .await
            .assert_denied(status, error, row);
    }
    for (id, secret) in [
        ("x".repeat(2049), "x".into()),
        (WEB.into(), "x".repeat(2049)),
    ] {
        let long = fixture.send(by(&basic(&id, &secret), &good)).await;
        long.assert_denied(401, "invalid_client", "longer than any value");
        assert!(fixture.events.take().iter().all(|event| event.len() < 2048));
    }
    let twice = with(
        by(&basic(WEB, &web), &good),
        AUTHORIZATION,
        &basic(WEB, &web),
    );
    fixture
        .send(twice)
        .await
        .assert_denied(401, "invalid_client", "two Authorization headers");
    let code = fixture.code(POST).await;
    let posted = fixture.redeem(POST, &code, &[]).await;
    assert_granted(&posted, "6749-2.3.1-c, v21-2.4.1-a");
}

/// 6749-2.3.1-d: what is in the address is not read.
#[tokio::test]
async fn credentials_in_the_query_are_not_credentials() {
    let fixture = Fixture::new();
    let code = fixture.code(POST).await;
    let secret = pairs(&[("client_id", POST), ("client_secret", &client_secret(POST))]);
    let uri = format!("/token?{}", encoded(&secret));
    let answer = fixture.send(form(&uri, &exchange(POST, &code))).await;
    answer.assert_denied(401, "invalid_client", "6749-2.3.1-d");
    let all = format!(
        "/token?{}",
        encoded(&[secret, exchange(POST, &code)].concat())
    );
    let answer = fixture.send(form(&all, &Vec::new())).await;
    answer.assert_denied(401, "invalid_client", "6749-2.3.1-d");
    assert_granted(
        &fixture.redeem(POST, &code, &[]).await,
        "and nothing was spent",
    );
}

/// 6749-5.2-a, 6749-5.2-b, 6749-4.1.2.1-g
#[tokio::test]
async fn requests_that_are_wrong_in_themselves() {
    let fixture = Fixture::new();
    let code = fixture.code(WEB).await;
    let rows: [(&str, &str, Changes, &str); 24] = [
        ("6749-5.2-b", WEB, &[("-grant_type", "")], "invalid_request"),
        ("6749-3.2-b", WEB, &[("grant_type", "")], "invalid_request"),
        ("6749-5.2-b", WEB, &[("-code", "")], "invalid_request"),
        ("6749-3.2-b", WEB, &[("code", "")], "invalid_request"),
        (
            "6749-5.2-b",
            WEB,
            &[("grant_type", "refresh_token")],
            "invalid_request",
        ),
        (
            "6749-4.5-a",
            WEB,
            &[("grant_type", "other")],
            "unsupported_grant_type",
        ),
        (
            "6749-4.5-a",
            WEB,
            &[("grant_type", "urn:example:grant")],
            "unsupported_grant_type",
        ),
        (
            "6749-4.5-a",
            WEB,
            &[("grant_type", "Authorization_Code")],
            "unsupported_grant_type",
        ),
        (
            "9700-2.4-a",
            WEB,
            &[
                ("grant_type", "password"),
                ("username", "a"),
                ("password", "b"),
            ],
            "unsupported_grant_type",
        ),
        ("6749-5.2-e", MACHINE, &[], "unauthorized_client"),
        (
            "6749-5.2-e",
            ODD,
            &[("grant_type", "client_credentials")],
            "unauthorized_client",
        ),
        (
            "6749-4.4-a, 6749-2.3-a",
            APP,
            &[("grant_type", "client_credentials")],
            "unauthorized_client",
        ),
        (
            "6749-5.2-f",
            WEB,
            &[("grant_type", "client_credentials"), ("scope", "admin")],
            "invalid_scope",
        ),
        (
            "6749-5.2-f, 6749-3.3-b",
            WEB,
            &[("grant_type", "client_credentials"), ("scope", "re\"ad")],
            "invalid_scope",
        ),
        (
            "6749-3.3-a",
            WEB,
            &[("grant_type", "client_credentials"), ("scope", "Read")],
            "invalid_scope",
        ),
        ("8707-2-a", WEB, &[("resource", "mail")], "invalid_target"),
        (
            "8707-2-b",
            WEB,
            &[("resource", "https://mail.example/#x")],
            "invalid_target",
        ),
        ("8707-2.2-c", WEB, &[("resource", MAIL)], "invalid_target"),
        (
            "7636-4.1-a",
            WEB,
            &[("code_verifier", "short")],
            "invalid_request",
        ),
        (
            "7636-4.1-a",
            WEB,
            &[(
                "code_verifier",
                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX=",
            )],
            "invalid_request",
        ),
        ("6749-3.2-d", WEB, &[("+code", "x")], "invalid_request"),
        (
            "6749-3.2-d",
            WEB,
            &[("+grant_type", "authorization_code")],
            "invalid_request",
        ),
        (
            "6749-3.2-d",
            WEB,
            &[("foo", "x"), ("+foo", "y")],
            "invalid_request",
        ),
        (
            "6749-3.2-d",
            WEB,
            &[("+code_verifier", "")],
            "invalid_request",
        ),
    ];
    for (row, client, changes, error) in rows {
        fixture
            .redeem(client, &code, changes)
            .await
            .assert_denied(400, error, row);
    }
    // 8707-2-c: that one may be repeated.
    let both: [(&str, &str); 3] = [
        ("grant_type", "client_credentials"),
        ("resource", MAIL),
        ("+resource", CALENDAR),
    ];
    assert_granted(&fixture.redeem(WEB, &code, &both).await, "8707-2-c");
    assert_granted(
        &fixture.redeem(WEB, &code, &[]).await,
        "and nothing was spent",
    );
}

/// 6749-3.2-a
#[tokio::test]
async fn only_post_is_served() {
    let fixture = Fixture::new();
    let code = fixture.code(WEB).await;
    let uri = format!("/token?{}", encoded(&exchange(WEB, &code)));
    let secret = basic(WEB, &client_secret(WEB));
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ] {
        let asked = with(
            request(method.clone(), &uri, encoded(&exchange(WEB, &code))),
            AUTHORIZATION,
            &secret,
        );
        let asked = with(asked, CONTENT_TYPE, common::call::FORM);
        let answer = fixture.send(asked).await;
        answer.assert_denied(405, "invalid_request", method.as_str());
        assert_eq!(answer.header("allow"), "POST");
    }
    assert_granted(
        &fixture.redeem(WEB, &code, &[]).await,
        "and nothing was spent",
    );
}

/// v21-7.5.2-a, 6749-4.1.2-g, 7636-4.4-a: an attempt that is wrong changes nothing, before the code is redeemed and after.
#[tokio::test]
async fn a_code_is_for_one_client_address_and_verifier() {
    let fixture = Fixture::new();
    let other = "A".repeat(43);
    let rows: [(&str, &str, Changes); 9] = [
        ("6749-4.1.3-b", POST, &[]),
        ("6749-4.1.3-b", APP, &[]),
        (
            "6749-4.1.3-d, v21-10.2-a",
            WEB,
            &[("redirect_uri", "https://web.example/cb")],
        ),
        (
            "6749-4.1.3-d",
            WEB,
            &[("redirect_uri", "https://web.example/cb?own=1&")],
        ),
        (
            "7636-4.6-c, 9700-2.1.1-b, v21-4.1.3-a",
            WEB,
            &[("code_verifier", &other)],
        ),
        (
            "7636-4.6-d, 9700-2.1.1-b, v21-4.1.3-a",
            WEB,
            &[("-code_verifier", "")],
        ),
        ("6749-3.2-b", WEB, &[("code_verifier", "")]),
        (
            "6749-4.1.3-c",
            WEB,
            &[(
                "code",
                "oauth_ac_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            )],
        ),
        ("6749-4.1.3-c", WEB, &[("code", "\u{e9}")]),
    ];
    let code = fixture.code(WEB).await;
    let attempt = async |when: &str| {
        for (row, client, changes) in rows {
            let mut params = changed(exchange(WEB, &code), changes);
            params.retain(|(name, _)| name != "client_id");
            let answer = fixture.send(form_of(client, "/token", &params)).await;
            answer.assert_denied(400, "invalid_grant", &format!("{row} {when}"));
        }
    };
    attempt("before").await;
    let tokens = fixture.redeem(WEB, &code, &[]).await;
    assert_granted(&tokens, "the code is as good as it was");
    attempt("after").await;
    assert!(
        fixture.is_active(&tokens.member("access_token")).await,
        "v21-7.5.2-a"
    );
    let again = fixture.redeem(WEB, &code, &[]).await;
    again.assert_denied(400, "invalid_grant", "6749-4.1.2-e, v21-4.1.3-b");
    assert!(
        !fixture.is_active(&tokens.member("access_token")).await,
        "6749-4.1.2-f"
    );
    let refresh = fixture
        .refresh(WEB, &tokens.member("refresh_token"), &[])
        .await;
    refresh.assert_denied(400, "invalid_grant", "6749-4.1.2-f, v21-4.3.1-a");
}

/// v21-10.2-a: with PKCE the address need not be said again.
#[tokio::test]
async fn the_address_may_be_left_out_with_pkce() {
    let fixture = Fixture::new();
    let code = fixture.code(WEB).await;
    assert_granted(
        &fixture.redeem(WEB, &code, &[("-redirect_uri", "")]).await,
        "v21-10.2-a",
    );
    let loopback = [("redirect_uri", "http://127.0.0.1:51004/cb")];
    let code = fixture.code_with(NATIVE, &loopback).await;
    fixture
        .redeem(NATIVE, &code, &[])
        .await
        .assert_denied(400, "invalid_grant", "6749-4.1.3-d");
    assert_granted(
        &fixture.redeem(NATIVE, &code, &loopback).await,
        "8252-7.3-a",
    );
}

/// 7636-5-a, v21-3.2.4-a, 9700-2.1.1-c, v21-4.1.3-a
#[tokio::test]
async fn without_a_challenge_there_is_no_verifier() {
    let fixture = Fixture::new();
    let none = [("-code_challenge", ""), ("-code_challenge_method", "")];
    let code = fixture.code_with(LEGACY, &none).await;
    fixture.redeem(LEGACY, &code, &[]).await.assert_denied(
        400,
        "invalid_request",
        "v21-3.2.4-a, 9700-2.1.1-c",
    );
    let no_address = [("-code_verifier", ""), ("-redirect_uri", "")];
    fixture
        .redeem(LEGACY, &code, &no_address)
        .await
        .assert_denied(400, "invalid_grant", "6749-4.1.3-d");
    assert_granted(
        &fixture
            .redeem(LEGACY, &code, &[("-code_verifier", "")])
            .await,
        "7636-5-a",
    );
}

/// 6749-4.1.2-c, 6749-4.1.2-d
#[tokio::test]
async fn a_code_lives_for_a_minute() {
    let fixture = Fixture::new();
    for (millis, is_good) in [(59_999, true), (60_000, false)] {
        let code = fixture.code(WEB).await;
        fixture.clock.advance(Duration::from_millis(millis));
        let answer = fixture.redeem(WEB, &code, &[]).await;
        if is_good {
            assert_granted(&answer, "6749-4.1.2-d");
        } else {
            answer.assert_denied(400, "invalid_grant", "6749-4.1.2-c");
        }
    }
}

/// 6749-3.3-c, 6749-3.3-d, 6749-3.3-e, 6749-3.3-a
#[tokio::test]
async fn the_granted_scope_is_told() {
    let fixture = Fixture::new();
    for less in ["read", "write"] {
        fixture.host.does(Does::Approve(yes().only(scope(less))));
        let asked = changed(ask(WEB), &[("scope", "write read")]);
        let page = fixture.visit(&asked, None).await;
        let code = page.to_client().get("code").unwrap().to_owned();
        let answer = fixture.redeem(WEB, &code, &[]).await;
        assert_eq!(answer.json()["scope"], less, "6749-3.3-c, 6749-3.3-d");
    }
    for (client, changes, granted) in [
        (APP, ("-scope", ""), "read"),
        (APP, ("scope", ""), "read"),
        (WEB, ("-scope", ""), "read write"),
        (WEB, ("scope", "write read write"), "read write"),
    ] {
        let code = fixture.code_with(client, &[changes]).await;
        assert_eq!(
            fixture.redeem(client, &code, &[]).await.member("scope"),
            granted,
            "6749-3.3-e"
        );
    }
}

/// 6749-6-a, 6749-6-b, 6749-6-c, 6749-6-d, 6749-6-e, 6749-6-f, 6749-6-g, 9700-4.14.2-b, 9700-4.14.2-d
#[tokio::test]
async fn a_refresh_token_is_for_one_client_and_scope() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens_with(WEB, &[("scope", "read write")]).await;
    let base = pairs(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.refresh),
    ]);
    let unproven = fixture
        .send(form(
            "/token",
            &changed(base.clone(), &[("client_id", WEB)]),
        ))
        .await;
    unproven.assert_denied(401, "invalid_client", "6749-6-a");
    let mut altered = tokens.refresh.clone().into_bytes();
    *altered.last_mut().unwrap() ^= 1;
    let altered = String::from_utf8(altered).unwrap();
    for (row, client, changes, error) in [
        ("6749-6-b", POST, ("foo", ""), "invalid_grant"),
        ("6749-6-b", APP, ("foo", ""), "invalid_grant"),
        (
            "6749-6-c",
            WEB,
            ("refresh_token", "unknown"),
            "invalid_grant",
        ),
        (
            "6749-6-c",
            WEB,
            ("refresh_token", tokens.access.as_str()),
            "invalid_grant",
        ),
        (
            "9700-4.14.2-d",
            WEB,
            ("refresh_token", altered.as_str()),
            "invalid_grant",
        ),
        (
            "6749-6-d, 9700-4.14.2-b",
            WEB,
            ("scope", "read write admin"),
            "invalid_scope",
        ),
        ("6749-5.2-f", WEB, ("scope", "re\"ad"), "invalid_scope"),
        (
            "9700-4.14.2-b, 8707-2.2-c",
            WEB,
            ("resource", MAIL),
            "invalid_target",
        ),
    ] {
        fixture
            .send(form_of(
                client,
                "/token",
                &changed(base.clone(), &[changes]),
            ))
            .await
            .assert_denied(400, error, row);
    }
    let narrow = fixture
        .refresh(WEB, &tokens.refresh, &[("scope", "read")])
        .await;
    assert_granted(&narrow, "6749-6-f");
    assert_eq!(narrow.member("scope"), "read");
    let next = narrow.member("refresh_token");
    assert_ne!(next, tokens.refresh, "6749-6-f");
    let full = fixture.refresh(WEB, &next, &[]).await;
    assert_eq!(full.member("scope"), "read write", "6749-6-e, 6749-6-g");
}

/// 9700-4.14.2-c, v21-4.3.1-b, 9700-2.2.2-a, v21-4.3-a, 6749-10.4-a
#[tokio::test]
async fn reuse_of_a_refresh_token_ends_the_grant() {
    let fixture = Fixture::new();
    for client in [WEB, APP] {
        let first = fixture.tokens(client).await;
        let second = fixture.refresh(client, &first.refresh, &[]).await;
        let retry = fixture.refresh(client, &first.refresh, &[]).await;
        assert_eq!(
            retry.member("refresh_token"),
            second.member("refresh_token"),
            "a lost answer"
        );
        fixture.clock.advance(Duration::from_secs(30));
        assert!(fixture.is_active(&second.member("access_token")).await);
        fixture
            .refresh(client, &first.refresh, &[])
            .await
            .assert_denied(400, "invalid_grant", "9700-4.14.2-c");
        let dead = fixture
            .refresh(client, &second.member("refresh_token"), &[])
            .await;
        dead.assert_denied(400, "invalid_grant", "v21-4.3.1-b, v21-4.3.1-a");
        for token in [
            first.access,
            second.member("access_token"),
            retry.member("access_token"),
        ] {
            assert!(!fixture.is_active(&token).await, "v21-4.3.1-b");
        }
    }
}

/// 8707-2.1-c, 8707-2.2-a, 8707-2.2-b, 8707-2.2-d, 8707-2.2-e, 8707-2-c, 8707-2-d, 8707-2-e, 9700-2.3-a, 6750-5.2-b
#[tokio::test]
async fn resources_bound_at_the_authorization_are_chosen_among_later() {
    let fixture = Fixture::new();
    let both = [
        ("scope", "read write"),
        ("resource", MAIL),
        ("+resource", CALENDAR),
    ];
    let code = fixture.code_with(WEB, &both).await;
    let audience = async |answer: &Answer| {
        fixture.inspect(&answer.member("access_token")).await["aud"].clone()
    };
    let at_calendar = fixture.redeem(WEB, &code, &[("resource", CALENDAR)]).await;
    assert_eq!(
        audience(&at_calendar).await,
        "the calendar",
        "8707-2.2-a, 8707-2-e"
    );
    assert_eq!(
        at_calendar.member("scope"),
        "read",
        "8707-2.2-d, 8707-2.2-e"
    );
    let mail = fixture
        .refresh(
            WEB,
            &at_calendar.member("refresh_token"),
            &[("resource", MAIL)],
        )
        .await;
    assert_eq!(audience(&mail).await, MAIL, "8707-2.2-b");
    assert_eq!(mail.member("scope"), "read write", "8707-2.2-b");
    let both = fixture
        .refresh(WEB, &mail.member("refresh_token"), &[])
        .await;
    assert_eq!(
        audience(&both).await,
        serde_json::json!(["the calendar", MAIL]),
        "8707-2.1-c"
    );
    let without = fixture.tokens(WEB).await;
    assert_eq!(
        fixture.inspect(&without.access).await["aud"],
        "https://api.example/",
        "8707-2.1-b"
    );
}

/// A store that fails is no denial: the client may come again, and nothing was spent.
#[tokio::test]
async fn a_broken_store_is_not_the_clients_fault() {
    let fixture = Fixture::new();
    let code = fixture.code(WEB).await;
    fixture.store.breaks(true);
    let answer = fixture.redeem(WEB, &code, &[]).await;
    answer.assert_denied(503, "temporarily_unavailable", "6749-4.1.2.1-f");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.text().contains("broken by the test"));
    fixture.store.breaks(false);
    assert_granted(&fixture.redeem(WEB, &code, &[]).await, "and again");
}

/// 6749-AppB-a: ids and values that need encoding are what they are after decoding, in the header and in the form.
#[tokio::test]
async fn odd_characters_survive() {
    let fixture = Fixture::new();
    let code = fixture.code(ODD).await;
    let encoded = encoded(&exchange(ODD, &code))
        .replace('-', "%2d")
        .replace('_', "%5F");
    let request = with(
        common::call::raw_form("/token", encoded),
        AUTHORIZATION,
        &basic(ODD, &client_secret(ODD)),
    );
    assert_granted(&fixture.send(request).await, "6749-AppB-a, 6749-2.3.1-b");
}

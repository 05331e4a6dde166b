//! The revocation endpoint (RFC 7009).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use common::{
    Fixture,
    call::{FORM, encoded, form, pairs, request, with},
    clients::{APP, MACHINE, POST, STRANGER, WEB, basic, client_secret},
};
use http::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};

/// 7009-2-a, 7009-2-b, 7009-2.1-a, 7009-2.1-e, 7009-2.1-g, 7009-2.1-h, 7009-2.2-a, 7662-4-c
#[tokio::test]
async fn a_revoked_token_is_gone_at_once() {
    let fixture = Fixture::new();
    for client in [WEB, POST, APP, STRANGER] {
        let tokens = fixture.tokens(client).await;
        let answer = fixture
            .call(client, "/revoke", &[("token", &tokens.access)])
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (200, ""),
            "7009-2.2-a, 7009-2.1-e: {client}"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(
            !fixture.is_active(&tokens.access).await,
            "7009-2-b, 7009-2.1-g"
        );
        assert!(
            fixture.is_active(&tokens.refresh).await,
            "7009-2.1-i: its refresh token stays"
        );

        let next = fixture.refresh(client, &tokens.refresh, &[]).await;
        let (access, refresh) = (next.member("access_token"), next.member("refresh_token"));
        let answer = fixture
            .call(client, "/revoke", &[("token", &refresh)])
            .await;
        assert_eq!(answer.status, 200);
        assert!(!fixture.is_active(&access).await, "7009-2.1-h");
        fixture.refresh(client, &refresh, &[]).await.assert_denied(
            400,
            "invalid_grant",
            "7009-2-a, v21-4.3.1-a",
        );
    }
}

/// 7009-2.1-c, 7009-2.2-c
#[tokio::test]
async fn a_hint_hides_nothing() {
    let fixture = Fixture::new();
    for hint in ["access_token", "refresh_token", "other", "", "\u{e9}"] {
        let tokens = fixture.tokens(WEB).await;
        for token in [&tokens.access, &tokens.refresh] {
            let answer = fixture
                .call(
                    WEB,
                    "/revoke",
                    &[("token", token), ("token_type_hint", hint)],
                )
                .await;
            assert_eq!(answer.status, 200, "{hint}");
            assert!(!fixture.is_active(token).await, "{hint}");
        }
    }
}

/// 7009-2.2-b
#[tokio::test]
async fn what_is_no_token_is_as_good_as_revoked() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    let code = fixture.code(WEB).await;
    for _ in 0..2 {
        for token in [
            "unknown",
            "\u{e9}\"",
            &code,
            &tokens.access,
            &tokens.refresh,
        ] {
            let answer = fixture.call(WEB, "/revoke", &[("token", token)]).await;
            assert_eq!(
                (answer.status.as_u16(), answer.text()),
                (200, ""),
                "{token}"
            );
        }
    }
    let still = fixture.redeem(WEB, &code, &[]).await;
    fixture.clock.advance(std::time::Duration::from_secs(3600));
    let expired = still.member("access_token");
    assert_eq!(
        fixture
            .call(WEB, "/revoke", &[("token", &expired)])
            .await
            .status,
        200
    );
}

/// 7009-2.1-b, 7009-2.1-d, 7009-2.1-f, 7009-2.2.1-a
#[tokio::test]
async fn nothing_is_revoked_for_who_may_not() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    for token in [&tokens.access, &tokens.refresh] {
        let asked = pairs(&[("token", token)]);
        let named = pairs(&[("token", token), ("client_id", WEB)]);
        let both = pairs(&[("token", token), ("client_secret", &client_secret(WEB))]);
        let by = |authorization: &str, params| {
            with(form("/revoke", params), AUTHORIZATION, authorization)
        };
        let good = basic(WEB, &client_secret(WEB));
        for (row, request, status, error) in [
            ("7009-2.1-d", form("/revoke", &asked), 401, "invalid_client"),
            ("7009-2.1-d", form("/revoke", &named), 401, "invalid_client"),
            (
                "7009-2.1-d",
                by(&basic(WEB, "wrong"), &asked),
                401,
                "invalid_client",
            ),
            ("7009-2.1-d", by("Bearer x", &asked), 401, "invalid_client"),
            (
                "7009-2.1-f",
                by(&basic(MACHINE, &client_secret(MACHINE)), &asked),
                400,
                "invalid_grant",
            ),
            (
                "7009-2.1-f",
                form("/revoke", &pairs(&[("token", token), ("client_id", APP)])),
                400,
                "invalid_grant",
            ),
            ("6749-2.3-b", by(&good, &both), 400, "invalid_request"),
            (
                "7009-2.1-b",
                by(&good, &pairs(&[("token_type_hint", "access_token")])),
                400,
                "invalid_request",
            ),
            (
                "7009-2.1-b",
                by(&good, &pairs(&[("token", "")])),
                400,
                "invalid_request",
            ),
            (
                "repeated",
                by(&good, &pairs(&[("token", token), ("token", "x")])),
                400,
                "invalid_request",
            ),
        ] {
            fixture
                .send(request)
                .await
                .assert_denied(status, error, row);
            assert!(fixture.is_active(token).await, "{row}");
        }
        let uri = format!("/revoke?{}", encoded(&asked));
        for method in [Method::GET, Method::DELETE, Method::PUT] {
            let asked = with(request(method, &uri, encoded(&asked)), AUTHORIZATION, &good);
            let answer = fixture.send(with(asked, CONTENT_TYPE, FORM)).await;
            answer.assert_denied(405, "invalid_request", "7009-2.1-a");
            assert_eq!(answer.header("allow"), "POST");
        }
        let in_query = with(form(&uri, &Vec::new()), AUTHORIZATION, &good);
        fixture
            .send(in_query)
            .await
            .assert_denied(400, "invalid_request", "7009-2.1-b");
        assert!(fixture.is_active(token).await);
    }
}

/// 7009-2.2.1-c
#[tokio::test]
async fn an_outage_is_told_so_that_the_client_tries_again() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    fixture.store.breaks(true);
    let answer = fixture
        .call(WEB, "/revoke", &[("token", &tokens.access)])
        .await;
    answer.assert_denied(503, "temporarily_unavailable", "7009-2.2.1-c");
    assert_eq!(answer.header("retry-after"), "1");
    fixture.store.breaks(false);
    assert!(fixture.is_active(&tokens.access).await);
}

/// 7009-2-d: a token that went over plain HTTP by mistake is revoked all the same.
#[tokio::test]
async fn a_token_that_was_sent_in_the_clear_is_revoked() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    let clear = "http://login.example/revoke";
    assert_eq!(
        fixture
            .call(WEB, clear, &[("token", &tokens.refresh)])
            .await
            .status,
        200
    );
    assert!(!fixture.is_active(&tokens.access).await);
    let document = fixture
        .send(common::call::get("/.well-known/oauth-authorization-server"))
        .await
        .json();
    assert_eq!(
        document["revocation_endpoint"],
        "https://login.example/revoke"
    );
}

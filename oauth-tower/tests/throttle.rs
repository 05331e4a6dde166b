//! Guesses of client secrets are slowed down, on every endpoint that takes one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::{net::IpAddr, time::Duration};

use common::{
    Fixture, Setup,
    call::{Answer, form, form_of, pairs, with},
    clients::{APP, MACHINE, POST, WEB, basic, client_secret},
};
use http::header::AUTHORIZATION;
use oauth_tower::throttle::Peer;

const ENDPOINTS: [&str; 3] = ["/token", "/revoke", "/introspect"];

/// A request of a client with a secret, from an address.
async fn knock(
    fixture: &Fixture,
    uri: &str,
    client: &str,
    secret: &str,
    from: Option<&str>,
) -> Answer {
    let mut params = pairs(&[("grant_type", "client_credentials"), ("token", "x")]);
    let mut request = if client == POST {
        params.extend(pairs(&[("client_id", client), ("client_secret", secret)]));
        form(uri, &params)
    } else {
        with(form(uri, &params), AUTHORIZATION, &basic(client, secret))
    };
    if let Some(from) = from {
        request
            .extensions_mut()
            .insert(Peer(from.parse::<IpAddr>().unwrap()));
    }
    fixture.send(request).await
}

/// 6749-2.3.1-e, 7009-5-a
#[tokio::test]
async fn who_guesses_has_to_wait_everywhere() {
    for client in [WEB, POST] {
        for guessed_at in ENDPOINTS {
            let fixture = Fixture::new();
            let here = Some("192.0.2.1");
            let good = client_secret(client);
            for _ in 0..11 {
                let answer = knock(&fixture, guessed_at, client, "guess", here).await;
                answer.assert_denied(401, "invalid_client", guessed_at);
            }
            for uri in ENDPOINTS {
                // Even the right one: whoever guesses must not learn that it is.
                for secret in ["guess", &good] {
                    let answer = knock(&fixture, uri, client, secret, here).await;
                    answer.assert_denied(429, "temporarily_unavailable", uri);
                    assert_eq!(answer.header("retry-after"), "6");
                }
                let elsewhere = knock(&fixture, uri, client, &good, Some("192.0.2.2")).await;
                assert_ne!(elsewhere.status, 429, "the client itself is not kept out");
            }
            assert_eq!(
                knock(&fixture, "/token", MACHINE, &client_secret(MACHINE), here)
                    .await
                    .status,
                200
            );
            fixture.clock.advance(Duration::from_secs(6));
            let waited = knock(&fixture, "/revoke", client, &good, here).await;
            assert_eq!(waited.status, 200, "who waits as told is served");
        }
    }
}

/// 9700-4.13-a: the address is what the host says, and no header.
#[tokio::test]
async fn nobody_gets_round_it_with_a_header() {
    let fixture = Fixture::new();
    for i in 0..12 {
        let request = form("/token", &pairs(&[("grant_type", "client_credentials")]));
        let mut request = with(request, AUTHORIZATION, &basic(WEB, "guess"));
        for name in ["x-forwarded-for", "x-real-ip", "forwarded", "x-client-ip"] {
            let name = name.parse::<http::HeaderName>().unwrap();
            request = with(request, name, &format!("192.0.2.{i}"));
        }
        let expected = if i < 11 { 401 } else { 429 };
        assert_eq!(fixture.send(request).await.status, expected, "{i}");
    }
}

#[tokio::test]
async fn success_and_strangers_cost_nothing() {
    let fixture = Fixture::new();
    for _ in 0..50 {
        assert_eq!(
            knock(&fixture, "/token", WEB, &client_secret(WEB), None)
                .await
                .status,
            200
        );
        assert_eq!(
            knock(&fixture, "/token", "nobody", "guess", None)
                .await
                .status,
            401
        );
        let public = fixture
            .send(form_of(APP, "/revoke", &pairs(&[("token", "x")])))
            .await;
        assert_eq!(public.status, 200);
    }
    assert_eq!(
        knock(&fixture, "/token", WEB, &client_secret(WEB), None)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn it_can_be_left_to_somebody_else() {
    let fixture = Setup {
        throttle: false,
        ..Setup::default()
    }
    .build();
    for _ in 0..30 {
        assert_eq!(
            knock(&fixture, "/token", WEB, "guess", None).await.status,
            401
        );
    }
}

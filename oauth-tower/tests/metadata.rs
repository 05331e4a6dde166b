//! The metadata document (RFC 8414).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use common::{
    Fixture, ISSUER, Setup,
    call::{Answer, get, request, with},
    flow::ask,
};
use http::Method;
use oauth_core::{
    AuthorizationServer, operator_secret::OperatorSecret, store::StaticClients, types::Issuer,
};
use oauth_tower::OAuth;
use serde_json::json;
use tower::ServiceExt;

const PATH: &str = "/.well-known/oauth-authorization-server";

/// 8414-3.1-a, 8414-3.2-a, 8414-3.2-b, 8414-2-b, 8414-2-c, 8414-2-d, 8414-2-e, 8414-2-g, 8414-2-h, 8414-2-i, 8414-2-m, 8414-2-n,
/// 9207-2.3-b, 9700-2.6-a, 9700-2.1.1-d, 7636-7.2-a, 7636-4.2-a, 7009-2-c, 7662-2-a, 6749-10.9-a, 9700-2.4-a, v21-1.5-a, 6749-3.1-b
#[tokio::test]
async fn the_document_tells_what_is_served() {
    let answer = Fixture::new().send(get(PATH)).await;
    assert_eq!(answer.status, 200);
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    assert_eq!(
        answer.json(),
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://login.example/authorize",
            "token_endpoint": "https://login.example/token",
            "scopes_supported": ["read", "write"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint": "https://login.example/revoke",
            "revocation_endpoint_auth_methods_supported": methods,
            "introspection_endpoint": "https://login.example/introspect",
            "introspection_endpoint_auth_methods_supported": methods[1..],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    );
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("pragma"), "");
}

/// 8414-3.2-c, 8414-2-b: what there is none of is left out.
#[tokio::test]
async fn empty_lists_are_left_out() {
    let mut setup = Setup::default();
    setup.policy.scopes = common::scope("");
    let document = setup.build().send(get(PATH)).await.json();
    assert_eq!(document.get("scopes_supported"), None);
    for (name, value) in document.as_object().unwrap() {
        assert_ne!(value, &json!([]), "{name}");
        assert_ne!(value, &json!(null), "{name}");
    }
}

/// 8414-3-a, 8414-3.1-b, 8414-3.3-a, 9207-2.3-a
#[tokio::test]
async fn an_issuer_with_a_path_has_its_document_at_the_root() {
    for (issuer, path, endpoint) in [
        (
            "https://login.example",
            PATH.to_owned(),
            "https://login.example/token",
        ),
        (
            "https://login.example/",
            PATH.to_owned(),
            "https://login.example/token",
        ),
        (
            "https://login.example/a",
            format!("{PATH}/a"),
            "https://login.example/a/token",
        ),
        (
            "https://login.example/a/b/",
            format!("{PATH}/a/b"),
            "https://login.example/a/b/token",
        ),
        (
            "http://127.0.0.1:8080/a",
            format!("{PATH}/a"),
            "http://127.0.0.1:8080/a/token",
        ),
    ] {
        let fixture = Setup {
            issuer,
            ..Setup::default()
        }
        .build();
        let document = fixture.send(get(&path)).await.json();
        assert_eq!(document["issuer"], issuer);
        assert_eq!(document["token_endpoint"], endpoint);
        for other in [
            PATH.to_owned(),
            format!("{PATH}/"),
            format!("{PATH}/a"),
            format!("{PATH}/a/"),
            format!("/a{PATH}"),
        ] {
            let expected = if other == path { 200 } else { 404 };
            assert_eq!(
                fixture.send(get(&other)).await.status,
                expected,
                "{issuer} {other}"
            );
        }
        // The same, letter by letter, as in the authorization response.
        fixture.host.does(common::Does::Deny);
        let response = fixture.visit(&ask("web"), None).await;
        assert_eq!(response.sent_to().1.get("iss"), Some(issuer));
    }
}

/// 8414-3.3-a, 9700-4.13-a: nothing that a request says about the host gets into an answer.
#[tokio::test]
async fn addresses_come_from_the_issuer_and_not_from_the_request() {
    let fixture = Fixture::new();
    let plain = fixture.send(get(PATH)).await;
    let mut spoofed = get(&format!("http://evil.example{PATH}"));
    for name in [
        "host",
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-for",
        "x-original-url",
    ] {
        let name = name.parse::<http::HeaderName>().unwrap();
        spoofed = with(spoofed, name, "evil.example");
    }
    let spoofed = fixture.send(spoofed).await;
    assert_eq!(spoofed.body, plain.body);
    assert_eq!(spoofed.headers, plain.headers);
}

#[tokio::test]
async fn only_reading_is_served() {
    let fixture = Fixture::new();
    let head = fixture.send(request(Method::HEAD, PATH, "")).await;
    assert_eq!(
        (head.status.as_u16(), head.header("content-type")),
        (200, "application/json")
    );
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let answer = fixture.send(request(method, PATH, "")).await;
        answer.assert_denied(405, "invalid_request", PATH);
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
}

/// A server with the clock and the randomness of the system, as an application builds it.
#[tokio::test]
async fn the_short_way_to_a_server_works() {
    let issuer = Issuer::new(ISSUER).unwrap();
    let store = oauth_storage_memory::MemoryStore::default();
    let server: AuthorizationServer = oauth_tower::server(issuer, store, StaticClients::default())
        .operator_secret(OperatorSecret::from_bytes([7; 32]))
        .build()
        .unwrap();
    let fixture = Fixture::new();
    let oauth = OAuth::new(server, fixture.host.clone());
    let answer = oauth.service().oneshot(get(PATH)).await.unwrap();
    assert_eq!(Answer::read(answer).await.json()["issuer"], ISSUER);
}

//! Which endpoints a script of another origin can call.
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
    call::{Answer, encoded, form, get, raw_form, request, with},
    clients::{APP, WEB, basic, client_secret},
    flow::ask,
};
use http::{
    Method, Request,
    header::{
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN,
    },
};

const METADATA: &str = "/.well-known/oauth-authorization-server";

fn from_elsewhere<B>(request: Request<B>) -> Request<B> {
    with(request, ORIGIN, "https://spa.example")
}

async fn preflight(fixture: &Fixture, uri: &str) -> Answer {
    let asked = from_elsewhere(request(Method::OPTIONS, uri, ""));
    let asked = with(asked, ACCESS_CONTROL_REQUEST_METHOD, "POST");
    fixture
        .send(with(
            asked,
            ACCESS_CONTROL_REQUEST_HEADERS,
            "authorization,content-type",
        ))
        .await
}

fn list(answer: &Answer, name: &str) -> Vec<String> {
    let mut list: Vec<_> = answer
        .header(name)
        .split(',')
        .map(|item| item.trim().to_ascii_lowercase())
        .collect();
    list.sort();
    list
}

fn assert_no_cors(answer: &Answer) {
    for name in answer.headers.keys() {
        assert!(!name.as_str().starts_with("access-control-"), "{name}");
    }
}

/// v21-3.2-a, 9700-2.6-d, 7009-2.3-a
#[tokio::test]
async fn scripts_may_call_token_revocation_and_metadata() {
    let fixture = Fixture::new();
    for uri in ["/token", "/revoke", METADATA] {
        let answer = preflight(&fixture, uri).await;
        assert!(answer.status.is_success(), "{uri}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(
            list(&answer, "access-control-allow-methods"),
            ["get", "post"]
        );
        assert_eq!(
            list(&answer, "access-control-allow-headers"),
            ["authorization", "content-type"]
        );
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            "",
            "no cookie opens anything"
        );
    }
    // The answers too, whatever they are: a script cannot read an error without.
    let tokens = fixture.tokens(APP).await;
    let wrong = with(
        form("/token", &Vec::new()),
        AUTHORIZATION,
        &basic(WEB, "wrong"),
    );
    for (status, request) in [
        (200, get(METADATA)),
        (405, request(Method::DELETE, METADATA, "")),
        (
            200,
            form(
                "/revoke",
                &common::call::pairs(&[("client_id", APP), ("token", &tokens.access)]),
            ),
        ),
        (401, form("/revoke", &Vec::new())),
        (401, wrong),
        (
            400,
            form("/token", &common::call::pairs(&[("client_id", APP)])),
        ),
        (405, get("/token")),
        (413, raw_form("/token", vec![b'&'; 70_000])),
        (415, request(Method::POST, "/token", "{}")),
    ] {
        let what = format!("{request:?}");
        let answer = fixture.send(from_elsewhere(request)).await;
        assert_eq!(answer.status, status, "{what}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{what}");
        assert_eq!(
            list(&answer, "access-control-expose-headers"),
            ["retry-after", "www-authenticate"]
        );
    }
    let code = fixture.code(APP).await;
    fixture.store.breaks(true);
    let code = common::flow::exchange(APP, &code);
    let code = common::call::changed(code, &[("client_id", APP)]);
    let answer = fixture.send(from_elsewhere(form("/token", &code))).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

/// v21-3.1-a, 9700-2.6-c
#[tokio::test]
async fn scripts_may_not_call_authorization_and_introspection() {
    let fixture = Fixture::new();
    for uri in ["/authorize", "/introspect", "/nothing"] {
        let answer = preflight(&fixture, uri).await;
        assert!(answer.status.is_client_error(), "{uri}");
        assert_no_cors(&answer);
    }
    let token = fixture.tokens(WEB).await.access;
    let visit = format!("/authorize?{}", encoded(&ask(WEB)));
    let inspect = form("/introspect", &common::call::pairs(&[("token", &token)]));
    for request in [
        get(&visit),
        get("/authorize"),
        form("/authorize", &ask(WEB)),
        with(inspect, AUTHORIZATION, &basic(WEB, &client_secret(WEB))),
        form("/introspect", &Vec::new()),
        get("/nothing"),
    ] {
        assert_no_cors(&fixture.send(from_elsewhere(request)).await);
    }
}

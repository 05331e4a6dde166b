//! 留园网, as its document and the contract have it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use common::{
    Does,
    call::{changed, form, get, pairs, with},
    clients::{WEB, basic},
    dialect::{
        APP, AS_LIUYUAN, BACK, BARE, NO_CLIENT, ODD, OTHER, World, api, assert_denied, raw_basic,
        secret,
    },
    flow::VERIFIER,
};
use http::{Method, header::AUTHORIZATION};

const TOKEN: &str = "/index.php?app=token";

fn world() -> World {
    World::new(&AS_LIUYUAN)
}

#[tokio::test]
async fn the_registered_address_is_used() {
    let world = world();
    for changes in [&[][..], &[("redirect_uri", BACK)], &[("redirect_uri", "")]] {
        let (to, params) = world.approved(changes).await.sent_to();
        let code = params.get("code").unwrap().to_owned();
        assert_eq!(to, BACK);
        assert_eq!(params.0, pairs(&[("code", &code), ("state", "xyz")]));
        let answer = world.redeem(APP, &code, &[]).await;
        let token = answer.member("access_token");
        assert_eq!(
            answer.text(),
            format!(r#"{{"access_token":"{token}","expires_in":7200}}"#),
            "exactly these two"
        );
    }
    // Any text comes back as it was.
    for state in ["留园 & <b>=+%", "\u{2028}\r\n", "5tate ~"] {
        let answer = world.approved(&[("state", state)]).await;
        assert_eq!(answer.sent_to().1.get("state"), Some(state));
    }
}

#[tokio::test]
async fn errors_in_the_request_are_shown() {
    let world = world();
    let rows = [
        ("no type", &[("-response_type", "")][..], "invalid_request"),
        (
            "type",
            &[("response_type", "x")],
            "unsupported_response_type",
        ),
        ("no state", &[("-state", "")], "invalid_request"),
        ("empty state", &[("state", "")], "invalid_request"),
        (
            "address",
            &[("redirect_uri", "http://x.example/")],
            "invalid_request",
        ),
        ("scope", &[("scope", "all")], "invalid_scope"),
        ("twice", &[("+state", "xyz")], "invalid_request"),
        (
            "scope twice",
            &[("+scope", "read"), ("+scope", "read")],
            "invalid_request",
        ),
        ("no pkce", &[("client_id", BARE)], "invalid_request"),
        ("app twice", &[("app", "authorize")], "invalid_request"),
        ("app twice, another", &[("app", "token")], "invalid_request"),
    ];
    for (row, changes, error) in NO_CLIENT.into_iter().chain(rows) {
        assert_denied(&world.visit(changes).await, 400, error, row);
    }
    world.host.does(Does::Deny);
    let (to, params) = world.visit(&[]).await.sent_to();
    let description = params.get("error_description").unwrap().to_owned();
    let denied = [
        ("error", "access_denied"),
        ("error_description", &description),
        ("state", "xyz"),
    ];
    assert_eq!((to.as_str(), params.0), (BACK, pairs(&denied)));
}

#[tokio::test]
async fn the_token_endpoint_wants_basic_and_the_client_named() {
    let world = world();
    let code = world.code().await;
    let good = changed(world.exchange(&code, &[]), &[("client_id", APP)]);
    let right = raw_basic(APP, &secret(APP));
    let wrong = raw_basic(APP, "wrong");
    let other = raw_basic(OTHER, &secret(OTHER));
    let none = String::new();
    let in_body = secret(APP);
    let pair = [("client_secret", in_body.as_str())];
    for (row, header, changes, status, error) in [
        ("no header", &none, &[][..], 401, "invalid_client"),
        ("only in the body", &none, &pair, 401, "invalid_client"),
        ("wrong secret", &wrong, &[], 401, "invalid_client"),
        (
            "no client",
            &right,
            &[("-client_id", "")],
            400,
            "invalid_request",
        ),
        (
            "empty client",
            &right,
            &[("client_id", "")],
            400,
            "invalid_request",
        ),
        (
            "another client",
            &right,
            &[("client_id", OTHER)],
            400,
            "invalid_request",
        ),
        ("another header", &other, &[], 400, "invalid_request"),
        (
            "wrong secret in the body",
            &right,
            &[("client_secret", "x")],
            400,
            "invalid_request",
        ),
        ("no code", &right, &[("-code", "")], 400, "invalid_request"),
        (
            "no grant",
            &right,
            &[("-grant_type", "")],
            400,
            "invalid_request",
        ),
        (
            "grant",
            &right,
            &[("grant_type", "x")],
            400,
            "unsupported_grant_type",
        ),
        (
            "foreign",
            &other,
            &[("client_id", OTHER)],
            400,
            "invalid_grant",
        ),
        (
            "address",
            &right,
            &[("redirect_uri", "http://x.example/")],
            400,
            "invalid_grant",
        ),
        (
            "code twice",
            &right,
            &[("+code", &code)],
            400,
            "invalid_request",
        ),
        (
            "client twice",
            &right,
            &[("+client_id", APP)],
            400,
            "invalid_request",
        ),
        (
            "verifier",
            &right,
            &[("code_verifier", VERIFIER)],
            400,
            "invalid_request",
        ),
    ] {
        let request = form(TOKEN, &changed(good.clone(), changes));
        let request = match header.as_str() {
            "" => request,
            header => with(request, AUTHORIZATION, header),
        };
        assert_denied(&world.send(request).await, status, error, row);
    }
    for uri in [
        "/index.php?app=token&app=token",
        "/index.php?app=token&app=authorize",
    ] {
        let request = with(form(uri, &good), AUTHORIZATION, &right);
        assert_denied(&world.send(request).await, 400, "invalid_request", uri);
    }
    let strict = with(
        form(TOKEN, &changed(good.clone(), &[("client_id", WEB)])),
        AUTHORIZATION,
        &basic(WEB, &common::clients::client_secret(WEB)),
    );
    assert_denied(
        &world.send(strict).await,
        400,
        "unauthorized_client",
        "strict",
    );
    // None of that has spent the code. The same pair may stand in the body too, and the address.
    let twice = changed(good, &[pair[0], ("redirect_uri", BACK)]);
    let request = with(form(TOKEN, &twice), AUTHORIZATION, &right);
    assert_eq!(world.send(request).await.status, 200);
}

#[tokio::test]
async fn basic_is_tried_raw_and_then_form_decoded() {
    let world = world();
    for client in [APP, ODD] {
        for header in [
            raw_basic(client, &secret(client)),
            basic(client, &secret(client)),
        ] {
            let code = world.code_with(&[("client_id", client)]).await;
            let params = changed(world.exchange(&code, &[]), &[("client_id", client)]);
            let answer = world
                .send(with(form(TOKEN, &params), AUTHORIZATION, &header))
                .await;
            assert_eq!(answer.status, 200, "{header}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn one_path_dispatches_by_app() {
    let world = world();
    for (method, uri, status, allowed) in [
        (Method::POST, "/index.php?app=authorize", 405, "GET"),
        (Method::GET, "/index.php?app=token", 405, "POST"),
        (Method::PUT, "/index.php?app=token", 405, "POST"),
        (Method::GET, "/index.php", 404, ""),
        (Method::GET, "/index.php?app=", 404, ""),
        (Method::GET, "/index.php?app=other", 404, ""),
        (Method::GET, "/index.php?APP=authorize", 404, ""),
        (Method::GET, "/other.php?app=authorize", 404, ""),
        (Method::GET, "/authorize", 404, ""),
        // An escape is no other value.
        (Method::GET, "/index.php?%61pp=%74oken", 405, "POST"),
    ] {
        let answer = world.send(common::call::request(method, uri, "")).await;
        assert_denied(&answer, status, "invalid_request", uri);
        assert_eq!(answer.header("allow"), allowed, "{uri}");
    }
    let answer = world
        .send(get(
            "/index.php?x=1&app=authorize&state=a&response_type=code&client_id=nobody",
        ))
        .await;
    assert_denied(&answer, 400, "invalid_client", "app anywhere");
}

#[tokio::test]
async fn the_api_wants_the_token_in_the_form_of_its_client() {
    let world = world();
    let token = world.token().await;
    let path = "/index.php?app=user&act=userinfo";
    let right = [("authorization", raw_basic(APP, &secret(APP)))];
    let wrong = [("authorization", raw_basic(APP, "x"))];
    let other = [("authorization", raw_basic(OTHER, &secret(OTHER)))];
    let decoded = [("authorization", basic(APP, &secret(APP)))];
    let strict = world.strict.tokens(WEB).await.access;
    let call = async |headers: &[(&str, String)], form: &[(&str, &str)], needs| {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        world.call(api(path, &headers), form, needs).await
    };
    for headers in [&right, &decoded] {
        let answer = call(headers, &[("token", &token)], "read").await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["whose"].clone()),
            (200, APP.into())
        );
    }
    for (row, headers, form, needs, status, error) in [
        ("no token", &right[..], &[][..], "", 401, "invalid_token"),
        (
            "unknown",
            &right,
            &[("token", "x")],
            "",
            401,
            "invalid_token",
        ),
        (
            "no client",
            &[],
            &[("token", token.as_str())],
            "",
            401,
            "invalid_client",
        ),
        (
            "wrong secret",
            &wrong,
            &[("token", &token)],
            "",
            401,
            "invalid_client",
        ),
        (
            "foreign",
            &other,
            &[("token", &token)],
            "",
            401,
            "invalid_token",
        ),
        (
            "scope",
            &right,
            &[("token", &token)],
            "write",
            403,
            "insufficient_scope",
        ),
        (
            "twice",
            &right,
            &[("token", &token), ("token", &token)],
            "",
            400,
            "invalid_request",
        ),
        (
            "strict",
            &right,
            &[("token", &strict)],
            "",
            401,
            "invalid_token",
        ),
    ] {
        assert_denied(&call(headers, form, needs).await, status, error, row);
    }
    let uri = format!("{path}&token={token}");
    let answer = world
        .call(api(&uri, &[("authorization", &right[0].1)]), &[], "")
        .await;
    assert_denied(&answer, 401, "invalid_token", "in the query");
    for _ in 0..11 {
        call(&wrong, &[("token", &token)], "").await;
    }
    let answer = call(&wrong, &[("token", &token)], "").await;
    assert_denied(&answer, 429, "temporarily_unavailable", "guessed");
    world.advance(7200);
    let answer = call(&right, &[("token", &token)], "").await;
    assert_denied(&answer, 401, "invalid_token", "expired");
}

/// A client whose id means another one if it is decoded is slowed down as any other.
#[tokio::test]
async fn guesses_are_slowed_down_whatever_the_id() {
    for client in [APP, ODD] {
        let world = world();
        let guess = || {
            let params = changed(world.exchange("x", &[]), &[("client_id", client)]);
            with(
                form(TOKEN, &params),
                AUTHORIZATION,
                &raw_basic(client, "guess"),
            )
        };
        for _ in 0..11 {
            assert_denied(&world.send(guess()).await, 401, "invalid_client", client);
        }
        let answer = world.send(guess()).await;
        assert_denied(&answer, 429, "temporarily_unavailable", client);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
}

/// Whoever writes its secret as the standard has it fails by one reading of it each time, and that is no guess.
#[tokio::test]
async fn success_by_the_second_reading_costs_nothing() {
    let world = world();
    for _ in 0..30 {
        let params = changed(world.exchange("x", &[]), &[("client_id", APP)]);
        let request = with(
            form(TOKEN, &params),
            AUTHORIZATION,
            &basic(APP, &secret(APP)),
        );
        assert_denied(
            &world.send(request).await,
            400,
            "invalid_grant",
            "the code is none",
        );
    }
}

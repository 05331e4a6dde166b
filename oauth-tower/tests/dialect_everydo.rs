//! 易度, as its document and the contract have it.
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
    call::{Answer, Pairs, changed, encoded, form, get, pairs},
    clients::WEB,
    dialect::{
        APP, AS_EVERYDO, BACK, NO_CLIENT, OTHER, PASSWORD, USER, World, address, api,
        assert_denied, secret,
    },
    yes,
};

const AUTHORIZE: [&str; 2] = ["/authorize", "/@@authorize"];
const TOKEN: [&str; 2] = ["/access_token", "/api/v1/oauth2/access_token"];

fn world() -> World {
    World::new(&AS_EVERYDO)
}

/// A token request of a client.
fn asking(client: &str, params: &[(&str, &str)]) -> Pairs {
    let pair = [("client_id", client), ("client_secret", &secret(client))];
    changed(pairs(&pair), params)
}

fn password() -> Pairs {
    asking(
        APP,
        &[
            ("grant_type", "password"),
            ("username", USER),
            ("password", PASSWORD),
        ],
    )
}

/// Asserts that it is the sample, with these values, and returns the tokens.
#[track_caller]
fn sample(answer: &Answer, remind_in: u64, uid: &str) -> (String, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let (access, refresh) = (
        answer.member("access_token"),
        answer.member("refrash_token"),
    );
    assert_eq!(
        answer.text(),
        format!(
            r#"{{"access_token":"{access}","refrash_token":"{refresh}","refresh_token":"{refresh}","expires_in":7200,"remind_in":"{remind_in}","uid":"{uid}"}}"#
        )
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    (access, refresh)
}

const MONTH: u64 = 30 * 24 * 60 * 60;

#[tokio::test]
async fn a_code_by_get_and_post_on_either_path() {
    let world = world();
    world.host.does(Does::Approve(yes()));
    for path in AUTHORIZE {
        let params = world.ask(&[]);
        let half = &params[..1];
        for request in [
            get(&address(path, &params)),
            form(path, &params),
            form(&address(path, &params), &[]),
            form(&address(path, &params), &params),
            form(&address(path, half), &params[1..]),
            get(&address(
                path,
                &changed(params.clone(), &[("response_type", "code")]),
            )),
            get(&address(
                path,
                &changed(params.clone(), &[("response_type", ""), ("x", "1")]),
            )),
        ] {
            let (to, params) = world.send(request).await.sent_to();
            let code = params.get("code").unwrap().to_owned();
            assert_eq!(to, BACK);
            assert_eq!(params.0, pairs(&[("code", &code), ("state", "xyz")]));
        }
    }
}

#[tokio::test]
async fn errors_at_authorize_are_shown_or_redirected() {
    let world = world();
    let rows = [
        // Though just one is registered.
        (
            "no address",
            &[("-redirect_uri", "")][..],
            "invalid_request",
        ),
        (
            "no address, another error",
            &[("-redirect_uri", ""), ("response_type", "x")],
            "invalid_request",
        ),
        ("empty address", &[("redirect_uri", "")], "invalid_request"),
        (
            "address",
            &[("redirect_uri", "http://x.example/")],
            "invalid_request",
        ),
        (
            "address twice",
            &[("+redirect_uri", BACK)],
            "invalid_request",
        ),
    ];
    for (row, changes, error) in NO_CLIENT.into_iter().chain(rows) {
        assert_denied(&world.visit(changes).await, 400, error, row);
    }
    for (row, changes, error) in [
        (
            "type",
            &[("response_type", "x")][..],
            "unsupported_response_type",
        ),
        ("scope", &[("scope", "all")], "invalid_scope"),
        (
            "scope twice",
            &[("+scope", "read"), ("+scope", "read")],
            "invalid_request",
        ),
    ] {
        let answer = world.visit(changes).await;
        assert_eq!(answer.status, 303, "{row}: {answer:?}");
        let names = answer.sent_to().1;
        assert_eq!(
            (names.get("error"), names.get("state")),
            (Some(error), Some("xyz")),
            "{row}"
        );
        assert_eq!(names.0.len(), 3, "{row}: no iss");
    }
    let params = world.ask(&[]);
    let request = form(
        &address("/authorize", &params),
        &pairs(&[("client_id", OTHER)]),
    );
    assert_denied(
        &world.send(request).await,
        400,
        "invalid_request",
        "query against body",
    );
}

#[tokio::test]
async fn a_code_is_redeemed_as_the_sample() {
    let world = world();
    for path in TOKEN {
        for grant in ["authorization_code", "code"] {
            let code = world.code().await;
            let params = asking(
                APP,
                &[
                    ("grant_type", grant),
                    ("code", &code),
                    ("redirect_uri", BACK),
                ],
            );
            sample(&world.send(form(path, &params)).await, MONTH, "alice");
            let code = world.code().await;
            let params = asking(APP, &[("grant_type", grant), ("code", &code)]);
            sample(
                &world.send(get(&address(path, &params))).await,
                MONTH,
                "alice",
            );
            // Parts in the query, parts in the body, some in both.
            let code = world.code().await;
            let params = asking(APP, &[("grant_type", grant), ("code", &code)]);
            let request = form(&address(path, &params[..3]), &params[2..]);
            sample(&world.send(request).await, MONTH, "alice");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_works_once_under_either_name() {
    let world = world();
    let code = world.code().await;
    let answer = world.redeem(APP, &code, &[]).await;
    let (_, mut refresh) = sample(&answer, MONTH, "alice");
    let mut left = MONTH;
    for (grant, names) in [
        ("refrash_token", &["refrash_token"][..]),
        ("refresh_token", &["refresh_token"]),
        ("refrash_token", &["refresh_token"]),
        ("refresh_token", &["refrash_token", "refresh_token"]),
    ] {
        world.advance(1000);
        left -= 1000;
        let mut params = asking(APP, &[("grant_type", grant)]);
        params.extend(
            names
                .iter()
                .map(|name| ((*name).to_owned(), refresh.clone())),
        );
        let foreign = changed(params.clone(), &asking_as(OTHER));
        let answer = world.send(form(TOKEN[0], &foreign)).await;
        assert_denied(&answer, 400, "invalid_grant", "foreign");
        let answer = world.send(get(&address(TOKEN[1], &params))).await;
        refresh = sample(&answer, left, "alice").1;
    }
    let both = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh),
        ("refrash_token", "x"),
    ];
    let answer = world.send(form(TOKEN[0], &asking(APP, &both))).await;
    assert_denied(&answer, 400, "invalid_request", "two different");
    // No grace: the same again ends the grant.
    let again = asking(
        APP,
        &[("grant_type", "refrash_token"), ("refrash_token", &refresh)],
    );
    let (access, _) = sample(&world.send(form(TOKEN[0], &again)).await, left, "alice");
    assert!(world.strict.is_active(&access).await);
    let answer = world.send(form(TOKEN[0], &again)).await;
    assert_denied(&answer, 400, "invalid_grant", "again");
    assert!(!world.strict.is_active(&access).await);
}

fn asking_as(client: &'static str) -> [(&'static str, &'static str); 2] {
    [
        ("client_id", client),
        ("client_secret", Box::leak(secret(client).into_boxed_str())),
    ]
}

#[tokio::test]
async fn a_password_is_exchanged_as_the_sample() {
    let world = world();
    for path in TOKEN {
        sample(&world.send(form(path, &password())).await, MONTH, USER);
        sample(
            &world.send(get(&address(path, &password()))).await,
            MONTH,
            USER,
        );
    }
    for (row, changes, status, error) in [
        ("wrong", &[("password", "x")][..], 400, "invalid_grant"),
        ("unknown", &[("username", "x")], 400, "invalid_grant"),
        ("no password", &[("-password", "")], 400, "invalid_request"),
        ("no name", &[("-username", "")], 400, "invalid_request"),
        (
            "no secret",
            &[("-client_secret", "")],
            400,
            "invalid_request",
        ),
        ("no client", &[("-client_id", "")], 400, "invalid_request"),
        ("no grant", &[("-grant_type", "")], 400, "invalid_request"),
        (
            "grant",
            &[("grant_type", "x")],
            400,
            "unsupported_grant_type",
        ),
        (
            "wrong secret",
            &[("client_secret", "x")],
            401,
            "invalid_client",
        ),
        (
            "unknown client",
            &[("client_id", "nobody")],
            401,
            "invalid_client",
        ),
        (
            "strict client",
            &[("client_id", WEB)],
            400,
            "unauthorized_client",
        ),
        (
            "may not",
            &[
                ("client_id", "bare"),
                ("client_secret", "5ecret: of+bare %41 \u{e9}"),
            ],
            400,
            "unauthorized_client",
        ),
        ("twice", &[("+username", USER)], 400, "invalid_request"),
        ("scope", &[("scope", "all")], 400, "invalid_scope"),
    ] {
        let params = changed(password(), changes);
        let answer = world.send(form(TOKEN[0], &params)).await;
        assert_denied(&answer, status, error, row);
        let answer = world.send(get(&address(TOKEN[1], &params))).await;
        assert_denied(&answer, status, error, row);
    }
    for (row, query) in [
        ("password", "password=x"),
        ("client", "client_id=other"),
        ("grant", "grant_type=code"),
    ] {
        let answer = world
            .send(form(&format!("/access_token?{query}"), &password()))
            .await;
        assert_denied(&answer, 400, "invalid_request", row);
    }
    // Absent is what is empty, in either place.
    let answer = world
        .send(form("/access_token?password=&client_id=", &password()))
        .await;
    sample(&answer, MONTH, USER);
}

#[tokio::test]
async fn remind_in_only_ever_falls() {
    let world = world();
    let answer = world.send(form(TOKEN[0], &password())).await;
    let (_, mut refresh) = sample(&answer, MONTH, USER);
    for day in 1..30 {
        world.advance(24 * 60 * 60);
        let next = [
            ("grant_type", "refrash_token"),
            ("refrash_token", refresh.as_str()),
        ];
        let answer = world.send(form(TOKEN[0], &asking(APP, &next))).await;
        refresh = sample(&answer, MONTH - day * 24 * 60 * 60, USER).1;
    }
    world.advance(24 * 60 * 60);
    let next = [
        ("grant_type", "refrash_token"),
        ("refrash_token", refresh.as_str()),
    ];
    let answer = world.send(form(TOKEN[0], &asking(APP, &next))).await;
    assert_denied(&answer, 400, "invalid_grant", "the end");
}

#[tokio::test]
async fn the_api_takes_the_token_in_a_header_of_its_own() {
    let world = world();
    let token = world.token_with(&[("scope", "read")]).await;
    let bearer = format!("Bearer {token}");
    let strict = world.strict.tokens(WEB).await.access;
    let strictly = format!("Bearer {strict}");
    let path = "/api/v1/me";
    for headers in [
        &[("access_token", token.as_str())][..],
        &[("authorization", &bearer)],
        &[("authorization", &bearer), ("access_token", &token)],
        &[("Access_Token", &token)],
        &[("authorization", &strictly)],
    ] {
        let answer = world.call(api(path, headers), &[], "read").await;
        assert_eq!(answer.status, 200, "{headers:?}: {answer:?}");
    }
    let query = format!("{path}?access_token={token}");
    for (row, uri, headers, needs, status, error) in [
        ("none", path, &[][..], "", 401, "invalid_token"),
        (
            "unknown",
            path,
            &[("access_token", "x")],
            "",
            401,
            "invalid_token",
        ),
        ("query", &query, &[], "", 401, "invalid_token"),
        (
            "strict",
            path,
            &[("access_token", strict.as_str())],
            "",
            401,
            "invalid_token",
        ),
        (
            "strict twice",
            path,
            &[("access_token", &strict), ("authorization", &strictly)],
            "",
            401,
            "invalid_token",
        ),
        (
            "two",
            path,
            &[("access_token", &token), ("access_token", &token)],
            "",
            400,
            "invalid_request",
        ),
        (
            "different",
            path,
            &[("access_token", "x"), ("authorization", &bearer)],
            "",
            400,
            "invalid_request",
        ),
        (
            "scope",
            path,
            &[("access_token", &token)],
            "write",
            403,
            "insufficient_scope",
        ),
    ] {
        let answer = world.call(api(uri, headers), &[], needs).await;
        assert_denied(&answer, status, error, row);
    }
    // A callback is nothing here.
    let answer = world
        .call(
            api(&format!("{path}?callback=f"), &[("access_token", &token)]),
            &[],
            "",
        )
        .await;
    assert_eq!(answer.header("content-type"), "application/json");
    world.advance(7200);
    let answer = world
        .call(api(path, &[("access_token", &token)]), &[], "")
        .await;
    assert_denied(&answer, 401, "invalid_token", "expired");
}

#[tokio::test]
async fn another_kind_of_body_is_refused() {
    let world = world();
    for kind in [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
    ] {
        let mut request = form(TOKEN[0], &password());
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        let answer = world.send(request).await;
        assert_denied(&answer, 400, "invalid_request", kind);
    }
    let request = common::call::raw_form(TOKEN[0], format!("{}&x=%zz", encoded(&password())));
    assert_denied(&world.send(request).await, 400, "invalid_request", "escape");
}

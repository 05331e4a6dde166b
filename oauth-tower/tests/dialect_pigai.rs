//! 批改网, as its document and the contract have it.
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
    call::{Answer, Pairs, changed, get, pairs, with},
    clients::WEB,
    dialect::{
        APP, AS_PIGAI, BACK, BARE, NO_CLIENT, ODD, OTHER, World, address, api, assert_denied,
        assert_error, raw_basic, secret,
    },
};
use http::header::{AUTHORIZATION, ORIGIN, REFERER};
use oauth_tower::dialect::JsonpHosts;
use proptest::prelude::*;

const JSONP: &str = "/oauth2/authorize2";
const TOKEN: &str = "/oauth2/access_token";

fn world() -> World {
    World::new(&AS_PIGAI)
}

fn jsonp() -> Pairs {
    pairs(&[
        ("callback", "myfun"),
        ("response_type", "token"),
        ("client_id", APP),
        ("state", "xyz"),
    ])
}

fn is_hex(text: &str) -> bool {
    text.len() == 40
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The number of an error, as the contract lists them.
fn number(error: &str) -> u64 {
    match error {
        "redirect_uri_mismatch" => 21322,
        "invalid_request" => 21323,
        "invalid_client" => 21324,
        "invalid_grant" => 21325,
        "unauthorized_client" => 21326,
        "expired_token" => 21327,
        "unsupported_grant_type" => 21328,
        "unsupported_response_type" => 21329,
        "access_denied" | "insufficient_scope" => 21330,
        "temporarily_unavailable" => 21331,
        "invalid_scope" => 21332,
        "invalid_token" => 21334,
        other => panic!("{other} has no number"),
    }
}

#[track_caller]
fn denied(answer: &Answer, status: u16, error: &str, row: &str) {
    assert_denied(answer, status, error, row);
    assert_eq!(answer.json()["error_code"], number(error), "{row}");
    let expected = format!(
        r#"{{"error":"{error}","error_code":{},"error_description":"#,
        number(error)
    );
    assert!(answer.text().starts_with(&expected), "{row}: {answer:?}");
}

/// The document in `callback(…)`.
#[track_caller]
fn script(answer: &Answer, callback: &str, row: &str) -> serde_json::Value {
    assert_eq!(answer.status, 200, "{row}: {answer:?}");
    assert_eq!(
        answer.header("content-type"),
        "application/javascript; charset=utf-8",
        "{row}"
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{row}");
    assert_eq!(answer.header("cache-control"), "no-store", "{row}");
    assert_eq!(answer.header("access-control-allow-origin"), "", "{row}");
    let text = answer.text().strip_prefix(callback).unwrap();
    let text = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    serde_json::from_str(text.unwrap()).unwrap()
}

#[track_caller]
fn denied_script(answer: &Answer, error: &str, row: &str) {
    let document = script(answer, "myfun", row);
    assert_error(&document, error, row);
    assert_eq!(document["error_code"], number(error), "{row}");
}

async fn ask(world: &World, changes: &[(&str, &str)]) -> Answer {
    let params = changed(jsonp(), changes);
    world.send(get(&address(JSONP, &params))).await
}

#[tokio::test]
async fn a_token_by_jsonp_is_the_sample_byte_for_byte() {
    let world = world();
    let answer = ask(&world, &[]).await;
    let document = script(&answer, "myfun", "sample");
    let token = document["access_token"].as_str().unwrap();
    assert!(is_hex(token), "{token}");
    assert_eq!(
        answer.text(),
        format!(
            r#"myfun({{"access_token":"{token}","expires_in":"7200","token_type":"Bearer","state":"xyz"}})"#
        )
    );
    let answer = ask(&world, &[("-state", "")]).await;
    let token = script(&answer, "myfun", "no state")["access_token"].clone();
    assert_eq!(
        answer.text(),
        format!(r#"myfun({{"access_token":{token},"expires_in":"7200","token_type":"Bearer"}})"#),
        "state is absent if it was not sent"
    );
    // It is the application's own, and nobody's else.
    let known = world.strict.inspect(token.as_str().unwrap()).await;
    assert_eq!(
        (&known["client_id"], &known["sub"]),
        (&APP.into(), &serde_json::Value::Null)
    );
}

#[tokio::test]
async fn errors_by_jsonp_are_scripts_that_say_no_state() {
    let world = world();
    for (row, changes, error) in [
        (
            "no response_type",
            &[("-response_type", "")][..],
            "invalid_request",
        ),
        (
            "an empty response_type",
            &[("response_type", "")],
            "invalid_request",
        ),
        (
            "code",
            &[("response_type", "code")],
            "unsupported_response_type",
        ),
        ("no client", &[("-client_id", "")], "invalid_client"),
        (
            "unknown client",
            &[("client_id", "nobody")],
            "invalid_client",
        ),
        (
            "not a client id",
            &[("client_id", "\u{e9}")],
            "invalid_client",
        ),
        (
            "strict client",
            &[("client_id", WEB)],
            "unauthorized_client",
        ),
        (
            "not allowed to",
            &[("client_id", BARE)],
            "unauthorized_client",
        ),
        ("too much scope", &[("scope", "all")], "invalid_scope"),
        ("state twice", &[("+state", "abc")], "invalid_request"),
        (
            "state twice, the same",
            &[("+state", "xyz")],
            "invalid_request",
        ),
        ("client twice", &[("+client_id", APP)], "invalid_request"),
        (
            "unknown twice",
            &[("+x", "1"), ("+x", "1")],
            "invalid_request",
        ),
    ] {
        let answer = ask(&world, changes).await;
        denied_script(&answer, error, row);
        assert!(!answer.text().contains("xyz"), "{row}: no state");
    }
    for query in [
        "state=%zz",
        "state=%ff",
        &format!("state={}", "x".repeat(3000)),
    ] {
        let uri = format!("{JSONP}?callback=myfun&{query}");
        denied_script(
            &world.send(get(&uri)).await,
            "invalid_request",
            "unreadable",
        );
        let uri = format!("/essays?callback=myfun&{query}");
        denied_script(
            &world.call(api(&uri, &[]), &[], "").await,
            "invalid_request",
            "unreadable",
        );
        let uri = format!("{JSONP}?callback=my%zzfun&{query}");
        denied(
            &world.send(get(&uri)).await,
            400,
            "invalid_request",
            "unreadable",
        );
    }
    world.strict.store.breaks(true);
    denied_script(&ask(&world, &[]).await, "temporarily_unavailable", "store");
}

#[tokio::test]
async fn a_callback_is_a_path_of_identifiers() {
    let world = world();
    let longest = "a".repeat(128);
    for callback in [
        "f",
        "_",
        "$",
        "jQuery1113004_1699",
        "a.b.c",
        "$.a_1.$",
        "window.parent.cb",
        &longest,
    ] {
        let answer = ask(&world, &[("callback", callback)]).await;
        script(&answer, callback, callback);
    }
    let long = "a".repeat(129);
    for callback in [
        "",
        "1a",
        "a.",
        ".a",
        "a..b",
        "a.1",
        "a b",
        "a-b",
        "a[0]",
        "a()",
        "a;b",
        "alert(1)//",
        "\u{e9}",
        "a\u{2028}",
        "a\n",
        "a\r\nX: y",
        "<script>",
        "a.b<",
        "a\0",
        "\u{feff}a",
        "a%2eb",
        &long,
    ] {
        let answer = ask(&world, &[("callback", callback)]).await;
        denied(&answer, 400, "invalid_request", &format!("{callback:?}"));
        if callback.len() > 1 {
            assert!(!answer.text().contains(callback), "{callback:?}");
        }
    }
    let answer = ask(&world, &[("-callback", "")]).await;
    denied(&answer, 400, "invalid_request", "missing");
    let answer = ask(&world, &[("+callback", "myfun")]).await;
    denied(&answer, 400, "invalid_request", "twice");
}

#[tokio::test]
async fn pages_of_elsewhere_may_be_kept_out() {
    let hosts = ["app.example", "Port.Example:8443", "[::1]"].map(str::to_owned);
    let hosts = JsonpHosts::default().limit(APP.parse().unwrap(), hosts);
    let world = World::with(&AS_PIGAI, hosts);
    for (row, headers, may) in [
        ("neither", &[][..], false),
        ("origin", &[(ORIGIN, "https://app.example")], true),
        (
            "referer",
            &[(REFERER, "https://app.example/page?x=1")],
            true,
        ),
        ("http", &[(REFERER, "http://app.example/")], true),
        ("any case", &[(REFERER, "http://APP.Example/")], true),
        ("any port", &[(ORIGIN, "https://app.example:444")], true),
        ("the port", &[(ORIGIN, "https://port.example:8443")], true),
        ("another port", &[(ORIGIN, "https://port.example")], false),
        ("ipv6", &[(ORIGIN, "http://[::1]:3000")], true),
        ("subdomain", &[(ORIGIN, "https://x.app.example")], false),
        ("suffix", &[(ORIGIN, "https://evilapp.example")], false),
        (
            "prefix",
            &[(ORIGIN, "https://app.example.evil.example")],
            false,
        ),
        (
            "user",
            &[(REFERER, "https://app.example@evil.example/")],
            false,
        ),
        (
            "path",
            &[(REFERER, "https://evil.example/app.example")],
            false,
        ),
        (
            "query",
            &[(REFERER, "https://evil.example/?https://app.example/")],
            false,
        ),
        ("null", &[(ORIGIN, "null")], false),
        ("nothing", &[(REFERER, "")], false),
        ("no url", &[(REFERER, "app.example")], false),
        (
            "both",
            &[
                (ORIGIN, "https://app.example"),
                (REFERER, "https://app.example/x"),
            ],
            true,
        ),
        (
            "one from elsewhere",
            &[
                (ORIGIN, "https://evil.example"),
                (REFERER, "https://app.example/x"),
            ],
            false,
        ),
        (
            "the other from elsewhere",
            &[
                (ORIGIN, "https://app.example"),
                (REFERER, "https://evil.example/x"),
            ],
            false,
        ),
    ] {
        let mut request = get(&address(JSONP, &jsonp()));
        for (name, value) in headers {
            request = with(request, name.clone(), value);
        }
        let answer = world.send(request).await;
        if may {
            assert_eq!(script(&answer, "myfun", row)["state"], "xyz", "{row}");
        } else {
            denied_script(&answer, "access_denied", row);
        }
    }
    let answer = ask(&world, &[("client_id", OTHER)]).await;
    assert_eq!(script(&answer, "myfun", "not limited")["state"], "xyz");
    // And so it is with what the token opens.
    let token = world.token().await;
    let uri = format!("/essays/rapid_experience?callback=myfun&access_token={token}");
    let answer = world.call(api(&uri, &[]), &[], "").await;
    denied_script(&answer, "access_denied", "api from nowhere");
    let from = [("origin", "https://app.example")];
    let answer = world.call(api(&uri, &from), &[], "").await;
    assert_eq!(script(&answer, "myfun", "api")["whose"], APP);
}

#[tokio::test]
async fn the_second_way_is_the_sample_byte_for_byte() {
    let world = world();
    let (id, secret) = (APP, secret(APP));
    let own = [("grant_type", "client_credentials")];
    let posted = [own[0], ("client_id", id), ("client_secret", &secret)];
    let answer = world.post(TOKEN, &posted).await;
    let token = answer.member("access_token");
    assert!(is_hex(&token));
    let sample =
        |scope: &str| format!(r#"","expires_in":7200,"token_type":"Bearer","scope":{scope}}}"#);
    assert_eq!(
        answer.text(),
        format!(r#"{{"access_token":"{token}{}"#, sample("null"))
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let asked = changed(pairs(&posted), &[("scope", "write")]);
    let answer = world.send(common::call::form(TOKEN, &asked)).await;
    assert!(answer.text().ends_with(&sample("\"write\"")), "{answer:?}");
    // By Basic, raw and as the standard has it, and with the same pair in the body.
    for header in [raw_basic(id, &secret), common::clients::basic(id, &secret)] {
        for body in [&own[..], &posted[..2], &posted[..]] {
            let request = common::call::form(TOKEN, &pairs(body));
            let answer = world.send(with(request, AUTHORIZATION, &header)).await;
            assert_eq!(answer.status, 200, "{body:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_token_endpoint_says_what_is_wrong_and_its_number() {
    let world = world();
    let good = pairs(&[
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", &secret(APP)),
    ]);
    for (row, changes, status, error) in [
        (
            "no grant",
            &[("-grant_type", "")][..],
            400,
            "invalid_request",
        ),
        (
            "other grant",
            &[("grant_type", "x")],
            400,
            "unsupported_grant_type",
        ),
        (
            "no secret",
            &[("-client_secret", "")],
            401,
            "invalid_client",
        ),
        (
            "empty secret",
            &[("client_secret", "")],
            401,
            "invalid_client",
        ),
        (
            "wrong secret",
            &[("client_secret", "x")],
            401,
            "invalid_client",
        ),
        ("no client", &[("-client_id", "")], 401, "invalid_client"),
        ("unknown", &[("client_id", "nobody")], 401, "invalid_client"),
        ("strict", &[("client_id", WEB)], 400, "unauthorized_client"),
        ("scope", &[("scope", "all")], 400, "invalid_scope"),
        (
            "twice",
            &[("+grant_type", "client_credentials")],
            400,
            "invalid_request",
        ),
        (
            "secret twice",
            &[("+client_secret", "x")],
            400,
            "invalid_request",
        ),
        (
            "no code",
            &[("grant_type", "authorization_code")],
            400,
            "invalid_request",
        ),
        (
            "no such code",
            &[("grant_type", "authorization_code"), ("code", "x")],
            400,
            "invalid_grant",
        ),
    ] {
        let request = common::call::form(TOKEN, &changed(good.clone(), changes));
        denied(&world.send(request).await, status, error, row);
    }
    // Secrets and all else come in the form, not in the query.
    let answer = world
        .send(common::call::form(&address(TOKEN, &good), &[]))
        .await;
    denied(&answer, 400, "invalid_request", "query");
    for (header, body, status, error) in [
        ("Basic !", &good[..1], 401, "invalid_client"),
        (&raw_basic(APP, "x"), &good[..1], 401, "invalid_client"),
        (
            &raw_basic(OTHER, &secret(OTHER)),
            &good[..],
            400,
            "invalid_request",
        ),
        (
            &raw_basic(OTHER, &secret(OTHER)),
            &good[..2],
            400,
            "invalid_request",
        ),
    ] {
        let request = common::call::form(TOKEN, body);
        let answer = world.send(with(request, AUTHORIZATION, header)).await;
        denied(&answer, status, error, header);
    }
    world.strict.store.breaks(true);
    let answer = world.send(common::call::form(TOKEN, &good)).await;
    denied(&answer, 503, "temporarily_unavailable", "store");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_code_comes_by_a_proper_redirect() {
    let world = world();
    let answer = world.approved(&[]).await;
    let (to, params) = answer.sent_to();
    let code = params.get("code").unwrap().to_owned();
    assert!(is_hex(&code), "{code}");
    assert_eq!(to, BACK);
    assert_eq!(params.0, pairs(&[("code", &code), ("state", "xyz")]));
    let answer = world.redeem(APP, &code, &[]).await;
    let token = answer.member("access_token");
    assert!(is_hex(&token));
    assert_eq!(
        answer.text(),
        format!(
            r#"{{"access_token":"{token}","expires_in":7200,"token_type":"Bearer","scope":null}}"#
        ),
    );
    let answer = world
        .redeem(APP, &world.code_with(&[("scope", "write")]).await, &[])
        .await;
    assert_eq!(answer.json()["scope"], "write");
    let code = world.code().await;
    for (row, client, changes) in [
        ("foreign", OTHER, &[][..]),
        (
            "address",
            APP,
            &[("redirect_uri", "http://www.example.com/other")],
        ),
        ("no address", APP, &[("-redirect_uri", "")]),
    ] {
        let answer = world.redeem(client, &code, changes).await;
        denied(&answer, 400, "invalid_grant", row);
    }
    assert_eq!(
        world.redeem(APP, &code, &[]).await.status,
        200,
        "nothing was spent"
    );
}

#[tokio::test]
async fn a_token_comes_in_the_fragment() {
    let world = world();
    let answer = world.approved(&[("response_type", "token")]).await;
    let location = answer.headers["location"].to_str().unwrap();
    let (to, fragment) = location.split_once('#').unwrap();
    assert_eq!(to, BACK);
    let params: Pairs = form_urlencoded::parse(fragment.as_bytes())
        .into_owned()
        .collect();
    let names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["access_token", "token_type", "expires_in", "scope", "state"]
    );
    assert!(is_hex(&params[0].1));
    assert_eq!(params[2].1, "7200");
}

#[tokio::test]
async fn errors_at_authorize_are_shown_or_redirected() {
    let world = world();
    let rows = [
        (
            "address",
            &[("redirect_uri", "http://x.example/")][..],
            "redirect_uri_mismatch",
        ),
        ("client twice", &[("+client_id", APP)], "invalid_request"),
        (
            "address twice",
            &[("+redirect_uri", BACK)],
            "invalid_request",
        ),
    ];
    for (row, changes, error) in NO_CLIENT.into_iter().chain(rows) {
        denied(&world.visit(changes).await, 400, error, row);
    }
    let bare = [
        ("client_id", BARE),
        ("redirect_uri", "https://bare.example/cb"),
    ];
    for (row, changes, error) in [
        ("no type", &[("-response_type", "")][..], "invalid_request"),
        (
            "type",
            &[("response_type", "x")],
            "unsupported_response_type",
        ),
        ("scope", &[("scope", "all")], "invalid_scope"),
        (
            "scope for a token",
            &[("scope", "all"), ("response_type", "token")],
            "invalid_scope",
        ),
        (
            "scope twice",
            &[("+scope", "read"), ("+scope", "read")],
            "invalid_request",
        ),
        (
            "pkce",
            &[("code_challenge_method", "S256")],
            "invalid_request",
        ),
        ("no pkce", &bare, "invalid_request"),
        (
            "token, not allowed",
            &[bare[0], bare[1], ("response_type", "token")],
            "unsupported_response_type",
        ),
    ] {
        let answer = world.visit(changes).await;
        assert_redirected(&answer, error, Some("xyz"), row);
    }
    let answer = world.visit(&[("-state", ""), ("scope", "all")]).await;
    assert_redirected(&answer, "invalid_scope", None, "no state");
    let answer = world.visit(&[("+state", "abc")]).await;
    assert_redirected(&answer, "invalid_request", None, "state twice");
    world.host.does(Does::Deny);
    for response_type in ["code", "token"] {
        let answer = world.visit(&[("response_type", response_type)]).await;
        assert_redirected(&answer, "access_denied", Some("xyz"), response_type);
    }
}

#[track_caller]
fn assert_redirected(answer: &Answer, error: &str, state: Option<&str>, row: &str) {
    assert_eq!(answer.status, 303, "{row}: {answer:?}");
    let params = answer.sent_to().1;
    let mut names: Vec<&str> = params.0.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(params.get("error"), Some(error), "{row}");
    assert_eq!(
        params.get("error_code"),
        Some(number(error).to_string().as_str()),
        "{row}"
    );
    assert_eq!(params.get("state"), state, "{row}");
    names.truncate(3);
    assert_eq!(names, ["error", "error_code", "error_description"], "{row}");
    assert_eq!(params.0.len(), 3 + usize::from(state.is_some()), "{row}");
}

#[tokio::test]
async fn the_api_says_in_one_object_what_is_wrong_with_a_token() {
    let world = world();
    let token = world.token_with(&[("scope", "read")]).await;
    let bearer = format!("Bearer {token}");
    let by_header = [("authorization", bearer.as_str())];
    let path = "/essays/rapid_experience";
    let served = world.call(api(path, &by_header), &[], "read").await;
    assert_eq!(
        (served.status.as_u16(), served.json()["whose"].clone()),
        (200, APP.into())
    );
    let query = format!("{path}?access_token={token}");
    assert_eq!(world.call(api(&query, &[]), &[], "read").await.status, 200);
    let both = world.call(api(&query, &by_header), &[], "read").await;
    assert_eq!(both.status, 200, "the same in two places");
    let called = format!("{query}&callback=a.b");
    let answer = world.call(api(&called, &[]), &[], "read").await;
    assert_eq!(answer.text(), format!(r#"a.b({{"whose":"{APP}"}})"#));
    script(&answer, "a.b", "headers");

    let strict = world.strict.tokens(WEB).await.access;
    let rows = |token: &str| {
        vec![
            ("missing", path.to_owned(), "", "invalid_token", 401),
            (
                "unknown",
                format!("{path}?access_token=x"),
                "",
                "invalid_token",
                401,
            ),
            ("scope", query.clone(), "write", "insufficient_scope", 403),
            (
                "strict in the query",
                format!("{path}?access_token={strict}"),
                "",
                "invalid_token",
                401,
            ),
            (
                "two",
                format!("{query}&access_token={token}"),
                "",
                "invalid_request",
                400,
            ),
        ]
    };
    for (row, uri, needs, error, status) in rows(&token) {
        denied(
            &world.call(api(&uri, &[]), &[], needs).await,
            status,
            error,
            row,
        );
        let glue = if uri.contains('?') { '&' } else { '?' };
        let called = format!("{uri}{glue}callback=myfun");
        denied_script(&world.call(api(&called, &[]), &[], needs).await, error, row);
        let called = format!("{uri}{glue}callback=my-fun");
        denied(
            &world.call(api(&called, &[]), &[], needs).await,
            status,
            error,
            row,
        );
    }
    let answer = world
        .call(api(&format!("{query}&callback=a-b"), &[]), &[], "")
        .await;
    denied(
        &answer,
        400,
        "invalid_request",
        "a good token, a bad callback",
    );
    let answer = world
        .call(
            api(&format!("{path}?access_token=other"), &by_header),
            &[],
            "",
        )
        .await;
    denied(&answer, 400, "invalid_request", "two different");
    let answer = world
        .call(api(path, &[]), &[("access_token", &token)], "")
        .await;
    denied(&answer, 401, "invalid_token", "in a form");
    let strictly = format!("Bearer {strict}");
    let answer = world
        .call(api(path, &[("authorization", &strictly)]), &[], "read")
        .await;
    assert_eq!(answer.status, 200, "strict, where it may be");

    world.advance(7200);
    let answer = world.call(api(&query, &[]), &[], "").await;
    denied(&answer, 401, "expired_token", "expired");
    let answer = world.call(api(&called, &[]), &[], "").await;
    assert_error(
        &script(&answer, "a.b", "expired"),
        "expired_token",
        "expired",
    );
}

/// Also of a client whose id means another one if it is decoded.
#[tokio::test]
async fn guesses_by_basic_are_slowed_down_whatever_the_id() {
    let world = world();
    let guess = || {
        let request = common::call::form(TOKEN, &pairs(&[("grant_type", "client_credentials")]));
        with(request, AUTHORIZATION, &raw_basic(ODD, "guess"))
    };
    for _ in 0..11 {
        denied(&world.send(guess()).await, 401, "invalid_client", "guess");
    }
    denied(
        &world.send(guess()).await,
        429,
        "temporarily_unavailable",
        "throttled",
    );
}

#[tokio::test]
async fn wrong_secrets_are_slowed_down_in_the_same_object() {
    let world = world();
    let guess = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", "guess"),
    ];
    for _ in 0..11 {
        denied(
            &world.post(TOKEN, &guess).await,
            401,
            "invalid_client",
            "guess",
        );
    }
    let answer = world.post(TOKEN, &guess).await;
    denied(&answer, 429, "temporarily_unavailable", "throttled");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
}

/// Text with much of what means something in a script.
fn text() -> impl Strategy<Value = String> {
    let odd = "<>&'\"\\/()[]{};.,$_aZ09 =%+\u{2028}\u{2029}\u{feff}\u{e9}\r\n\t";
    let odd = prop::sample::select(odd.chars().collect::<Vec<_>>());
    prop::collection::vec(prop_oneof![4 => odd, 1 => any::<char>()], 0..40)
        .prop_map(|text| text.into_iter().filter(|c| *c != '\0').collect())
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn is_callback(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.split('.').all(|name| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn no_other_callback_is_reflected(
        callback in prop_oneof![text(), "[a-z$_.]{0,130}", "[a-zA-Z0-9$_.]{1,20}[<( ;-]?"],
        api_call in any::<bool>(),
    ) {
        let world = world();
        let answer = block(async {
            if api_call {
                let params = pairs(&[("callback", &callback), ("access_token", "x")]);
                world.call(api(&address("/essays", &params), &[]), &[], "").await
            } else {
                ask(&world, &[("callback", &callback)]).await
            }
        });
        if is_callback(&callback) {
            script(&answer, &callback, &callback);
        } else {
            prop_assert!(answer.status == 400 || answer.status == 401);
            prop_assert_eq!(answer.header("content-type"), "application/json");
            prop_assert!(callback.len() < 12 || !answer.text().contains(&callback));
        }
    }

    #[test]
    fn no_script_holds_an_unescaped_parameter(state in text(), client_id in text(), scope in text()) {
        let world = world();
        let good = block(ask(&world, &[("state", &state)]));
        let bad = block(ask(&world, &[("client_id", &client_id), ("scope", &scope), ("state", &state)]));
        for answer in [&good, &bad] {
            let document = script(answer, "myfun", &state);
            let odd = ['<', '>', '&', '\u{2028}', '\u{2029}'];
            prop_assert!(!answer.text().contains(odd), "{}", answer.text());
            let told = document.get("state").and_then(|state| state.as_str());
            let expected = (document.get("error").is_none() && !state.is_empty()).then_some(state.as_str());
            prop_assert_eq!(told, expected);
        }
    }
}

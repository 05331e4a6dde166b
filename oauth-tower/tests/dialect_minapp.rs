//! minapp: a table for each part of its contract.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{
    call::{Answer, Changes, FORM, Pairs, changed, encoded, form, get, pairs, request, with},
    clients::{MACHINE, WEB, basic, client_secret},
    dialect2::{APP, OTHER, World, assert_denied, bodies, typed},
    flow::VERIFIER,
    scope,
};
use http::{
    Method, Request,
    header::{AUTHORIZATION, COOKIE},
};
use http_body_util::Full;
use oauth_core::{token::TokenFormat, types::Params};
use oauth_tower::dialect::Hex;

const AUTHORIZE: &str = "/api/oauth2/hydrogen/openapi/authorize/";
const TOKEN: &str = "/api/oauth2/access_token/";
const JSON: &str = "application/json";

fn is_hex(text: &str) -> bool {
    text.len() == 40
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn json(id: &str, secret: &str) -> String {
    serde_json::json!({ "client_id": id, "client_secret": secret }).to_string()
}

fn ask(client: &str) -> Request<Full<Bytes>> {
    typed(AUTHORIZE, JSON, &json(client, &client_secret(client)))
}

/// Where a hop goes, after looking at what it shows to whoever watches.
#[track_caller]
fn hop(answer: &Answer, client: &str) -> String {
    assert_eq!(answer.status, 302, "{answer:?}");
    let seen = format!("{answer:?}");
    assert!(!seen.contains(&client_secret(client)), "{seen}");
    assert!(answer.body.is_empty(), "{seen}");
    assert_eq!(answer.header("cache-control"), "no-store", "{seen}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{seen}");
    answer.header("location").to_owned()
}

impl World {
    /// The address at which the code is collected.
    async fn ticket(&self, client: &str) -> String {
        let first = hop(&self.send(ask(client)).await, client);
        hop(&self.send(get(&first)).await, client)
    }

    async fn own_code(&self, client: &str) -> String {
        let answer = self.send(get(&self.ticket(client).await)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.member("code")
    }

    async fn trade(&self, client: &str, code: &str, changes: Changes<'_>) -> Answer {
        let fields = changed(trade(client, code), changes);
        self.send(form(TOKEN, &fields)).await
    }
}

/// A good token request.
fn trade(client: &str, code: &str) -> Pairs {
    pairs(&[
        ("client_id", client),
        ("client_secret", &client_secret(client)),
        ("code", code),
        ("grant_type", "authorization_code"),
    ])
}

#[tokio::test]
async fn the_samples_of_the_document() {
    let world = World::minapp();
    let first = hop(&world.send(ask(APP)).await, APP);
    let second = hop(&world.send(get(&first)).await, APP);
    assert_ne!(first, second);
    let answer = world.send(get(&second)).await;
    assert_eq!(answer.status, 200);
    let code = answer.member("code");
    assert!(is_hex(&code), "{code}");
    assert_eq!(
        answer.text(),
        format!(r#"{{"code":"{code}","expires_in":600}}"#)
    );
    let (content_type, body) = bodies(&trade(APP, &code)).swap_remove(0);
    assert!(content_type.starts_with("multipart/form-data"));
    let answer = world.send(typed(TOKEN, content_type, &body)).await;
    let token = answer.member("access_token");
    assert!(is_hex(&token), "{token}");
    assert_eq!(
        answer.text(),
        format!(r#"{{"access_token":"{token}","expires_in":31535999}}"#)
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let request = Request::get("/oserve/v1.3/cloud-function/");
    let request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let none = oauth_core::types::Params::default();
    let call = world
        .dialects
        .call(&parts, &none, &scope(""))
        .await
        .unwrap();
    assert_eq!(call.token.client_id.as_str(), APP);
    assert_eq!(call.token.subject, None, "it acts for itself");
}

/// With cookies and without, over every spelling of the paths.
#[tokio::test]
async fn two_hops_that_any_client_can_follow() {
    let world = World::minapp();
    for slash in ["", "/"] {
        for cookie in [None, Some("sid=1; __Host-oauth-browser=AAAA")] {
            let follow = |uri: String| match cookie {
                Some(cookie) => with(get(&uri), COOKIE, cookie),
                None => get(&uri),
            };
            let uri = format!("{}{slash}", AUTHORIZE.trim_end_matches('/'));
            let body = json(APP, &client_secret(APP));
            let answer = world.send(typed(&uri, JSON, &body)).await;
            assert_eq!(answer.cookie(), None, "nothing depends on one");
            let first = hop(&answer, APP);
            let second = hop(&world.send(follow(first)).await, APP);
            let code = world.send(follow(second)).await.member("code");
            let uri = format!("{}{slash}", TOKEN.trim_end_matches('/'));
            let answer = world.send(form(&uri, &trade(APP, &code))).await;
            assert_eq!(answer.status, 200, "{uri}: {answer:?}");
        }
    }
    for uri in [
        "/api/oauth2/hydrogen/openapi/authorize//",
        "/api/oauth2/access_token//",
        "/api/oauth2/",
        "/api/oauth2/hydrogen/openapi/authorize/ticket",
    ] {
        assert_eq!(world.send(get(uri)).await.status, 404, "{uri}");
    }
    let (first, second) = ("ticket/?ticket=x", "code/?ticket=x");
    for (method, uri, allowed) in [
        (Method::GET, AUTHORIZE.to_owned(), "POST"),
        (Method::GET, TOKEN.to_owned(), "POST"),
        (Method::PUT, TOKEN.to_owned(), "POST"),
        (Method::POST, format!("{AUTHORIZE}{first}"), "GET"),
        (Method::POST, format!("{AUTHORIZE}{second}"), "GET"),
    ] {
        let answer = world.send(request(method, &uri, "")).await;
        assert_denied(&answer, 405, "invalid_request", &uri);
        assert_eq!(answer.header("allow"), allowed, "{uri}");
    }
}

/// The URL of an endpoint is the issuer's, whatever the request calls the host, and also where a framework cuts its path off.
#[test]
fn a_request_is_for_a_url_of_the_issuer() {
    let world = World::minapp_at("https://login.example/old");
    for uri in ["/token", "/old/token", "https://evil.example/token?x=y"] {
        let request = Request::post(uri).header("host", "evil.example").body(());
        let (parts, ()) = request.unwrap().into_parts();
        let request = world.dialects.client_request(&parts, Params::default());
        let url = request.endpoint_url.as_deref();
        assert_eq!(url, Some("https://login.example/old/token"), "{uri}");
    }
}

/// The hops stay below the issuer, also where a framework cuts its path off.
#[tokio::test]
async fn hops_below_a_path() {
    let world = World::minapp_at("https://login.example/old");
    for cut in ["", "/old"] {
        let body = json(APP, &client_secret(APP));
        let mut answer = world
            .send(typed(&format!("{cut}{AUTHORIZE}"), JSON, &body))
            .await;
        for _ in 0..2 {
            let location = hop(&answer, APP);
            assert!(location.starts_with("/old/api/"), "{location}");
            answer = world.send(get(&location.replacen("/old", cut, 1))).await;
        }
        assert!(is_hex(&answer.member("code")));
    }
}

#[tokio::test]
async fn how_a_client_asks_for_a_code() {
    let secret = client_secret(APP);
    let good = json(APP, &secret);
    let fields = pairs(&[("client_id", APP), ("client_secret", &secret)]);
    let kinds = bodies(&fields);
    let of = |content_type: &str| {
        let mut kinds = kinds.iter();
        let (_, body) = kinds
            .find(|(own, _)| own.starts_with(content_type))
            .unwrap();
        body.clone()
    };
    let more = serde_json::json!({ "client_id": APP, "client_secret": secret, "x": "y", "n": 1 });
    let twice = format!(r#"{{"client_id":"1",{}"#, &good[1..]);
    let rows: [(&str, Request<Full<Bytes>>, (u16, &str)); 24] = [
        ("JSON", typed(AUTHORIZE, JSON, &good), (302, "")),
        (
            "JSON in UTF-8",
            typed(AUTHORIZE, "application/json; charset=utf-8", &good),
            (302, ""),
        ),
        (
            "JSON without a type",
            typed(AUTHORIZE, "", &good),
            (302, ""),
        ),
        (
            "unknown members",
            typed(AUTHORIZE, JSON, &more.to_string()),
            (302, ""),
        ),
        (
            "spaces",
            typed(AUTHORIZE, JSON, &format!(" {good}\r\n")),
            (302, ""),
        ),
        (
            "a form",
            typed(AUTHORIZE, FORM, &encoded(&fields)),
            (400, "invalid_request"),
        ),
        (
            "JSON as a form",
            typed(AUTHORIZE, FORM, &good),
            (400, "invalid_request"),
        ),
        (
            "several parts",
            typed(AUTHORIZE, kinds[0].0, &of("multipart")),
            (400, "invalid_request"),
        ),
        (
            "text",
            typed(AUTHORIZE, "text/plain", &good),
            (400, "invalid_request"),
        ),
        (
            "a form without a type",
            typed(AUTHORIZE, "", &encoded(&fields)),
            (400, "invalid_request"),
        ),
        (
            "the query",
            request(
                Method::POST,
                &format!("{AUTHORIZE}?{}", encoded(&fields)),
                "",
            ),
            (400, "invalid_request"),
        ),
        (
            "nothing",
            typed(AUTHORIZE, JSON, ""),
            (400, "invalid_request"),
        ),
        (
            "no object",
            typed(AUTHORIZE, JSON, "[]"),
            (400, "invalid_request"),
        ),
        (
            "two objects",
            typed(AUTHORIZE, JSON, &format!("{good}{good}")),
            (400, "invalid_request"),
        ),
        (
            "half an object",
            typed(AUTHORIZE, JSON, &good[..good.len() - 1]),
            (400, "invalid_request"),
        ),
        (
            "client_id twice",
            typed(AUTHORIZE, JSON, &twice),
            (400, "invalid_request"),
        ),
        (
            "a wrong secret",
            typed(AUTHORIZE, JSON, &json(APP, "guess")),
            (401, "invalid_client"),
        ),
        (
            "an empty secret",
            typed(AUTHORIZE, JSON, &json(APP, "")),
            (401, "invalid_client"),
        ),
        (
            "another's secret",
            typed(AUTHORIZE, JSON, &json(APP, &client_secret(OTHER))),
            (401, "invalid_client"),
        ),
        (
            "no secret",
            typed(AUTHORIZE, JSON, r#"{"client_id":"1"}"#),
            (401, "invalid_client"),
        ),
        (
            "no client",
            typed(AUTHORIZE, JSON, "{}"),
            (401, "invalid_client"),
        ),
        (
            "an unknown client",
            typed(AUTHORIZE, JSON, &json("nobody", &secret)),
            (401, "invalid_client"),
        ),
        (
            "by Basic",
            with(
                typed(AUTHORIZE, JSON, "{}"),
                AUTHORIZATION,
                &basic(APP, &secret),
            ),
            (401, "invalid_client"),
        ),
        ("not allowed it", ask("bare"), (400, "unauthorized_client")),
    ];
    for (row, request, (status, error)) in rows {
        let world = World::minapp();
        let answer = world.send(request).await;
        if error.is_empty() {
            hop(&answer, APP);
        } else {
            assert_denied(&answer, status, error, row);
            assert!(answer.headers.get("location").is_none(), "{row}: no hop");
        }
    }
}

#[tokio::test]
async fn a_ticket_is_of_use_once_and_for_60_s() {
    let world = World::minapp();
    for (millis, lives) in [(59_999, true), (60_000, false)] {
        let second = world.ticket(APP).await;
        world.advance(Duration::from_millis(millis));
        let answer = world.send(get(&second)).await;
        if lives {
            assert_eq!(answer.status, 200, "{answer:?}");
        } else {
            assert_denied(&answer, 400, "invalid_request", "too old");
        }
    }
    let second = world.ticket(APP).await;
    let code = world.send(get(&second)).await.member("code");
    for _ in 0..2 {
        let answer = world.send(get(&second)).await;
        assert_denied(&answer, 400, "invalid_request", "used");
    }
    // Whoever comes too late has not spoiled the code.
    assert_eq!(world.trade(APP, &code, &[]).await.status, 200);
    // Following it halfway spends nothing.
    let first = hop(&world.send(ask(APP)).await, APP);
    let mut second = String::new();
    for _ in 0..3 {
        second = hop(&world.send(get(&first)).await, APP);
    }
    assert_eq!(world.send(get(&second)).await.status, 200);
    // Another world's, a changed one, none at all.
    let strange = World::minapp().ticket(APP).await;
    let good = world.ticket(APP).await;
    let flipped = if good.ends_with('A') { "B" } else { "A" };
    let changed = format!("{}{flipped}", &good[..good.len() - 1]);
    let code_at = format!("{AUTHORIZE}code/");
    let rows = [
        ("of another server", strange),
        ("changed", changed),
        ("shortened", good[..good.len() - 4].to_owned()),
        ("longer", format!("{good}AAAA")),
        (
            "twice",
            format!("{good}&{}", good.split_once('?').unwrap().1),
        ),
        ("empty", format!("{code_at}?ticket=")),
        ("none", code_at.clone()),
        ("a code", format!("{code_at}?ticket={}", "0".repeat(40))),
    ];
    for (row, uri) in rows {
        assert_denied(&world.send(get(&uri)).await, 400, "invalid_request", row);
    }
    assert_eq!(world.send(get(&good)).await.status, 200);
    // The hop between reflects nothing but what could be a ticket.
    for text in [
        "",
        "%0d%0aSet-Cookie:x",
        "%2f%2fevil.example",
        "a%26b",
        "%3cscript%3e",
        "a%20b",
        "%c3%a9",
    ] {
        let uri = format!("{AUTHORIZE}ticket/?ticket={text}");
        assert_denied(&world.send(get(&uri)).await, 400, "invalid_request", text);
    }
}

#[tokio::test]
async fn how_a_code_is_traded() {
    let world = World::minapp();
    for index in 0..5 {
        let fields = trade(APP, &world.own_code(APP).await);
        let (content_type, body) = bodies(&fields).swap_remove(index);
        let answer = world.send(typed(TOKEN, content_type, &body)).await;
        assert_eq!(answer.status, 200, "{content_type}: {answer:?}");
        // What is wrong is wrong in each of them.
        let fields = trade(APP, &world.own_code(APP).await);
        for (row, changes, (status, error)) in [
            (
                "a wrong secret",
                ("client_secret", "guess"),
                (401, "invalid_client"),
            ),
            ("code twice", ("+code", "x"), (400, "invalid_request")),
        ] {
            // A JSON object with two members of one name is tested with the codes.
            if row == "code twice" && content_type != FORM && !content_type.starts_with("multi") {
                continue;
            }
            let changed = changed(fields.clone(), &[changes]);
            let (_, body) = bodies(&changed).swap_remove(index);
            let answer = world.send(typed(TOKEN, content_type, &body)).await;
            assert_denied(&answer, status, error, &format!("{row} {content_type}"));
        }
        let (_, body) = bodies(&fields).swap_remove(index);
        assert_eq!(
            world.send(typed(TOKEN, content_type, &body)).await.status,
            200
        );
    }
    let rows: [(&str, Changes<'_>, (u16, &str)); 13] = [
        (
            "client_id is required",
            &[("-client_id", "")],
            (400, "invalid_request"),
        ),
        (
            "client_secret is required",
            &[("-client_secret", "")],
            (400, "invalid_request"),
        ),
        (
            "code is required",
            &[("-code", "")],
            (400, "invalid_request"),
        ),
        (
            "grant_type is required",
            &[("-grant_type", "")],
            (400, "invalid_request"),
        ),
        (
            "an empty secret is none",
            &[("client_secret", "")],
            (400, "invalid_request"),
        ),
        (
            "a wrong secret",
            &[("client_secret", "guess")],
            (401, "invalid_client"),
        ),
        (
            "an unknown client",
            &[("client_id", "nobody")],
            (401, "invalid_client"),
        ),
        (
            "no such grant",
            &[("grant_type", "code")],
            (400, "unsupported_grant_type"),
        ),
        (
            "a grant that is not its",
            &[("grant_type", "client_credentials")],
            (400, "unauthorized_client"),
        ),
        (
            "no such code",
            &[("code", "7743956163d65914c63ba1a5d48370ff791d1e16")],
            (400, "invalid_grant"),
        ),
        (
            "in capitals",
            &[("code", "CAPITALS")],
            (400, "invalid_grant"),
        ),
        (
            "a redirect_uri that was none",
            &[("redirect_uri", "https://x.example/")],
            (400, "invalid_grant"),
        ),
        (
            "a verifier without a challenge",
            &[("code_verifier", VERIFIER)],
            (400, "invalid_request"),
        ),
    ];
    let code = world.own_code(APP).await;
    for (row, changes, (status, error)) in rows {
        let capitals = code.to_ascii_uppercase();
        let changes: Vec<_> = changes
            .iter()
            .map(|(name, value)| {
                (
                    *name,
                    if *value == "CAPITALS" {
                        &capitals
                    } else {
                        *value
                    },
                )
            })
            .collect();
        assert_denied(&world.trade(APP, &code, &changes).await, status, error, row);
    }
    assert_denied(
        &world.trade(OTHER, &code, &[]).await,
        400,
        "invalid_grant",
        "another client",
    );
    for (content_type, body) in [
        ("text/plain", encoded(&trade(APP, &code))),
        ("", encoded(&trade(APP, &code))),
        (
            "multipart/form-data",
            bodies(&trade(APP, &code))[0].1.clone(),
        ),
        (
            JSON,
            format!(r#"{{"code":"x",{}"#, &bodies(&trade(APP, &code))[1].1[1..]),
        ),
    ] {
        let answer = world.send(typed(TOKEN, content_type, &body)).await;
        assert_denied(&answer, 400, "invalid_request", content_type);
    }
    let uri = format!("{TOKEN}?{}", encoded(&trade(APP, &code)));
    let answer = world.send(request(Method::POST, &uri, "")).await;
    assert_denied(&answer, 400, "invalid_request", "the query");
    // All that spent nothing.
    assert_eq!(world.trade(APP, &code, &[("x", "y")]).await.status, 200);
}

#[tokio::test]
async fn lifetimes_and_replay() {
    for client in [APP, OTHER] {
        let world = World::minapp();
        let code = world.own_code(client).await;
        world.advance(Duration::from_millis(599_999));
        let token = world.trade(client, &code, &[]).await.member("access_token");
        assert!(is_hex(&token));
        let late = world.own_code(client).await;
        world.advance(Duration::from_secs(600));
        let answer = world.trade(client, &late, &[]).await;
        assert_denied(&answer, 400, "invalid_grant", "a code lives for 600 s");
        // Time passes, and the store forgets what it may at each of these.
        for _ in 0..11 {
            world.advance(Duration::from_secs(30 * 24 * 3600));
            let code = world.own_code(client).await;
            assert_eq!(world.trade(client, &code, &[]).await.status, 200);
        }
        assert!(
            world.is_valid(&token).await,
            "{client}: a token lives for a year"
        );
        let left = 31_535_999 - 600 - 11 * 30 * 24 * 3600;
        world.advance(Duration::from_millis(left * 1000 - 1));
        assert!(world.is_valid(&token).await, "{client}: to its last");
        world.advance(Duration::from_millis(1));
        assert!(!world.is_valid(&token).await, "{client}: and no longer");
    }
    let world = World::minapp();
    let code = world.own_code(APP).await;
    let token = world.trade(APP, &code, &[]).await.member("access_token");
    for changes in [
        [("client_secret", "guess")],
        [("redirect_uri", "https://x.example/")],
    ] {
        assert_ne!(world.trade(APP, &code, &changes).await.status, 200);
        assert!(world.is_valid(&token).await, "no replay");
    }
    assert_denied(
        &world.trade(OTHER, &code, &[]).await,
        400,
        "invalid_grant",
        "another client",
    );
    assert!(world.is_valid(&token).await, "no replay");
    assert_denied(
        &world.trade(APP, &code, &[]).await,
        400,
        "invalid_grant",
        "a replay",
    );
    assert!(!world.is_valid(&token).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_at_once_one_wins() {
    for _ in 0..4 {
        let world = World::minapp();
        let second = world.ticket(APP).await;
        let answers = world.at_once((0..20).map(|_| get(&second)).collect()).await;
        let codes = won(&answers, "invalid_request");
        assert_eq!(codes.len(), 1);
        let code = codes[0].member("code");
        let trades = (0..20).map(|_| form(TOKEN, &trade(APP, &code))).collect();
        let answers = world.at_once(trades).await;
        let tokens = won(&answers, "invalid_grant");
        assert_eq!(tokens.len(), 1);
        let token = tokens[0].member("access_token");
        assert!(!world.is_valid(&token).await, "the others are replays");
    }
}

/// Those that were served; the others were denied like this.
fn won<'a>(answers: &'a [Answer], error: &str) -> Vec<&'a Answer> {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    for answer in lost {
        assert_denied(answer, 400, error, "who does not win");
    }
    won
}

#[tokio::test]
async fn clients_stay_on_their_side() {
    let world = World::minapp();
    for client in [WEB, MACHINE] {
        let answer = world.send(ask(client)).await;
        assert_denied(&answer, 400, "unauthorized_client", client);
        let answer = world.trade(client, "x", &[]).await;
        assert_denied(&answer, 400, "unauthorized_client", client);
    }
    let code = world.own_code(APP).await;
    let answer = world.strict.send(form("/token", &trade(APP, &code))).await;
    assert_eq!(
        (answer.status.as_u16(), answer.error().as_str()),
        (400, "unauthorized_client")
    );
    assert_eq!(world.trade(APP, &code, &[]).await.status, 200);
    let metadata = world
        .strict
        .send(get("/.well-known/oauth-authorization-server"))
        .await;
    for word in ["minapp", "hydrogen", "own_code"] {
        assert!(!metadata.text().contains(word), "{word}");
    }
}

/// Whoever guesses has to wait, at both endpoints together, and then the right secret has to wait too.
#[tokio::test]
async fn guesses_are_slowed_down() {
    for asked_first in [true, false] {
        let world = World::minapp();
        let code = world.own_code(APP).await;
        let guess = |at_authorize: bool| {
            if at_authorize {
                typed(AUTHORIZE, JSON, &json(APP, "guess"))
            } else {
                form(
                    TOKEN,
                    &changed(trade(APP, &code), &[("client_secret", "guess")]),
                )
            }
        };
        let mut denied = 0;
        let slowed = loop {
            let answer = world.send(guess(asked_first ^ (denied % 2 == 1))).await;
            if answer.status == 429 {
                break answer;
            }
            assert_denied(&answer, 401, "invalid_client", "a guess");
            denied += 1;
            assert!(denied < 20);
        };
        assert_denied(&slowed, 429, "temporarily_unavailable", "too many");
        assert!(!slowed.header("retry-after").is_empty());
        assert_eq!(world.send(ask(APP)).await.status, 429);
        assert_eq!(world.trade(APP, &code, &[]).await.status, 429);
        assert_eq!(
            world.send(ask(OTHER)).await.status,
            302,
            "others need not wait"
        );
        world.advance(Duration::from_secs(60));
        assert_eq!(world.send(ask(APP)).await.status, 302);
    }
}

#[tokio::test]
async fn a_broken_store_loses_nothing() {
    let world = World::minapp();
    let code = world.own_code(APP).await;
    let second = world.ticket(APP).await;
    world.strict.store.breaks(true);
    for request in [get(&second), form(TOKEN, &trade(APP, &code))] {
        let answer = world.send(request).await;
        assert_denied(&answer, 503, "temporarily_unavailable", "broken");
    }
    world.strict.store.breaks(false);
    assert_eq!(world.send(get(&second)).await.status, 200);
    assert_eq!(world.trade(APP, &code, &[]).await.status, 200);
}

#[test]
fn tokens_hold_enough_randomness() {
    let seen: std::collections::HashSet<String> = (0..160)
        .map(|bit| {
            let mut bits = [0xa5; 20];
            bits[bit / 8] ^= 1 << (bit % 8);
            Hex.encode(&bits).expose().to_owned()
        })
        .collect();
    assert_eq!(seen.len(), 160);
    assert!(seen.iter().all(|token| is_hex(token)));
}

//! proauth: a table for each part of its contract.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::items_after_statements,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    Does,
    call::{Answer, Changes, changed, encoded, form, get, pairs, request, with},
    clients::{MACHINE, WEB, client_secret},
    dialect2::{
        APP, BACK, Dry, OTHER, World, assert_denied, exchange, headed, jwt, proof, signed,
        token_request,
    },
    flow::{CHALLENGE, VERIFIER, ask},
    scope,
};
use http::{Method, header::AUTHORIZATION};
use oauth_core::token::TokenFormat;
use oauth_tower::dialect::{PROAUTH, UpperCase};

const JWT: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Of upper-case letters, digits, `-` and `_`, and long enough for 128 bits of them.
fn is_upper(text: &str) -> bool {
    let is_in = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    text.len() >= 26 && text.bytes().all(is_in)
}

/// The document's samples, from the authorization request to the refresh, byte for byte but for the secrets.
#[tokio::test]
async fn the_samples_of_the_document() {
    let world = World::proauth();
    world.host.does(Does::Approve(common::yes()));
    let sample = "/oauth2/authorize?client_id=1&redirect_uri=http://xxx.com/xxx&response_type=code&scope=all:all&state=somestate";
    let answer = world.send(get(sample)).await;
    let location = answer.header("location");
    let code = location
        .strip_prefix("http://xxx.com/xxx?code=")
        .and_then(|rest| rest.strip_suffix("&state=somestate"))
        .unwrap_or_else(|| panic!("{location}"));
    assert!(is_upper(code), "{code}");
    let sample = format!(
        "/oauth2/token?redirect_uri=http://xxx.com/xxx&grant_type=authorization_code&code={code}"
    );
    let header = format!("Client {}", world.proof(APP));
    let request = headed(
        request(Method::POST, &sample, ""),
        &[("Authencation", &header)],
    );
    let answer = world.send(request).await;
    let refresh = assert_sample(&answer);
    let sample =
        format!("/oauth2/token?grant_type=refresh_token&refresh_token={refresh}&scope=all:all");
    let header = format!("Client {}", world.proof(APP));
    let request = headed(
        common::call::request(Method::POST, &sample, ""),
        &[("Authencation", &header)],
    );
    let next = assert_sample(&world.send(request).await);
    assert_ne!(next, refresh, "it rotates");
}

/// Asserts that it is the document's sample, and returns the refresh token.
#[track_caller]
fn assert_sample(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    let access = answer.member("access_token");
    let refresh = answer.member("refresh_token");
    assert_eq!(
        answer.text(),
        format!(
            r#"{{"access_token":"{access}","expires_in":7200,"refresh_token":"{refresh}","scope":"all:all","token_type":"Bearer"}}"#
        )
    );
    let random = access.strip_prefix("RES_").unwrap();
    assert!(
        random
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    );
    assert!(is_upper(random) && is_upper(&refresh), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    refresh
}

#[tokio::test]
async fn a_broken_server_says_what_the_document_says() {
    let sample = r#"{"error":"server_error","error_description":"The authorization server encountered an unexpected condition that prevented it from fulfilling the request"}"#;
    let world = World::new(&PROAUTH, Vec::new(), |builder| {
        builder.entropy(Arc::new(Dry))
    });
    let answer = world.visit(&[]).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.text(), sample);
    let world = World::proauth();
    let code = world.code(&[]).await;
    world.strict.store.breaks(true);
    let answer = world.redeem(APP, &code, &[]).await;
    assert_denied(&answer, 503, "temporarily_unavailable", "a broken store");
    world.strict.store.breaks(false);
    assert_eq!(world.redeem(APP, &code, &[]).await.status, 200);
}

/// What becomes of an authorization request.
enum Expected {
    /// The user is asked.
    Asked,
    /// An error is shown, with `400`.
    Shown(&'static str),
    /// An error is sent to the client.
    Sent(&'static str),
}

#[tokio::test]
async fn the_authorization_request() {
    use Expected::{Asked, Sent, Shown};
    let rows: [(&str, Changes<'_>, Expected); 22] = [
        ("as it should be", &[], Asked),
        ("state may be missing", &[("-state", "")], Asked),
        ("one scope", &[("scope", "user:read")], Asked),
        (
            "two scopes",
            &[("scope", "role-user:write groupuser:read")],
            Asked,
        ),
        (
            "unknown parameters are ignored",
            &[("nonce", "1"), ("x", "y")],
            Asked,
        ),
        (
            "PKCE",
            &[
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ],
            Asked,
        ),
        (
            "client_id is required",
            &[("-client_id", "")],
            Shown("invalid_request"),
        ),
        (
            "an unknown client",
            &[("client_id", "3")],
            Shown("invalid_client"),
        ),
        (
            "another spelling of the number",
            &[("client_id", "01")],
            Shown("invalid_client"),
        ),
        (
            "no number",
            &[("client_id", "one")],
            Shown("invalid_client"),
        ),
        (
            "redirect_uri is required",
            &[("-redirect_uri", "")],
            Shown("invalid_request"),
        ),
        (
            "nor may it be empty",
            &[("redirect_uri", "")],
            Shown("invalid_request"),
        ),
        (
            "an unregistered one",
            &[("redirect_uri", "http://evil.example/")],
            Shown("invalid_request"),
        ),
        (
            "a prefix",
            &[("redirect_uri", "http://xxx.com/xxx/y")],
            Shown("invalid_request"),
        ),
        (
            "redirect_uri twice",
            &[("+redirect_uri", BACK)],
            Shown("invalid_request"),
        ),
        (
            "client_id twice",
            &[("+client_id", APP)],
            Shown("invalid_request"),
        ),
        (
            "a strict client",
            &[("client_id", WEB)],
            Shown("unauthorized_client"),
        ),
        (
            "response_type is required",
            &[("-response_type", "")],
            Sent("invalid_request"),
        ),
        (
            "response_type is fixed",
            &[("response_type", "token")],
            Sent("unsupported_response_type"),
        ),
        (
            "scope is required",
            &[("-scope", "")],
            Sent("invalid_request"),
        ),
        (
            "no such scope",
            &[("scope", "role:delete")],
            Sent("invalid_scope"),
        ),
        (
            "all, and something that there is not",
            &[("scope", "all:all role:delete")],
            Sent("invalid_scope"),
        ),
    ];
    for (row, changes, expected) in rows {
        let world = World::proauth();
        let answer = world.visit(changes).await;
        let asked = world.host.asked();
        match expected {
            Asked => assert_eq!(
                (answer.status.as_u16(), asked),
                (200, 1),
                "{row}: {answer:?}"
            ),
            Shown(error) => {
                assert_denied(&answer, 400, error, row);
                assert_eq!(asked, 0, "{row}");
            }
            Sent(error) => {
                let (address, params) = answer.sent_to();
                assert_eq!((address.as_str(), asked), (BACK, 0), "{row}");
                assert_eq!(params.get("error"), Some(error), "{row}");
                assert!(params.get("error_description").is_some(), "{row}");
                assert_eq!(params.get("state"), Some("somestate"), "{row}");
                assert_eq!(params.0.len(), 3, "{row}: {params:?}");
            }
        }
    }
    let world = World::proauth();
    world.host.does(Does::Deny);
    let params = world.visit(&[]).await.sent_to().1;
    assert_eq!(params.get("error"), Some("access_denied"));
    assert_eq!(params.get("state"), Some("somestate"));
    // A client that may do less.
    let answer = world.visit(&[("client_id", OTHER)]).await;
    assert_eq!(answer.sent_to().1.get("error"), Some("invalid_scope"));
    for method in [Method::POST, Method::PUT] {
        let answer = world
            .send(request(method, "/oauth2/authorize?client_id=1", ""))
            .await;
        assert_denied(&answer, 405, "invalid_request", "only GET");
    }
}

#[tokio::test]
async fn the_token_request() {
    let rows: [(&str, Changes<'_>, (u16, &str)); 14] = [
        (
            "grant_type is required",
            &[("-grant_type", "")],
            (400, "invalid_request"),
        ),
        (
            "redirect_uri is required",
            &[("-redirect_uri", "")],
            (400, "invalid_request"),
        ),
        (
            "code is required",
            &[("-code", "")],
            (400, "invalid_request"),
        ),
        (
            "nothing may be repeated",
            &[("+code", "x")],
            (400, "invalid_request"),
        ),
        (
            "nor what is unknown",
            &[("x", "1"), ("+x", "1")],
            (400, "invalid_request"),
        ),
        (
            "no such grant",
            &[("grant_type", "code")],
            (400, "unsupported_grant_type"),
        ),
        (
            "a grant that it may not use",
            &[("grant_type", "client_credentials")],
            (400, "unauthorized_client"),
        ),
        (
            "no such code",
            &[("code", "MA0L8JYSNWO8CLSXZ3OTVG")],
            (400, "invalid_grant"),
        ),
        (
            "another redirect_uri",
            &[("redirect_uri", "http://xxx.com/")],
            (400, "invalid_grant"),
        ),
        (
            "one that is registered too",
            &[("redirect_uri", "https://xxx.com/other")],
            (400, "invalid_grant"),
        ),
        (
            "a longer one",
            &[("redirect_uri", "http://xxx.com/xxx?")],
            (400, "invalid_grant"),
        ),
        (
            "a verifier without a challenge",
            &[("code_verifier", VERIFIER)],
            (400, "invalid_request"),
        ),
        (
            "another client's id",
            &[("client_id", OTHER)],
            (400, "invalid_request"),
        ),
        (
            "a second method",
            &[("client_id", APP), ("client_secret", "x")],
            (400, "invalid_request"),
        ),
    ];
    let world = World::proauth();
    let code = world.code(&[]).await;
    for (row, changes, (status, error)) in rows {
        let answer = world.redeem(APP, &code, changes).await;
        assert_denied(&answer, status, error, row);
    }
    assert_denied(
        &world.redeem(OTHER, &code, &[]).await,
        400,
        "invalid_grant",
        "another client",
    );
    // All that spent nothing.
    let answer = world
        .redeem(APP, &code, &[("client_id", APP), ("x", "y")])
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (access, refresh) = (
        answer.member("access_token"),
        answer.member("refresh_token"),
    );
    assert!(world.is_valid(&access).await);
    // An attempt with the wrong client or address does not end the grant either; a replay does.
    for answer in [
        world.redeem(OTHER, &code, &[]).await,
        world
            .redeem(APP, &code, &[("redirect_uri", "http://xxx.com/")])
            .await,
    ] {
        assert_denied(&answer, 400, "invalid_grant", "no replay");
        assert!(world.is_valid(&access).await);
    }
    let answer = world.redeem(APP, &code, &[]).await;
    assert_denied(&answer, 400, "invalid_grant", "a replay");
    assert!(!world.is_valid(&access).await);
    assert_denied(
        &world.refresh(APP, &refresh, &[]).await,
        400,
        "invalid_grant",
        "ended",
    );
}

/// The query of the POST, a form, or some of each.
#[tokio::test]
async fn where_parameters_come_from() {
    let world = World::proauth();
    let rows: [(&str, &[&str], &[&str], u16); 5] = [
        (
            "the query",
            &["redirect_uri", "grant_type", "code"],
            &[],
            200,
        ),
        ("a form", &[], &["redirect_uri", "grant_type", "code"], 200),
        ("both", &["code"], &["redirect_uri", "grant_type"], 200),
        (
            "the same in both",
            &["code", "grant_type", "redirect_uri"],
            &["code", "grant_type"],
            200,
        ),
        ("not all", &["code"], &["grant_type"], 400),
    ];
    for (row, query, body, status) in rows {
        let all = exchange(&world.code(&[]).await);
        let of = |names: &[&str]| {
            let mut own = all.clone();
            own.retain(|(name, _)| names.contains(&name.as_str()));
            own
        };
        let uri = format!("/oauth2/token?{}", encoded(&of(query)));
        let header = format!("Client {}", world.proof(APP));
        let request = with(
            form(&uri, &of(body)),
            "authencation".parse().unwrap(),
            &header,
        );
        assert_eq!(world.send(request).await.status, status, "{row}");
    }
    let all = exchange(&world.code(&[]).await);
    let uri = format!("/oauth2/token?{}", encoded(&all));
    let other = changed(all.clone(), &[("code", "X")]);
    let header = format!("Client {}", world.proof(APP));
    let request = headed(form(&uri, &other), &[("Authencation", &header)]);
    assert_denied(
        &world.send(request).await,
        400,
        "invalid_request",
        "a different value",
    );
    let json = common::dialect2::typed("/oauth2/token", "application/json", "{}");
    let answer = world.send(headed(json, &[("Authencation", &header)])).await;
    assert_denied(&answer, 400, "invalid_request", "JSON");
    let answer = world.send(get(&uri)).await;
    assert_denied(&answer, 405, "invalid_request", "GET");
}

#[tokio::test]
async fn pkce_is_honoured_when_it_is_sent() {
    let world = World::proauth();
    let challenge = [
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let wrong = "A".repeat(43);
    let rows: [(&str, Changes<'_>, &str); 4] = [
        ("no verifier", &[], "invalid_grant"),
        ("a wrong one", &[("code_verifier", &wrong)], "invalid_grant"),
        (
            "no redirect_uri",
            &[("code_verifier", VERIFIER), ("-redirect_uri", "")],
            "invalid_request",
        ),
        ("the right one", &[("code_verifier", VERIFIER)], ""),
    ];
    let code = world.code(&challenge).await;
    for (row, changes, error) in rows {
        let answer = world.redeem(APP, &code, changes).await;
        match error {
            "" => assert_eq!(answer.status, 200, "{row}: {answer:?}"),
            error => assert_denied(&answer, 400, error, row),
        }
    }
}

/// A proof that does not hold, and nothing that it leaves behind: with the same nonce the right one holds.
#[tokio::test]
async fn the_clients_jwt() {
    let world = World::proauth();
    let now = world.now();
    let nonce = "the nonce";
    let claims = format!(r#"{{"id":"1","time":"{now}","nonce":"{nonce}"}}"#);
    let good = jwt(JWT, &claims, APP);
    let b64 = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let with_claims = |claims: String| jwt(JWT, &claims, APP);
    let with_header = |header: &str| jwt(header, &claims, APP);
    let unsigned = format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(&claims));
    let (text, tag) = good.rsplit_once('.').unwrap();
    let last = tag.chars().last().unwrap();
    // The last digit of 43 has two bits that mean nothing.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let same = alphabet.as_bytes()[alphabet.find(last).unwrap() | 1];
    let respelled = format!("{text}.{}{}", &tag[..42], char::from(same));
    assert_ne!(respelled, good);
    let huge = format!(
        r#"{{"id":"1","time":"{now}","nonce":"{}"}}"#,
        "n".repeat(1 << 20)
    );
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(9999), "]".repeat(9999));
    let rows = [
        ("another client's secret", jwt(JWT, &claims, OTHER)),
        ("no signature", unsigned.clone()),
        ("the signature left out", text.to_owned()),
        ("an empty signature", format!("{text}.")),
        ("a shorter signature", good[..good.len() - 2].to_owned()),
        ("alg none, but signed", with_header(r#"{"alg":"none"}"#)),
        ("alg in small letters", with_header(r#"{"alg":"hs256"}"#)),
        ("alg HS512", with_header(r#"{"alg":"HS512","typ":"JWT"}"#)),
        ("alg RS256", with_header(r#"{"alg":"RS256"}"#)),
        ("no alg", with_header(r#"{"typ":"JWT"}"#)),
        ("two algs", with_header(r#"{"alg":"none","alg":"HS256"}"#)),
        ("alg a list", with_header(r#"{"alg":["HS256"]}"#)),
        ("crit", with_header(r#"{"alg":"HS256","crit":["exp"]}"#)),
        (
            "crit that is empty",
            with_header(r#"{"alg":"HS256","crit":[]}"#),
        ),
        (
            "crit that is null",
            with_header(r#"{"alg":"HS256","crit":null}"#),
        ),
        (
            "another typ",
            with_header(r#"{"alg":"HS256","typ":"at+jwt"}"#),
        ),
        ("a header that is no object", with_header("[]")),
        (
            "no header",
            signed(&format!(".{}", b64(&claims)), &client_secret(APP)),
        ),
        ("a trailing dot", format!("{good}.")),
        ("two trailing dots", format!("{good}..")),
        ("a leading dot", format!(".{good}")),
        ("five parts", format!("{good}.x.y")),
        ("padding", format!("{good}=")),
        ("another spelling of the signature", respelled),
        ("the other base64", good.replace(['-', '_'], "+") + "/"),
        ("an inner space", good.replacen('.', ". ", 1)),
        (
            "signed text with padding",
            signed(
                &format!("{}=.{}", b64(JWT), b64(&claims)),
                &client_secret(APP),
            ),
        ),
        ("not base64", "a.b.c".to_owned()),
        (
            "not UTF-8",
            signed(
                &format!("{}.{}", b64(JWT), URL_SAFE_NO_PAD.encode(b"\xff")),
                &client_secret(APP),
            ),
        ),
        ("huge", with_claims(huge)),
        ("deep", with_header(&deep)),
        (
            "id a number",
            with_claims(format!(r#"{{"id":1,"time":"{now}","nonce":"{nonce}"}}"#)),
        ),
        (
            "time a number",
            with_claims(format!(r#"{{"id":"1","time":{now},"nonce":"{nonce}"}}"#)),
        ),
        (
            "nonce a number",
            with_claims(format!(r#"{{"id":"1","time":"{now}","nonce":7}}"#)),
        ),
        (
            "no id",
            with_claims(format!(r#"{{"time":"{now}","nonce":"{nonce}"}}"#)),
        ),
        (
            "no time",
            with_claims(format!(r#"{{"id":"1","nonce":"{nonce}"}}"#)),
        ),
        (
            "no nonce",
            with_claims(format!(r#"{{"id":"1","time":"{now}"}}"#)),
        ),
        (
            "an empty nonce",
            with_claims(format!(r#"{{"id":"1","time":"{now}","nonce":""}}"#)),
        ),
        (
            "nonce null",
            with_claims(format!(r#"{{"id":"1","time":"{now}","nonce":null}}"#)),
        ),
        (
            "two ids",
            with_claims(format!(
                r#"{{"id":"2","id":"1","time":"{now}","nonce":"{nonce}"}}"#
            )),
        ),
        (
            "two times",
            with_claims(format!(
                r#"{{"id":"1","time":"0","time":"{now}","nonce":"{nonce}"}}"#
            )),
        ),
        (
            "an id that nobody has",
            with_claims(format!(r#"{{"id":"7","time":"{now}","nonce":"{nonce}"}}"#)),
        ),
        (
            "another's id",
            with_claims(format!(r#"{{"id":"2","time":"{now}","nonce":"{nonce}"}}"#)),
        ),
        (
            "another spelling of the id",
            with_claims(format!(r#"{{"id":"01","time":"{now}","nonce":"{nonce}"}}"#)),
        ),
        (
            "time with a sign",
            with_claims(format!(r#"{{"id":"1","time":"+{now}","nonce":"{nonce}"}}"#)),
        ),
        (
            "time with a space",
            with_claims(format!(r#"{{"id":"1","time":" {now}","nonce":"{nonce}"}}"#)),
        ),
        (
            "time with a fraction",
            with_claims(format!(
                r#"{{"id":"1","time":"{now}.5","nonce":"{nonce}"}}"#
            )),
        ),
        (
            "time in milliseconds",
            with_claims(format!(
                r#"{{"id":"1","time":"{now}000","nonce":"{nonce}"}}"#
            )),
        ),
        (
            "time beyond all numbers",
            with_claims(format!(
                r#"{{"id":"1","time":"{}","nonce":"{nonce}"}}"#,
                "9".repeat(40)
            )),
        ),
        (
            "an empty time",
            with_claims(format!(r#"{{"id":"1","time":"","nonce":"{nonce}"}}"#)),
        ),
        ("the document's own words", "(jwt token)".to_owned()),
        ("nothing", String::new()),
    ];
    let code = world.code(&[]).await;
    for (row, token) in rows {
        let header = format!("Client {token}");
        let request = token_request(&exchange(&code), &[("Authencation", &header)]);
        let answer = world.send(request).await;
        assert_denied(&answer, 401, "invalid_client", row);
        assert_eq!(answer.header("www-authenticate"), "Client realm=\"oauth\"");
    }
    let header = format!("Client {good}");
    let request = token_request(&exchange(&code), &[("Authencation", &header)]);
    let answer = world.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// What libraries put into a JWT besides does not matter.
#[tokio::test]
async fn what_a_jwt_may_have_besides() {
    let world = World::proauth();
    let now = world.now();
    for (row, header, more) in [
        ("no typ", r#"{"alg":"HS256"}"#, ""),
        ("typ in small letters", r#"{"typ":"jwt","alg":"HS256"}"#, ""),
        ("a key id", r#"{"alg":"HS256","typ":"JWT","kid":"1"}"#, ""),
        ("iat", JWT, r#","iat":1516239022"#),
        ("spaces", "{ \"alg\" : \"HS256\" }\n", ""),
    ] {
        let nonce = world.nonce();
        let claims = format!(r#"{{"nonce":"{nonce}","time":"{now}", "id":"1"{more}}}"#);
        let header = format!("Client {}", jwt(header, &claims, APP));
        let code = world.code(&[]).await;
        let request = token_request(&exchange(&code), &[("Authencation", &header)]);
        let answer = world.send(request).await;
        assert_eq!(answer.status, 200, "{row}: {answer:?}");
    }
}

#[tokio::test]
async fn a_proof_lives_for_300_s_and_may_be_60_s_ahead() {
    let world = World::proauth();
    // On a whole second, and not on one.
    let header = format!("Client {}", proof(APP, world.now() + 60, &world.nonce()));
    let request = token_request(&exchange("x"), &[("Authencation", &header)]);
    assert_denied(
        &world.send(request).await,
        400,
        "invalid_grant",
        "60 s ahead",
    );
    world.advance(Duration::from_millis(500));
    let now = world.now();
    for (time, accepted) in [
        (now, true),
        (now + 60, true),
        (now + 61, false),
        (now - 299, true),
        (now - 300, false),
        (now - 301, false),
        (0, false),
    ] {
        let code = world.code(&[]).await;
        let header = format!("Client {}", proof(APP, time, &world.nonce()));
        let request = token_request(&exchange(&code), &[("Authencation", &header)]);
        assert_eq!(world.send(request).await.status == 200, accepted, "{time}");
    }
    let code = world.code(&[]).await;
    let header = format!("Client {}", proof(APP, world.now() + 1, &world.nonce()));
    world.advance(Duration::from_millis(300_499));
    let late = |header: &str| token_request(&exchange("x"), &[("Authencation", header)]);
    assert_denied(
        &world.send(late(&header)).await,
        400,
        "invalid_grant",
        "at its last",
    );
    let header = format!("Client {}", proof(APP, world.now() - 299, &world.nonce()));
    world.advance(Duration::from_millis(1));
    assert_denied(
        &world.send(late(&header)).await,
        401,
        "invalid_client",
        "at its end",
    );
    drop(code);
}

/// The same client and nonce twice, however it is written and whatever it was used for.
#[tokio::test]
async fn a_proof_works_once() {
    let world = World::proauth();
    let now = world.now();
    let nonce = "a";
    let first = proof(APP, now, nonce);
    let claims = |text: &str| text.replace("NOW", &now.to_string());
    let rows = [
        ("the very same", first.clone()),
        ("another time", proof(APP, now + 5, nonce)),
        (
            "another order",
            jwt(JWT, &claims(r#"{"nonce":"a","id":"1","time":"NOW"}"#), APP),
        ),
        (
            "other spaces",
            jwt(
                JWT,
                &claims(r#"{ "id":"1", "time":"NOW", "nonce":"a" }"#),
                APP,
            ),
        ),
        (
            "escapes",
            jwt(
                JWT,
                &claims(r#"{"id":"1","time":"NOW","nonce":"\u0061"}"#),
                APP,
            ),
        ),
        (
            "another header",
            jwt(
                r#"{"alg":"HS256"}"#,
                &claims(r#"{"id":"1","time":"NOW","nonce":"a"}"#),
                APP,
            ),
        ),
    ];
    let used_for = [
        "a code",
        "a code that is none",
        "a grant that is none",
        "a refresh token that is none",
        "the end of a token",
        "whether one has ended",
    ];
    for purpose in used_for {
        let world = World::proauth();
        let code = world.code(&[]).await;
        let header = format!("Client {first}");
        let headers: &[(&str, &str)] = &[("Authencation", &header)];
        let ask = |changes: Changes<'_>| token_request(&changed(exchange(&code), changes), headers);
        let (first_use, status) = match purpose {
            "a code" => (ask(&[]), 200),
            "a code that is none" => (ask(&[("code", "X")]), 400),
            "a grant that is none" => (ask(&[("grant_type", "x")]), 400),
            "a refresh token that is none" => (
                ask(&[("grant_type", "refresh_token"), ("refresh_token", "X")]),
                400,
            ),
            "the end of a token" => (
                headed(
                    request(Method::DELETE, "/oauth2/token?access_token=x", ""),
                    headers,
                ),
                200,
            ),
            _ => (headed(get("/oauth2/expire?access_token=x"), headers), 200),
        };
        let answer = world.send(first_use).await;
        assert_eq!(answer.status, status, "{purpose}: {answer:?}");
        let code = world.code(&[]).await;
        for (row, token) in &rows {
            let header = format!("Client {token}");
            let headers: &[(&str, &str)] = &[("Authencation", &header)];
            for request in [
                token_request(&exchange(&code), headers),
                headed(get("/oauth2/expire?access_token=x"), headers),
                headed(
                    request(Method::DELETE, "/oauth2/token?access_token=x", ""),
                    headers,
                ),
            ] {
                let answer = world.send(request).await;
                assert_denied(&answer, 401, "invalid_client", &format!("{purpose}, {row}"));
            }
        }
        // Another nonce, and another client's, are others.
        let answer = world.redeem(APP, &code, &[]).await;
        assert_eq!(answer.status, 200, "{purpose}");
        let header = format!("Client {}", proof(OTHER, now, nonce));
        let request = token_request(&exchange("x"), &[("Authencation", &header)]);
        assert_denied(&world.send(request).await, 400, "invalid_grant", purpose);
    }
}

/// A forged proof, and one that was not looked at, mark nothing and spend nothing.
#[tokio::test]
async fn what_does_not_hold_leaves_no_mark() {
    let world = World::proauth();
    let code = world.code(&[]).await;
    let good = proof(APP, world.now(), "n");
    let claims = format!(r#"{{"id":"1","time":"{}","nonce":"n"}}"#, world.now());
    let forged = format!("Client {}", jwt(JWT, &claims, OTHER));
    let good = format!("Client {good}");
    for (row, params, headers, status) in [
        (
            "forged",
            exchange(&code),
            vec![("Authencation", forged.as_str())],
            401,
        ),
        (
            "two different ones",
            exchange(&code),
            vec![("Authencation", good.as_str()), ("Authorization", &forged)],
            400,
        ),
        (
            "malformed",
            pairs(&[("x", "1"), ("x", "1")]),
            vec![("Authencation", &good)],
            400,
        ),
    ] {
        let answer = world.send(token_request(&params, &headers)).await;
        assert_eq!(answer.status, status, "{row}: {answer:?}");
    }
    let request = token_request(&exchange(&code), &[("Authencation", &good)]);
    assert_eq!(world.send(request).await.status, 200);
}

#[tokio::test]
async fn the_headers_of_the_jwt() {
    let world = World::proauth();
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let rows: [(&str, Headers<'_>, u16); 22] = [
        ("as in the document", &[("Authencation", "Client A")], 200),
        ("without the scheme", &[("Authencation", "A")], 200),
        ("any case", &[("AUTHENCATION", "cLIENT A")], 200),
        ("more spaces", &[("Authencation", "Client   A  ")], 200),
        ("spelled right", &[("Authorization", "Client A")], 200),
        (
            "spelled right, without the scheme",
            &[("Authorization", "A")],
            200,
        ),
        (
            "both",
            &[("Authencation", "Client A"), ("Authorization", "Client A")],
            200,
        ),
        (
            "both, one without",
            &[("Authencation", "A"), ("Authorization", "Client A")],
            200,
        ),
        (
            "both, the other without",
            &[("Authencation", "Client A"), ("Authorization", "A")],
            200,
        ),
        (
            "twice the same",
            &[("Authencation", "Client A"), ("Authencation", "A")],
            200,
        ),
        (
            "beside the token of an API",
            &[("Authencation", "A"), ("Authorization", "Bearer x")],
            200,
        ),
        (
            "two different ones",
            &[("Authencation", "A"), ("Authorization", "B")],
            400,
        ),
        (
            "of two clients",
            &[("Authencation", "A"), ("Authorization", "Client C")],
            400,
        ),
        (
            "two in one header",
            &[("Authencation", "A"), ("Authencation", "Client B")],
            400,
        ),
        ("none", &[], 401),
        ("an empty one", &[("Authencation", "")], 401),
        ("the scheme alone", &[("Authencation", "Client")], 401),
        ("as bearer", &[("Authorization", "Bearer A")], 401),
        (
            "as bearer, misspelled",
            &[("Authencation", "Bearer A")],
            401,
        ),
        ("as basic", &[("Authorization", "Basic A")], 401),
        (
            "yet another spelling",
            &[("Authentication", "Client A")],
            401,
        ),
        ("a list", &[("Authencation", "Client A, Client A")], 401),
    ];
    for (row, headers, status) in rows {
        let code = world.code(&[]).await;
        let fresh = [world.proof(APP), world.proof(APP), world.proof(OTHER)];
        let headers: Vec<(&str, String)> = headers
            .iter()
            .map(|(name, value)| {
                let mut words: Vec<String> = value.split(' ').map(str::to_owned).collect();
                for word in &mut words {
                    for (mark, token) in ["A", "B", "C"].iter().zip(&fresh) {
                        if word.trim_end_matches(',') == *mark {
                            *word = word.replace(mark, token);
                        }
                    }
                }
                (*name, words.join(" "))
            })
            .collect();
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = world.send(token_request(&exchange(&code), &headers)).await;
        match status {
            200 => assert_eq!(answer.status, 200, "{row}: {answer:?}"),
            400 => assert_denied(&answer, 400, "invalid_request", row),
            _ => assert_denied(&answer, 401, "invalid_client", row),
        }
    }
    // A secret is no proof here, wherever it stands.
    let code = world.code(&[]).await;
    let secret = client_secret(APP);
    let params = changed(
        exchange(&code),
        &[("client_id", APP), ("client_secret", &secret)],
    );
    let answer = world.send(token_request(&params, &[])).await;
    assert_denied(&answer, 401, "invalid_client", "a secret in the query");
    let answer = world.send(form("/oauth2/token", &params)).await;
    assert_denied(&answer, 401, "invalid_client", "a secret in the form");
    let basic = common::clients::basic(APP, &secret);
    let request = token_request(&exchange(&code), &[("Authorization", &basic)]);
    assert_denied(&world.send(request).await, 401, "invalid_client", "Basic");
}

#[tokio::test]
async fn scopes_and_refresh() {
    let rows = [
        // What was granted, what is asked for, and what comes, or the error.
        ("all:all", "", "all:all"),
        ("all:all", "all:all", "all:all"),
        ("all:all", "user:read", "user:read"),
        (
            "all:all",
            "role-resource:write groupuser:read",
            "groupuser:read role-resource:write",
        ),
        ("user:read role:write", "", "role:write user:read"),
        ("user:read role:write", "role:write", "role:write"),
        ("user:read role:write", "all:all", "!invalid_scope"),
        (
            "user:read role:write",
            "all:all user:read",
            "!invalid_scope",
        ),
        ("user:read", "user:write", "!invalid_scope"),
        ("user:read", "user:read  user:read", "!invalid_scope"),
        ("all:all", "user:delete", "!invalid_scope"),
        ("all:all", "all:all user:delete", "!invalid_scope"),
    ];
    for (granted, asked, expected) in rows {
        let row = format!("{granted:?} {asked:?}");
        let world = World::proauth();
        let (_, refresh) = world.tokens(granted).await;
        let answer = world.refresh(APP, &refresh, &[("scope", asked)]).await;
        if let Some(error) = expected.strip_prefix('!') {
            assert_denied(&answer, 400, error, &row);
            assert_eq!(world.refresh(APP, &refresh, &[]).await.status, 200, "{row}");
        } else {
            assert_eq!(answer.status, 200, "{row}: {answer:?}");
            assert_eq!(answer.member("scope"), expected, "{row}");
            // What is narrowed is the access token, not the grant.
            let next = answer.member("refresh_token");
            let again = world.refresh(APP, &next, &[("scope", granted)]).await;
            assert_eq!(again.status, 200, "{row}: {again:?}");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_works_once() {
    let world = World::proauth();
    let (access, first) = world.tokens("user:read").await;
    let answer = world.refresh(OTHER, &first, &[]).await;
    assert_denied(&answer, 400, "invalid_grant", "another client");
    let answer = world.refresh(APP, &first, &[("-refresh_token", "")]).await;
    assert_denied(&answer, 400, "invalid_request", "refresh_token is required");
    let second = world
        .refresh(APP, &first, &[])
        .await
        .member("refresh_token");
    assert_ne!(first, second);
    // Within the grace the same retry gets the same answer; later a reuse ends it all.
    let retry = world.refresh(APP, &first, &[]).await;
    assert_eq!(retry.member("refresh_token"), second);
    world.advance(Duration::from_secs(31));
    let answer = world.refresh(APP, &first, &[]).await;
    assert_denied(&answer, 400, "invalid_grant", "a reuse");
    assert!(!world.is_valid(&access).await);
    let answer = world.refresh(APP, &second, &[]).await;
    assert_denied(&answer, 400, "invalid_grant", "the family has ended");
}

/// What an API may let pass.
#[tokio::test]
async fn what_a_scope_permits() {
    for (granted, needed, passes) in [
        ("user:read", "user:read", true),
        ("user:read", "", true),
        ("user:read", "user:write", false),
        ("user:read", "role:write", false),
        ("user:read role:write", "role:write user:read", true),
        ("all:all", "role:write", true),
        ("all:all", "whatever:comes", true),
        ("user:read", "all:all", false),
    ] {
        let row = format!("{granted:?} {needed:?}");
        let world = World::proauth();
        let (token, _) = world.tokens(granted).await;
        let call = |header: String| {
            let request = http::Request::get("/api/user").header(AUTHORIZATION, header);
            request.body(()).unwrap().into_parts().0
        };
        let parts = call(format!("Bearer {token}"));
        let none = oauth_core::types::Params::default();
        let answer = world.dialects.call(&parts, &none, &scope(needed)).await;
        match answer {
            Ok(call) => assert!(passes && call.token.client_id.as_str() == APP, "{row}"),
            Err(response) => {
                let answer = Answer::read(response).await;
                assert!(!passes, "{row}");
                assert_denied(&answer, 403, "insufficient_scope", &row);
            }
        }
        let parts = call(format!("Bearer {token}X"));
        let denied = world.dialects.call(&parts, &none, &scope("")).await;
        let answer = Answer::read(denied.unwrap_err()).await;
        assert_denied(&answer, 401, "invalid_token", &row);
        world.advance(Duration::from_secs(7200));
        assert!(!world.is_valid(&token).await, "{row}");
    }
}

/// Who asks whether a token has ended, or ends it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    /// Its client.
    Client,
    /// Another one.
    Foreign,
    /// Whoever holds it.
    Holder,
    /// Who shows it in another scheme than a bearer's.
    Basic,
    /// Whoever holds some other token.
    OtherHolder,
    Nobody,
}

impl World {
    async fn about(&self, method: Method, path: &str, by: By, params: &[(&str, &str)]) -> Answer {
        let token = params.first().map_or("", |(_, token)| token);
        let header = match by {
            By::Client => ("Authencation", format!("Client {}", self.proof(APP))),
            By::Foreign => ("Authorization", format!("Client {}", self.proof(OTHER))),
            By::Holder => ("Authorization", format!("Bearer {token}")),
            By::Basic => ("Authorization", format!("Basic {token}")),
            By::OtherHolder => (
                "Authorization",
                format!("Bearer {}", self.tokens("user:read").await.0),
            ),
            By::Nobody => ("X", String::new()),
        };
        let uri = format!("{path}?{}", encoded(&pairs(params)));
        self.send(headed(request(method, &uri, ""), &[(header.0, &header.1)]))
            .await
    }

    async fn ended(&self, by: By, params: &[(&str, &str)]) -> Answer {
        self.about(Method::GET, "/oauth2/expire", by, params).await
    }

    async fn delete(&self, by: By, params: &[(&str, &str)]) -> Answer {
        self.about(Method::DELETE, "/oauth2/token", by, params)
            .await
    }
}

#[track_caller]
fn assert_ended(answer: &Answer, access: bool, refresh: bool, row: &str) {
    assert_eq!(answer.status, 200, "{row}: {answer:?}");
    let expected = format!(r#"{{"is_access_expired":{access},"is_refresh_expired":{refresh}}}"#);
    assert_eq!(answer.text(), expected, "{row}");
}

#[tokio::test]
async fn whether_a_token_has_ended() {
    let world = World::proauth();
    let (access, refresh) = world.tokens("all:all").await;
    let (a, r) = (
        ("access_token", access.as_str()),
        ("refresh_token", refresh.as_str()),
    );
    let (x, y) = (("access_token", "x"), ("refresh_token", "y"));
    let rows: [(&str, By, &[(&str, &str)], (bool, bool)); 18] = [
        (
            "the access token tells of both",
            By::Client,
            &[a],
            (false, false),
        ),
        (
            "so does the refresh token",
            By::Client,
            &[r],
            (false, false),
        ),
        ("both", By::Client, &[a, r], (false, false)),
        ("its holder", By::Holder, &[a], (false, false)),
        ("the refresh token's", By::Holder, &[r], (false, false)),
        ("of both", By::Holder, &[a, r], (false, false)),
        ("another client", By::Foreign, &[a], (true, true)),
        ("another client", By::Foreign, &[r], (true, true)),
        ("another client", By::Foreign, &[a, r], (true, true)),
        ("no such token", By::Client, &[x], (true, true)),
        ("no such token", By::Client, &[y], (true, true)),
        ("no such token", By::Holder, &[x], (true, true)),
        ("no such token", By::Holder, &[y], (true, true)),
        ("one of the two", By::Client, &[a, y], (false, true)),
        ("the other", By::Client, &[x, r], (true, false)),
        (
            "held, and another that is none",
            By::Holder,
            &[a, y],
            (false, true),
        ),
        (
            "each in the place of the other",
            By::Client,
            &[("access_token", &refresh)],
            (false, false),
        ),
        (
            "each in the place of the other",
            By::Client,
            &[("refresh_token", &access)],
            (false, false),
        ),
    ];
    for (row, by, params, (access, refresh)) in rows {
        let row = format!("{row} {by:?}");
        assert_ended(&world.ended(by, params).await, access, refresh, &row);
    }
    // Asking ends nothing.
    assert!(world.is_valid(&access).await);
    for (row, by, params, status) in [
        ("nobody", By::Nobody, &[a][..], 401),
        ("the holder of another token", By::OtherHolder, &[a], 401),
        ("the holder of another token", By::OtherHolder, &[r], 401),
        ("no token", By::Client, &[], 400),
        ("repeated", By::Client, &[a, a], 400),
    ] {
        let error = if status == 401 {
            "invalid_client"
        } else {
            "invalid_request"
        };
        assert_denied(&world.ended(by, params).await, status, error, row);
    }
    // The time comes.
    world.advance(Duration::from_millis(7_199_999));
    assert_ended(&world.ended(By::Client, &[a]).await, false, false, "nearly");
    world.advance(Duration::from_millis(1));
    for params in [[a], [r]] {
        assert_ended(
            &world.ended(By::Client, &params).await,
            true,
            false,
            "the access token",
        );
    }
    assert_ended(
        &world.ended(By::Holder, &[a]).await,
        true,
        true,
        "holds nothing any more",
    );
    assert_ended(
        &world.ended(By::Holder, &[r]).await,
        true,
        false,
        "still holds this",
    );
    let answer = world.refresh(APP, &refresh, &[]).await;
    assert_ended(&world.ended(By::Client, &[r]).await, true, true, "used");
    let (access, refresh) = (
        answer.member("access_token"),
        answer.member("refresh_token"),
    );
    let (a, r) = (
        ("access_token", access.as_str()),
        ("refresh_token", refresh.as_str()),
    );
    assert_ended(
        &world.ended(By::Client, &[a, r]).await,
        false,
        false,
        "the new ones",
    );
    // A token of a strict client is none here, and the strict server's metadata name nothing of this.
    let strict = world.strict.tokens(WEB).await;
    for token in [&strict.access, &strict.refresh] {
        for by in [By::Client, By::Holder] {
            assert_ended(
                &world.ended(by, &[("access_token", token)]).await,
                true,
                true,
                "strict",
            );
        }
    }
}

#[tokio::test]
async fn the_end_of_a_grant() {
    type Shown = fn(&str, &str) -> Vec<(&'static str, String)>;
    let access: Shown = |access, _| vec![("access_token", access.into())];
    let refresh: Shown = |_, refresh| vec![("refresh_token", refresh.into())];
    let both: Shown = |access, refresh| {
        vec![
            ("access_token", access.into()),
            ("refresh_token", refresh.into()),
        ]
    };
    let unknown: Shown = |_, _| vec![("access_token", "x".into())];
    let nothing: Shown = |_, _| Vec::new();
    let twice: Shown = |access, _| vec![("access_token", access.into()); 2];
    for (row, by, shown, status, ends) in [
        ("its client", By::Client, access, 200, true),
        ("its client", By::Client, refresh, 200, true),
        ("its client", By::Client, both, 200, true),
        ("its holder", By::Holder, access, 200, true),
        ("its holder", By::Holder, refresh, 200, true),
        ("its holder", By::Holder, both, 200, true),
        ("another client", By::Foreign, access, 200, false),
        ("another client", By::Foreign, refresh, 200, false),
        ("unknown", By::Client, unknown, 200, false),
        ("unknown", By::Holder, unknown, 200, false),
        ("another token", By::OtherHolder, access, 401, false),
        ("another token", By::OtherHolder, refresh, 401, false),
        ("nobody", By::Nobody, access, 401, false),
        ("another scheme", By::Basic, access, 401, false),
        ("nothing", By::Client, nothing, 400, false),
        ("repeated", By::Client, twice, 400, false),
    ] {
        let row = format!("{row} {by:?}");
        let world = World::proauth();
        let (access, refresh) = world.tokens("all:all").await;
        let (other, _) = world.tokens("all:all").await;
        let shown = shown(&access, &refresh);
        let shown: Vec<_> = shown
            .iter()
            .map(|(name, token)| (*name, token.as_str()))
            .collect();
        let answer = world.delete(by, &shown).await;
        match status {
            200 => assert_eq!((answer.status.as_u16(), answer.text()), (200, ""), "{row}"),
            400 => assert_denied(&answer, 400, "invalid_request", &row),
            _ => assert_denied(&answer, 401, "invalid_client", &row),
        }
        assert_eq!(world.is_valid(&access).await, !ends, "{row}");
        assert!(world.is_valid(&other).await, "{row}");
        let pair = [
            ("access_token", access.as_str()),
            ("refresh_token", &refresh),
        ];
        assert_ended(&world.ended(By::Client, &pair).await, ends, ends, &row);
        let refreshed = world.refresh(APP, &refresh, &[]).await;
        assert_eq!(refreshed.status == 200, !ends, "{row}");
    }
    // Nobody ends a strict client's grant here.
    let world = World::proauth();
    let strict = world.strict.tokens(WEB).await;
    for token in [&strict.access, &strict.refresh] {
        for by in [By::Client, By::Holder] {
            let answer = world.delete(by, &[("access_token", token)]).await;
            assert_eq!(answer.status, 200);
        }
    }
    assert!(world.strict.is_active(&strict.access).await);
    assert!(world.strict.is_active(&strict.refresh).await);
}

#[tokio::test]
async fn clients_stay_on_their_side() {
    let world = World::proauth();
    // A strict client, here.
    let basic = common::clients::basic(MACHINE, &client_secret(MACHINE));
    let params = pairs(&[("grant_type", "client_credentials")]);
    let answer = world
        .send(token_request(&params, &[("Authorization", &basic)]))
        .await;
    assert_denied(&answer, 401, "invalid_client", "Basic is not read here");
    let params = changed(
        params,
        &[
            ("client_id", MACHINE),
            ("client_secret", &client_secret(MACHINE)),
        ],
    );
    let answer = world.send(token_request(&params, &[])).await;
    assert_denied(&answer, 400, "unauthorized_client", "nor is it served");
    let claims = format!(r#"{{"id":"{WEB}","time":"{}","nonce":"n"}}"#, world.now());
    let header = format!("Client {}", jwt(JWT, &claims, WEB));
    let request = token_request(&exchange("x"), &[("Authencation", &header)]);
    assert_denied(
        &world.send(request).await,
        400,
        "unauthorized_client",
        "by a JWT",
    );
    // A client of this dialect, there.
    let ask = changed(
        ask(WEB),
        &[
            ("client_id", APP),
            ("redirect_uri", BACK),
            ("scope", "user:read"),
        ],
    );
    let answer = world.strict.visit(&ask, None).await;
    assert_eq!(
        (answer.status.as_u16(), world.strict.host.asked()),
        (400, 0)
    );
    let code = world.code(&[]).await;
    let secret = client_secret(APP);
    let params = changed(
        exchange(&code),
        &[("client_id", APP), ("client_secret", &secret)],
    );
    let answer = world.strict.send(form("/token", &params)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.error().as_str()),
        (400, "unauthorized_client")
    );
    let header = format!("Client {}", world.proof(APP));
    let request = headed(
        form("/token", &exchange(&code)),
        &[("Authorization", &header)],
    );
    assert_eq!(world.strict.send(request).await.error(), "invalid_client");
    // And the code is as good as before.
    assert_eq!(world.redeem(APP, &code, &[]).await.status, 200);
    let metadata = world
        .strict
        .send(get("/.well-known/oauth-authorization-server"))
        .await;
    for word in ["proauth", "/oauth2/", "client_token", "all:all"] {
        assert!(!metadata.text().contains(word), "{word}");
    }
    for path in [
        "/.well-known/oauth-authorization-server",
        "/token",
        "/authorize",
        "/introspect",
    ] {
        assert_eq!(world.send(get(path)).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_redemptions_one_wins_and_the_others_end_the_grant() {
    for _ in 0..4 {
        let world = World::proauth();
        let code = world.code(&[]).await;
        let requests = (0..20)
            .map(|_| world.asking(APP, &exchange(&code)))
            .collect();
        let answers = world.at_once(requests).await;
        let won: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status == 200)
            .collect();
        assert_eq!(won.len(), 1);
        assert!(!world.is_valid(&won[0].member("access_token")).await);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert_denied(answer, 400, "invalid_grant", "who does not win");
        }
    }
}

/// One proof in twenty places at once: one request gets through, and the others are no replays of the code.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_uses_of_one_proof_one_wins() {
    for _ in 0..4 {
        let world = World::proauth();
        let code = world.code(&[]).await;
        let header = format!("Client {}", world.proof(APP));
        let ask = || token_request(&exchange(&code), &[("Authencation", &header)]);
        let answers = world.at_once((0..20).map(|_| ask()).collect()).await;
        let won: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status == 200)
            .collect();
        assert_eq!(won.len(), 1);
        assert!(world.is_valid(&won[0].member("access_token")).await);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert_denied(answer, 401, "invalid_client", "who does not win");
        }
    }
}

/// At least 128 bits in every token, whatever its prefix.
#[test]
fn tokens_hold_enough_randomness() {
    for prefix in ["", "RES_"] {
        let format = UpperCase(prefix);
        let seen: std::collections::HashSet<String> = (0..160)
            .map(|bit| {
                let mut bits = [0x5a; 20];
                bits[bit / 8] ^= 1 << (bit % 8);
                format.encode(&bits).expose().to_owned()
            })
            .collect();
        assert_eq!(seen.len(), 160);
        assert!(
            seen.iter()
                .all(|token| is_upper(token.strip_prefix(prefix).unwrap()))
        );
    }
}

//! The authorization endpoint.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::collections::BTreeSet;

use common::{
    ALICE, Does, Fixture, ISSUER, MAIL, Setup,
    call::{
        Answer, Changes, FORM, Pairs, changed, encoded, form, get, is_error_text, request, with,
    },
    clients::{APP, LEGACY, MACHINE, NATIVE, ODD, STRANGER, WEB, redirect_uri},
    flow::{CHALLENGE, STATE, ask},
    scope, yes,
};
use http::{
    HeaderValue, Method,
    header::{ALLOW, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
};
use oauth_core::authorize::Approval;
use proptest::prelude::*;

/// What of RFC 9700 §4.2.4 and §4.16 every page has, and that nobody keeps it.
fn assert_is_a_page(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let policy = answer.header("content-security-policy");
    for directive in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.split("; ").any(|own| own == directive), "{policy}");
    }
    for remote in ["src=", "<link", "@import", "url("] {
        assert!(!answer.text().contains(remote), "{}", answer.text());
    }
}

fn assert_ends_on_a_page(answer: &Answer, row: &str) {
    assert_eq!(answer.status, 400, "{row}");
    assert!(!answer.headers.contains_key(LOCATION), "{row}");
    assert!(!answer.text().contains("href"), "{row}");
    assert!(answer.text().contains("<p>The request "), "{row}");
    assert_is_a_page(answer);
}

/// What the client is told, whose parameters hold nothing that nobody knows.
fn told(answer: &Answer) -> Vec<String> {
    let params = answer.to_client();
    assert_eq!(params.get("iss"), Some(ISSUER), "9207-2-b, 9207-2.3-a");
    let description = params.get("error_description").unwrap_or_default();
    assert!(is_error_text(description), "6749-4.1.2.1-g: {description}");
    assert_eq!(params.get("error_uri"), None, "6749-4.1.2.1-h");
    params.0.into_iter().map(|(name, _)| name).collect()
}

/// 6749-3.1.2.4-a, 6749-3.1.2.4-b, 6749-4.1.2.1-a, 9700-4.16-a, 9700-4.16-b, 9700-4.2.4-a
#[tokio::test]
async fn what_is_not_proven_ends_on_a_page() {
    let fixture = Fixture::new();
    fixture.host.does(Does::Approve(yes()));
    let rows: [(&str, &str, Changes); 16] = [
        ("6749-4.1.2.1-a", WEB, &[("-client_id", "")]),
        ("6749-4.1.2.1-a", WEB, &[("client_id", "")]),
        ("6749-4.1.2.1-a", WEB, &[("client_id", "nobody")]),
        ("6749-4.1.2.1-a", WEB, &[("client_id", "web ")]),
        ("6749-4.1.2.1-a", WEB, &[("client_id", "w\u{e9}b")]),
        ("6749-4.1.2.1-a", WEB, &[("+client_id", WEB)]),
        (
            "6749-3.1.2.3-a, v21-2.3.2-a",
            NATIVE,
            &[("-redirect_uri", "")],
        ),
        ("6749-3.1.2.3-a", NATIVE, &[("redirect_uri", "")]),
        ("6749-3.1-g", WEB, &[("+redirect_uri", &redirect_uri(WEB))]),
        (
            "6749-3.1.2.4-a",
            WEB,
            &[("redirect_uri", "https://evil.example/cb")],
        ),
        (
            "6749-3.1.2.3-b, v21-2.3.1-b",
            WEB,
            &[("redirect_uri", "https://web.example/cb")],
        ),
        (
            "9700-2.1-a",
            WEB,
            &[("redirect_uri", "https://web.example/cb?own=1&x=2")],
        ),
        (
            "8252-8.4-d",
            WEB,
            &[("redirect_uri", "https://WEB.example/cb?own=1")],
        ),
        ("6749-3.1.2-a", WEB, &[("redirect_uri", "/cb")]),
        (
            "6749-3.1.2-b",
            WEB,
            &[("redirect_uri", "https://web.example/cb?own=1#f")],
        ),
        ("8252-7.3-b", NATIVE, &[("redirect_uri", "http://[::1]/cb")]),
    ];
    for (row, client, changes) in rows {
        for mode in ["query", "form_post"] {
            let params = changed(changed(ask(client), changes), &[("response_mode", mode)]);
            let answer = fixture.visit(&params, None).await;
            assert_ends_on_a_page(&answer, row);
        }
    }
    assert_eq!(fixture.host.asked(), 0);
}

/// 6749-4.1.2.1-b, 9207-2-b, v21-1.6-a, 9700-4.12-a, 9700-4.12-b: the other errors go to the client, in its response mode.
#[tokio::test]
async fn the_client_is_told_of_the_rest() {
    let fixture = Fixture::new();
    fixture.host.does(Does::Approve(yes()));
    let rows: [(&str, &str, Changes, &str); 29] = [
        (
            "6749-3.1.1-a",
            WEB,
            &[("-response_type", "")],
            "invalid_request",
        ),
        (
            "6749-3.1.1-a",
            WEB,
            &[("response_type", "")],
            "invalid_request",
        ),
        (
            "6749-3.1.1-b",
            WEB,
            &[("response_type", "other")],
            "unsupported_response_type",
        ),
        (
            "v21-10.1-a, 9700-2.1.2-a",
            WEB,
            &[("response_type", "token")],
            "unsupported_response_type",
        ),
        (
            "6749-3.1.1-c",
            WEB,
            &[("response_type", "code token")],
            "unsupported_response_type",
        ),
        (
            "6749-3.1.1-c",
            WEB,
            &[("response_type", "token code")],
            "unsupported_response_type",
        ),
        ("6749-3.1-g", WEB, &[("+state", "x")], "invalid_request"),
        ("6749-3.1-g", WEB, &[("+scope", "read")], "invalid_request"),
        (
            "6749-3.1-g",
            WEB,
            &[("+code_challenge", CHALLENGE)],
            "invalid_request",
        ),
        (
            "6749-3.1-g",
            WEB,
            &[("+unknown", "x"), ("+unknown", "y")],
            "invalid_request",
        ),
        ("6749-4.1.2.1-d", MACHINE, &[], "unauthorized_client"),
        (
            "6749-4.1.2.1-e",
            WEB,
            &[("scope", "admin")],
            "invalid_scope",
        ),
        (
            "6749-4.1.2.1-e",
            WEB,
            &[("scope", "read admin")],
            "invalid_scope",
        ),
        (
            "6749-4.1.2.1-e, 6749-3.3-b",
            WEB,
            &[("scope", "re\"ad")],
            "invalid_scope",
        ),
        (
            "6749-4.1.2.1-e, 6749-3.3-b",
            WEB,
            &[("scope", "read\n")],
            "invalid_scope",
        ),
        ("6749-3.3-a", WEB, &[("scope", "READ")], "invalid_scope"),
        (
            "7636-4.4.1-a, 8252-8.1-b, v21-4.1.2.1-a",
            APP,
            &[("-code_challenge", ""), ("-code_challenge_method", "")],
            "invalid_request",
        ),
        (
            "v21-4.1.1-a",
            WEB,
            &[("-code_challenge", ""), ("-code_challenge_method", "")],
            "invalid_request",
        ),
        (
            "7636-4.4.1-b, 7636-7.2-a",
            WEB,
            &[("code_challenge_method", "plain")],
            "invalid_request",
        ),
        (
            "7636-4.3-a",
            WEB,
            &[("-code_challenge_method", "")],
            "invalid_request",
        ),
        (
            "7636-4.2-b",
            WEB,
            &[(
                "code_challenge",
                "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
            )],
            "invalid_request",
        ),
        (
            "9700-2.1.1-c",
            LEGACY,
            &[("-code_challenge", "")],
            "invalid_request",
        ),
        (
            "8707-2.1-a",
            WEB,
            &[("resource", "https://unknown.example/")],
            "invalid_target",
        ),
        ("8707-2-a", WEB, &[("resource", "mail")], "invalid_target"),
        (
            "8707-2-b",
            WEB,
            &[("resource", "https://mail.example/#x")],
            "invalid_target",
        ),
        (
            "6749-10.14-a",
            WEB,
            &[("state", "a\r\nset-cookie: x=y")],
            "invalid_request",
        ),
        (
            "6749-10.14-a",
            WEB,
            &[("state", "\u{e9}")],
            "invalid_request",
        ),
        ("9101", WEB, &[("request", "x")], "request_not_supported"),
        (
            "9101",
            WEB,
            &[("request_uri", "x")],
            "request_uri_not_supported",
        ),
    ];
    for (row, client, changes, error) in rows {
        let changed = changed(ask(client), changes);
        let answer = fixture.visit(&changed, None).await;
        assert_eq!(answer.status, 303, "{row}: {answer:?}");
        let (address, params) = answer.sent_to();
        assert_eq!(
            Some(address.as_str()),
            redirect_uri(client).split('?').next(),
            "{row}"
        );
        assert_eq!(params.get("error"), Some(error), "{row}");
        assert_eq!(params.get("code"), None, "{row}");
        told(&answer);
        // A state outside of its grammar, or repeated, is not repeated to anybody.
        let is_state_good = !changes.iter().any(|(name, _)| name.ends_with("state"));
        assert_eq!(params.get("state"), is_state_good.then_some(STATE), "{row}");

        let mut posted = changed;
        posted.push(("response_mode".into(), "form_post".into()));
        let page = fixture.visit(&posted, None).await;
        assert_eq!(page.status, 200, "{row}");
        assert_is_a_page(&page);
        let (action, fields) = page.posts_to();
        assert_eq!(action, redirect_uri(client), "{row}");
        assert_eq!(fields.get("error"), Some(error), "{row}");
    }
    let fragment = changed(ask(WEB), &[("response_mode", "fragment")]);
    let answer = fixture.visit(&fragment, None).await;
    assert_eq!(answer.sent_to().1.get("error"), Some("invalid_request"));
    assert_eq!(fixture.host.asked(), 0, "nobody is asked about any of it");
}

/// 7636-4.4.1-c: the two errors of PKCE are told apart.
#[tokio::test]
async fn pkce_errors_say_what_is_wrong() {
    let fixture = Fixture::new();
    let rows: [(&[(&str, &str)], &str); 2] = [
        (
            &[("-code_challenge", ""), ("-code_challenge_method", "")],
            "code challenge required",
        ),
        (
            &[("code_challenge_method", "S512")],
            "transform algorithm not supported",
        ),
    ];
    for (changes, says) in rows {
        let answer = fixture.visit(&changed(ask(APP), changes), None).await;
        let description = answer
            .sent_to()
            .1
            .get("error_description")
            .unwrap()
            .to_owned();
        assert!(description.starts_with(says), "{description}");
    }
}

/// 6749-4.1.2-a, 6749-4.1.2-b, 6749-3.1.2-c, 9207-2-a, 9207-2.3-a, 6749-3.1-c, 6749-3.1-d, 6749-3.1-e, 6749-3.1-f, 9700-4.12-b
#[tokio::test]
async fn a_code_comes_back_with_the_state_and_the_issuer() {
    let fixture = Fixture::new();
    fixture.host.does(Does::Approve(yes()));
    let unknown = [
        ("foo", "bar"),
        ("resource", MAIL),
        ("+resource", "https://calendar.example/"),
    ];
    for (client, changes) in [(WEB, &[][..]), (APP, &[]), (NATIVE, &[]), (ODD, &unknown)] {
        let params = changed(ask(client), changes);
        for answer in [
            fixture.visit(&params, None).await,
            fixture.send(form("/authorize", &params)).await,
        ] {
            assert_eq!(answer.status, 303, "{answer:?}");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
            let location = answer.header("location");
            assert!(location.is_ascii() && !location.contains('#'), "{location}");
            let glue = if client == WEB { '&' } else { '?' };
            let after = location.strip_prefix(&redirect_uri(client)).unwrap();
            assert!(after.starts_with(glue), "{location}");
            let (_, params) = answer.sent_to();
            assert!(params.get("code").unwrap().starts_with("oauth_ac_"));
            assert_eq!(params.get("state"), Some(STATE));
            assert_eq!(params.get("iss"), Some(ISSUER));
            assert_eq!(params.get("error"), None);
        }
    }
    for empty in [("state", ""), ("-state", "")] {
        let answer = fixture.visit(&changed(ask(WEB), &[empty]), None).await;
        assert_eq!(answer.sent_to().1.get("state"), None, "6749-3.1-e");
    }
    let other_port = [("redirect_uri", "http://127.0.0.1:51004/cb")];
    let answer = fixture
        .visit(&changed(ask(NATIVE), &other_port), None)
        .await;
    assert_eq!(
        answer.sent_to().0,
        "http://127.0.0.1:51004/cb",
        "8252-7.3-a"
    );
}

/// 6749-4.1.2.1-c
#[tokio::test]
async fn who_declines_is_believed() {
    let fixture = Fixture::new();
    fixture.host.does(Does::Deny);
    let answer = fixture.visit(&ask(WEB), None).await;
    let (_, params) = answer.sent_to();
    assert_eq!(params.get("error"), Some("access_denied"));
    assert_eq!(params.get("state"), Some(STATE));
    assert_eq!(
        told(&answer),
        ["own", "error", "error_description", "state", "iss"]
    );
}

/// 6749-3.1-a, 6749-10.12-a: a page first, and then only the browser that saw it can decide, once.
#[tokio::test]
async fn only_the_browser_that_was_asked_can_decide() {
    let fixture = Fixture::new();
    let page = fixture.visit(&ask(WEB), None).await;
    assert_eq!(page.status, 200);
    let handle = page.text().to_owned();
    let set = page.header("set-cookie");
    for attribute in [
        "__Host-",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Path=/",
    ] {
        assert!(set.contains(attribute), "{set}");
    }
    let cookie = page.cookie().unwrap();
    let other = fixture.visit(&ask(WEB), None).await.cookie().unwrap();
    let decide = async |handle: &str, cookie: Option<&str>, approval: Approval| {
        let mut headers = http::HeaderMap::new();
        if let Some(cookie) = cookie {
            headers.insert(COOKIE, cookie.parse().unwrap());
        }
        let interactions = &fixture.host.interactions;
        match interactions.approve(handle, &headers, approval).await {
            Ok(response) => Ok(Answer::read(response).await.header("location").to_owned()),
            Err(error) => Err(error.status.as_u16()),
        }
    };
    assert_eq!(decide(&handle, None, yes()).await, Err(403));
    assert_eq!(decide(&handle, Some(&other), yes()).await, Err(403));
    assert_eq!(decide("nonsense", Some(&cookie), yes()).await, Err(400));
    let wider = yes().only(scope("read write"));
    assert_eq!(decide(&handle, Some(&cookie), wider).await, Err(400));
    let nothing = yes().only(scope(""));
    assert_eq!(decide(&handle, Some(&cookie), nothing).await, Err(400));
    let first = decide(&handle, Some(&cookie), yes()).await.unwrap();
    assert!(first.contains("code="));
    assert_eq!(
        decide(&handle, Some(&cookie), yes()).await,
        Ok(first),
        "a double click"
    );
    let bob = Approval::new("bob".parse().unwrap());
    assert_eq!(decide(&handle, Some(&cookie), bob).await, Err(409));
    assert_eq!(
        fixture.visit(&ask(WEB), Some(&cookie)).await.cookie(),
        None,
        "one cookie is enough"
    );
}

/// A cookie of somebody else, before ours or behind it, takes nothing away, whatever is in it.
#[tokio::test]
async fn cookies_of_others_do_no_harm() {
    let fixture = Fixture::new();
    let page = fixture.visit(&ask(WEB), None).await;
    let (handle, cookie) = (page.text(), page.cookie().unwrap());
    let name = cookie.split('=').next().unwrap();
    for sent in [
        format!("a=\u{e9}; {cookie}"),
        format!("{cookie}; b=\"\u{e9}\""),
        format!("{name}=planted; {cookie}"),
        format!("x{cookie}; {cookie}"),
        format!("; =;{cookie}"),
    ] {
        let sent = HeaderValue::from_bytes(sent.as_bytes()).unwrap();
        let headers = http::HeaderMap::from_iter([(COOKIE, sent.clone())]);
        let pending = fixture.host.interactions.pending(handle, &headers).await;
        assert_eq!(pending.unwrap().client().id().as_str(), WEB, "{sent:?}");
    }
    // And a host that decides at once decides for the cookie that it gives.
    fixture.host.does(Does::Approve(yes()));
    let planted = format!("{name}=planted");
    let answer = fixture.visit(&ask(WEB), Some(&planted)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(answer.headers.contains_key(SET_COOKIE));
}

/// 6749-10.2-a: the host gets to know what the user has to be told.
#[tokio::test]
async fn the_host_is_told_who_asks_for_what() {
    let fixture = Fixture::new();
    fixture
        .visit(&changed(ask(ODD), &[("resource", MAIL)]), None)
        .await;
    let pending = fixture.host.last().pending;
    assert_eq!(pending.client().id().as_str(), ODD);
    assert_eq!(pending.scope(), &scope("read"));
    assert_eq!(pending.resources(), [common::resource(MAIL)]);
    assert_eq!(pending.redirect_uri().as_str(), redirect_uri(ODD));
}

/// 6749-10.2-b, 8252-8.6-a: consent is remembered for clients that prove who they are, and for no others.
#[tokio::test]
async fn consent_is_remembered_for_clients_that_authenticate() {
    let fixture = Fixture::new();
    for (client, is_silent) in [(WEB, true), (APP, false), (NATIVE, false)] {
        fixture.host.does(Does::Approve(yes().remembered()));
        assert_eq!(fixture.visit(&ask(client), None).await.status, 303);
        fixture.host.does(Does::Remember(ALICE.parse().unwrap()));
        let again = fixture.visit(&ask(client), None).await;
        assert_eq!(again.headers.contains_key(LOCATION), is_silent, "{client}");
    }
}

/// 9700-4.11.2-a, 9700-4.11.2-b: no browser is sent to an address that somebody registered for themselves.
#[tokio::test]
async fn a_stranger_gets_no_redirect_before_the_user_has_decided() {
    let fixture = Fixture::new();
    for mode in ["query", "form_post"] {
        let wrong = [("scope", "admin"), ("response_mode", mode)];
        let page = fixture.visit(&changed(ask(STRANGER), &wrong), None).await;
        assert_eq!(page.status, 400);
        assert_is_a_page(&page);
        assert!(!page.headers.contains_key(LOCATION));
        assert!(!page.text().contains("<script") && !page.text().contains("<form"));
        assert!(
            page.text().contains(
                "rel=\"noreferrer\" href=\"https://stranger.example/cb?error=invalid_scope"
            )
        );
    }
    let failing = needs_store();
    failing.store.breaks(true);
    let page = failing.visit(&ask(STRANGER), None).await;
    assert_eq!(page.status, 503);
    assert!(!page.headers.contains_key(LOCATION));
    assert!(!page.text().contains("<script"), "{page:?}");
    fixture.host.does(Does::Deny);
    let answer = fixture.visit(&ask(STRANGER), None).await;
    assert_eq!(answer.sent_to().1.get("error"), Some("access_denied"));
}

/// A server that cannot even ask without its store.
fn needs_store() -> Fixture {
    let setup = Setup {
        secret_in_store: true,
        ..Setup::default()
    };
    setup.build()
}

/// With an operator secret nobody needs the store before the user decides; then it is the user who is told.
#[tokio::test]
async fn a_broken_store_is_told_with_the_decision() {
    let fixture = Fixture::new();
    fixture.store.breaks(true);
    let question = fixture.visit(&ask(WEB), None).await;
    assert_eq!((question.status.as_u16(), fixture.host.asked()), (200, 1));
    fixture.host.does(Does::Approve(yes()));
    let answer = fixture.visit(&ask(WEB), None).await;
    assert_eq!(answer.status, 503);
    assert_is_a_page(&answer);
}

/// 6749-4.1.2.1-f
#[tokio::test]
async fn a_broken_store_is_told_through_the_redirect() {
    let fixture = needs_store();
    fixture.store.breaks(true);
    let answer = fixture.visit(&ask(WEB), None).await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.sent_to().1.get("error"),
        Some("temporarily_unavailable")
    );
    let unproven = fixture
        .visit(
            &changed(ask(WEB), &[("redirect_uri", "https://evil.example/")]),
            None,
        )
        .await;
    assert_ends_on_a_page(&unproven, "6749-3.1.2.4-a");
}

#[tokio::test]
async fn only_get_and_a_form_by_post_are_served() {
    let fixture = Fixture::new();
    fixture.host.does(Does::Approve(yes()));
    let query = encoded(&ask(WEB));
    for method in [
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::HEAD,
        Method::OPTIONS,
    ] {
        let answer = fixture
            .send(request(method, &format!("/authorize?{query}"), ""))
            .await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header(ALLOW.as_str()), "GET, POST");
        assert_is_a_page(&answer);
    }
    let json = with(
        request(Method::POST, "/authorize", "{}"),
        CONTENT_TYPE,
        "application/json",
    );
    let answer = fixture.send(json).await;
    assert_eq!(answer.status, 415);
    assert_is_a_page(&answer);
    // The parameters of a form are in the form.
    let posted = with(
        request(Method::POST, &format!("/authorize?{query}"), ""),
        CONTENT_TYPE,
        FORM,
    );
    assert_ends_on_a_page(&fixture.send(posted).await, "client_id is missing");
    assert_eq!(fixture.host.asked(), 0);
}

/// The page sends itself by the one script that its policy lets through, has a button without scripts, and escapes.
#[tokio::test]
async fn a_form_post_page_sends_itself() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use sha2::Digest;

    let fixture = Fixture::new();
    let answer = fixture
        .approved(WEB, &[("response_mode", "form_post")])
        .await;
    assert_eq!(answer.status, 200);
    assert_is_a_page(&answer);
    let (action, fields) = answer.posts_to();
    assert_eq!(action, redirect_uri(WEB));
    assert_eq!(fields.get("state"), Some(STATE));
    assert_eq!(fields.get("iss"), Some(ISSUER));
    assert!(fields.get("code").unwrap().starts_with("oauth_ac_"));
    assert_eq!(fields.0.len(), 3);
    let page = answer.text();
    assert!(page.contains("<form method=\"post\"") && page.contains("<button>Continue</button>"));
    let (_, script) = page.split_once("<script>").unwrap();
    let (script, rest) = script.split_once("</script>").unwrap();
    assert!(!rest.contains("<script") && script.contains("submit()"));
    let hash = STANDARD.encode(sha2::Sha256::digest(script));
    let policy = answer.header("content-security-policy");
    assert!(
        policy.contains(&format!("script-src 'sha256-{hash}'")),
        "{policy}"
    );
    assert!(
        policy.contains("form-action 'self' https:") && !policy.contains("unsafe"),
        "{policy}"
    );
    let private = fixture
        .approved(APP, &[("response_mode", "form_post")])
        .await;
    let policy = private.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' com.example.app:;"),
        "{policy}"
    );
}

/// 9700-2.1-b: nothing in a request but a registered address makes the server send a browser anywhere.
#[tokio::test]
async fn no_parameter_is_an_open_redirector() {
    let fixture = Fixture::new();
    let elsewhere = "https://evil.example/";
    for name in [
        "return_to",
        "next",
        "redirect",
        "url",
        "iss",
        "state",
        "response_mode",
        "scope",
        "resource",
        "request_uri",
    ] {
        let answer = fixture.approved(WEB, &[(name, elsewhere)]).await;
        assert!(
            answer
                .header("location")
                .starts_with("https://web.example/cb?own=1&"),
            "{name}"
        );
    }
}

/// Values that are something elsewhere: in HTML, in attributes, in headers, in addresses.
fn hostile() -> impl Strategy<Value = String> {
    let bits = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "\"><img src=x onerror=1>",
        "' onload='x",
        "\r\nset-cookie: a=b",
        "\n",
        "\u{0}",
        "&",
        "=",
        "%",
        "+",
        "%0d%0a",
        "&lt;",
        "javascript:alert(1)",
        "\u{2028}",
        "\u{202e}",
        "\u{e9}",
        "\u{1f980}",
        "\\",
        "${7*7}",
        "https://evil.example/",
        "//evil.example",
        "code",
        "read",
        CHALLENGE,
        "-->",
        "]]>",
        "#",
        "?",
    ]);
    let bit =
        prop_oneof![3 => bits.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    prop::collection::vec(bit, 0..6).prop_map(|bits| bits.concat())
}

fn hostile_request() -> impl Strategy<Value = (Pairs, bool)> {
    let names = prop::sample::select(vec![
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "state",
        "scope",
        "resource",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
        "nonce",
        "prompt",
        "<b>",
    ]);
    let change = (names, hostile(), any::<bool>());
    let client = prop::sample::select(vec![WEB, APP, NATIVE, STRANGER, LEGACY]);
    let mode = prop::sample::select(vec!["query", "form_post"]);
    (
        client,
        mode,
        prop::collection::vec(change, 1..4),
        any::<bool>(),
    )
        .prop_map(|(client, mode, changes, by_form)| {
            let mut params = changed(ask(client), &[("response_mode", mode)]);
            for (name, value, repeats) in changes {
                if !repeats {
                    params.retain(|(own, _)| own != name);
                }
                params.push((name.to_owned(), value));
            }
            (params, by_form)
        })
}

/// The tags of a page with the names of their attributes.
fn tags(page: &str) -> BTreeSet<String> {
    page.split('<')
        .skip(1)
        .map(|tag| {
            let (tag, _) = tag.split_once('>').expect("a tag ends");
            tag.split('"').step_by(2).collect()
        })
        .collect()
}

/// All the markup that the server has.
const MARKUP: [&str; 18] = [
    "!doctype html",
    "html lang=",
    "meta charset=",
    "title",
    "/title",
    "h1",
    "/h1",
    "p",
    "/p",
    "a rel= href=",
    "/a",
    "form method= action=",
    "/form",
    "input type= name= value=",
    "button",
    "/button",
    "script",
    "/script",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// 6749-10.14-a, 6749-4.1.2.1-g, 7636-4.4-b: whatever is in a request, nothing of it gets out as anything but text, only
    /// registered addresses are gone to, and the state is the only value that goes along.
    #[test]
    fn nothing_is_reflected_unescaped((params, by_form) in hostile_request(), decision in 0..3_u8) {
        let fixture = Setup::default().build();
        fixture.host.does(match decision {
            0 => Does::Approve(yes()),
            1 => Does::Deny,
            _ => Does::Ask,
        });
        let answer = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            if by_form {
                fixture.send(form("/authorize", &params)).await
            } else {
                fixture.visit(&params, None).await
            }
        });
        for (name, value) in &answer.headers {
            prop_assert!(value.to_str().is_ok(), "{name}: {value:?}");
        }
        let known = ["content-type", "cache-control", "pragma", "x-content-type-options", "referrer-policy",
            "x-frame-options", "content-security-policy", "location", "set-cookie", "content-length"];
        for name in answer.headers.keys() {
            prop_assert!(known.contains(&name.as_str()), "{name}");
        }
        let registered = ["https://web.example/cb?own=1", "com.example.app:/cb", "http://127.0.0.1/cb", "https://legacy.example/cb",
            "https://native.example/other", "https://stranger.example/cb"];
        if let Some(location) = answer.headers.get(LOCATION) {
            let location = location.to_str().unwrap();
            prop_assert!(registered.iter().any(|uri| location.strip_prefix(uri).is_some_and(|rest| rest.starts_with(['?', '&']))), "{location}");
            prop_assert!(location.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&b)), "{location}");
        }
        // The host's own page of the test is the handle alone.
        if answer.headers.contains_key("content-type") && !answer.body.is_empty() {
            let page = answer.text();
            let ours = BTreeSet::from(MARKUP.map(str::to_owned));
            prop_assert!(tags(page).is_subset(&ours), "{page}");
            prop_assert!(page.matches("<script").count() <= 1, "{page}");
            if page.contains("<form") {
                let (action, fields) = answer.posts_to();
                prop_assert!(registered.contains(&action.as_str()), "{action}");
                let known = ["code", "state", "iss", "error", "error_description"];
                for (name, value) in &fields.0 {
                    prop_assert!(known.contains(&name.as_str()), "{name}");
                    prop_assert!(name != "state" || params.iter().any(|(_, sent)| sent == value), "{value}");
                }
            }
        }
    }
}

/// No parameter is read in two ways: what cannot be read strictly is not read.
#[tokio::test]
async fn a_query_is_read_strictly() {
    let fixture = Fixture::new();
    let good = encoded(&ask(WEB));
    let long = format!("state2={}", "x".repeat(2049));
    let many = "&a".repeat(101);
    for bad in ["x=%zz", "x=%", "x=%ff", "x=%00", "%00=x", &long, &many] {
        let answer = fixture.send(get(&format!("/authorize?{good}&{bad}"))).await;
        assert_ends_on_a_page(&answer, bad);
    }
    for twice in ["st%61te=x", "c%6Fde_challenge=x", "%73cope=write"] {
        let answer = fixture
            .send(get(&format!("/authorize?{good}&{twice}")))
            .await;
        assert_eq!(
            answer.sent_to().1.get("error"),
            Some("invalid_request"),
            "6749-3.1-g: {twice}"
        );
    }
    let hidden = fixture
        .send(get(&format!("/authorize?{good}&cl%69ent_id=web")))
        .await;
    assert_ends_on_a_page(&hidden, "6749-3.1-g");
    assert_eq!(fixture.host.asked(), 0);
    let spaced = fixture
        .send(get(&format!(
            "/authorize?{}",
            good.replace("scope=read", "scope=read+write")
        )))
        .await;
    assert_eq!(spaced.status, 200, "6749-AppB-a");
    assert_eq!(fixture.host.last().pending.scope(), &scope("read write"));
}

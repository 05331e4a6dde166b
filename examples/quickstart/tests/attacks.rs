//! What an attacker tries with a browser of their own, with a page that their victim opens, and with nothing but a socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::collections::BTreeMap;

use common::{
    ALICE, Answer, BOB, CONFIG, Http, Place, Quickstart, Store, Visitor, http::encode, web,
};
use http::{
    Method, Request, StatusCode,
    header::{CONTENT_TYPE, COOKIE},
};

const PAGES: [&str; 3] = ["/login", "/consent", "/connections"];

/// Forms that another site has a browser send: whatever the attacker knows from a browser of their own is of no use there.
#[tokio::test]
async fn no_form_of_another_site_is_taken() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut mallory = Visitor::new(&server);
    let login = mallory.open("/login").await.form("Sign in");
    let begun = web().begin(&server, "read", &[]);
    let interaction = mallory.open(begun.url.as_str()).await;
    let question = mallory.sign_in(&interaction, BOB).await;
    let connections = mallory.open("/connections").await;

    // Login CSRF: the victim would act in the attacker's account.
    let mut victim = Visitor::new(&server);
    victim.open("/login").await;
    for form in [login, interaction.form("Sign in")] {
        let form = form.with("username", BOB.0).with("password", BOB.1);
        let page = victim.submit(&form).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert_eq!(victim.open("/connections").await.heading(), "Sign in");
    }
    // Code injection and logout: with the victim signed in.
    let page = victim.open("/connections").await;
    victim.sign_in(&page, ALICE).await;
    for form in [
        question.form("Allow"),
        question.form("Allow").with("subject", "alice"),
        question.form("Deny"),
        question.form("Use another account"),
        connections.form("Sign out"),
        connections.form("Sign out").without("token"),
        connections.form("Sign out").with("token", ""),
    ] {
        let page = victim.submit(&form).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{form:?}: {page:?}");
        assert!(!page.has_left);
    }
    let page = victim.open("/connections").await;
    assert!(page.html.contains("<strong>alice</strong>"));
    // And the attacker cannot decide about what waits in the victim's browser, with a handle that got out.
    let begun = web().begin(&server, "read", &[]);
    let stolen = victim.open(begun.url.as_str()).await.form("Allow");
    let page = mallory.submit(&stolen.with("subject", "bob")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

/// Session fixation: what the attacker plants is not what the victim is signed in with, and the browser's cookie signs nobody in.
#[tokio::test]
async fn signing_in_gives_a_session_that_nobody_knew() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut alice = Visitor::new(&server);
    let page = alice.open("/login").await;
    alice.sign_in(&page, ALICE).await;
    let first = alice.cookies.clone();
    let mut again = Visitor::new(&server);
    again.cookies.clone_from(&first);
    let name = session_cookie(&first);
    again.cookies.remove(&name);
    let page = again.open("/connections").await;
    assert_eq!(page.heading(), "Sign in");
    again.sign_in(&page, ALICE).await;
    assert_ne!(first[&name], again.cookies[&name]);

    // Neither is one made from the other, or from one that was changed.
    let session = &first[&name];
    let handle = alice
        .open(web().begin(&server, "read", &[]).url.as_str())
        .await
        .form("Allow")
        .value("interaction")
        .expect("a handle")
        .to_owned();
    let form = alice.open("/connections").await.form("Sign out");
    let flipped = if session.starts_with('A') { "B" } else { "A" };
    for forged in [
        handle.as_str(),
        form.value("token").expect("a token"),
        &format!("{flipped}{}", &session[1..]),
        &session[..session.len() - 1],
        "",
    ] {
        let mut forger = Visitor::new(&server);
        forger.cookies = BTreeMap::from([(name.clone(), forged.to_owned())]);
        assert_eq!(forger.open("/connections").await.heading(), "Sign in");
    }
}

#[tokio::test]
async fn every_page_has_the_headers_that_guard_it() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut alice = Visitor::new(&server);
    let login = alice
        .open(web().begin(&server, "read", &[]).url.as_str())
        .await;
    let refused = alice.sign_in(&login, ("alice", "wrong")).await;
    let question = alice.sign_in(&login, ALICE).await;
    let connections = alice.open("/connections").await;
    let error = alice.open("/authorize?client_id=nobody").await;
    let method = alice.open("/logout").await;
    for page in [&login, &refused, &question, &connections, &error, &method] {
        let header = |name: &str| page.headers[name].to_str().unwrap();
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        let policy = header("content-security-policy");
        for directive in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(directive), "{policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        assert!(page.html.starts_with("<!doctype html>\n<html lang=\"en\">"));
    }
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
}

/// Text from the request is text on the page, and an address from the request is none to go to.
#[tokio::test]
async fn nothing_is_reflected_as_anything_but_text() {
    const MARKUP: &str = "\"><script>alert(1)</script><b a='";
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut visitor = Visitor::new(&server);
    let login = visitor.open("/login").await;
    let page = visitor.sign_in(&login, (MARKUP, "x")).await;
    assert_eq!(page.form("Sign in").value("username"), Some(MARKUP));
    assert!(!page.html.contains("<script") && !page.html.contains("<b "));

    let encoded = encode(&[("x", MARKUP)]).split_off(2);
    for path in [
        format!("/login?interaction={encoded}"),
        format!("/consent?interaction={encoded}"),
        format!("/authorize?client_id={encoded}"),
        format!("/authorize?client_id=web&redirect_uri={encoded}"),
        "/login?interaction=https://evil.example&next=https://evil.example".to_owned(),
        "//evil.example/login".to_owned(),
        "/login/".to_owned(),
        "/login%2f".to_owned(),
        "/%6Cogin".to_owned(),
        "/LOGIN".to_owned(),
        "/connections/../login".to_owned(),
    ] {
        let answer = raw(&server, &Method::GET, &path, "").await;
        assert!(answer.status.is_client_error(), "{path}: {answer:?}");
        assert_eq!(answer.location(), None, "{path}");
        assert!(
            !answer.body.contains("alert") && !answer.body.contains("evil"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn odd_methods_and_bodies_get_an_answer() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    for page in PAGES {
        for method in [
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
            Method::TRACE,
            Method::PATCH,
        ] {
            let answer = raw(&server, &method, page, "").await;
            assert_eq!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {page}"
            );
            assert_eq!(answer.header("allow"), "GET, HEAD, POST");
        }
        let (get, head) = (
            raw(&server, &Method::GET, page, "").await,
            raw(&server, &Method::HEAD, page, "").await,
        );
        assert_eq!(
            (get.status, ""),
            (head.status, head.body.as_str()),
            "{page}"
        );
        for (body, status) in [
            ("decision=%zz", StatusCode::BAD_REQUEST),
            ("username=%00", StatusCode::BAD_REQUEST),
            ("a=b&%61=c", StatusCode::BAD_REQUEST),
            (&"a=b&".repeat(2000), StatusCode::BAD_REQUEST),
            (&"x".repeat(70_000), StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let answer = raw(&server, &Method::POST, page, body).await;
            assert_eq!(answer.status, status, "{page}");
            assert!(answer.body.contains("This cannot go on"), "{page}");
        }
        let request = Request::post(server.url(page)).header(CONTENT_TYPE, "application/json");
        let answer = Http::default().send(request, "{}".to_owned()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        for query in ["interaction=%ff", "interaction=a&%69nteraction=b"] {
            let answer = raw(&server, &Method::GET, &format!("{page}?{query}"), "").await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{page} {query}");
        }
    }
    let answer = raw(&server, &Method::GET, "/logout", "").await;
    assert_eq!(answer.header("allow"), "POST");
}

/// Spellings that a table of users may take for the same are guessed at together, and a name of any length costs the same.
#[tokio::test]
async fn other_spellings_are_no_way_around_the_throttle() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut guesser = Visitor::new(&server);
    let page = guesser.open("/login").await;
    let mut statuses = Vec::new();
    for name in ["alice", "Alice", " alice", "ALICE ", "aLice"].repeat(4) {
        statuses.push(guesser.sign_in(&page, (name, "x")).await.status);
    }
    assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS));
    let long = "x".repeat(60_000);
    let page = guesser.sign_in(&page, (&long, "x")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

/// A scope may have as many tokens as fit into a request, and each is a box on the page.
#[tokio::test]
async fn a_long_scope_can_be_allowed() {
    let tokens: Vec<_> = (0..600).map(|number| format!("{number:03}")).collect();
    let scope = tokens.join(" ");
    let place =
        Place::new(&CONFIG.replacen("scope = \"read admin\"", &format!("scope = \"{scope}\""), 1));
    let server = place.start(Store::Memory).await;
    let mut scope = scope;
    scope.truncate(2047);
    let begun = web().begin(&server, &scope, &[]);
    let mut alice = Visitor::new(&server);
    let returned = alice.allow(&begun, ALICE).await;
    let tokens = web().finish(&server, &begun, &returned).await.unwrap();
    assert_eq!(tokens.scope.as_deref(), Some(scope.as_str()));
}

/// The name of the cookie that says who is signed in.
fn session_cookie(cookies: &BTreeMap<String, String>) -> String {
    let mut names = cookies.keys();
    let name = names.find(|name| name.starts_with("oauth-session-"));
    name.expect("a session").clone()
}

/// Other applications of the same host have cookies too.
#[tokio::test]
async fn cookies_of_others_do_not_hide_ours() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut alice = Visitor::new(&server);
    let page = alice.open("/login").await;
    alice.sign_in(&page, ALICE).await;
    let name = session_cookie(&alice.cookies);
    let session = format!("{name}={}", alice.cookies[&name]);
    for cookies in [
        format!("{name}=planted; {session}"),
        format!("a=\"b;c\"; {session}; {name}=planted"),
        format!("x{name}=y;{session}"),
    ] {
        let request = Request::get(server.url("/connections")).header(COOKIE, &cookies);
        let answer = Http::default().send(request, String::new()).await;
        assert_eq!(answer.status, StatusCode::OK, "{cookies}");
    }
}

async fn raw(server: &Quickstart, method: &Method, path: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(server.url(path))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    Http::default().send(request, body.to_owned()).await
}

//! The whole flow, as applications and their users go through it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::time::{Duration, Instant};

use common::{
    ALICE, API, Application, BOB, CONFIG, Http, MACHINE, Page, Place, Quickstart, Store, Tokens,
    Visitor, WEB, app, application::refused, web,
};
use http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn from_sign_in_to_revocation_with_memory() {
    from_sign_in_to_revocation(Store::Memory).await;
}

#[tokio::test]
async fn from_sign_in_to_revocation_with_sqlite() {
    from_sign_in_to_revocation(Store::Sqlite).await;
}

async fn from_sign_in_to_revocation(store: Store) {
    let place = Place::new(CONFIG);
    let server = place.start(store).await;
    let http = Http::default();
    let mut alice = Visitor::new(&server);

    // Sign-in, refused and then not.
    let begun = web().begin(&server, "read admin", &[]);
    let page = alice.open(begun.url.as_str()).await;
    assert_eq!((page.status, page.heading()), (StatusCode::OK, "Sign in"));
    assert!(page.html.contains("<strong>Web application</strong>"));
    let page = alice.sign_in(&page, ("alice", "wrong")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.problem().expect("a problem").contains("do not belong"));
    assert_eq!(page.form("Sign in").value("username"), Some("alice"));
    let page = alice.sign_in(&page, ("mallory", "wonderland")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let page = alice.sign_in(&page, ALICE).await;
    assert_eq!(page.heading(), "Allow Web application to use your account?");

    // Nothing allowed is asked again; less is allowed than was asked for.
    let form = page.form("Allow");
    let none = form.clone().without("scope:read").without("scope:admin");
    let page = alice.submit(&none).await;
    assert!(page.problem().expect("a problem").contains("at least one"));
    let returned = alice.submit(&form.without("scope:admin")).await;
    assert_eq!(returned.url.host_str(), Some("web.example"));
    assert_eq!(returned.param("iss").as_deref(), Some(&*server.url("")));

    // The exchange, and what the tokens are good for.
    let tokens = web().finish(&server, &begun, &returned).await.unwrap();
    assert_eq!(tokens.scope.as_deref(), Some("read"));
    assert_eq!(tokens.expires_in, Some(3600));
    let answer = http.with_token(&server.url("/api"), &tokens.access).await;
    assert_eq!(answer.status, StatusCode::OK);
    let expected = json!({ "client_id": "web", "subject": "alice", "scope": "read" });
    assert_eq!(answer.json(), expected);
    let answer = http
        .with_token(&server.url("/api/admin"), &tokens.access)
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer
            .header("www-authenticate")
            .contains("insufficient_scope")
    );
    let answer = http.get(&server.url("/api")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);

    // A retry of a refresh gets the same answer, until the new refresh token is used.
    let first = tokens.refresh.expect("a refresh token");
    let once = web().refresh(&server, &first, None).await.unwrap();
    let twice = web().refresh(&server, &first, None).await.unwrap();
    assert_eq!(once.refresh, twice.refresh);
    assert_eq!(once.access, twice.access);
    assert_eq!(
        refused(web().refresh(&server, &first, Some("read admin")).await),
        "invalid_scope",
        "more than the user has allowed"
    );
    let second = once.refresh.expect("a refresh token");
    let third = web().refresh(&server, &second, Some("read")).await.unwrap();
    assert!(is_good(&server, &third).await && is_good(&server, &twice).await);

    // Introspection by one that may, by one that may not, and by nobody.
    let told = http.introspect(&server, API, &third.access).await;
    assert_eq!(told["active"], true);
    assert_eq!(told["sub"], "alice");
    assert_eq!(told["scope"], "read");
    let told = http.introspect(&server, MACHINE, &third.access).await;
    assert_eq!(told, json!({ "active": false }));
    let answer = http
        .post(
            &server.url("/introspect"),
            None,
            &[("token", &third.access)],
        )
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);

    // Revocation: an access token alone, then the family by its refresh token. Not by others.
    let answer = revoke(&server, MACHINE, &third.access).await;
    assert!(is_good(&server, &third).await, "{answer:?}");
    assert_eq!(revoke(&server, WEB, &third.access).await, StatusCode::OK);
    assert!(!is_good(&server, &third).await && is_good(&server, &twice).await);
    let third = third.refresh.expect("a refresh token");
    assert_eq!(revoke(&server, WEB, &third).await, StatusCode::OK);
    assert!(!is_good(&server, &twice).await);
    assert_eq!(
        refused(web().refresh(&server, &third, None).await),
        "invalid_grant"
    );

    // Reuse of a used one ends all that came of the same approval.
    let begun = web().begin(&server, "read", &[]);
    let returned = alice.allow(&begun, ALICE).await;
    let tokens = web().finish(&server, &begun, &returned).await.unwrap();
    let first = tokens.refresh.clone().expect("a refresh token");
    let once = web().refresh(&server, &first, None).await.unwrap();
    let second = once.refresh.clone().expect("a refresh token");
    let twice = web().refresh(&server, &second, None).await.unwrap();
    // A late retry is refused and ends nothing; after one more refresh it is a reuse.
    let late = web().refresh(&server, &first, None).await;
    assert_eq!(refused(late), "invalid_grant");
    assert!(is_good(&server, &tokens).await && is_good(&server, &twice).await);
    let current = twice.refresh.clone().expect("a refresh token");
    web().refresh(&server, &current, None).await.unwrap();
    let reused = web().refresh(&server, &first, None).await;
    assert_eq!(refused(reused), "invalid_grant");
    assert!(!is_good(&server, &tokens).await && !is_good(&server, &twice).await);

    // No secret in the log, at the level of debug.
    let log = place.log();
    assert!(log.contains("SignedIn"));
    let mut secrets = vec![ALICE.1, WEB.1, &first, &second, &third, &tokens.access];
    secrets.extend(alice.cookies.values().map(String::as_str));
    for secret in secrets {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_replayed_code_ends_what_came_of_it() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let begun = web().begin(&server, "read", &[]);
    let returned = Visitor::new(&server).allow(&begun, ALICE).await;
    let code = returned.param("code").expect("a code");

    // What is wrong with these spends nothing.
    let other = Application::confidential("web", "wrong", "https://web.example/callback");
    let wrong = other.exchange(&server, &begun, &code, &[]).await;
    assert_eq!(refused(wrong), "invalid_client");
    let other = web().begin(&server, "read", &[]);
    let wrong = web().exchange(&server, &other, &code, &[]).await;
    assert_eq!(refused(wrong), "invalid_grant", "the verifier of another");

    let tokens = web().exchange(&server, &begun, &code, &[]).await.unwrap();
    assert!(is_good(&server, &tokens).await);
    let again = web().exchange(&server, &begun, &code, &[]).await;
    assert_eq!(refused(again), "invalid_grant");
    assert!(!is_good(&server, &tokens).await);
}

#[tokio::test]
async fn connections_are_listed_and_withdrawn_with_memory() {
    connections_are_listed_and_withdrawn(Store::Memory).await;
}

#[tokio::test]
async fn connections_are_listed_and_withdrawn_with_sqlite() {
    connections_are_listed_and_withdrawn(Store::Sqlite).await;
}

async fn connections_are_listed_and_withdrawn(store: Store) {
    let place = Place::new(CONFIG);
    let server = place.start(store).await;
    let mut alice = Visitor::new(&server);

    let page = alice.open("/connections").await;
    assert_eq!(page.heading(), "Sign in");
    let page = alice.sign_in(&page, ALICE).await;
    assert_eq!(page.url.path(), "/connections");
    assert!(page.html.contains("No application has access"));

    let begun = web().begin(&server, "read admin", &[]);
    let page = alice.open(begun.url.as_str()).await;
    let remembered = page.form("Allow").with("remember", "on");
    let returned = alice.submit(&remembered).await;
    let of_web = web().finish(&server, &begun, &returned).await.unwrap();
    let begun = app().begin(&server, "read", &[]);
    let returned = alice.allow(&begun, ALICE).await;
    let of_app = app().finish(&server, &begun, &returned).await.unwrap();
    let begun = web().begin(&server, "read", &[]);
    let returned = Visitor::new(&server).allow(&begun, BOB).await;
    let of_bob = web().finish(&server, &begun, &returned).await.unwrap();

    let page = alice.open("/connections").await;
    assert!(page.html.contains("<legend>Web application</legend>"));
    assert!(page.html.contains("<li>administer everything</li>"));
    assert_eq!(page.html.matches("<fieldset>").count(), 2);
    assert_eq!(page.html.matches("It will not ask again").count(), 1);

    // What was remembered needs no question, and what is more than that does.
    let begun = web().begin(&server, "read", &[]);
    let returned = alice.open(begun.url.as_str()).await;
    assert!(returned.has_left, "{returned:?}");
    let unasked = web().finish(&server, &begun, &returned).await.unwrap();

    // A button for each application; this is that of the web application.
    let page = alice.open("/connections").await;
    let withdraw = page.forms().into_iter();
    let withdraw = withdraw
        .filter(|form| form.value("client_id") == Some("web"))
        .collect::<Vec<_>>();
    let [withdraw] = withdraw.as_slice() else {
        panic!("{withdraw:?}")
    };
    let page = alice.submit(withdraw).await;
    assert_eq!(page.html.matches("<fieldset>").count(), 1);
    assert!(!page.html.contains("Web application"));
    assert!(!is_good(&server, &of_web).await && !is_good(&server, &unasked).await);
    assert!(is_good(&server, &of_app).await && is_good(&server, &of_bob).await);
    let refresh = of_web.refresh.expect("a refresh token");
    assert_eq!(
        refused(web().refresh(&server, &refresh, None).await),
        "invalid_grant"
    );
    let begun = web().begin(&server, "read", &[]);
    let page = alice.open(begun.url.as_str()).await;
    assert!(page.heading().starts_with("Allow"), "asked again");

    // Signed out: the pages of before do nothing any more.
    let page = alice.open("/connections").await;
    let withdraw = page.form("Withdraw");
    let page = alice.submit(&page.form("Sign out")).await;
    assert_eq!(page.heading(), "Sign in");
    let page = alice.submit(&withdraw).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(is_good(&server, &of_app).await);
}

#[tokio::test]
async fn a_public_client_is_never_remembered() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut alice = Visitor::new(&server);
    let begun = app().begin(&server, "read", &[]);
    let page = alice.open(begun.url.as_str()).await;
    let page = alice.sign_in(&page, ALICE).await;
    let form = page.form("Allow");
    assert!(!page.html.contains("\"remember\""));
    assert!(alice.submit(&form.with("remember", "on")).await.has_left);
    let begun = app().begin(&server, "read", &[]);
    let page = alice.open(begun.url.as_str()).await;
    assert!(page.heading().starts_with("Allow"), "{page:?}");
}

#[tokio::test]
async fn a_refusal_is_told_to_the_application() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut alice = Visitor::new(&server);
    let begun = web().begin(&server, "read", &[]);
    let page = alice.open(begun.url.as_str()).await;
    let page = alice.sign_in(&page, ALICE).await;
    let returned = alice.submit(&page.form("Deny")).await;
    assert_eq!(returned.param("error").as_deref(), Some("access_denied"));
    assert_eq!(returned.param("code"), None);
    let state = begun.state.secret().as_str();
    assert_eq!(returned.param("state").as_deref(), Some(state));
    // A user who has said no may come back and say yes; a yes is final.
    let returned = alice.submit(&page.form("Allow")).await;
    let tokens = web().finish(&server, &begun, &returned).await.unwrap();
    assert!(is_good(&server, &tokens).await);
    let page = alice.submit(&page.form("Deny")).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "not after that");
    assert!(is_good(&server, &tokens).await);
}

#[tokio::test]
async fn a_question_can_be_answered_as_somebody_else() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut visitor = Visitor::new(&server);
    let begun = web().begin(&server, "read", &[]);
    let page = visitor.open(begun.url.as_str()).await;
    let of_alice = visitor.sign_in(&page, ALICE).await;
    let page = visitor.submit(&of_alice.form("Use another account")).await;
    assert_eq!(page.heading(), "Sign in");
    let of_bob = visitor.sign_in(&page, BOB).await;

    // What alice was shown is not bob's answer.
    let page = visitor.submit(&of_alice.form("Allow")).await;
    assert!(page.problem().expect("a problem").contains("somebody else"));
    let returned = visitor.submit(&of_bob.form("Allow")).await;
    let tokens = web().finish(&server, &begun, &returned).await.unwrap();
    let answer = Http::default()
        .with_token(&server.url("/api"), &tokens.access)
        .await;
    assert_eq!(answer.json()["subject"], "bob");
}

/// Sessions are cookies that the server only has sealed: whether there still is such a user is asked each time.
#[tokio::test]
async fn a_user_who_is_gone_is_signed_out() {
    // The issuer stays the same when the program restarts on another port.
    const ISSUER: &str = "issuer = \"http://127.0.0.1:8080\"";
    let config = format!("{ISSUER}\n{CONFIG}");
    let place = Place::new(&config);
    let server = place.start(Store::Sqlite).await;
    let mut bob = Visitor::new(&server);
    let begun = web().begin(&server, "read", &[]);
    let page = bob.open(begun.url.as_str()).await;
    let question = bob.sign_in(&page, BOB).await;
    server.kill().await;
    let without = config.replace("username = \"bob\"", "username = \"robert\"");
    std::fs::write(place.config(), without).unwrap();
    let server = place.start(Store::Sqlite).await;
    let mut bob = bob.moved_to(&server);
    assert_eq!(bob.open("/connections").await.heading(), "Sign in");
    let page = bob.submit(&question.form("Allow")).await;
    assert_eq!(page.heading(), "Sign in", "{page:?}");
}

#[tokio::test]
async fn every_way_to_prove_a_client_works() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut alice = Visitor::new(&server);
    let odd = Application::confidential(
        "odd client:+%41",
        "odd secret:+%41&=é",
        "https://odd.example/callback",
    );
    let post = Application::confidential(
        "post",
        "the secret of post",
        "https://post.example/callback",
    );
    let native = Application::public("app", "com.example.app:/callback");
    for client in [web(), post.clone().by_post(), odd, app(), native] {
        let begun = client.begin(&server, "read", &[]);
        let returned = alice.allow(&begun, ALICE).await;
        let tokens = client.finish(&server, &begun, &returned).await.unwrap();
        let told = Http::default()
            .introspect(&server, API, &tokens.access)
            .await;
        assert_eq!(told["client_id"], client.id);
        let refresh = tokens.refresh.expect("a refresh token");
        client.refresh(&server, &refresh, None).await.unwrap();
    }
    // Each by its own method only.
    for client in [web().by_post(), post] {
        let begun = client.begin(&server, "read", &[]);
        let returned = alice.allow(&begun, ALICE).await;
        let refusal = client.finish(&server, &begun, &returned).await;
        assert_eq!(refused(refusal), "invalid_client");
    }
    let machine = Application::confidential(MACHINE.0, MACHINE.1, "https://unused.example/");
    let tokens = machine.client_credentials(&server, "admin").await.unwrap();
    assert_eq!(tokens.refresh, None);
    let answer = Http::default()
        .with_token(&server.url("/api/admin"), &tokens.access)
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["subject"], Value::Null);
}

#[tokio::test]
async fn resources_bind_tokens_to_where_they_are_for() {
    const RESOURCES: &str = r#"
        [[resource]]
        path = "/mail"
        scope = "read"
        identifier = "https://mail.example/"

        [[resource]]
        path = "/calendar"
        scope = "read"
        identifier = "https://calendar.example/v1"

        [[resource]]
        path = "/:odd/*x"
        scope = "read"
        identifier = "https://mail.example/"

        [[client]]
        client_id = "mail-api"
        client_secret = "the secret of mail-api"
        grant_types = []
        may_introspect = ["https://mail.example/"]
    "#;
    let place = Place::new(&format!("{CONFIG}{RESOURCES}"));
    let server = place.start(Store::Sqlite).await;
    let mut alice = Visitor::new(&server);
    let http = Http::default();
    let (mail, calendar) = ("https://mail.example/", "https://calendar.example/v1");
    let both = [("resource", mail), ("resource", calendar)];

    let begun = web().begin(&server, "read", &both);
    let page = alice.open(begun.url.as_str()).await;
    let page = alice.sign_in(&page, ALICE).await;
    assert!(page.html.contains(&format!("<code>{calendar}</code>")));
    let returned = alice.submit(&page.form("Allow")).await;
    let code = returned.param("code").expect("a code");
    let tokens = web()
        .exchange(&server, &begun, &code, &[("resource", mail)])
        .await
        .unwrap();
    for (path, status) in [
        ("/mail", StatusCode::OK),
        ("/:odd/*x", StatusCode::OK),
        ("/even/x", StatusCode::NOT_FOUND),
        ("/calendar", StatusCode::UNAUTHORIZED),
        ("/api", StatusCode::NOT_FOUND),
    ] {
        let answer = http.with_token(&server.url(path), &tokens.access).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let told = http.introspect(&server, API, &tokens.access).await;
    assert_eq!(told["aud"], mail);
    let mail_api = ("mail-api", "the secret of mail-api");
    let told = http.introspect(&server, mail_api, &tokens.access).await;
    assert_eq!(told["active"], true);

    let refresh = tokens.refresh.expect("a refresh token");
    let form = |resource| {
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.as_str()),
            ("resource", resource),
        ]
    };
    let token = server.url("/token");
    let answer = http
        .post(&token, Some(WEB), &form("https://x.example/"))
        .await;
    assert_eq!(answer.json()["error"], "invalid_target");
    let answer = http.post(&token, Some(WEB), &form(calendar)).await;
    let for_calendar = answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let answer = http
        .with_token(&server.url("/calendar"), &for_calendar)
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let told = http.introspect(&server, mail_api, &for_calendar).await;
    assert_eq!(told, json!({ "active": false }));

    let begun = web().begin(&server, "read", &[("resource", "https://x.example/")]);
    let returned = alice.open(begun.url.as_str()).await;
    assert_eq!(returned.param("error").as_deref(), Some("invalid_target"));
}

#[tokio::test]
async fn each_client_has_its_own_lifetimes() {
    const SHORT: &str = r#"
        [policy]
        access_token_lifetime = 1000
        refresh_grace = 0

        [[client]]
        client_id = "short"
        redirect_uris = ["https://short.example/callback"]
        scope = "read"
        code_lifetime = 1
        access_token_lifetime = 2
        refresh_token_lifetime = 5
    "#;
    let place = Place::new(&format!("{SHORT}{CONFIG}"));
    let server = place.start(Store::Memory).await;
    let mut alice = Visitor::new(&server);
    let http = Http::default();
    let short = Application::public("short", "https://short.example/callback");

    let begun = web().begin(&server, "read", &[]);
    let returned = alice.allow(&begun, ALICE).await;
    let tokens = web().finish(&server, &begun, &returned).await.unwrap();
    assert_eq!(tokens.expires_in, Some(1000));
    let refresh = tokens.refresh.expect("a refresh token");
    web().refresh(&server, &refresh, None).await.unwrap();
    assert_eq!(
        refused(web().refresh(&server, &refresh, None).await),
        "invalid_grant",
        "no grace"
    );

    let late = short.begin(&server, "read", &[]);
    let too_late = alice.allow(&late, ALICE).await;
    let came_at = Instant::now();
    let begun = short.begin(&server, "read", &[]);
    let page = alice.open(begun.url.as_str()).await;
    assert!(page.html.contains("keeps this access for 5 seconds"));
    let before = Instant::now();
    let returned = alice.submit(&page.form("Allow")).await;
    let tokens = short.finish(&server, &begun, &returned).await.unwrap();
    assert_eq!(tokens.expires_in, Some(2));
    let told = http.introspect(&server, API, &tokens.access).await;
    let seconds = |name: &str| told[name].as_u64().expect("a time");
    assert_eq!(seconds("exp") - seconds("iat"), 2);
    let refresh = tokens.refresh.clone().expect("a refresh token");
    let told = http
        .post(
            &server.url("/introspect"),
            Some(API),
            &[("token", &refresh), ("token_type_hint", "refresh_token")],
        )
        .await
        .json();
    let length = told["exp"].as_u64().expect("a time") - told["iat"].as_u64().expect("a time");
    assert!((4..=5).contains(&length), "{told}");

    while is_good(&server, &tokens).await {
        assert!(before.elapsed() < common::place::PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(
        before.elapsed() >= Duration::from_secs(2),
        "not before its time"
    );
    assert!(came_at.elapsed() >= Duration::from_secs(1));
    let refusal = short.finish(&server, &late, &too_late).await;
    assert_eq!(refused(refusal), "invalid_grant");
}

#[tokio::test]
async fn form_post_brings_the_answer_in_a_form() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut alice = Visitor::new(&server);
    let begun = web().begin(&server, "read", &[("response_mode", "form_post")]);
    let page = alice.open(begun.url.as_str()).await;
    let page = alice.sign_in(&page, ALICE).await;
    let page = alice.submit(&page.form("Allow")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.url.query(), None, "no code in an address");
    let form = page.form("Continue");
    assert_eq!(form.action, "https://web.example/callback");
    assert_eq!(form.value("state"), Some(begun.state.secret().as_str()));
    assert_eq!(form.value("iss"), Some(&*server.url("")));
    let code = form.value("code").expect("a code");
    web().exchange(&server, &begun, code, &[]).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_said_before_any_login_page() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let mut visitor = Visitor::new(&server);
    let good = web().begin(&server, "read", &[]).url;
    let with = |name: &str, value: Option<&str>| {
        let mut url = good.clone();
        let pairs = good.query_pairs().filter(|(own, _)| own != name);
        let pairs: Vec<_> = pairs
            .chain(value.map(|value| (name.into(), value.into())))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        url
    };
    // Nothing goes to an address that is not proven to be the client's.
    for url in [
        with("client_id", None),
        with("client_id", Some("nobody")),
        with("redirect_uri", Some("https://evil.example/callback")),
        with("redirect_uri", Some("https://web.example/callback/")),
        with(
            "redirect_uri",
            Some("https://web.example/callback?x=<script>"),
        ),
    ] {
        let page = visitor.open(url.as_str()).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{url}");
        assert_eq!(page.heading(), "This cannot go on");
        assert!(!page.has_left && !page.html.contains("href=") && page.forms().is_empty());
        assert!(!page.html.contains("evil") && !page.html.contains("<script>"));
    }
    for (url, error) in [
        (
            with("response_type", Some("token")),
            "unsupported_response_type",
        ),
        (with("response_type", None), "invalid_request"),
        (with("code_challenge", None), "invalid_request"),
        (
            with("code_challenge_method", Some("plain")),
            "invalid_request",
        ),
        (with("scope", Some("read write")), "invalid_scope"),
        (with("response_mode", Some("fragment")), "invalid_request"),
    ] {
        let page = visitor.open(url.as_str()).await;
        assert!(page.has_left, "{url}: {page:?}");
        assert_eq!(page.param("error").as_deref(), Some(error), "{url}");
        assert_eq!(page.param("iss").as_deref(), Some(&*server.url("")));
    }
}

#[tokio::test]
async fn guesses_are_slowed_down() {
    let place = Place::new(CONFIG);
    let server = place.start(Store::Memory).await;
    let http = Http::default();
    let mut guesser = Visitor::new(&server);
    let page = guesser.open("/login").await;
    let mut page = guesser.sign_in(&page, ("alice", "guess 0")).await;
    let mut guesses = 1;
    while page.status == StatusCode::FORBIDDEN {
        page = guesser
            .sign_in(&page, ("alice", &format!("guess {guesses}")))
            .await;
        guesses += 1;
    }
    assert!((11..=15).contains(&guesses), "{guesses}");
    assert_slowed(&page);
    let page = guesser.sign_in(&page, ALICE).await;
    assert_slowed(&page);
    let page = guesser.sign_in(&page, BOB).await;
    assert_eq!(page.heading(), "Connected applications", "nobody else");

    let form = [("grant_type", "client_credentials")];
    let token = server.url("/token");
    let mut statuses = Vec::new();
    for guess in 0..15 {
        let guess = format!("guess {guess}");
        let answer = http.post(&token, Some(("machine", &guess)), &form).await;
        statuses.push(answer.status);
    }
    assert!(
        statuses[..10]
            .iter()
            .all(|status| *status == StatusCode::UNAUTHORIZED)
    );
    assert_eq!(statuses[14], StatusCode::TOO_MANY_REQUESTS);
    let answer = http.post(&token, Some(MACHINE), &form).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    let answer = http.post(&token, Some(WEB), &form).await;
    assert_eq!(answer.json()["error"], "unauthorized_client", "nobody else");
}

fn assert_slowed(page: &Page) {
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        page.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
    assert!(page.problem().expect("a problem").contains("Too many"));
}

#[tokio::test]
async fn guesses_are_not_slowed_down_if_the_file_says_so() {
    let place = Place::new(&format!("[policy]\nthrottle = false\n{CONFIG}"));
    let server = place.start(Store::Memory).await;
    let mut guesser = Visitor::new(&server);
    let mut page = guesser.open("/login").await;
    let form = [("grant_type", "client_credentials")];
    let http = Http::default();
    let token = server.url("/token");
    for _ in 0..30 {
        page = guesser.sign_in(&page, ("alice", "guess")).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        let answer = http.post(&token, Some(("machine", "guess")), &form).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let page = guesser.sign_in(&page, ALICE).await;
    assert_eq!(page.status, StatusCode::OK);
    let answer = http.post(&token, Some(MACHINE), &form).await;
    assert_eq!(answer.status, StatusCode::OK);
}

async fn is_good(server: &Quickstart, tokens: &Tokens) -> bool {
    let answer = Http::default()
        .with_token(&server.url("/api"), &tokens.access)
        .await;
    assert!([StatusCode::OK, StatusCode::UNAUTHORIZED].contains(&answer.status));
    answer.status == StatusCode::OK
}

async fn revoke(server: &Quickstart, who: (&str, &str), token: &str) -> StatusCode {
    Http::default()
        .post(&server.url("/revoke"), Some(who), &[("token", token)])
        .await
        .status
}

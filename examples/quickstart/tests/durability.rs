//! What the program has answered with is still true after `kill -9`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use common::{
    ALICE, API, Application, CONFIG, Http, MACHINE, Place, Quickstart, Store, Visitor, web,
};
use http::StatusCode;
use serde_json::Value;
use tokio::task::JoinSet;

/// The issuer stays as it is when the program comes back on another port.
const ISSUER: &str = "issuer = \"http://127.0.0.1:8080\"\n";

const ROUNDS: usize = 4;
const WORKERS: usize = 16;

/// How many answers there are before the program is killed, in each round.
const ENOUGH: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn no_token_that_was_answered_with_is_lost() {
    // Allow more access tokens of one grant than anybody needs.
    let ceiling = "[policy]\ntokens_per_grant = 1000000\n";
    let place = Place::new(&format!("{ISSUER}{ceiling}{CONFIG}"));
    let mut answered: Vec<Answered> = Vec::new();
    let mut refresh = Vec::new();
    let mut server = place.start(Store::Sqlite).await;
    let mut alice = Visitor::new(&server);
    for round in 0..ROUNDS {
        while refresh.len() < WORKERS {
            let begun = web().begin(&server, "read", &[]);
            let returned = alice.allow(&begun, ALICE).await;
            let tokens = web().finish(&server, &begun, &returned).await.unwrap();
            refresh.push(tokens.refresh.expect("a refresh token"));
        }
        let count = Arc::new(AtomicUsize::new(0));
        let mut workers = JoinSet::new();
        for (number, token) in refresh.drain(..).enumerate() {
            let url = server.url("/token");
            let count = Arc::clone(&count);
            workers.spawn(async move {
                if number % 2 == 0 {
                    Ok(keep_refreshing(&url, token, &count).await)
                } else {
                    Err((token, keep_asking(&url, &count).await))
                }
            });
        }
        while count.load(Ordering::Relaxed) < ENOUGH * (round + 1) {
            tokio::task::yield_now().await;
        }
        server.kill().await;

        server = place.start(Store::Sqlite).await;
        alice = alice.moved_to(&server);
        while let Some(done) = workers.join_next().await {
            match done.unwrap() {
                Ok(chain) => {
                    answered.extend(chain.access.into_iter().map(Answered::Access));
                    // The last one that arrived is good, also if the server had gone on to its successor.
                    let once = web().refresh(&server, &chain.last, None).await.unwrap();
                    refresh.push(once.refresh.expect("a refresh token"));
                }
                Err((token, access)) => {
                    answered.extend(access.into_iter().map(Answered::Access));
                    refresh.push(token);
                }
            }
        }
        answered.extend(refresh.iter().cloned().map(Answered::Refresh));
        assert!(answered.len() >= ENOUGH);
        all_are_good(&server, &mut answered).await;
    }
}

enum Answered {
    Access(String),
    Refresh(String),
}

/// Asks for every token, and keeps the access tokens, which stay good.
async fn all_are_good(server: &Quickstart, answered: &mut Vec<Answered>) {
    let http = Http::default();
    for token in answered.iter() {
        let (Answered::Access(token) | Answered::Refresh(token)) = token;
        let told = http.introspect(server, API, token).await;
        assert_eq!(told["active"], true, "of {} tokens", answered.len());
    }
    answered.retain(|token| matches!(token, Answered::Access(_)));
}

struct Chain {
    access: Vec<String>,
    last: String,
}

/// Refreshes until the server is gone.
async fn keep_refreshing(url: &str, first: String, count: &AtomicUsize) -> Chain {
    let http = Http::default();
    let mut chain = Chain {
        access: Vec::new(),
        last: first,
    };
    loop {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", chain.last.as_str()),
        ];
        let Ok(answer) = http.try_post(url, Some(common::WEB), &form).await else {
            return chain;
        };
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let tokens = answer.json();
        chain.access.push(text(&tokens["access_token"]));
        chain.last = text(&tokens["refresh_token"]);
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks for tokens of the client's own until the server is gone.
async fn keep_asking(url: &str, count: &AtomicUsize) -> Vec<String> {
    let http = Http::default();
    let mut access = Vec::new();
    let form = [("grant_type", "client_credentials")];
    while let Ok(answer) = http.try_post(url, Some(MACHINE), &form).await {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        access.push(text(&answer.json()["access_token"]));
        count.fetch_add(1, Ordering::Relaxed);
    }
    access
}

fn text(value: &Value) -> String {
    value.as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn codes_decisions_and_withdrawals_survive() {
    let place = Place::new(&format!("{ISSUER}{CONFIG}"));
    let server = place.start(Store::Sqlite).await;
    let mut alice = Visitor::new(&server);
    let spent = web().begin(&server, "read", &[]);
    let returned = alice.allow(&spent, ALICE).await;
    let spent_code = returned.param("code").expect("a code");
    let tokens = web().finish(&server, &spent, &returned).await.unwrap();
    let unspent = web().begin(&server, "read", &[]);
    let page = alice.open(unspent.url.as_str()).await;
    let form = page.form("Allow");
    let returned = alice.submit(&form).await;
    let code = returned.param("code").expect("a code");
    server.kill().await;

    let server = place.start(Store::Sqlite).await;
    let mut alice = alice.moved_to(&server);
    let repeated = alice.submit(&form).await;
    assert_eq!(repeated.param("code").as_deref(), Some(code.as_str()));
    let answer = alice.submit(&page.form("Deny")).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let of_code = web().exchange(&server, &unspent, &code, &[]).await.unwrap();
    assert!(is_active(&server, &of_code.access).await && is_active(&server, &tokens.access).await);
    let replay = web().exchange(&server, &spent, &spent_code, &[]).await;
    assert!(replay.is_err() && !is_active(&server, &tokens.access).await);
    let page = alice.open("/connections").await;
    alice.submit(&page.form("Withdraw")).await;
    server.kill().await;

    let server = place.start(Store::Sqlite).await;
    assert!(!is_active(&server, &of_code.access).await);
    assert!(web().exchange(&server, &unspent, &code, &[]).await.is_err());
}

#[tokio::test]
async fn a_session_and_a_question_survive() {
    let place = Place::new(&format!("{ISSUER}{CONFIG}"));
    let server = place.start(Store::Sqlite).await;
    let begun = web().begin(&server, "read", &[]);
    let mut alice = Visitor::new(&server);
    let question = alice.open(begun.url.as_str()).await;
    let question = alice.sign_in(&question, ALICE).await;
    let mut bob = Visitor::new(&server);
    let for_bob =
        Application::public("app", "http://127.0.0.1:9/callback").begin(&server, "read", &[]);
    let login = bob.open(for_bob.url.as_str()).await;
    server.kill().await;

    let server = place.start(Store::Sqlite).await;
    let (mut alice, mut bob) = (alice.moved_to(&server), bob.moved_to(&server));
    let returned = alice.submit(&question.form("Allow")).await;
    let tokens = web().finish(&server, &begun, &returned).await.unwrap();
    assert!(is_active(&server, &tokens.access).await);
    let page = alice.open("/connections").await;
    assert_eq!(page.heading(), "Connected applications");
    let page = bob.sign_in(&login, common::BOB).await;
    assert!(page.heading().starts_with("Allow"), "{page:?}");
    assert!(bob.submit(&page.form("Allow")).await.has_left);
}

async fn is_active(server: &Quickstart, token: &str) -> bool {
    let told = Http::default().introspect(server, API, token).await;
    told["active"] == true
}

//! Two programs over one database are one server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers included"
)]

mod common;

use std::sync::Arc;

use common::{ALICE, API, Http, Place, Quickstart, Visitor, WEB, web};
use http::StatusCode;
use throwaway::Postgres;
use tokio::{sync::Barrier, task::JoinSet};

/// The issuer is what clients know; which program answers, they do not.
const ISSUER: &str = "issuer = \"http://127.0.0.1:8080\"\n";

const ROUNDS: usize = 10;
const MANY: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_over_one_database_are_one_server() {
    let Some(mut database) = Postgres::start() else {
        return throwaway::skip("PostgreSQL");
    };
    let place = Place::new(&format!("{ISSUER}{}", common::CONFIG));
    let url = database.url();
    // At the same moment, on an empty database.
    let (one, other) = tokio::join!(place.start_over(&url), place.start_over(&url));

    // A user signs in at one, allows at the other; the code goes to one, and so on.
    let begun = web().begin(&one, "read", &[]);
    let mut alice = Visitor::new(&one);
    let returned = alice.allow(&begun, ALICE).await;
    let tokens = web().finish(&other, &begun, &returned).await.unwrap();
    let refresh = tokens.refresh.expect("a refresh token");
    let again = web().refresh(&one, &refresh, None).await.unwrap();
    let told = Http::default().introspect(&other, API, &again.access).await;
    assert_eq!(told["active"], true);
    // She is signed in at the other too, since the key that proves it is shared.
    let mut alice = alice.moved_to(&other);

    for _ in 0..ROUNDS {
        let begun = web().begin(&other, "read", &[]);
        let returned = alice.allow(&begun, ALICE).await;
        let code = returned.param("code").expect("a code");
        one_wins(&one, &other, &code, &begun.verifier).await;
    }

    // The database is gone: an answer that says so, and when to come again. It is back: so are they, with all they knew.
    database.kill();
    let refresh = again.refresh.expect("a refresh token");
    for server in [&one, &other] {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &*refresh),
        ];
        let answer = Http::default()
            .post(&server.url("/token"), Some(WEB), &form)
            .await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert_eq!(answer.json()["error"], "temporarily_unavailable");
        assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    }
    database.restart();
    for server in [&one, &other] {
        let told = Http::default().introspect(server, API, &refresh).await;
        assert_eq!(told["active"], true);
    }
}

/// Of many redemptions of a code, half of them at each, one gets tokens.
async fn one_wins(one: &Quickstart, other: &Quickstart, code: &str, verifier: &str) {
    let start = Arc::new(Barrier::new(MANY));
    let mut racing = JoinSet::new();
    for number in 0..MANY {
        let server = if number % 2 == 0 { one } else { other };
        let url = server.url("/token");
        let (code, verifier) = (code.to_owned(), verifier.to_owned());
        let start = Arc::clone(&start);
        racing.spawn(async move {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", &*code),
                ("redirect_uri", "https://web.example/callback"),
                ("code_verifier", &*verifier),
            ];
            start.wait().await;
            Http::default().post(&url, Some(WEB), &form).await
        });
    }
    let answers = racing.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.status == StatusCode::OK);
    assert_eq!(won.len(), 1, "{answers:?}");
    for answer in lost {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
    // What was replayed has ended, at both.
    let token = won[0].json()["access_token"].as_str().unwrap().to_owned();
    for server in [one, other] {
        let told = Http::default().introspect(server, API, &token).await;
        assert_eq!(told["active"], false);
    }
}

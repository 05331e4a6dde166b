//! Many at once, over HTTP: of concurrent redemptions one wins and the others end what it won; concurrent refreshes all get the same
//! successor within the grace window, and are reuse without one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::collections::HashSet;

use common::{ALICE, API, Answer, CONFIG, Http, Place, Quickstart, Store, Visitor, WEB, web};
use http::StatusCode;
use tokio::{sync::Barrier, task::JoinSet};

const MANY: usize = 64;
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn one_redemption_wins_with_memory() {
    one_redemption_wins(Store::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_redemption_wins_with_sqlite() {
    one_redemption_wins(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_share_a_successor_with_memory() {
    refreshes_share_a_successor(Store::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_share_a_successor_with_sqlite() {
    refreshes_share_a_successor(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refresh_wins_without_grace_with_memory() {
    one_refresh_wins_without_grace(Store::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refresh_wins_without_grace_with_sqlite() {
    one_refresh_wins_without_grace(Store::Sqlite).await;
}

async fn one_redemption_wins(store: Store) {
    let place = Place::new(CONFIG);
    let server = place.start(store).await;
    let mut alice = Visitor::new(&server);
    for _ in 0..ROUNDS {
        let begun = web().begin(&server, "read", &[]);
        let returned = alice.allow(&begun, ALICE).await;
        let code = returned.param("code").expect("a code");
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", "https://web.example/callback"),
            ("code_verifier", &begun.verifier),
        ];
        let answers = at_once(&server, &form).await;
        let (winners, losers) = parted(&answers);
        assert_eq!(winners.len(), 1);
        all_lost(&losers);
        all_ended(&server, &winners).await;
    }
}

async fn refreshes_share_a_successor(store: Store) {
    let place = Place::new(CONFIG);
    let server = place.start(store).await;
    for _ in 0..ROUNDS {
        let mut presented = refresh_token(&server).await;
        for _ in 0..ROUNDS {
            let answers = at_once(&server, &refresh(&presented)).await;
            let (winners, losers) = parted(&answers);
            assert_eq!(winners.len(), MANY, "{losers:?}");
            let of = |name: &str| -> HashSet<String> {
                winners.iter().map(|answer| token(answer, name)).collect()
            };
            assert_eq!(of("access_token").len(), MANY, "each its own access token");
            let successors = of("refresh_token");
            assert_eq!(successors.len(), 1, "all the same successor");
            for access in of("access_token") {
                let answer = Http::default()
                    .with_token(&server.url("/api"), &access)
                    .await;
                assert_eq!(answer.status, StatusCode::OK);
            }
            presented = successors.into_iter().next().expect("a successor");
        }
    }
}

async fn one_refresh_wins_without_grace(store: Store) {
    let place = Place::new(&format!("[policy]\nrefresh_grace = 0\n{CONFIG}"));
    let server = place.start(store).await;
    for _ in 0..ROUNDS {
        let presented = refresh_token(&server).await;
        let answers = at_once(&server, &refresh(&presented)).await;
        let (winners, losers) = parted(&answers);
        assert_eq!(winners.len(), 1);
        all_lost(&losers);
        all_ended(&server, &winners).await;
    }
}

/// The same request, 64 times, each over a connection of its own, all sent at once.
async fn at_once(server: &Quickstart, form: &[(&str, &str)]) -> Vec<Answer> {
    let barrier = std::sync::Arc::new(Barrier::new(MANY));
    let form: Vec<_> = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut requests = JoinSet::new();
    for _ in 0..MANY {
        let (url, form) = (server.url(""), form.clone());
        let barrier = std::sync::Arc::clone(&barrier);
        requests.spawn(async move {
            let http = Http::default();
            // Connected before the race begins.
            http.get(&format!("{url}/.well-known/oauth-authorization-server"))
                .await;
            barrier.wait().await;
            let form: Vec<_> = form
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            http.post(&format!("{url}/token"), Some(WEB), &form).await
        });
    }
    requests.join_all().await
}

fn parted(answers: &[Answer]) -> (Vec<&Answer>, Vec<&Answer>) {
    answers
        .iter()
        .partition(|answer| answer.status == StatusCode::OK)
}

fn all_lost(losers: &[&Answer]) {
    assert_eq!(losers.len(), MANY - 1);
    for answer in losers {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
}

/// The losers have presented what was spent, so what the winner got has ended.
async fn all_ended(server: &Quickstart, winners: &[&Answer]) {
    for answer in winners {
        for name in ["access_token", "refresh_token"] {
            let told = Http::default()
                .introspect(server, API, &token(answer, name))
                .await;
            assert_eq!(told["active"], false, "{name}");
        }
        let spent = token(answer, "refresh_token");
        let answer = Http::default()
            .post(&server.url("/token"), Some(WEB), &refresh(&spent))
            .await;
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
}

async fn refresh_token(server: &Quickstart) -> String {
    let begun = web().begin(server, "read", &[]);
    let returned = Visitor::new(server).allow(&begun, ALICE).await;
    let tokens = web().finish(server, &begun, &returned).await.unwrap();
    tokens.refresh.expect("a refresh token")
}

fn refresh(token: &str) -> [(&str, &str); 2] {
    [("grant_type", "refresh_token"), ("refresh_token", token)]
}

fn token(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().expect("a token").to_owned()
}

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

use std::{
    collections::HashSet,
    io::{Read, Write},
    net::TcpStream,
};

use common::{
    ALICE, API, Answer, CONFIG, Http, Place, Quickstart, Store, Visitor, WEB,
    http::{basic, encode},
    place::PATIENCE,
    web,
};
use http::{HeaderMap, StatusCode};

const MANY: usize = 64;
/// Enough for a store that forgets its guards to be caught in nearly every run.
const ROUNDS: usize = 20;

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
    for _ in 0..ROUNDS / 4 {
        let mut presented = refresh_token(&server).await;
        for _ in 0..4 {
            let answers = at_once(&server, &refresh(&presented)).await;
            let (winners, losers) = parted(&answers);
            assert_eq!(winners.len(), MANY, "{losers:?}");
            let of = |name: &str| -> HashSet<String> {
                winners.iter().map(|answer| token(answer, name)).collect()
            };
            assert_eq!(of("access_token").len(), 1, "all the same access token");
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

/// The same request, 64 times, each over a connection of its own. Of each all but the last byte is sent before the race begins, so
/// that the server finds them all at once.
async fn at_once(server: &Quickstart, form: &[(&str, &str)]) -> Vec<Answer> {
    let body = encode(form);
    let request = format!(
        "POST /token HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        server.address(),
        basic(WEB.0, WEB.1),
        body.len(),
    );
    let address = server.address().to_owned();
    let race = move || {
        let (most, last) = request.split_at(request.len() - 1);
        let connect = |_| {
            let mut connection = TcpStream::connect(&address).unwrap();
            connection.set_nodelay(true).unwrap();
            connection.set_read_timeout(Some(PATIENCE)).unwrap();
            connection.write_all(most.as_bytes()).unwrap();
            connection
        };
        let mut connections: Vec<_> = (0..MANY).map(connect).collect();
        for connection in &mut connections {
            connection.write_all(last.as_bytes()).unwrap();
        }
        connections.into_iter().map(answer).collect()
    };
    tokio::task::spawn_blocking(race).await.unwrap()
}

fn answer(mut connection: TcpStream) -> Answer {
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    Answer {
        status: status.parse().unwrap(),
        headers: HeaderMap::new(),
        body: body.to_owned(),
    }
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

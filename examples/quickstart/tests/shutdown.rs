//! Ctrl-C finishes what is in flight, and begins nothing more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use common::{CONFIG, Http, MACHINE, Place, Quickstart, Store};
use test_client::{HalfSent, closed, rest};
use tokio::net::TcpStream;

const BODY: &str = "grant_type=client_credentials&client_id=later&client_secret=x";

#[tokio::test]
async fn a_body_that_still_arrives_is_answered_and_nobody_else_is() {
    for store in [Store::Memory, Store::Sqlite] {
        let place = Place::new(CONFIG);
        let mut server = place.start(store).await;
        let slow = HalfSent::post(server.address(), "/token", BODY).await;
        let idle = TcpStream::connect(server.address()).await.unwrap();

        server.interrupt().await;
        closed(server.address()).await;
        let answer = slow.finish().await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(answer.contains("\"error\":\"invalid_client\""), "{answer}");
        assert_eq!(rest(idle).await, "");
        assert!(server.ended().await.success());
    }
}

#[tokio::test]
async fn what_was_issued_before_is_there_after() {
    let place = Place::new(&format!("issuer = \"http://127.0.0.1:8080\"\n{CONFIG}"));
    let mut server = place.start(Store::Sqlite).await;
    let token = issue(&server).await;
    server.interrupt().await;
    assert!(server.ended().await.success());
    let server = place.start(Store::Sqlite).await;
    let told = Http::default()
        .introspect(&server, common::API, &token)
        .await;
    assert_eq!(told["active"], true);
}

/// It can be stopped from the moment at which it says that it is ready.
#[tokio::test]
async fn ctrl_c_works_from_the_first_moment_on() {
    for _ in 0..20 {
        let place = Place::new(CONFIG);
        let mut server = place.start(Store::Memory).await;
        server.interrupt().await;
        let status = server.ended().await;
        assert!(status.success(), "{status}");
    }
}

async fn issue(server: &Quickstart) -> String {
    let form = [("grant_type", "client_credentials")];
    let answer = Http::default()
        .post(&server.url("/token"), Some(MACHINE), &form)
        .await;
    answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

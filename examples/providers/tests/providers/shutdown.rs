//! Ctrl-C finishes what is in flight, at each of the providers, and begins nothing more.

use test_client::{HalfSent, closed};

use super::place::{CONFIG, run};

const BODY: &str = "grant_type=client_credentials&client_id=1&client_secret=the+secret+of+1";

#[tokio::test]
async fn what_is_in_flight_is_finished() {
    for which in ["pigai", "all"] {
        let mut server = run(&[which], Some(CONFIG)).await;
        let address = server.base.trim_start_matches("http://").to_owned();
        let slow = HalfSent::post(&address, "/oauth2/access_token", BODY).await;
        server.interrupt().await;
        closed(&address).await;
        let answer = slow.finish().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("\"scope\":null"), "{answer}");
        assert!(server.ended().await.success());
    }
}

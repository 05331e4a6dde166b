//! Ctrl-C finishes what is in flight, at each of the providers, and begins nothing more.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::place::{CONFIG, PATIENCE, run};

const BODY: &str = "grant_type=client_credentials&client_id=1&client_secret=the+secret+of+1";

#[tokio::test]
async fn what_is_in_flight_is_finished() {
    for which in ["pigai", "all"] {
        let mut server = run(&[which], Some(CONFIG)).await;
        let address = server.base.trim_start_matches("http://").to_owned();
        let (arrived, to_come) = BODY.split_at(10);
        let mut slow = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "POST /oauth2/access_token HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n",
            BODY.len()
        );
        slow.write_all(head.as_bytes()).await.unwrap();
        // The server says so when it has begun to wait for the body.
        let mut go_on = [0; 25];
        slow.read_exact(&mut go_on).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        slow.write_all(arrived.as_bytes()).await.unwrap();
        server.interrupt().await;
        let refused = async {
            while TcpStream::connect(&address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, refused).await.expect("a closed door");
        slow.write_all(to_come.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, slow.read_to_string(&mut answer))
            .await
            .expect("an answer in time")
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("\"scope\":null"), "{answer}");
        assert!(server.ended().await.success());
    }
}

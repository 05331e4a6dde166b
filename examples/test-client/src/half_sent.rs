//! A request of which a part is still to come.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long a server may take. What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A form of which the server has the first half, and waits for the second.
#[derive(Debug)]
pub struct HalfSent {
    stream: TcpStream,
    to_come: String,
}

impl HalfSent {
    /// Posts the first half of a form to a path at an address (`127.0.0.1:8080`), and waits until the server has begun to wait for
    /// the rest.
    ///
    /// # Panics
    /// If the server does not take it.
    pub async fn post(address: &str, path: &str, form: &str) -> Self {
        let (arrived, to_come) = form.split_at(form.len() / 2);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n",
            form.len()
        );
        let mut stream = TcpStream::connect(address).await.expect("a server");
        stream.write_all(head.as_bytes()).await.expect("an ear");
        let mut go_on = [0; CONTINUE.len()];
        let read = timeout(PATIENCE, stream.read_exact(&mut go_on)).await;
        read.expect("an answer in time").expect("an answer");
        assert_eq!(go_on, CONTINUE);
        stream.write_all(arrived.as_bytes()).await.expect("an ear");
        Self {
            stream,
            to_come: to_come.to_owned(),
        }
    }

    /// Sends the rest, and reads to the end of the connection.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn finish(mut self) -> String {
        let sent = self.stream.write_all(self.to_come.as_bytes()).await;
        sent.expect("an ear");
        rest(self.stream).await
    }
}

/// What a server still says before it ends a connection.
///
/// # Panics
/// If it does not end it.
pub async fn rest(mut stream: TcpStream) -> String {
    let mut said = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut said)).await;
    read.expect("an end in time").expect("an answer");
    said
}

/// Waits until nobody is let in at an address any more.
///
/// # Panics
/// If that does not happen.
pub async fn closed(address: &str) {
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.expect("a closed door");
}

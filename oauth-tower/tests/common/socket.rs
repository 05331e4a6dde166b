//! Calls over a real socket, byte by byte.

use std::net::SocketAddr;

use http::{Request, StatusCode};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::call::Answer;

/// Serves `service` with hyper on a free port, for as long as the runtime lives.
pub async fn serve<S>(service: S) -> SocketAddr
where
    S: tower::Service<
            Request<Incoming>,
            Response = http::Response<oauth_tower::Body>,
            Error = std::convert::Infallible,
            Future: Send,
        > + Clone
        + Send
        + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                // A client that goes away is no failure of the server.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

/// A connection to a server.
pub struct Connection(TcpStream);

impl Connection {
    pub async fn open(to: SocketAddr) -> Self {
        Self(TcpStream::connect(to).await.unwrap())
    }

    /// Sends bytes; `false` if the server has hung up.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Reads one response, whose length has to be told.
    pub async fn answer(&mut self) -> Answer {
        let mut read = Vec::new();
        let head = loop {
            if let Some(end) = find(&read, b"\r\n\r\n") {
                break end + 4;
            }
            self.more(&mut read).await;
        };
        let text = std::str::from_utf8(&read[..head]).unwrap();
        let mut lines = text.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                (
                    name.parse::<http::HeaderName>().unwrap(),
                    value.parse::<http::HeaderValue>().unwrap(),
                )
            })
            .collect::<http::HeaderMap>();
        let length: usize = headers
            .get("content-length")
            .map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        let status = StatusCode::from_bytes(status.as_bytes()).unwrap();
        while read.len() < head + length {
            self.more(&mut read).await;
        }
        Answer {
            status,
            headers,
            body: read[head..head + length].to_vec().into(),
        }
    }

    /// Whether the server hangs up, as it does within its time limits.
    pub async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is as good as an end.
        self.0
            .read_to_end(&mut rest)
            .await
            .map_or(true, |_| rest.is_empty())
    }

    async fn more(&mut self, read: &mut Vec<u8>) {
        let count = self.0.read_buf(read).await.unwrap();
        assert!(
            count > 0,
            "hung up after {:?}",
            String::from_utf8_lossy(read)
        );
    }
}

/// A request over a connection of its own.
pub async fn call<B>(to: SocketAddr, request: Request<B>) -> Answer
where
    B: http_body::Body<Data = bytes::Bytes, Error: std::fmt::Debug>,
{
    let mut connection = Connection::open(to).await;
    assert!(connection.send(&written(request).await).await);
    connection.answer().await
}

/// A request as bytes.
pub async fn written<B>(request: Request<B>) -> Vec<u8>
where
    B: http_body::Body<Data = bytes::Bytes, Error: std::fmt::Debug>,
{
    let (parts, body) = request.into_parts();
    let body = http_body_util::BodyExt::collect(body)
        .await
        .unwrap()
        .to_bytes();
    let mut bytes = format!(
        "{} {} HTTP/1.1\r\nhost: x.example\r\n",
        parts.method, parts.uri
    )
    .into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

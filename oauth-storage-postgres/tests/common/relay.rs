//! Something between a store and its database that sees, or changes, what passes.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A relay to the server of a connection string, and the string that leads through it.
pub(crate) async fn relay(
    url: &str,
    sent: impl Fn(&mut [u8]) + Send + Sync + 'static,
    received: impl Fn() + Send + Sync + 'static,
) -> String {
    let (before, rest) = url.split_once('@').unwrap();
    let (target, after) = rest.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = format!("{before}@{}/{after}", listener.local_addr().unwrap());
    let target = target.to_owned();
    let (sent, received) = (Arc::new(sent), Arc::new(received));
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&target).await.unwrap();
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let (near_reader, near_writer) = near.into_split();
            let (far_reader, far_writer) = far.into_split();
            let (sent, received) = (Arc::clone(&sent), Arc::clone(&received));
            tokio::spawn(pass_on(near_reader, far_writer, move |bytes| sent(bytes)));
            tokio::spawn(pass_on(far_reader, near_writer, move |_| received()));
        }
    });
    through
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    passed: impl Fn(&mut [u8]),
) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        passed(&mut buffer[..length]);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

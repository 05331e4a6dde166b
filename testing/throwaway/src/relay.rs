//! Something between a program and its database that sees, or changes, what passes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A relay to the server of a connection string (`scheme://user@host:port/database`), and the string that leads through it. It
/// runs on the caller's tokio runtime.
///
/// `sent` sees, and may change, what goes to the server; `received` is told when something comes back.
pub async fn relay(
    url: &str,
    sent: impl Fn(&mut [u8]) + Send + Sync + 'static,
    received: impl Fn() + Send + Sync + 'static,
) -> String {
    let parts = url.split_once('@').and_then(|(before, rest)| {
        let (target, after) = rest.split_once('/')?;
        Some((before, target.to_owned(), after))
    });
    let Some((before, target, after)) = parts else {
        // It may hold a password.
        panic!("the relay reads connection strings like scheme://user@host:port/database only");
    };
    let listener = sure(TcpListener::bind("127.0.0.1:0").await);
    let through = format!("{before}@{}/{after}", sure(listener.local_addr()));
    let (sent, received) = (Arc::new(sent), Arc::new(received));
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = sure(TcpStream::connect(&target).await);
            sure(near.set_nodelay(true));
            sure(far.set_nodelay(true));
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

fn sure<T>(result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("the relay fails: {error}"))
}

/// Counts the turns of a conversation: a round trip begins when the program sends after the server has answered.
///
/// With several connections at a time it would count less than there are. The same goes for a program with several threads,
/// which may send in two pieces what belongs together.
#[derive(Clone, Debug, Default)]
pub struct RoundTrips(Arc<Turns>);

#[derive(Debug, Default)]
struct Turns {
    /// Whether the server spoke last.
    is_answered: AtomicBool,
    trips: AtomicUsize,
}

impl RoundTrips {
    /// Begins to count, and gives the connection string that leads through the counter.
    pub async fn to(url: &str) -> (Self, String) {
        let counter = Self::default();
        let (near, far) = (counter.clone(), counter.clone());
        let sent = move |_: &mut [u8]| {
            if near.0.is_answered.swap(false, Ordering::SeqCst) {
                near.0.trips.fetch_add(1, Ordering::SeqCst);
            }
        };
        let received = move || far.0.is_answered.store(true, Ordering::SeqCst);
        let through = relay(url, sent, received).await;
        (counter, through)
    }

    /// How many there were since the last call.
    pub fn take(&self) -> usize {
        self.0.trips.swap(0, Ordering::SeqCst)
    }
}

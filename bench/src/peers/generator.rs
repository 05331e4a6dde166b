//! The load: connections that send the next request when the answer to the last one is there, and check every answer.
//!
//! It never sleeps. A server that is slower than the load would have to wake it up for every answer, and one that is not would
//! not: that is a microsecond of the kernel's, and says nothing about the server.

use std::{
    cell::RefCell,
    collections::HashSet,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::{LocalSet, yield_now},
};

use super::flow::{Flow, token};
use crate::Error;

/// What to ask for, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) flow: Flow,
    pub(crate) requests: usize,
    pub(crate) connections: usize,
    /// Whether every token has to be another one.
    pub(crate) distinct: bool,
}

/// What was seen of a load.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) took: Duration,
    /// Of each request.
    pub(crate) latencies: Vec<Duration>,
    /// Of all answers, heads included.
    pub(crate) bytes: usize,
}

/// What the connections share.
struct Shared {
    load: Load,
    /// What is used once, or by turns.
    prepared: Vec<Vec<String>>,
    sent: usize,
    latencies: Vec<Duration>,
    bytes: usize,
    seen: HashSet<String>,
}

/// Puts a server under load.
pub(crate) async fn generate(
    address: SocketAddr,
    load: &Load,
    prepared: Vec<Vec<String>>,
) -> Result<Run, Error> {
    let mut connections = Vec::new();
    for _ in 0..load.connections {
        connections.push(Connection::open(address).await?);
    }
    let shared = Rc::new(RefCell::new(Shared {
        load: *load,
        prepared,
        sent: 0,
        latencies: Vec::with_capacity(load.requests),
        bytes: 0,
        seen: HashSet::with_capacity(load.requests),
    }));
    let tasks = LocalSet::new();
    let awake = tasks.spawn_local(stay_awake());
    let begun = Instant::now();
    let running: Vec<_> = connections
        .into_iter()
        .enumerate()
        .map(|(number, connection)| {
            tasks.spawn_local(keep_asking(number, connection, Rc::clone(&shared)))
        })
        .collect();
    let finished: Result<(), Error> = tasks
        .run_until(async {
            for task in running {
                task.await??;
            }
            Ok(())
        })
        .await;
    finished?;
    let took = begun.elapsed();
    awake.abort();
    let bytes = shared.borrow().bytes;
    let latencies = std::mem::take(&mut shared.borrow_mut().latencies);
    if latencies.len() != load.requests {
        return Err("not every request was answered".into());
    }
    Ok(Run {
        took,
        latencies,
        bytes,
    })
}

/// There always is something to do, so that the runtime looks for answers without waiting for them.
async fn stay_awake() {
    loop {
        yield_now().await;
    }
}

async fn keep_asking(
    number: usize,
    mut connection: Connection,
    shared: Rc<RefCell<Shared>>,
) -> Result<(), Error> {
    let Load {
        flow,
        requests,
        distinct,
        ..
    } = shared.borrow().load;
    let mut request = Vec::new();
    // A chain of its own, if it refreshes.
    let mut chain = match flow {
        Flow::Refresh => shared.borrow().prepared[number].clone(),
        _ => Vec::new(),
    };
    loop {
        {
            let mut shared = shared.borrow_mut();
            if shared.sent == requests {
                return Ok(());
            }
            let turn = shared.sent;
            shared.sent += 1;
            match flow {
                Flow::ClientCredentials => flow.request(&[], &mut request),
                Flow::Refresh => flow.request(&chain, &mut request),
                Flow::Code => flow.request(&shared.prepared[turn], &mut request),
                Flow::Introspection | Flow::Resource => {
                    let given = &shared.prepared[turn % shared.prepared.len()];
                    flow.request(given, &mut request);
                }
            }
        }
        let begun = Instant::now();
        let Answer {
            status,
            body,
            bytes,
        } = connection.ask(&request).await?;
        let took = begun.elapsed();
        if status != 200 || !flow.is_good(body) {
            return Err(format!("{flow:?} was answered with {status}: {body}").into());
        }
        let mut shared = shared.borrow_mut();
        shared.latencies.push(took);
        shared.bytes += bytes;
        if distinct
            && let Some(token) = token(body, "access_token")
            && !shared.seen.insert(token.to_owned())
        {
            return Err(format!("{flow:?} was answered with the same token twice").into());
        }
        if flow == Flow::Refresh
            && let Some(next) = token(body, "refresh_token")
        {
            chain = vec![next.to_owned()];
        }
    }
}

/// An answer as it was read.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a str,
    /// Head and body.
    pub(crate) bytes: usize,
}

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// How much of what was received was the last answer.
    used: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(8192),
            used: 0,
        })
    }

    /// Sends a request, and reads its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>, Error> {
        self.stream.write_all(request).await?;
        self.received.drain(..self.used);
        self.used = 0;
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut head = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(begin) = head.parse(&self.received)? {
                let status = head.code.unwrap_or_default();
                let length = head
                    .headers
                    .iter()
                    .find(|header| header.name.eq_ignore_ascii_case("content-length"));
                let length = length.ok_or("an answer without a length")?.value;
                let end = begin + std::str::from_utf8(length)?.parse::<usize>()?;
                while self.received.len() < end {
                    self.read().await?;
                }
                self.used = end;
                return Ok(Answer {
                    status,
                    body: std::str::from_utf8(&self.received[begin..end])?,
                    bytes: end,
                });
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(())
    }
}

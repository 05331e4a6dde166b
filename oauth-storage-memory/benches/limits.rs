//! What a live token takes, and the longest that a caller waits while a million of them come: `cargo bench -p
//! oauth-storage-memory`.
//!
//! Tokens are issued by the real server, with the client credentials grant. Time is given twice: on the wall, which is also the
//! scheduler's, and as CPU time of the calling thread, which is the store's and the server's alone.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "this is a measurement: what fails shall stop it, and what is counted is far from 2^52"
)]

use std::{
    alloc::System,
    fs,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use cpu_time::ThreadTime;
use oauth_core::{
    AuthorizationServer,
    client::{Client, ClientAuthentication, ClientRequest, ClientSecrets},
    grant::GrantType,
    operator_secret::OperatorSecret,
    policy::Policy,
    random::{Entropy, EntropyError},
    store::{Commit, Key, Kind, Outcome, Realm, Record, Role, StaticClients, Store, Version},
    time::{Clock, Timestamp},
    types::{Issuer, SecretDigest},
};
use oauth_storage_memory::MemoryStore;
use rand::{TryRng as _, rngs::SysRng};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SECRET: &str = "generated, and 256 bits long";

fn main() {
    // `cargo test --all-targets` runs this, too, and does not say so.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("measures something with `cargo bench` only");
        return;
    }
    let live = std::env::args()
        .find_map(|argument| argument.replace('_', "").parse().ok())
        .unwrap_or(1_000_000);
    bytes_per_token(live);
    for threads in [1, 4] {
        longest_commit(live, threads);
    }
}

/// Issues this many tokens, one after the other.
fn bytes_per_token(live: u64) {
    let store = MemoryStore::default();
    let server = server(store.clone());
    let request = ClientRequest::new(
        [
            ("grant_type", "client_credentials"),
            ("client_id", "warehouse-robot"),
            ("client_secret", SECRET),
            ("scope", "stock.read stock.write"),
        ]
        .into_iter()
        .collect(),
    );
    let (allocated, resident) = (allocated(), resident());
    let mut longest = Longest::default();
    for _ in 0..live {
        let answer = longest.measure(|| now(server.token(&request)));
        answer.unwrap();
    }
    let each = |bytes: u64| bytes as f64 / live as f64;
    println!("{live} live access tokens of the client credentials grant, one thread");
    println!(
        "  allocated: {:.1} bytes each",
        each(self::allocated() - allocated)
    );
    println!(
        "  resident:  {:.1} bytes each",
        each(self::resident() - resident)
    );
    println!("  issuing one took at most {longest}");
    assert_eq!(store.len().unwrap() as u64, live);
}

/// Commits this many records, from so many threads.
fn longest_commit(live: u64, threads: u64) {
    let store = MemoryStore::default();
    let each: Vec<Longest> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    let mut longest = Longest::default();
                    for number in 0..live / threads {
                        let commit = creation(thread << 32 | number);
                        let outcome = longest.measure(|| now(store.commit(commit)));
                        assert_eq!(outcome.unwrap(), Outcome::Committed);
                    }
                    longest
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let longest = each.into_iter().reduce(Longest::or).unwrap();
    println!("{live} commits of one record from {threads} threads: each took at most {longest}");
}

/// A commit that creates what an access token is.
fn creation(number: u64) -> Commit {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let name = number.to_be_bytes();
    let mut commit = Commit::new(Version::from_bytes(id)).create(Record {
        key: Key::new(&Realm::default(), Kind::ACCESS_TOKEN, &[&name]),
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::from_unix_seconds(4000),
        body: Box::from([0; 80]),
    });
    commit.prune_before = Some(Timestamp::from_unix_seconds(1000));
    commit
}

/// The longest time that one of many calls took.
#[derive(Clone, Copy, Default)]
struct Longest {
    wall: Duration,
    cpu: Duration,
}

impl Longest {
    fn measure<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), ThreadTime::now());
        let answer = call();
        self.cpu = self.cpu.max(cpu.elapsed());
        self.wall = self.wall.max(wall.elapsed());
        answer
    }

    fn or(self, other: Self) -> Self {
        Self {
            wall: self.wall.max(other.wall),
            cpu: self.cpu.max(other.cpu),
        }
    }
}

impl std::fmt::Display for Longest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2?} on the wall, {:.2?} of CPU", self.wall, self.cpu)
    }
}

/// What a future of this store and of a server over it comes to: none of them waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("the memory store awaits nothing"),
    }
}

fn server(store: MemoryStore) -> AuthorizationServer {
    let secrets = ClientSecrets::new(SecretDigest::of(SECRET));
    let robot = Client::confidential(
        "warehouse-robot".parse().unwrap(),
        ClientAuthentication::SecretPost(secrets),
    )
    .grant_types([GrantType::CLIENT_CREDENTIALS])
    .scope("stock.read stock.write".parse().unwrap())
    .build()
    .unwrap();
    let clients: StaticClients = [robot].into_iter().collect();
    let mut policy = Policy::default();
    policy.default_audience = vec!["https://stock.example".to_owned()];
    AuthorizationServer::builder(
        Issuer::new("https://login.example").unwrap(),
        Arc::new(store),
        Arc::new(clients),
        Arc::new(Still),
        Arc::new(Random),
    )
    .operator_secret(OperatorSecret::from_bytes([7; 32]))
    .policy(policy)
    .build()
    .unwrap()
}

/// Stands still, so that none expires.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000)
    }
}

struct Random;

impl Entropy for Random {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        SysRng.try_fill_bytes(buffer).map_err(|_| EntropyError)
    }
}

/// How many bytes are allocated and not freed, as asked for.
fn allocated() -> u64 {
    let stats = ALLOCATOR.stats();
    (stats.bytes_allocated - stats.bytes_deallocated) as u64
}

/// How many bytes of this process are in memory; 0 where the system has no `/proc`.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1);
    pages
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4096
}

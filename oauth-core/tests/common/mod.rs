//! A server over a memory store, with a clock that stands still, randomness that repeats, and clients of every kind.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file is a crate of its own, and uses what it needs"
)]

pub mod clients;
pub mod faulty;
pub mod flow;
pub mod users;
pub mod watched;

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use oauth_core::{
    AuthorizationServer,
    client::Client,
    error::{Denial, Error, Fault},
    event::{Event, Events},
    operator_secret::OperatorSecret,
    policy::{Policy, ResourceServer},
    random::{Entropy, EntropyError, Random},
    server::Builder,
    store::{
        ClientStore, Commit, Key, Kind, Outcome, Realm, Record, Role, StaticClients, Store, Version,
    },
    time::{Clock, Timestamp},
    types::{Issuer, Resource, Scope, Secret, Subject},
};
use oauth_storage_memory::MemoryStore;

/// The operator's secret.
pub const OPERATOR_SECRET: [u8; 32] = [0xc5; 32];

pub const ISSUER: &str = "https://login.example/tenant";

/// The server and what it stands on.
pub struct Fixture {
    pub server: AuthorizationServer,
    pub store: MemoryStore,
    pub clock: Arc<TestClock>,
    pub events: Arc<Recorder>,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// With a policy that differs from [`policy`].
    pub fn with(change: impl FnOnce(&mut Policy)) -> Self {
        let store = MemoryStore::default();
        Self::over(store.clone(), Arc::new(store), change)
    }

    /// With a store between the server and the memory store.
    pub fn over(
        store: MemoryStore,
        seen: Arc<dyn Store>,
        change: impl FnOnce(&mut Policy),
    ) -> Self {
        let mut policy = policy();
        change(&mut policy);
        Self::built(store, seen, |builder| builder.policy(policy))
    }

    /// With a server of its own making, under [`policy`] if it says nothing else.
    pub fn built(
        store: MemoryStore,
        seen: Arc<dyn Store>,
        build: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        Self::built_for(clients::all(), store, seen, build)
    }

    /// With a server of its own making, for clients of its own.
    pub fn built_for(
        clients: Vec<Client>,
        store: MemoryStore,
        seen: Arc<dyn Store>,
        build: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let clock = Arc::new(TestClock::default());
        let events = Arc::new(Recorder::default());
        let builder = AuthorizationServer::builder(
            issuer(),
            seen,
            static_clients(clients),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::new(SeededEntropy::default()),
        )
        .operator_secret(OperatorSecret::from_bytes(OPERATOR_SECRET))
        .policy(policy())
        .events(Arc::clone(&events) as Arc<dyn Events>);
        let server = build(builder).build().unwrap();
        settle_in(&server, &store);
        Self {
            server,
            store,
            clock,
            events,
        }
    }

    /// With a server of its own making over a memory store.
    pub fn making(build: impl FnOnce(Builder) -> Builder) -> Self {
        let store = MemoryStore::default();
        Self::built(store.clone(), Arc::new(store), build)
    }

    /// Another process over the same store, with clients and policy of its own.
    pub fn beside(&self, clients: Vec<Client>, change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = policy();
        change(&mut policy);
        self.beside_built(clients, 1, |builder| builder.policy(policy))
    }

    /// Another process over the same store, with a server of its own making. Processes with the same seed would make the same
    /// tokens.
    pub fn beside_built(
        &self,
        clients: Vec<Client>,
        seed: u64,
        build: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let builder = AuthorizationServer::builder(
            issuer(),
            Arc::new(self.store.clone()),
            static_clients(clients),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(SeededEntropy::from_seed(seed)),
        )
        .operator_secret(OperatorSecret::from_bytes(OPERATOR_SECRET))
        .policy(policy())
        .events(Arc::clone(&self.events) as Arc<dyn Events>);
        let server = build(builder).build().unwrap();
        settle_in(&server, &self.store);
        Self {
            server,
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            events: Arc::clone(&self.events),
        }
    }

    /// The number of records, without the list of namespaces.
    pub fn records(&self) -> usize {
        self.store.len().unwrap() - 1
    }
}

/// Adds the namespace to the store's list, as a server does with its first commit.
pub fn settle_in(server: &AuthorizationServer, store: &MemoryStore) {
    let key = Key::new(&Realm::new(""), Kind::SERVER_KEY, &[b"namespaces"]);
    let namespace = server.rules().realm.as_str();
    let mut body = vec![
        1,
        0xa1,
        0,
        0x81,
        0x78,
        u8::try_from(namespace.len()).unwrap(),
    ];
    body.extend(namespace.as_bytes());
    let note = Record {
        key,
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::MAX,
        body: body.into(),
    };
    // One that is there already is not written again.
    let commit = Commit::new(Version::from_bytes([0; 16])).create(note);
    let (Outcome::Committed | Outcome::Conflict) = now(store.commit(commit)).unwrap();
}

/// What is ready at once, as it is with a memory store.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the memory store does not wait"),
    }
}

fn static_clients(clients: Vec<Client>) -> Arc<dyn ClientStore> {
    Arc::new(clients.into_iter().collect::<StaticClients>())
}

/// The outcome of a request, where only one of the three can be right.
pub trait Answered<T, D> {
    /// The answer or the denial.
    fn outcome(self) -> Result<T, D>;

    /// The denial.
    fn denied(self) -> D;

    /// The fault.
    fn fault(self) -> Fault;
}

impl<T, D: Denial> Answered<T, D> for Result<T, Error<D>> {
    fn outcome(self) -> Result<T, D> {
        self.map_err(|error| error.into_denial().unwrap())
    }

    fn denied(self) -> D {
        self.outcome().err().unwrap()
    }

    fn fault(self) -> Fault {
        self.err().unwrap().into_denial().err().unwrap()
    }
}

/// The default policy, with two resource servers.
pub fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.default_audience = vec!["https://default.example".into()];
    let servers = [
        (MAIL, ResourceServer::new().scope(scope("read write"))),
        (
            CALENDAR,
            ResourceServer::new()
                .scope(scope("read admin"))
                .audience("calendar"),
        ),
    ];
    policy.resources = servers
        .into_iter()
        .map(|(id, server)| (resource(id), server))
        .collect();
    policy
}

pub const MAIL: &str = "https://mail.example";
pub const CALENDAR: &str = "https://calendar.example";

pub fn issuer() -> Issuer {
    Issuer::new(ISSUER).unwrap()
}

pub fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

pub fn resource(text: &str) -> Resource {
    text.parse().unwrap()
}

pub fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text)
}

pub const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A clock that stands still until it is set.
pub struct TestClock(AtomicU64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicU64::new(1_700_000_000_000))
    }
}

impl TestClock {
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_unix_millis(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that never repeat and are the same in every run.
#[derive(Default)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    pub fn from_seed(seed: u64) -> Self {
        Self(AtomicU64::new(seed << 32))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        let mut random = Random::from_seed(seed);
        for chunk in buffer.chunks_mut(32) {
            chunk.copy_from_slice(&random.secret()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Keeps every event.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    pub fn last(&self) -> Event {
        self.0.lock().unwrap().last().unwrap().clone()
    }

    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Events for Recorder {
    fn record(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

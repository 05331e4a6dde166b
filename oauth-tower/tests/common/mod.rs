//! A server with a host that decides as it is told, a clock that is set by hand, and calls with and without a socket.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each file of tests uses a part of it"
)]

pub mod call;
pub mod clients;
pub mod dialect;
pub mod dialect2;
pub mod everything;
pub mod flow;
pub mod socket;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use http::{Response, request::Parts};
use oauth_core::{
    AuthorizationServer,
    authorize::{Approval, Interaction},
    event::{Event, Events},
    operator_secret::OperatorSecret,
    policy::{Policy, ResourceServer},
    server::{Builder, Endpoints},
    store::{Commit, Key, Listing, Outcome, Page, StaticClients, Store, StoreError, Stored},
    time::{Clock, Timestamp},
    types::{Issuer, Params, Resource, Scope, Subject},
};
use oauth_storage_memory::MemoryStore;
use oauth_tower::{
    Body, Host, Interactions, Limits, OAuth, OAuthService, secure_page, system::SystemEntropy,
    throttle::Throttle,
};

pub const ISSUER: &str = "https://login.example";
/// The resource servers that the policy knows.
pub const MAIL: &str = "https://mail.example/";
pub const CALENDAR: &str = "https://calendar.example/";
/// The user who approves.
pub const ALICE: &str = "alice";

/// A server and all that a test turns.
#[derive(Clone)]
pub struct Fixture {
    pub server: AuthorizationServer,
    pub oauth: OAuth,
    pub service: OAuthService,
    pub host: TestHost,
    pub clock: Arc<Hand>,
    pub events: Arc<Log>,
    pub store: Arc<Brittle>,
}

/// What a fixture is made of.
pub struct Setup {
    pub issuer: &'static str,
    pub endpoints: Endpoints,
    pub store: Arc<dyn Store>,
    pub policy: Policy,
    pub limits: Limits,
    pub throttle: bool,
    /// So that hardly anything can be done without the store.
    pub secret_in_store: bool,
    /// Adds a grant.
    pub grant: Option<Box<dyn FnOnce(Builder) -> Builder>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            issuer: ISSUER,
            endpoints: Endpoints::default(),
            store: Arc::new(MemoryStore::default()),
            policy: policy(),
            limits: Limits::default(),
            throttle: true,
            secret_in_store: false,
            grant: None,
        }
    }
}

impl Setup {
    pub fn build(self) -> Fixture {
        let clock = Arc::new(Hand::default());
        let events = Arc::new(Log::default());
        let store = Arc::new(Brittle {
            inner: self.store,
            is_broken: AtomicBool::default(),
        });
        let builder = AuthorizationServer::builder(
            Issuer::new(self.issuer).unwrap(),
            store.clone(),
            Arc::new(StaticClients::from_iter(clients::all())),
            clock.clone(),
            Arc::new(SystemEntropy),
        )
        .endpoints(self.endpoints)
        .policy(self.policy)
        .events(events.clone());
        let builder = if self.secret_in_store {
            builder.dangerous_secret_in_store()
        } else {
            builder.operator_secret(OperatorSecret::from_bytes([7; 32]))
        };
        let builder = match self.grant {
            Some(add) => add(builder),
            None => builder,
        };
        let server = builder.build().unwrap();
        let host = TestHost::new(server.clone());
        let throttle = self
            .throttle
            .then(|| Arc::new(Throttle::new(clock.clone())));
        let oauth = OAuth::new(server.clone(), host.clone())
            .limits(self.limits)
            .throttle(throttle);
        Fixture {
            server,
            service: oauth.service(),
            oauth,
            host,
            clock,
            events,
            store,
        }
    }
}

impl Fixture {
    pub fn new() -> Self {
        Setup::default().build()
    }
}

pub fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.scopes = scope("read write");
    policy.resources = [
        (resource(MAIL), ResourceServer::default()),
        (
            resource(CALENDAR),
            ResourceServer::new()
                .scope(scope("read"))
                .audience("the calendar"),
        ),
    ]
    .into();
    policy.default_audience = vec!["https://api.example/".into()];
    policy
}

/// A host that answers an interaction as it was told.
#[derive(Clone)]
pub struct TestHost {
    pub interactions: Interactions,
    does: Arc<Mutex<Does>>,
    seen: Arc<Mutex<Vec<Interaction>>>,
}

#[derive(Clone, Debug)]
pub enum Does {
    /// Shows a page that holds the handle.
    Ask,
    /// Lets this user approve at once.
    Approve(Approval),
    /// Declines at once.
    Deny,
    /// Approves if the user's consent is remembered, and else shows the page.
    Remember(Subject),
}

impl TestHost {
    fn new(server: AuthorizationServer) -> Self {
        Self {
            interactions: Interactions::new(server),
            does: Arc::new(Mutex::new(Does::Ask)),
            seen: Arc::default(),
        }
    }

    pub fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// How many interactions it was asked for.
    pub fn asked(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn last(&self) -> Interaction {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

#[async_trait]
impl Host for TestHost {
    async fn interact(&self, interaction: Interaction, request: &Parts) -> Response<Body> {
        self.seen.lock().unwrap().push(interaction.clone());
        let does = self.does.lock().unwrap().clone();
        let (handle, headers) = (&interaction.handle, &request.headers);
        let page = || Response::new(Body::from(interaction.handle.clone()));
        let answer = match does {
            Does::Ask => Ok(page()),
            Does::Approve(approval) => self.interactions.approve(handle, headers, approval).await,
            Does::Deny => self.interactions.deny(handle, headers).await,
            Does::Remember(subject) => self
                .interactions
                .approve_remembered(handle, headers, &subject)
                .await
                .map(|response| response.unwrap_or_else(page)),
        };
        answer.unwrap_or_else(|error| self.error_page(&error))
    }

    fn has_page(&self, path: &str) -> bool {
        path == "/echo"
    }

    /// Says what came.
    async fn page(&self, path: &str, request: &Parts, form: Params) -> Response<Body> {
        let form: Vec<_> = form.iter().collect();
        secure_page(format!("{} {path} {form:?}", request.method), None)
    }
}

/// A yes of [`ALICE`] to everything.
pub fn yes() -> Approval {
    Approval::new(ALICE.parse().unwrap())
}

/// A clock that is set by hand.
pub struct Hand(AtomicU64);

impl Default for Hand {
    fn default() -> Self {
        Self(AtomicU64::new(1_800_000_000_000))
    }
}

impl Hand {
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// The events, as an audit log would write them.
#[derive(Default)]
pub struct Log(Mutex<Vec<String>>);

impl Log {
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Events for Log {
    fn record(&self, event: &Event) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

/// A store that can be broken.
pub struct Brittle {
    inner: Arc<dyn Store>,
    is_broken: AtomicBool,
}

impl Brittle {
    pub fn breaks(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.is_broken.load(Ordering::SeqCst) {
            Err(StoreError::unavailable("broken by the test"))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Store for Brittle {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.check()?;
        self.inner.load(key).await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.check()?;
        self.inner.commit(commit).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.check()?;
        self.inner.list(listing).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.check()?;
        self.inner.prune(before, limit).await
    }
}

pub fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

pub fn resource(text: &str) -> Resource {
    text.parse().unwrap()
}

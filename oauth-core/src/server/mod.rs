//! The server: loads, lets a decision be made, commits, and answers.
//!
//! Everything that is asynchronous in this crate is here, and all of it has the same shape. What is decided is in
//! [`authorize`](crate::authorize), [`grant`](crate::grant) and [`token`](crate::token).

mod authorize;
mod builder;
mod client;
mod ended;
mod grants;
mod introspect;
mod mark;
mod own;
mod revoke;
mod token;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

pub use self::{
    authorize::AuthorizeAnswer,
    builder::{Builder, Endpoints},
    ended::Ended,
    grants::{Connection, GrantInfo, GrantPage},
};
use crate::{
    client::ClientAuthenticationMethod,
    decide::{Context, Decide, Decision, Found, Look, Rules},
    error::{Error, Fault},
    event::{Event, Events, is_traced, trace},
    grant::Grant,
    metadata::Metadata,
    random::{Entropy, Random},
    seal::Sealer,
    store::{
        ClientStore, Commit, Expect, Key, Kind, Outcome, Realm, Store, StoreError, StoreErrorKind,
        Stored, Version,
    },
    time::{Clock, Timestamp},
    types::Issuer,
};

/// How often a decision is made anew when somebody else was faster. Each time somebody else got their answer.
const ATTEMPTS: usize = 16;

/// How far behind its own clock the server lets the store forget, so that one fast clock among several prunes nothing that is
/// live by the others.
const PRUNE_MARGIN: std::time::Duration = std::time::Duration::from_secs(10 * 60);

/// An OAuth 2 authorization server. Cheap to clone.
#[derive(Clone)]
pub struct AuthorizationServer(Arc<Inner>);

struct Inner {
    issuer: Issuer,
    endpoints: Endpoints,
    profile: Option<String>,
    metadata: Metadata,
    rules: Rules,
    store: Arc<dyn Store>,
    clients: Arc<dyn ClientStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    events: Option<Arc<dyn Events>>,
    grants: Vec<Box<dyn Grant>>,
    methods: Vec<Box<dyn ClientAuthenticationMethod>>,
    sealer: OnceLock<Sealer>,
}

impl AuthorizationServer {
    /// The issuer identifier.
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// The paths of the endpoints.
    pub fn endpoints(&self) -> &Endpoints {
        &self.0.endpoints
    }

    /// What clients are told about the server (RFC 8414).
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// What holds for every decision.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// The present moment, by the server's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Fresh randomness.
    ///
    /// # Errors
    /// If its source fails.
    pub fn random(&self) -> Result<Random, Fault> {
        Ok(Random::draw(self.0.entropy.as_ref())?)
    }

    /// Loads, lets `ask` decide, commits; and does so again if somebody else was faster.
    ///
    /// Every endpoint is this with a decision of its own. It is public for the half of an [added grant](Grant) that is not at the
    /// token endpoint: where the host makes what a client will exchange there. It reports no [`Event`].
    ///
    /// # Errors
    /// The decision's own denial; a fault if the server failed.
    pub async fn run<D: Decide + ?Sized>(&self, ask: &D) -> Result<D::Answer, Error<D::Denial>> {
        let keys = ask.needs(self.rules());
        for _ in 0..ATTEMPTS {
            let now;
            let Decision { commit, answer } = {
                let records = self.load(&keys).await?;
                now = self.now();
                self.decide(ask, &keys, records.as_slice(), now)?
            };
            let Some(commit) = commit.filter(|commit| !commit.is_empty()) else {
                return answer.map_err(Error::Denied);
            };
            match self.commit(commit, now).await? {
                Outcome::Committed => return answer.map_err(Error::Denied),
                Outcome::Conflict => {}
            }
        }
        Err(Fault::Contention.into())
    }

    /// Loads, and lets `ask` find out what it wants to know.
    async fn look<L: Look>(&self, ask: &L) -> Result<L::Answer, Fault> {
        let keys = ask.needs(self.rules());
        let records = self.load(&keys).await?;
        let found = Found::new(&keys, records.as_slice());
        ask.answer(&found, self.rules(), self.now())
    }

    async fn load(&self, keys: &[Key]) -> Result<Records, StoreError> {
        Ok(match keys {
            [] => Records::Several(Vec::new()),
            [key] => Records::One([self.0.store.load(key).await?]),
            keys => Records::Several(self.0.store.load_all(keys).await?),
        })
    }

    fn decide<D: Decide + ?Sized>(
        &self,
        ask: &D,
        keys: &[Key],
        records: &[Option<Stored>],
        now: Timestamp,
    ) -> Result<Decision<D::Answer, D::Denial>, Fault> {
        let mut context = Context {
            rules: self.rules(),
            now,
            random: self.random()?,
        };
        ask.decide(&Found::new(keys, records), &mut context)
    }

    /// Commits. If the store cannot tell whether it did, looks whether what the commit was to do is done.
    fn commit(
        &self,
        mut commit: Commit,
        now: Timestamp,
    ) -> impl Future<Output = Result<Outcome, Fault>> + Send {
        commit.prune_before = Some(now.saturating_sub(PRUNE_MARGIN));
        let witness = Witness::of(&commit, &self.rules().realm);
        let attempt = self.0.store.commit(commit);
        async move {
            match attempt.await {
                Ok(outcome) => Ok(outcome),
                Err(error) => Box::pin(self.confirm(error, witness)).await,
            }
        }
    }

    async fn confirm(&self, error: StoreError, witness: Option<Witness>) -> Result<Outcome, Fault> {
        if let (StoreErrorKind::Unknown, Some(witness)) = (error.kind(), witness)
            && witness.confirms(self.0.store.load(witness.key()).await?.as_ref())
        {
            return Ok(Outcome::Committed);
        }
        Err(error.into())
    }

    /// Reports something that happened outside of the server and belongs into the same log: what an added grant did, who signed in.
    pub fn report(&self, event: &Event) {
        trace(event);
        if let Some(events) = &self.0.events {
            events.record(event);
        }
    }

    /// Reports what happened. Nothing is put together if nobody listens.
    fn happened(&self, event: impl FnOnce() -> Event) {
        if self.0.events.is_some() || is_traced() {
            self.report(&event());
        }
    }
}

/// What was loaded. Nearly every request needs one record, and no list of them.
enum Records {
    One([Option<Stored>; 1]),
    Several(Vec<Option<Stored>>),
}

impl Records {
    fn as_slice(&self) -> &[Option<Stored>] {
        match self {
            Self::One(record) => record,
            Self::Several(records) => records,
        }
    }
}

/// What shows that a commit was applied.
enum Witness {
    /// A record that it wrote, under its id.
    Written(Key, Version),
    /// The anchor of a family that it ended. If somebody else did, so much the better.
    Ended(Key),
    /// A record that it removed. If somebody else did, so much the better.
    Removed(Key),
}

impl Witness {
    fn of(commit: &Commit, realm: &Realm) -> Option<Self> {
        let mut puts = commit.puts.iter().rev();
        // One that was not there before: nobody else knows of it yet and can have written it again.
        let put = puts
            .find(|put| put.expect == Expect::Absent)
            .or(commit.puts.first());
        if let Some(put) = put {
            return Some(Self::Written(put.record.key.clone(), commit.id));
        }
        if let Some(family) = commit.ends.first() {
            let anchor = Key::remembered(realm, Kind::GRANT, *family.anchor());
            return Some(Self::Ended(anchor));
        }
        let removal = commit.removals.first()?;
        Some(Self::Removed(removal.key.clone()))
    }

    fn key(&self) -> &Key {
        match self {
            Self::Written(key, _) | Self::Ended(key) | Self::Removed(key) => key,
        }
    }

    fn confirms(&self, found: Option<&Stored>) -> bool {
        match self {
            Self::Written(_, id) => found.is_some_and(|stored| stored.version == *id),
            Self::Ended(_) => found.is_some_and(|stored| stored.closed),
            Self::Removed(_) => found.is_none(),
        }
    }
}

impl fmt::Debug for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationServer")
            .field("issuer", self.issuer())
            .finish_non_exhaustive()
    }
}

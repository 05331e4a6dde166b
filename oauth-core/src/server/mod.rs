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
mod keys;
mod mark;
pub(crate) mod namespace;
mod own;
mod revoke;
mod token;

use std::{borrow::Cow, fmt, sync::Arc};

pub use self::{
    authorize::AuthorizeAnswer,
    builder::{Builder, Endpoints, InvalidServer},
    ended::Ended,
    grants::{Connection, GrantInfo, GrantPage},
};
use self::{keys::Keyring, namespace::Announcement};
use crate::{
    client::ClientAuthenticationMethod,
    decide::{Context, Decide, Decision, Found, Look, Rules, Step},
    error::{Error, Fault},
    event::{Event, Events, is_traced, trace},
    grant::Grant,
    metadata::Metadata,
    operator_secret::ServerKeys,
    random::{Entropy, Random},
    sign::{Signer, SigningInput},
    store::{
        ClientStore, Commit, Expect, Key, Kind, Outcome, Realm, Store, StoreError, StoreErrorKind,
        Stored, Version,
    },
    time::{Clock, Timestamp},
    types::Issuer,
};

/// How often a decision is tried before the server gives up. Each conflict means that another
/// request succeeded.
const ATTEMPTS: usize = 16;

/// How many times a decision is called for one attempt, each time with more records.
const ROUNDS: usize = 4;

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
    keys: Keyring,
    announcement: Announcement,
    signer: Option<Arc<dyn Signer>>,
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

    /// The configuration that all decisions of this server share.
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

    /// Loads records, lets `ask` decide, signs and commits.
    ///
    /// Starts over if another request has changed the records in the meantime.
    ///
    /// Every endpoint calls this with its own decision. It is public for the part of an [added
    /// grant](Grant) outside the token endpoint, where the host creates what the client will
    /// exchange there. It reports no [`Event`].
    ///
    /// # Errors
    /// The decision's own denial; a [`Fault`] if the server failed.
    pub async fn run<D: Decide + ?Sized>(&self, ask: &D) -> Result<D::Answer, Error<D::Denial>> {
        let server_keys = self.keys().await?;
        let first = ask.needs(self.rules());
        for _ in 0..ATTEMPTS {
            let (decision, now) = self.decide(ask, &first, server_keys).await?;
            let Decision {
                commit,
                mut answer,
                unsigned,
            } = decision;
            if let (Ok(answer), false) = (&mut answer, unsigned.is_empty()) {
                ask.attach(answer, self.sign(unsigned).await?)?;
            }
            let Some(commit) = commit.filter(|commit| !commit.is_empty()) else {
                return answer.map_err(Error::Denied);
            };
            match self.commit(commit, now).await {
                Ok(Outcome::Committed) => {
                    self.note_namespace().await;
                    return answer.map_err(Error::Denied);
                }
                Ok(Outcome::Conflict) => {}
                Err(fault) => {
                    // Boxed, since it is rare: otherwise it would enlarge the future of every
                    // request.
                    let confirmed = Box::pin(self.has_happened(ask, &first, &answer, fault));
                    confirmed.await?;
                    return answer.map_err(Error::Denied);
                }
            }
        }
        Err(Fault::Contention.into())
    }

    /// Loads what `ask` asks for until it decides.
    async fn decide<D: Decide + ?Sized>(
        &self,
        ask: &D,
        first: &[Key],
        server_keys: &ServerKeys,
    ) -> Result<(Decision<D::Answer, D::Denial>, Timestamp), Fault> {
        let mut records = self.load(first).await?;
        let mut keys = Cow::Borrowed(first);
        for _ in 0..ROUNDS {
            let now = self.now();
            let step = {
                let random = self.random()?;
                let mut context = Context::new(self.rules(), server_keys, now, random);
                ask.decide(&Found::new(&keys, records.as_slice()), &mut context)?
            };
            match step {
                Step::Decided(decision) => return Ok((decision, now)),
                Step::Load(more) => {
                    records = records.and(self.0.store.load_all(&more).await?);
                    keys.to_mut().extend(more);
                }
            }
        }
        Err(Fault::TooManyRounds)
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

    async fn sign(&self, unsigned: Vec<SigningInput>) -> Result<Vec<Vec<u8>>, Fault> {
        let signer = self.0.signer.as_ref().ok_or(Fault::NoSigner)?;
        let mut signed = Vec::with_capacity(unsigned.len());
        for input in &unsigned {
            signed.push(signer.sign(input).await?);
        }
        Ok(signed)
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
        let (StoreErrorKind::Unknown, Some(witness)) = (error.kind(), witness) else {
            return Err(error.into());
        };
        let found = self.0.store.load(witness.key()).await?;
        match witness.confirms(found.as_ref()) {
            Some(true) => Ok(Outcome::Committed),
            Some(false) => Err(StoreError::unavailable(error).into()),
            None => Err(error.into()),
        }
    }

    /// Checks whether the change was made although the commit failed. Returns the failure if not,
    /// or if nobody can tell.
    async fn has_happened<D: Decide + ?Sized>(
        &self,
        ask: &D,
        keys: &[Key],
        answer: &Result<D::Answer, D::Denial>,
        fault: Fault,
    ) -> Result<(), Fault> {
        let (Fault::Store(error), Ok(answer)) = (&fault, answer) else {
            return Err(fault);
        };
        if error.kind() != StoreErrorKind::Unknown {
            return Err(fault);
        }
        let records = self.load(keys).await?;
        let found = Found::new(keys, records.as_slice());
        if ask.has_happened(&found, answer, self.rules())? {
            Ok(())
        } else {
            Err(fault)
        }
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
    /// Appends more records.
    fn and(self, more: Vec<Option<Stored>>) -> Self {
        let mut records = match self {
            Self::One([record]) => vec![record],
            Self::Several(records) => records,
        };
        records.extend(more);
        Self::Several(records)
    }

    fn as_slice(&self) -> &[Option<Stored>] {
        match self {
            Self::One(record) => record,
            Self::Several(records) => records,
        }
    }
}

/// What shows that a commit was applied.
enum Witness {
    /// A record that it created, and the id of the commit.
    Created(Key, Version),
    /// A record that it replaced, and the id of the commit.
    Replaced(Key, Version),
    /// The anchor of a family that it ended. It does not matter if another commit ended it.
    Ended(Key),
    /// A record that it removed. It does not matter if another commit removed it.
    Removed(Key),
}

impl Witness {
    fn of(commit: &Commit, realm: &Realm) -> Option<Self> {
        let mut puts = commit.puts.iter().rev();
        // Prefer a record that did not exist before: nobody else knows its key yet, so nobody can
        // have overwritten it.
        if let Some(put) = puts.find(|put| put.expect == Expect::Absent) {
            return Some(Self::Created(put.record.key.clone(), commit.id));
        }
        if let Some(put) = commit.puts.first() {
            return Some(Self::Replaced(put.record.key.clone(), commit.id));
        }
        if let Some(end) = commit.ends.first() {
            let anchor = Key::remembered(realm, Kind::GRANT, *end.family.anchor());
            return Some(Self::Ended(anchor));
        }
        let removal = commit.removals.first()?;
        Some(Self::Removed(removal.key.clone()))
    }

    fn key(&self) -> &Key {
        match self {
            Self::Created(key, _)
            | Self::Replaced(key, _)
            | Self::Ended(key)
            | Self::Removed(key) => key,
        }
    }

    /// Whether the commit was applied; `None` if this does not show it.
    fn confirms(&self, found: Option<&Stored>) -> Option<bool> {
        match (self, found) {
            (Self::Created(_, id) | Self::Replaced(_, id), Some(stored)) => {
                (stored.version == *id).then_some(true)
            }
            // A token without a record must not be given out, whatever happened.
            (Self::Created(..), None) => Some(false),
            (Self::Replaced(..), None) => None,
            (Self::Ended(_), found) => found.is_some_and(|stored| stored.closed).then_some(true),
            (Self::Removed(_), found) => found.is_none().then_some(true),
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

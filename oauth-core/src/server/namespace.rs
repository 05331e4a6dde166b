//! Whose records are in the store: a warning for an issuer that has changed its identifier.
//!
//! The namespace of a server is its issuer unless it names another, so an issuer that is renamed finds none of its grants any
//! more, and nothing else would say why.

use std::sync::atomic::{AtomicU8, Ordering};

use super::AuthorizationServer;
use crate::{
    error::Fault,
    store::{
        Body, Commit, Key, Kind, Outcome, Realm, Record, Role, StoreError, Stored, Unknown,
        Version, decode, encode, numbered,
    },
    time::Timestamp,
};

/// How many namespaces are remembered.
const MOST: usize = 64;

/// The namespaces that have records in a store. Kept in a namespace of its own, which no issuer has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Namespaces {
    pub(crate) names: Vec<String>,
    pub(crate) unknown: Unknown,
}

numbered!(Namespaces { 0 => names } keeps unknown);

impl Body for Namespaces {}

impl Namespaces {
    fn of(stored: Option<&Stored>) -> Result<Self, StoreError> {
        stored.map_or_else(|| Ok(Self::default()), |stored| decode(&stored.body))
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    fn key() -> Key {
        Key::new(&Realm::new(""), Kind::SERVER_KEY, &[b"namespaces"])
    }

    fn record(&self) -> Record {
        Record {
            key: Self::key(),
            role: Role::Single,
            owner: None,
            forget_at: Timestamp::MAX,
            body: encode(self),
        }
    }
}

/// What a running server knows of its namespace.
#[derive(Debug)]
pub(super) struct Announcement(AtomicU8);

/// Nobody has looked into the store.
const UNKNOWN: u8 = 0;
/// The store has no record of this server's namespace. The first that it gets is noted.
const NEW: u8 = 1;
/// There is nothing left to do.
const DONE: u8 = 2;

impl Announcement {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(UNKNOWN))
    }

    /// Whether it was in this state, which it then leaves for the next: one caller at most is told so.
    fn leaves(&self, state: u8, next: u8) -> bool {
        self.0.load(Ordering::Relaxed) == state
            && self
                .0
                .compare_exchange(state, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl AuthorizationServer {
    /// Before the first request: says in the log if the store has records of other issuers only.
    pub(super) async fn look_for_namespace(&self) {
        if self.0.announcement.leaves(UNKNOWN, DONE)
            // Boxed, since it happens once: the futures of all requests need no room for it.
            && let Err(fault) = Box::pin(self.warn_of_others()).await
        {
            debug(&fault);
        }
    }

    /// After a commit: notes that there are records of this issuer, if they are the first.
    pub(super) async fn note_namespace(&self) {
        if self.0.announcement.leaves(NEW, DONE)
            && let Err(fault) = Box::pin(self.note()).await
        {
            debug(&fault);
        }
    }

    async fn warn_of_others(&self) -> Result<(), Fault> {
        let own = self.rules().realm.as_str();
        let stored = self.0.store.load(&Namespaces::key()).await?;
        let known = Namespaces::of(stored.as_ref())?;
        if known.has(own) {
            return Ok(());
        }
        self.0.announcement.leaves(DONE, NEW);
        if !known.names.is_empty() {
            tracing::warn!(
                namespace = own,
                others = known.names.join(", "),
                "the store has no records of this issuer, only those of others; if this issuer has changed its identifier, name \
                 the former one as its namespace"
            );
        }
        Ok(())
    }

    async fn note(&self) -> Result<(), Fault> {
        let own = self.rules().realm.as_str();
        let stored = self.0.store.load(&Namespaces::key()).await?;
        let mut known = Namespaces::of(stored.as_ref())?;
        if known.has(own) || known.names.len() >= MOST {
            return Ok(());
        }
        known.names.push(own.to_owned());
        let commit = Commit::new(Version::from_bytes(self.random()?.id()));
        let commit = match stored {
            Some(stored) => commit.replace(known.record(), stored.version),
            None => commit.create(known.record()),
        };
        // If another process is faster, the next start notes it.
        let (Outcome::Committed | Outcome::Conflict) = self.commit(commit, self.now()).await?;
        Ok(())
    }
}

fn debug(fault: &Fault) {
    tracing::debug!(
        fault = fault as &dyn std::error::Error,
        "cannot tell whose records are in the store"
    );
}

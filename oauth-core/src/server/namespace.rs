//! Warns in the log if the store has records, but none of this server's namespace.
//!
//! The namespace of a server is its issuer unless another one is set. So a renamed issuer does not
//! find its grants any more, and without this warning nothing would say why.

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

/// How many namespaces are listed.
const MOST: usize = 64;

/// The namespaces that have records in a store. The list is kept in a namespace that no issuer can
/// have.
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

/// What a running server knows about its namespace.
#[derive(Debug)]
pub(super) struct Announcement(AtomicU8);

/// The server has not looked into the store yet.
const UNKNOWN: u8 = 0;
/// The store does not list this server's namespace. The first commit adds it.
const NEW: u8 = 1;
/// Nothing is left to do.
const DONE: u8 = 2;

impl Announcement {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(UNKNOWN))
    }

    /// Moves from `state` to `next`, and returns whether this call did so. Of concurrent calls, one
    /// at most does.
    fn leaves(&self, state: u8, next: u8) -> bool {
        self.0.load(Ordering::Relaxed) == state
            && self
                .0
                .compare_exchange(state, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl AuthorizationServer {
    /// On the first request, warns in the log if the store lists other namespaces only.
    pub(super) async fn look_for_namespace(&self) {
        if self.0.announcement.leaves(UNKNOWN, DONE)
            // Boxed, since it happens only once: otherwise it would enlarge the future of every
            // request.
            && let Err(fault) = Box::pin(self.warn_of_others()).await
        {
            debug(&fault);
        }
    }

    /// After a commit, adds this namespace to the list if it was missing.
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
        // If another process wins the race, the next start adds it.
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

//! The storage contract: what a database has to do for this crate, in four methods.
//!
//! Everything the protocol remembers is a [`Record`]. A record is found by its [`Key`] and carries a [`Version`], the
//! random id of the commit that wrote it. A [`Commit`] applies everything it names or nothing. That is the whole
//! contract; the sentences below are numbered nowhere, but each is a function of `oauth-storage-conformance`, which any
//! store can run.
//!
//! # Reading
//! - [`Store::load`] gives the record under a key, as the last commit that was acknowledged before the call began left it
//!   (or a later one). There are no stale reads: a spent code that loads as unspent costs a conflict, but a revoked token
//!   that still loads is a hole.
//! - [`Store::load_all`] gives for each key what a load of its own would have given at some moment during the call.
//! - The digest of a key alone identifies a record: realm and kind went into it. A store may keep the other two for its
//!   operators' eyes, or leave them out where nothing is listed.
//!
//! # Committing
//! - Everything in a commit happens or nothing does, also when the process or the machine dies in the middle, and also when
//!   the future is dropped at an await point. What was acknowledged is there after a restart (of a durable store).
//! - Every guard, put and removal states what it [expects](Expect) of the record as it stands before the commit. If one
//!   expectation fails, nothing is applied and the answer is [`Outcome::Conflict`].
//! - A commit of guards alone is still committed: it writes nothing, but a guard that fails is a conflict all the same.
//! - Of concurrent commits whose expectations exclude each other, one wins, whatever the interleaving. An expectation that
//!   only guards excludes those who would change the record, not others who guard it.
//! - The most important commit is that of a refresh. It replaces the anchor of a family and puts a
//!   member of the same family. If several do so at once, one wins and the others conflict; they do
//!   not deadlock.
//! - A put whose record is a [`Role::Member`] of a family is a conflict unless that family is open:
//!   its anchor is there and not closed, or is not there and put by the same commit. **The store
//!   checks this**, against concurrent ends too. (On PostgreSQL under READ COMMITTED, one statement
//!   is not enough. A commit that adds a member takes a shared lock on the anchor, or right away an
//!   exclusive one if it also replaces the anchor. A commit that ends the family locks the anchor
//!   exclusively, and deletes the members in a later statement.)
//! - Ending a family marks its anchor closed, as a change of its version, and removes all its
//!   members, except those that the same commit moves elsewhere. The anchor stays as the mark that
//!   nobody can add to this family again, even if it is replaced: a commit that expects the anchor
//!   as it was before the end conflicts, and one that replaces it afterwards leaves it closed.
//!   Ending a family that is closed or was never there succeeds and changes nothing. Members whose
//!   anchor has been forgotten are removed all the same.
//! - An end [names a time](End::forget_at). The anchor that it closes may be forgotten from the
//!   earlier of that time and its own `forget_at`: an end never keeps an anchor for longer.
//! - Versions are taken from the commit, never made by the store.
//!
//! # Forgetting
//! - A store never reads a clock. [`Record::forget_at`] says from when a record *may* be dropped,
//!   and only [`Commit::prune_before`] and [`Store::prune`] drop, and only records whose
//!   `forget_at` is at or before the time given. If a record is meanwhile replaced by one with a
//!   later time, either it is not dropped, or the replacement conflicts.
//! - A commit with `prune_before` that puts *n* records also drops up to 2*n* forgettable ones, so that a table in steady
//!   state does not grow, and no commit pays for a backlog. What it drops is not what it guards or puts, nor the anchor of
//!   a family into which it puts.
//!
//! # Listing
//! - [`Store::list`] finds the records that have an [`Owner`], by its subject or by its client, a page at a time, in the order
//!   of their digests. A record that is there for the whole of a walk through the pages is listed once. Closed anchors are not
//!   listed. Names are compared as bytes: "Zoë" is neither "zoë" nor "Zoë ".
//! - An owner may have a client, a subject or both. A record is listed under each name that its
//!   owner has, and is returned with the same names.

mod body;
mod cbor;
mod client;
mod commit;
mod field;
mod key;
mod record;
mod registry;

use std::{error::Error as StdError, fmt, pin::Pin, sync::Arc};

use async_trait::async_trait;

pub(crate) use self::{
    body::{Body, Field, Unknown, decode, encode, from_bytes, map, numbered, to_bytes},
    cbor::Writer,
};
pub use self::{
    client::{ClientStore, StaticClients},
    commit::{Commit, End, Expect, Guard, Outcome, Put, Removal},
    key::{Digest, Family, Key, Kind, Realm},
    record::{Listed, Listing, OPERATOR, OwnedBy, Owner, Page, Record, Role, Stored, Version},
    registry::{ClientRegistry, MemoryClients, RegistryError},
};
use crate::time::Timestamp;

/// What a database does for the server. The [module](self) has the contract, sentence by sentence.
///
/// Implementations are shared between threads and called concurrently. Their futures may be dropped at any await point: the
/// commit then has happened or has not, and no connection goes back to its pool in the middle of a transaction.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The record under `key`, or `None`.
    ///
    /// # Errors
    /// If the store cannot tell. Never for a record that is not there.
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError>;

    /// The records under several keys, in the order of the keys. They need not be of one moment: what a decision needs to be
    /// so when it is committed, the commit expects.
    ///
    /// This loads one after the other. A store that can ask for all in one round trip does so.
    ///
    /// # Errors
    /// If the store cannot tell of one of them.
    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            records.push(self.load(key).await?);
        }
        Ok(records)
    }

    /// Applies all of `commit`, or nothing of it.
    ///
    /// # Errors
    /// [`StoreError::unavailable`] if nothing was applied for a reason other than a conflict;
    /// [`StoreError::unknown`] if the store cannot tell whether it was, for example since the connection was lost before
    /// the answer. The server then loads, and recognizes its own commit by its version.
    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError>;

    /// One page of the records of an owner.
    ///
    /// # Errors
    /// If the store cannot tell.
    async fn list(&self, listing: &Listing) -> Result<Page, StoreError>;

    /// Drops up to `limit` records whose `forget_at` is at or before `before`, and says how many it dropped.
    ///
    /// # Errors
    /// If the store failed. Some may have been dropped.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

/// What a method of a store gives, as `async_trait` writes it.
type Answer<'f, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'f>>;

// Without `async_trait`, which would put the store's own answers into a box once more.
impl<S: Store + ?Sized> Store for Arc<S> {
    fn load<'s, 'k, 'f>(&'s self, key: &'k Key) -> Answer<'f, Option<Stored>>
    where
        's: 'f,
        'k: 'f,
        Self: 'f,
    {
        (**self).load(key)
    }

    fn load_all<'s, 'k, 'f>(&'s self, keys: &'k [Key]) -> Answer<'f, Vec<Option<Stored>>>
    where
        's: 'f,
        'k: 'f,
        Self: 'f,
    {
        (**self).load_all(keys)
    }

    fn commit<'s, 'f>(&'s self, commit: Commit) -> Answer<'f, Outcome>
    where
        's: 'f,
        Self: 'f,
    {
        (**self).commit(commit)
    }

    fn list<'s, 'l, 'f>(&'s self, listing: &'l Listing) -> Answer<'f, Page>
    where
        's: 'f,
        'l: 'f,
        Self: 'f,
    {
        (**self).list(listing)
    }

    fn prune<'s, 'f>(&'s self, before: Timestamp, limit: usize) -> Answer<'f, usize>
    where
        's: 'f,
        Self: 'f,
    {
        (**self).prune(before, limit)
    }
}

/// A store could not do what it was asked.
///
/// Never a denial: on the wire it is `temporarily_unavailable` or `server_error`.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What is known about a failed operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Nothing was applied. Trying again later may help.
    Unavailable,
    /// The commit was applied, or was not.
    Unknown,
    /// A record cannot be read: it is damaged, or of a newer version of this software.
    Unreadable,
}

impl StoreError {
    /// Nothing was applied; trying again later may help.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind: StoreErrorKind::Unavailable,
            source: Some(source.into()),
        }
    }

    /// Whether the commit was applied is not known.
    pub fn unknown(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind: StoreErrorKind::Unknown,
            source: Some(source.into()),
        }
    }

    /// A record is there but cannot be read.
    pub fn unreadable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind: StoreErrorKind::Unreadable,
            source: Some(source.into()),
        }
    }

    /// What is known about the operation.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the store is unavailable, and nothing was applied",
            StoreErrorKind::Unknown => "the store did not say whether the commit was applied",
            StoreErrorKind::Unreadable => "a stored record cannot be read",
        })
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

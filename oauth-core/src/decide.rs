//! The shape of every decision: what it needs to have loaded, and what it makes of that.
//!
//! A decision is a pure function of the records it was given, of the request it was made from, and of a [`Context`]: the
//! present moment, fresh randomness, and the rules. It does no I/O. [`AuthorizationServer`](crate::AuthorizationServer) loads,
//! lets it decide, commits, and does so again if somebody else was faster.

use crate::{
    error::{Denial, Fault},
    policy::Policy,
    random::Random,
    store::{Commit, Key, Realm, Stored, Version},
    time::Timestamp,
    token::Formats,
};

/// What holds for every decision of a server.
#[derive(Debug)]
pub struct Rules {
    /// The issuer's part of the store.
    pub realm: Realm,
    /// The operator's decisions.
    pub policy: Policy,
    /// What tokens look like.
    pub formats: Formats,
}

/// What a decision is given besides its request and its records.
#[derive(Debug)]
pub struct Context<'a> {
    /// What holds for every decision.
    pub rules: &'a Rules,
    /// The present moment.
    pub now: Timestamp,
    /// Fresh randomness.
    pub random: Random,
}

impl Context<'_> {
    /// A commit with a fresh id.
    pub fn commit(&mut self) -> Commit {
        Commit::new(Version::from_bytes(self.random.id()))
    }
}

/// The records that a decision needed, in the order in which it named their keys.
#[derive(Debug)]
pub struct Found<'a> {
    keys: &'a [Key],
    records: &'a [Option<Stored>],
}

impl<'a> Found<'a> {
    /// What was loaded for these keys, which [`Decide::needs`] gave, in their order.
    pub fn new(keys: &'a [Key], records: &'a [Option<Stored>]) -> Self {
        Self { keys, records }
    }

    /// The record under the `index`th key.
    pub fn get(&self, index: usize) -> Option<&'a Stored> {
        self.records.get(index)?.as_ref()
    }

    /// The record under the `index`th key, with that key.
    pub fn entry(&self, index: usize) -> Option<(&'a Key, &'a Stored)> {
        Some((self.keys.get(index)?, self.get(index)?))
    }

    /// What was found, with the keys, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a Key, &'a Stored)> {
        let found = self.keys.iter().zip(self.records);
        found.filter_map(|(key, stored)| Some((key, stored.as_ref()?)))
    }

    /// The first `count` keys, and those after them.
    pub(crate) fn split_at(&self, count: usize) -> (Self, Self) {
        let (first_keys, keys) = self.keys.split_at(count.min(self.keys.len()));
        let (first_records, records) = self.records.split_at(count.min(self.records.len()));
        (
            Self::new(first_keys, first_records),
            Self::new(keys, records),
        )
    }
}

/// What a decision came to: a change, which may be empty, and an answer to give once the change is made.
#[derive(Debug)]
#[must_use]
pub struct Decision<A, D> {
    /// The change. A denial may have one too: a replay ends a family.
    pub commit: Option<Commit>,
    /// What to answer.
    pub answer: Result<A, D>,
}

impl<A, D> Decision<A, D> {
    /// Grants, once the commit is made.
    pub fn grant(commit: Commit, answer: A) -> Self {
        Self {
            commit: Some(commit),
            answer: Ok(answer),
        }
    }

    /// Denies, and changes nothing.
    pub fn deny(denial: D) -> Self {
        Self {
            commit: None,
            answer: Err(denial),
        }
    }
}

/// A request that has been read, and knows what to make of the records it asks for.
pub trait Decide: Send + Sync {
    /// What it answers if it grants.
    type Answer;
    /// Why it may deny.
    type Denial: Denial;

    /// The records it needs to see.
    fn needs(&self, rules: &Rules) -> Vec<Key>;

    /// Decides. Called again with what is there then, if the commit met a conflict.
    ///
    /// # Errors
    /// If the server fails: a record cannot be read, for one.
    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Decision<Self::Answer, Self::Denial>, Fault>;
}

/// A question that changes nothing: it takes neither a commit nor randomness.
pub(crate) trait Look: Send + Sync {
    /// What is found out.
    type Answer;

    /// The records it needs to see.
    fn needs(&self, rules: &Rules) -> Vec<Key>;

    /// Finds out.
    ///
    /// # Errors
    /// If the server fails: a record cannot be read, for one.
    fn answer(
        &self,
        found: &Found<'_>,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Self::Answer, Fault>;
}

//! The shape of every decision: what it needs to have loaded, and what it makes of that.
//!
//! A decision is a pure function of the records it was given, of the request it was made from, and
//! of a [`Context`]: the present moment, fresh randomness, and the rules. It does no I/O.
//! [`AuthorizationServer`](crate::AuthorizationServer) loads, lets it decide, signs and commits,
//! and starts over if another request has changed those records in the meantime.

use crate::{
    error::{Denial, Fault},
    operator_secret::ServerKeys,
    policy::Policy,
    random::Random,
    sign::SigningInput,
    store::{Commit, Family, Key, Realm, Stored, Version},
    time::Timestamp,
    token::Formats,
};

/// The configuration that all decisions of a server share.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rules {
    /// The server's namespace in the store.
    pub realm: Realm,
    /// The operator's decisions.
    pub policy: Policy,
    /// What tokens look like.
    pub formats: Formats,
}

/// What a decision is given besides its request and its records.
#[derive(Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// The configuration that all decisions of a server share.
    pub rules: &'a Rules,
    /// The present moment.
    pub now: Timestamp,
    /// Fresh randomness.
    pub random: Random,
    /// The keys derived from the operator secret.
    pub(crate) keys: &'a ServerKeys,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        rules: &'a Rules,
        keys: &'a ServerKeys,
        now: Timestamp,
        random: Random,
    ) -> Self {
        Self {
            rules,
            now,
            random,
            keys,
        }
    }

    /// A commit with a fresh id.
    pub fn commit(&mut self) -> Commit {
        Commit::new(Version::from_bytes(self.random.id()))
    }

    /// A commit that ends a family, with all its tokens.
    pub fn end(&mut self, family: Family) -> Commit {
        let forget_at = self.rules.forgets_ended_at(self.now);
        self.commit().end(family, forget_at)
    }
}

impl Rules {
    /// When the closed anchor of a family that ends now may be forgotten. An interaction that is
    /// pending when it ends still finds it.
    pub(crate) fn forgets_ended_at(&self, now: Timestamp) -> Timestamp {
        now + self.policy.interaction_lifetime
    }
}

/// The records that a decision asked for, in the order in which it named their keys.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    keys: &'a [Key],
    records: &'a [Option<Stored>],
}

impl<'a> Found<'a> {
    /// Pairs keys with what was loaded for them.
    ///
    /// First come the keys from [`Decide::needs`], then those of each [`Step::Load`].
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

    /// The number of keys that were looked up.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key was looked up.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What was found, with the keys, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a Key, &'a Stored)> {
        let found = self.keys.iter().zip(self.records);
        found.filter_map(|(key, stored)| Some((key, stored.as_ref()?)))
    }

    /// Skips the first `count` keys.
    pub(crate) fn after(&self, count: usize) -> Self {
        Self {
            keys: self.keys.get(count..).unwrap_or_default(),
            records: self.records.get(count..).unwrap_or_default(),
        }
    }
}

/// The next step of a decision, given the records so far.
#[derive(Debug)]
#[must_use]
pub enum Step<A, D> {
    /// It needs these records too. They are appended to those it has, and it is asked again.
    Load(Vec<Key>),
    /// It has decided.
    Decided(Decision<A, D>),
}

impl<A, D> From<Decision<A, D>> for Step<A, D> {
    fn from(decision: Decision<A, D>) -> Self {
        Self::Decided(decision)
    }
}

/// An answer, and the change to make before it is given, if any.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Decision<A, D> {
    /// The change. A denial may have one too: a replay ends a family.
    pub commit: Option<Commit>,
    /// What to answer.
    pub answer: Result<A, D>,
    /// What to sign for the answer, before the change is made.
    pub unsigned: Vec<SigningInput>,
}

impl<A, D> Decision<A, D> {
    /// Grants, once the commit is made.
    pub fn grant(commit: Commit, answer: A) -> Self {
        Self {
            commit: Some(commit),
            ..Self::answer(answer)
        }
    }

    /// Grants without a change.
    pub fn answer(answer: A) -> Self {
        Self {
            commit: None,
            answer: Ok(answer),
            unsigned: Vec::new(),
        }
    }

    /// Denies, and changes nothing.
    pub fn deny(denial: D) -> Self {
        Self {
            commit: None,
            answer: Err(denial),
            unsigned: Vec::new(),
        }
    }

    /// Denies, after making the commit.
    pub fn deny_with(commit: Commit, denial: D) -> Self {
        Self {
            commit: Some(commit),
            ..Self::deny(denial)
        }
    }

    /// Asks for a signature; [`Decide::attach`] puts it into the answer.
    pub fn sign(mut self, input: SigningInput) -> Self {
        self.unsigned.push(input);
        self
    }
}

/// A request that has been read, and knows what to make of the records it asks for.
pub trait Decide: Send + Sync {
    /// What it answers if it grants.
    type Answer: Send;
    /// Why it may deny.
    type Denial: Denial;

    /// The records that it needs first.
    fn needs(&self, rules: &Rules) -> Vec<Key>;

    /// Decides, or asks for more records.
    ///
    /// If the commit conflicts, it is called again with fresh records.
    ///
    /// # Errors
    /// If the server fails, for example because a record cannot be read. That is not a denial.
    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<Self::Answer, Self::Denial>, Fault>;

    /// Puts the signed messages into the answer.
    ///
    /// They come in the order of the calls to [`Decision::sign`].
    ///
    /// # Errors
    /// If the server fails.
    fn attach(&self, _answer: &mut Self::Answer, _signed: Vec<Vec<u8>>) -> Result<(), Fault> {
        Ok(())
    }

    /// Whether the records show that the change behind this answer was made.
    ///
    /// The server asks this when the store cannot tell whether it committed.
    ///
    /// It also looks for what the commit wrote by itself, so implement this only if another request
    /// may have changed those records since.
    ///
    /// # Errors
    /// If the server fails.
    fn has_happened(
        &self,
        _found: &Found<'_>,
        _answer: &Self::Answer,
        _rules: &Rules,
    ) -> Result<bool, Fault> {
        Ok(false)
    }
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
    /// If the server fails.
    fn answer(
        &self,
        found: &Found<'_>,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Self::Answer, Fault>;
}

//! Who acts for a user.

use thiserror::Error;

use crate::store::{Unknown, numbered};

/// Who acts on behalf of a token's subject: `act` (RFC 8693 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Actor {
    /// Its identifier: `sub`.
    pub subject: String,
    /// The issuer of that identifier, if it is another one: `iss`.
    pub issuer: Option<String>,
    /// The actor before it. The most recent actor is outermost.
    before: Option<Box<Actor>>,
    unknown: Unknown,
}

numbered!(Actor { 0 => subject, 1 => issuer, 2 => before } keeps unknown);

impl Actor {
    /// How many actors a token names at most, one after the other.
    pub const MAX_CHAIN: usize = 8;

    /// The actor with this identifier.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            before: None,
            unknown: Unknown::default(),
        }
    }

    /// Who acted before it (RFC 8693 §4.1), the most recent actor outermost.
    ///
    /// # Errors
    /// If more than [`Actor::MAX_CHAIN`] would act one after the other.
    pub fn after(mut self, before: Self) -> Result<Self, ActorChainTooLong> {
        if before.chain().count() < Self::MAX_CHAIN {
            self.before = Some(Box::new(before));
            Ok(self)
        } else {
            Err(ActorChainTooLong)
        }
    }

    /// Who acted before it.
    pub fn actor(&self) -> Option<&Self> {
        self.before.as_deref()
    }

    /// It, and all who acted before it, the most recent first.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |actor| actor.actor())
    }
}

/// More actors, one after the other, than a token may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a token names at most 8 actors one after the other")]
#[non_exhaustive]
pub struct ActorChainTooLong;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_an_end() {
        let mut actor = Actor::new("0");
        for number in 1..Actor::MAX_CHAIN {
            actor = Actor::new(number.to_string()).after(actor).unwrap();
        }
        assert_eq!(actor.chain().count(), Actor::MAX_CHAIN);
        assert_eq!(actor.chain().last().unwrap().subject, "0");
        assert_eq!(Actor::new("more").after(actor), Err(ActorChainTooLong));
    }
}

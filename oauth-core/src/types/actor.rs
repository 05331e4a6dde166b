//! Who acts for a user.

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
    pub actor: Option<Box<Actor>>,
    unknown: Unknown,
}

numbered!(Actor { 0 => subject, 1 => issuer, 2 => actor } keeps unknown);

impl Actor {
    /// The actor with this identifier.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            actor: None,
            unknown: Unknown::default(),
        }
    }
}

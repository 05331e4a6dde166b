//! What is kept of an authorization code.

use serde::{Deserialize, Serialize};

use super::Terms;
use crate::{
    pkce::CodeChallenge,
    store::{Body, Family, Key, Kind, Realm, Record, Role, encode},
    time::Timestamp,
    types::BorrowedSecret,
};

/// An authorization code (RFC 6749 §4.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) terms: Terms,
    /// `None` if it was issued to the client itself.
    pub(crate) redirect_uri: Option<String>,
    /// Whether the authorization request named it, so that the token request has to as well (RFC 6749 §4.1.3).
    pub(crate) is_redirect_uri_named: bool,
    /// Whether it named a scope, for those who are told of the one they asked for only.
    pub(crate) is_scope_named: bool,
    pub(crate) challenge: Option<CodeChallenge>,
    pub(crate) expires_at: Timestamp,
    pub(crate) state: CodeState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CodeState {
    Unspent,
    /// Kept as long as the tokens it gave, so that a replay ends them whenever it comes.
    Spent,
}

impl Body for Code {
    const FORMAT: u8 = 3;
}

impl Code {
    /// Where the code is found.
    pub(crate) fn key(realm: &Realm, code: BorrowedSecret<'_>) -> Key {
        Key::new(realm, Kind::CODE, &[code.expose().as_bytes()])
    }

    /// The record of the code.
    pub(crate) fn record(&self, key: Key, family: Family) -> Record {
        let forget_at = match self.state {
            CodeState::Unspent => self.expires_at,
            CodeState::Spent => self.terms.forget_at,
        };
        Record {
            key,
            role: Role::Member(family),
            owner: None,
            forget_at,
            body: encode(self),
        }
    }
}

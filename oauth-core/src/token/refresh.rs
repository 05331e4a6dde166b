//! What is kept of a refresh token, and how its successor is derived.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Terms, TokenFormat};
use crate::{
    decide::Context,
    hash::hmac_sha256,
    store::{Body, Digest, Family, Key, Kind, Realm, Record, Role, encode},
    time::Timestamp,
    types::{BorrowedSecret, Secret},
};

/// A refresh token (RFC 6749 §1.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refresh<'a> {
    pub(crate) terms: Cow<'a, Terms>,
    pub(crate) issued_at: Timestamp,
    pub(crate) state: RefreshState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RefreshState {
    /// The one of its family that can be used.
    Active {
        /// The token that this one came from, if that one could still be retried when this one was made. It was written by
        /// the same commit, so it has the same version until this one is used.
        predecessor: Option<Predecessor>,
    },
    /// Used. A retry of the same request gets the same successor while the salt is there and the grace lasts.
    Rotated {
        at: Timestamp,
        /// The digest of the request that used it.
        ask: [u8; 32],
        salt: [u8; 16],
    },
    /// Used, and its successor too: whoever shows it has no business to.
    Spent,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Predecessor {
    pub(crate) digest: Digest,
    pub(crate) issued_at: Timestamp,
}

impl Body for Refresh<'_> {}

impl Refresh<'_> {
    /// Where the token is found.
    pub(crate) fn key(realm: &Realm, token: BorrowedSecret<'_>) -> Key {
        Key::new(realm, Kind::REFRESH_TOKEN, &[token.expose().as_bytes()])
    }

    /// The record of the token. Kept as long as the family, so that a reuse is noticed whenever it comes.
    pub(crate) fn record(&self, key: Key, family: Family) -> Record {
        Record {
            key,
            role: Role::Member(family),
            owner: None,
            forget_at: self.terms.forget_at,
            body: encode(self),
        }
    }
}

/// Makes the first refresh token of a grant.
pub(crate) fn first_refresh_token(
    terms: &Terms,
    family: Family,
    context: &mut Context<'_>,
) -> (Secret, Record) {
    let secret = context
        .rules
        .formats
        .refresh_token
        .render(&context.random.secret());
    let refresh = Refresh {
        terms: Cow::Borrowed(terms),
        issued_at: context.now,
        state: RefreshState::Active { predecessor: None },
    };
    let record = refresh.record(
        Refresh::key(&context.rules.realm, secret.borrowed()),
        family,
    );
    (secret, record)
}

/// The successor of a refresh token: a function of the token and a salt, so that a retry finds the same one though nothing
/// readable is stored. The store alone does not have the token, the client alone does not have the salt.
pub(crate) fn successor(
    presented: BorrowedSecret<'_>,
    salt: &[u8; 16],
    format: &dyn TokenFormat,
) -> Secret {
    format.render(&hmac_sha256(
        presented.expose().as_bytes(),
        &[b"refresh token successor", salt],
    ))
}

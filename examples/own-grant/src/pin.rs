//! What is stored of the PIN that a kiosk shows: one record for each kiosk.

use std::time::Duration;

use oauth_core::{
    decide::Context,
    store::{Key, Kind, Realm, Record, Role, StoreError, Stored},
    time::Timestamp,
    types::{Secret, SecretDigest, Subject},
};
use serde::{Deserialize, Serialize};

/// How long a PIN can be exchanged.
const LIFETIME: Duration = Duration::from_secs(2 * 60);
/// How many wrong guesses spoil it. Six digits are easily guessed, if nobody counts.
const GUESSES: u8 = 5;

/// A kind of record of our own. It goes into the key, so no token can be mistaken for a kiosk.
const KIND: Kind = Kind::extension("kiosk_pin");

/// The PIN that a kiosk shows.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    /// Its digest.
    digest: [u8; 32],
    /// Whose it is.
    pub(crate) visitor: Subject,
    expires_at: Timestamp,
    guesses_left: u8,
}

impl Pin {
    pub(crate) fn new(pin: &str, visitor: Subject, now: Timestamp) -> Self {
        Self {
            digest: *SecretDigest::of(pin).as_bytes(),
            visitor,
            expires_at: now + LIFETIME,
            guesses_left: GUESSES,
        }
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    pub(crate) fn is(&self, guess: &Secret) -> bool {
        SecretDigest::from_bytes(self.digest).matches(guess)
    }

    /// What is left of it after a wrong guess, if anything is.
    pub(crate) fn after_wrong_guess(self) -> Option<Self> {
        let guesses_left = self.guesses_left.checked_sub(1).filter(|left| *left > 0)?;
        Some(Self {
            guesses_left,
            ..self
        })
    }

    /// Where the PIN of a kiosk is found.
    pub(crate) fn key(realm: &Realm, kiosk: &str) -> Key {
        Key::new(realm, KIND, &[kiosk.as_bytes()])
    }

    /// Reads it. A body that a newer version of this program wrote is an error, not a wrong PIN.
    pub(crate) fn read(stored: &Stored) -> Result<Self, StoreError> {
        serde_json::from_slice(&stored.body).map_err(StoreError::unreadable)
    }

    /// The record of it.
    pub(crate) fn record(&self, kiosk: &str, context: &Context<'_>) -> Result<Record, StoreError> {
        let body = serde_json::to_vec(self).map_err(StoreError::unavailable)?;
        Ok(Record {
            key: Self::key(&context.rules.realm, kiosk),
            role: Role::Single,
            owner: None,
            forget_at: self.expires_at,
            body: body.into(),
        })
    }
}

//! Refresh tokens: their bytes, what a grant keeps of its own, and how a successor is derived.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Formats;
use crate::{
    hash::are_equal,
    operator_secret::{RefreshKeys, ServerKeys},
    store::{Key, Kind, Realm, numbered},
    time::Timestamp,
    types::{BorrowedSecret, GrantId, Secret},
};

/// The bytes of a refresh token (RFC 6749 §1.5): the grant's id, the number of tokens before it, a
/// secret, and a tag.
///
/// The grant keeps the digests of the current token and of the previous one, and nothing of older
/// ones. For those, the tag shows whether they were issued. A valid tag never permits anything.
pub(crate) struct RefreshToken {
    pub(crate) grant: GrantId,
    generation: u32,
    secret: Zeroizing<[u8; 32]>,
    tag: [u8; 16],
}

impl RefreshToken {
    /// Its length in bytes.
    pub(crate) const LEN: usize = 16 + 4 + 32 + 16;

    /// The first refresh token of a grant.
    pub(crate) fn first(grant: GrantId, secret: [u8; 32], keys: &RefreshKeys) -> Self {
        Self::new(grant, 0, secret, keys)
    }

    fn new(grant: GrantId, generation: u32, secret: [u8; 32], keys: &RefreshKeys) -> Self {
        let mut token = Self {
            grant,
            generation,
            secret: Zeroizing::new(secret),
            tag: [0; 16],
        };
        token.tag = token.tag_by(keys);
        token
    }

    /// Reads a refresh token; `None` if this server cannot have written it.
    pub(crate) fn decode(formats: &Formats, token: BorrowedSecret<'_>) -> Option<Self> {
        let bytes = Zeroizing::new(formats.refresh_token.decode(token.expose())?);
        if bytes.len() != Self::LEN {
            return None;
        }
        let (grant, rest) = bytes.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (secret, rest) = rest.split_first_chunk()?;
        Some(Self {
            grant: GrantId::from_bytes(*grant),
            generation: u32::from_be_bytes(*generation),
            secret: Zeroizing::new(*secret),
            tag: rest.try_into().ok()?,
        })
    }

    /// Encodes it for the wire.
    pub(crate) fn encode(&self, formats: &Formats) -> Secret {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        let parts: [&[u8]; 4] = [
            self.grant.as_bytes(),
            &self.generation.to_be_bytes(),
            self.secret.as_slice(),
            &self.tag,
        ];
        let mut rest = bytes.as_mut_slice();
        for part in parts {
            let (place, after) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = after;
        }
        formats.refresh_token.encode(bytes.as_slice())
    }

    /// Derives the next token. That takes the salt from the store, the secret from the client and
    /// the key from the operator.
    pub(crate) fn successor(&self, salt: &[u8; 16], keys: &RefreshKeys) -> Self {
        let secret = keys.derive([b"next".as_slice(), self.secret.as_slice(), salt]);
        Self::new(self.grant, self.generation.saturating_add(1), secret, keys)
    }

    /// Derives the bits of the access token for this refresh token and a request with these parts,
    /// so that a retry of the request gets the same access token.
    pub(crate) fn access_token<'a>(
        &'a self,
        salt: &'a [u8; 16],
        request: impl IntoIterator<Item = &'a [u8]>,
        keys: &RefreshKeys,
    ) -> [u8; 32] {
        let parts = [b"access".as_slice(), self.secret.as_slice(), salt];
        keys.derive(parts.into_iter().chain(request))
    }

    /// Whether it was issued here, under an operator secret that is still valid.
    fn was_issued(&self, keys: &ServerKeys) -> bool {
        let mut keys = keys.all_refresh().iter();
        keys.any(|keys| self.tag.ct_eq(&self.tag_by(keys)).into())
    }

    fn tag_by(&self, keys: &RefreshKeys) -> [u8; 16] {
        keys.tag(&[
            self.grant.as_bytes(),
            &self.generation.to_be_bytes(),
            self.secret.as_slice(),
        ])
    }

    /// The digest of all its bytes, so that no other text passes for this token.
    pub(crate) fn digest(&self, realm: &Realm) -> [u8; 32] {
        let parts: [&[u8]; 4] = [
            self.grant.as_bytes(),
            &self.generation.to_be_bytes(),
            self.secret.as_slice(),
            &self.tag,
        ];
        *Key::new(realm, Kind::REFRESH_TOKEN, &parts)
            .digest()
            .as_bytes()
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken")
            .field("grant", &self.grant)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// What a grant keeps of its refresh tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefreshState {
    /// The number of tokens before the current one.
    generation: u32,
    /// The digest of the current token.
    digest: [u8; 32],
    pub(crate) issued_at: Timestamp,
    /// The salt with which the current token was derived from the previous one; `None` if retries
    /// are off.
    salt: Option<[u8; 16]>,
    previous: Option<PreviousToken>,
}

numbered!(RefreshState {
    0 => generation,
    1 => digest,
    2 => issued_at,
    3 => salt,
    4 => previous,
});

#[derive(Clone, Debug, PartialEq, Eq)]
struct PreviousToken {
    digest: [u8; 32],
    issued_at: Timestamp,
}

numbered!(PreviousToken { 0 => digest, 1 => issued_at });

/// What a presented refresh token is to its grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The current token, which can be used.
    Current,
    /// The previous token, so soon after its use that this may be a retry. Its successor was
    /// derived with this salt.
    Retry { salt: [u8; 16] },
    /// The token before the previous one, soon after its use. This is a late retry: the client did
    /// get the answer, since it has used the successor.
    LateRetry,
    /// It was used before, and this is not a retry: somebody else has it too.
    Reused,
    /// It was never issued, or under an operator secret that is no longer valid.
    Unknown,
}

impl RefreshState {
    /// The state after the first token is issued.
    pub(crate) fn first(token: &RefreshToken, realm: &Realm, now: Timestamp) -> Self {
        Self {
            generation: token.generation,
            digest: token.digest(realm),
            issued_at: now,
            salt: None,
            previous: None,
        }
    }

    /// The state after the current token is exchanged for `successor`. Pass the salt if retries are
    /// allowed.
    pub(crate) fn rotated(
        &self,
        successor: &RefreshToken,
        salt: Option<[u8; 16]>,
        realm: &Realm,
        now: Timestamp,
    ) -> Self {
        Self {
            generation: successor.generation,
            digest: successor.digest(realm),
            issued_at: now,
            salt,
            previous: Some(PreviousToken {
                digest: self.digest,
                issued_at: self.issued_at,
            }),
        }
    }

    /// Whether `token` is the current one.
    pub(crate) fn is_current(&self, token: &RefreshToken, realm: &Realm) -> bool {
        are_equal(&token.digest(realm), &self.digest)
    }

    /// When `token` was issued, if it is the current or the previous one.
    pub(crate) fn issued_at_of(&self, token: &RefreshToken, realm: &Realm) -> Option<Timestamp> {
        if self.is_current(token, realm) {
            return Some(self.issued_at);
        }
        let previous = self.previous.as_ref()?;
        are_equal(&token.digest(realm), &previous.digest).then_some(previous.issued_at)
    }

    /// What `token` is to this grant.
    pub(crate) fn standing(
        &self,
        token: &RefreshToken,
        keys: &ServerKeys,
        realm: &Realm,
        now: Timestamp,
        grace: std::time::Duration,
    ) -> Standing {
        let digest = token.digest(realm);
        if are_equal(&digest, &self.digest) {
            return Standing::Current;
        }
        let Some(previous) = &self.previous else {
            return Standing::Unknown;
        };
        if are_equal(&digest, &previous.digest) {
            // It was used when the current one was issued.
            return match self.salt {
                Some(salt) if now < self.issued_at + grace => Standing::Retry { salt },
                Some(_) | None => Standing::Reused,
            };
        }
        // For older tokens, only the tag shows whether they were issued.
        let age = self.generation.saturating_sub(token.generation);
        if age < 2 || !token.was_issued(keys) {
            return Standing::Unknown;
        }
        // That token was used when the previous one was issued.
        if age == 2 && now < previous.issued_at + grace {
            Standing::LateRetry
        } else {
            Standing::Reused
        }
    }

    /// Whether `token` was issued for this grant, as the current token or an earlier one.
    pub(crate) fn knows(&self, token: &RefreshToken, keys: &ServerKeys, realm: &Realm) -> bool {
        let grace = std::time::Duration::ZERO;
        self.standing(token, keys, realm, self.issued_at, grace) != Standing::Unknown
    }

    /// Derives the successor of `token`, the previous one, as it was issued when that was used, and
    /// returns it with the keys that gave it; `None` if no valid operator secret does.
    pub(crate) fn successor_of<'k>(
        &self,
        token: &RefreshToken,
        salt: &[u8; 16],
        keys: &'k ServerKeys,
        realm: &Realm,
    ) -> Option<(RefreshToken, &'k RefreshKeys)> {
        keys.all_refresh().iter().find_map(|keys| {
            let successor = token.successor(salt, keys);
            self.is_current(&successor, realm)
                .then_some((successor, keys))
        })
    }

    /// Whether `token` was exchanged for `successor`, which is still the current token.
    pub(crate) fn has_rotated(
        &self,
        token: &RefreshToken,
        successor: &RefreshToken,
        realm: &Realm,
    ) -> bool {
        let previous = self.previous.as_ref();
        previous.is_some_and(|previous| are_equal(&token.digest(realm), &previous.digest))
            && self.is_current(successor, realm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator_secret::OperatorSecret;

    #[test]
    fn a_rotation_is_known_by_both_of_its_tokens() {
        let realm = Realm::new("realm");
        let secret = OperatorSecret::from_bytes([1; 32]);
        let keys = ServerKeys::derive(&secret.into(), &realm);
        let keys = keys.refresh();
        let now = Timestamp::from_unix_seconds(1_000_000);
        let first = RefreshToken::first(GrantId::from_bytes([2; 16]), [3; 32], keys);
        let [ours, theirs] = [[4; 16], [5; 16]].map(|salt| first.successor(&salt, keys));
        let before = RefreshState::first(&first, &realm, now);
        let after = before.rotated(&ours, None, &realm, now);
        assert!(after.has_rotated(&first, &ours, &realm));
        for (token, successor) in [
            // Another request won the race.
            (&first, &theirs),
            (&theirs, &ours),
            (&ours, &ours),
            (&first, &first),
        ] {
            assert!(!after.has_rotated(token, successor, &realm));
        }
        assert!(!before.has_rotated(&first, &ours, &realm));
        let later = after.rotated(&ours.successor(&[6; 16], keys), None, &realm, now);
        assert!(!later.has_rotated(&first, &ours, &realm));
    }
}

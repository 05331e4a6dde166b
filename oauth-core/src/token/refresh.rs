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

/// The bytes of a refresh token (RFC 6749 §1.5): the grant's id, how many came before it, a secret, and a tag.
///
/// The grant keeps the digests of the current token and of the one before. Of all older ones it keeps nothing: the tag tells
/// whether such a token was ever issued. The tag never admits anything.
pub(crate) struct RefreshToken {
    pub(crate) grant: GrantId,
    generation: u32,
    secret: Zeroizing<[u8; 32]>,
    tag: [u8; 16],
}

impl RefreshToken {
    /// How many bytes it has.
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

    /// Reads a refresh token; `None` if this server writes none like it.
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

    /// As it goes over the wire.
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

    /// The token that follows this one. The store has the salt, the client the secret and the operator the key; it takes all three.
    pub(crate) fn successor(&self, salt: &[u8; 16], keys: &RefreshKeys) -> Self {
        let secret = keys.derive([b"next".as_slice(), self.secret.as_slice(), salt]);
        Self::new(self.grant, self.generation.saturating_add(1), secret, keys)
    }

    /// The access token that is issued for this one and for a request of these parts, so that the same request again gets the
    /// same token.
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

    /// Over all its bytes, so that there is one text for one token.
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
    /// How many tokens came before the current one.
    generation: u32,
    /// Of the current token.
    digest: [u8; 32],
    pub(crate) issued_at: Timestamp,
    /// What the current token was derived with from the one before, if that may be retried.
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

/// What a refresh token that was presented is to its grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The one that can be used.
    Current,
    /// The one before, so shortly after its use that this may be a retry. The answer was derived with this salt.
    Retry { salt: [u8; 16] },
    /// The one before that, shortly after its use: a retry that was overtaken, since the answer did arrive.
    LateRetry,
    /// Used before, and this is no retry: somebody else has it too.
    Reused,
    /// Never issued, or under an operator secret that is no longer valid.
    Unknown,
}

impl RefreshState {
    /// The state after the first token was issued.
    pub(crate) fn first(token: &RefreshToken, realm: &Realm, now: Timestamp) -> Self {
        Self {
            generation: token.generation,
            digest: token.digest(realm),
            issued_at: now,
            salt: None,
            previous: None,
        }
    }

    /// The state after `successor` was derived from the current token. The salt is kept if that token may be retried.
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

    /// Whether `token` is the one that can be used.
    pub(crate) fn is_current(&self, token: &RefreshToken, realm: &Realm) -> bool {
        are_equal(&token.digest(realm), &self.digest)
    }

    /// When `token` was issued, if it is the current one or the one before.
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
        // Of all that is older only the tag tells whether it was issued.
        let age = self.generation.saturating_sub(token.generation);
        if age < 2 || !token.was_issued(keys) {
            return Standing::Unknown;
        }
        // The one before the previous was used when the previous was issued.
        if age == 2 && now < previous.issued_at + grace {
            Standing::LateRetry
        } else {
            Standing::Reused
        }
    }

    /// Whether `token` was issued for this grant, as the current one or before it.
    pub(crate) fn knows(&self, token: &RefreshToken, keys: &ServerKeys, realm: &Realm) -> bool {
        let grace = std::time::Duration::ZERO;
        self.standing(token, keys, realm, self.issued_at, grace) != Standing::Unknown
    }

    /// The successor of `token`, the previous one, that was given out when it was used, and the keys that it was derived with;
    /// `None` if no valid operator secret gives it.
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

    /// Whether `successor` was made of `token`, and is the current one still.
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
            // Somebody else was faster.
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

//! Active answers, remembered for a moment.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use oauth_core::{time::Timestamp, token::AccessToken, types::Secret};
use sha2::{Digest as _, Sha256};

const LIFETIME: Duration = Duration::from_secs(5);
const CAPACITY: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// What stands for a token here. The token itself is never kept (RFC 9700 §4.9.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(token: &Secret) -> Self {
        Self(Sha256::digest(token.expose()).into())
    }
}

/// Active answers by the digest of their token, the most recently used of them.
pub(super) struct Cache {
    entries: Mutex<LruCache<Digest, Entry>>,
    lifetime: Duration,
}

struct Entry {
    token: AccessToken,
    from: Timestamp,
    until: Timestamp,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            entries: Mutex::new(LruCache::new(CAPACITY)),
            lifetime: LIFETIME,
        }
    }
}

impl Cache {
    /// How long answers are remembered from now on; zero for not at all.
    pub(super) fn set_lifetime(&mut self, lifetime: Duration) {
        self.lifetime = lifetime;
    }

    pub(super) fn set_capacity(&mut self, entries: NonZeroUsize) {
        self.entries().resize(entries);
    }

    /// What was answered about the token, if that may still be relied on.
    pub(super) fn get(&self, digest: &Digest, now: Timestamp) -> Option<AccessToken> {
        let mut entries = self.entries();
        let entry = entries.get(digest)?;
        // A clock that was set back must not make it last longer.
        if entry.from <= now && now < entry.until {
            return Some(entry.token.clone());
        }
        entries.pop(digest);
        None
    }

    /// Remembers an answer to a question that was asked at `asked`, never past the token's own end (RFC 7662 §4).
    pub(super) fn put(&self, digest: Digest, token: &AccessToken, asked: Timestamp) {
        let until = token.expires_at.min(asked + self.lifetime);
        if until <= asked {
            return;
        }
        let entry = Entry {
            token: token.clone(),
            from: asked,
            until,
        };
        self.entries().put(digest, entry);
    }

    /// No entry is ever half written, so what a panic left is as good as before.
    fn entries(&self) -> MutexGuard<'_, LruCache<Digest, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

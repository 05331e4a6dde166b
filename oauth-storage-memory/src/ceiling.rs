//! How many bytes there may be.

use std::fmt;

use thiserror::Error;

use crate::sync::{AtomicUsize, Ordering};

/// A bound, and what is used of it.
///
/// What a commit adds is reserved before it is applied, and what it frees is given back afterwards: `used` is never less than
/// what is there.
pub(crate) struct Ceiling {
    bytes: usize,
    used: AtomicUsize,
}

/// There is no room for what is new.
#[derive(Debug, Error)]
#[error("the memory store is full: {asked} bytes more are beyond its ceiling of {ceiling}")]
pub(crate) struct Full {
    asked: usize,
    ceiling: usize,
}

impl Ceiling {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            used: AtomicUsize::new(0),
        }
    }

    /// Uses so many bytes more, if there is room for them. There is always room for none.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Full> {
        if bytes == 0 {
            return Ok(());
        }
        let full = || Full {
            asked: bytes,
            ceiling: self.bytes,
        };
        let more = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.bytes);
        // Only the number itself matters: the locks of the shards order everything else.
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map(|_| ())
            .map_err(|_| full())
    }

    /// Uses so many bytes more, whether there is room or not.
    pub(crate) fn take(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives so many bytes back.
    pub(crate) fn free(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ceiling").field(&self.bytes).finish()
    }
}

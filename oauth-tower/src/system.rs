//! The clock and the randomness of the system.

use std::time::{SystemTime, UNIX_EPOCH};

use oauth_core::{
    random::{Entropy, EntropyError},
    time::{Clock, Timestamp},
};
use rand::{TryRng, rngs::SysRng};

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_unix_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The operating system's generator, asked for every seed, so that a forked process repeats nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        SysRng.try_fill_bytes(buffer).map_err(|_| EntropyError)
    }
}

//! Randomness, handed to decisions as an input.

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

/// Where unpredictable bytes come from, usually the operating system.
///
/// Every token's strength is this trait's: an implementation that cannot fill the buffer with bytes nobody can
/// predict must fail. A generator that is not safe across `fork` must not be used here.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `buffer` with unpredictable bytes.
    ///
    /// # Errors
    /// If the source has none to give; the request then ends as `server_error`, and nothing is written.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError>;
}

/// The source of randomness gave none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the source of randomness failed")]
pub struct EntropyError;

/// The randomness of one decision: 256 fresh bits, expanded by SHA-256 over them and a counter, as `Hash_DRBG` does
/// (NIST SP 800-90A §10.1.1.4).
///
/// A decision that draws from it stays a pure function of its inputs: the same seed gives the same tokens.
pub struct Random {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
    /// The unused half of the last block.
    half: Option<[u8; 16]>,
}

impl Random {
    /// Randomness that is a function of `seed` alone.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            seed: Zeroizing::new(seed),
            counter: 0,
            half: None,
        }
    }

    /// Randomness with a fresh seed from `entropy`.
    ///
    /// # Errors
    /// If `entropy` fails.
    pub fn draw(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut random = Self::from_seed([0; 32]);
        entropy.fill(random.seed.as_mut_slice())?;
        Ok(random)
    }

    /// The next 32 bytes.
    pub fn secret(&mut self) -> [u8; 32] {
        let block = Sha256::new()
            .chain_update(self.seed.as_slice())
            .chain_update(self.counter.to_be_bytes());
        self.counter += 1;
        block.finalize().into()
    }

    /// The next 16 bytes, for ids and salts.
    pub fn id(&mut self) -> [u8; 16] {
        match self.half.take() {
            Some(half) => half,
            None => {
                let block = self.secret();
                let (halves, _) = block.as_chunks();
                self.half = Some(halves[1]);
                halves[0]
            }
        }
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_never_the_same_twice() {
        let mut a = Random::from_seed([7; 32]);
        let mut b = Random::from_seed([7; 32]);
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let bytes = a.secret();
            assert_eq!(bytes, b.secret());
            assert!(seen.insert(bytes));
            assert_eq!(a.id(), b.id());
        }
        assert_ne!(
            Random::from_seed([8; 32]).secret(),
            Random::from_seed([7; 32]).secret()
        );
    }
}

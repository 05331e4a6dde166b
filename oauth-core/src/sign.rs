//! Signing, between a decision and its commit.
//!
//! A decision is pure and never sees a private key. It says what to sign for its answer, and the
//! server has that signed before it commits. If signing fails, nothing is spent. After a conflict,
//! the decision is made and signed again.

use async_trait::async_trait;

use crate::error::Fault;

/// A message to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SigningInput {
    /// What it is for, so that a signature for one purpose never passes for another.
    pub purpose: &'static str,
    /// The bytes to sign.
    pub payload: Vec<u8>,
}

impl SigningInput {
    /// A message with these bytes, for this purpose.
    pub fn new(purpose: &'static str, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            purpose,
            payload: payload.into(),
        }
    }
}

/// Signs messages for decisions. It is async, since keys may be in a KMS or an HSM.
#[async_trait]
pub trait Signer: Send + Sync + 'static {
    /// Returns the signed message, not the signature alone.
    ///
    /// # Errors
    /// If the message cannot be signed. The request then fails, and nothing is spent.
    async fn sign(&self, input: &SigningInput) -> Result<Vec<u8>, Fault>;
}

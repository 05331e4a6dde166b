//! Signing: between the decision and its commit.
//!
//! A decision is pure and never sees a private key. It says what its answer wants signed; the server has that signed before it
//! commits, so that nothing is spent for an answer that cannot be made. After a conflict it is signed again.

use async_trait::async_trait;

use crate::error::Fault;

/// Something to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SigningInput {
    /// What it is for, so that a signature made for one purpose is never good for another.
    pub purpose: &'static str,
    /// The bytes.
    pub payload: Vec<u8>,
}

impl SigningInput {
    /// These bytes, for this purpose.
    pub fn new(purpose: &'static str, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            purpose,
            payload: payload.into(),
        }
    }
}

/// Signs what decisions ask for. It is async, since keys may live in a KMS or an HSM.
#[async_trait]
pub trait Signer: Send + Sync + 'static {
    /// What goes out in place of `input`: the signed message, not the signature alone.
    ///
    /// # Errors
    /// If it cannot be signed now. The request then fails, and nothing is spent.
    async fn sign(&self, input: &SigningInput) -> Result<Vec<u8>, Fault>;
}

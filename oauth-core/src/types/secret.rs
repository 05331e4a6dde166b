//! Secrets: tokens, codes, passwords of clients.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::hash::are_equal;

/// A text that must not be shown: a token, a code, a client secret.
///
/// It cannot be printed, compared or serialized by accident; [`Secret::expose`] is the one way to its text. The memory
/// is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, to be sent to whom it belongs and to nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The secret where it lies.
    pub(crate) fn borrowed(&self) -> BorrowedSecret<'_> {
        BorrowedSecret(&self.0)
    }
}

/// A secret that lies in a request. As opaque as a [`Secret`].
#[derive(Clone, Copy)]
pub(crate) struct BorrowedSecret<'a>(&'a str);

impl<'a> BorrowedSecret<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The text, to be hashed or looked at, and kept nowhere.
    pub(crate) fn expose(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for BorrowedSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The SHA-256 digest of a client secret, which is all that is kept of it.
///
/// One round of a fast hash is enough only since client secrets are high-entropy by rule: generate them, do not let people
/// choose them. For chosen ones plug in a [`ClientAuthenticationMethod`](crate::client::ClientAuthenticationMethod) that runs a
/// password hash.
#[derive(Clone)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of `secret`.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// The digest with these bytes, as kept in a client table.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be kept in a client table.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the digest of `secret`, in a time that does not depend on either.
    pub fn matches(&self, secret: &Secret) -> bool {
        are_equal(&Self::of(secret.expose()).0, &self.0)
    }
}

impl PartialEq for SecretDigest {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        are_equal(&self.0, &other.0)
    }
}

impl Eq for SecretDigest {}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret::new("hunter2");
        let digest = SecretDigest::of("hunter2");
        assert_eq!(
            format!("{secret:?} {:?} {digest:?}", secret.borrowed()),
            "Secret(..) Secret(..) SecretDigest(..)"
        );
        assert!(digest.matches(&secret));
        assert!(!digest.matches(&Secret::new("hunter3")));
        assert_eq!(digest, SecretDigest::of("hunter2"));
        assert_ne!(digest, SecretDigest::of("hunter3"));
    }
}

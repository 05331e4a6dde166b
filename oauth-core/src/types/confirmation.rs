//! The key to which a token is bound.

use minicbor::{Decoder, decode::Error};

use crate::store::{Field, Writer, map};

/// The key to which a token is bound: `cnf` (RFC 7800 §3.1).
///
/// Whoever presents the token has to prove possession of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Confirmation {
    /// The private key of the JWK with this SHA-256 thumbprint: `jkt` (RFC 9449 §6.1).
    Jwk([u8; 32]),
    /// The private key of the certificate with this SHA-256 digest of its DER: `x5t#S256` (RFC 8705 §3.1).
    Certificate([u8; 32]),
}

impl Field for Confirmation {
    fn write(&self, out: &mut Writer) {
        let (number, digest) = match self {
            Self::Jwk(digest) => (0, digest),
            Self::Certificate(digest) => (1, digest),
        };
        out.map(1);
        out.number(number);
        digest.write(out);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        // An unknown kind is an error: it must never be taken for no binding.
        match (map(input)?, input.u64()?) {
            (1, 0) => Field::read(input).map(Self::Jwk),
            (1, 1) => Field::read(input).map(Self::Certificate),
            _ => Err(Error::message("bound to something unknown")),
        }
    }
}

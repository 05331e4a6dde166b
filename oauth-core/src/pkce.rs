//! Proof Key for Code Exchange (RFC 7636).

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use minicbor::{Decoder, data::Type, decode::Error as Unreadable};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::{
    hash::are_equal,
    store::{Field, Writer},
    types::BorrowedSecret,
};

/// A code challenge with its method, as an authorization request brought it (RFC 7636 §4.3).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CodeChallenge(Challenge);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Challenge {
    /// The digest of the verifier.
    S256([u8; 32]),
    /// The verifier itself.
    Plain(String),
}

/// A code verifier, of 43 to 128 unreserved characters (RFC 7636 §4.1).
#[derive(Clone, Copy, Debug)]
pub struct CodeVerifier<'a>(BorrowedSecret<'a>);

/// Why a challenge is not accepted (RFC 7636 §4.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidChallenge {
    /// A method other than `S256`, or none, which means `plain`.
    #[error("code_challenge_method has to be S256")]
    Method,
    /// Not what the method makes.
    #[error("code_challenge is not the base64url SHA-256 digest of a verifier")]
    Value,
}

/// A code verifier outside the grammar of RFC 7636 §4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("code_verifier has to be 43 to 128 of A-Z a-z 0-9 - . _ ~")]
pub struct InvalidVerifier;

impl CodeChallenge {
    /// Checks a challenge and its method. `plain` is for clients that were dangerously allowed it.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn new(
        value: &str,
        method: Option<&str>,
        plain_allowed: bool,
    ) -> Result<Self, InvalidChallenge> {
        // RFC 7636 §4.3: the method defaults to "plain" if not present in the request.
        let challenge = match method.unwrap_or("plain") {
            "S256" => digest_in(value).map(Challenge::S256),
            "plain" if plain_allowed => {
                is_verifier(value).then(|| Challenge::Plain(value.to_owned()))
            }
            _ => return Err(InvalidChallenge::Method),
        };
        challenge.map(Self).ok_or(InvalidChallenge::Value)
    }

    /// Whether `verifier` is the one that this challenge was made from (RFC 7636 §4.6).
    pub fn is_met_by(&self, verifier: CodeVerifier<'_>) -> bool {
        match &self.0 {
            Challenge::S256(digest) => are_equal(&verifier.digest(), digest),
            Challenge::Plain(value) => {
                let verifier = verifier.0.expose().as_bytes();
                verifier.ct_eq(value.as_bytes()).into()
            }
        }
    }
}

/// Stored as bytes if it is a digest, and as text if it is a verifier.
impl Field for CodeChallenge {
    fn write(&self, out: &mut Writer) {
        match &self.0 {
            Challenge::S256(digest) => digest.write(out),
            Challenge::Plain(verifier) => out.text(verifier),
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        match input.datatype()? {
            Type::Bytes => Field::read(input).map(Challenge::S256),
            _ => Field::read(input).map(Challenge::Plain),
        }
        .map(Self)
    }
}

impl fmt::Debug for CodeChallenge {
    /// Without the value: a plain challenge is the verifier.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Challenge::S256(_) => "CodeChallenge(S256)",
            Challenge::Plain(_) => "CodeChallenge(Plain)",
        })
    }
}

impl<'a> CodeVerifier<'a> {
    /// Its SHA-256 digest, which is its `S256` challenge.
    pub(crate) fn digest(self) -> [u8; 32] {
        Sha256::digest(self.0.expose().as_bytes()).into()
    }

    /// Checks that `text` can be a verifier.
    ///
    /// # Errors
    /// If it is outside the grammar.
    pub fn new(text: &'a str) -> Result<Self, InvalidVerifier> {
        if is_verifier(text) {
            Ok(Self(BorrowedSecret::new(text)))
        } else {
            Err(InvalidVerifier)
        }
    }
}

/// The digest that this is the base64url text of. No other text is.
fn digest_in(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    /// 7636-4.6-a: the vector of appendix B.
    #[test]
    fn s256_is_the_digest_of_the_verifier() {
        let challenge = CodeChallenge::new(CHALLENGE, Some("S256"), false).unwrap();
        assert!(challenge.is_met_by(CodeVerifier::new(VERIFIER).unwrap()));
        assert!(!challenge.is_met_by(CodeVerifier::new(CHALLENGE).unwrap()));
    }

    /// 7636-4.6-b, 7636-7.2-a, 7636-4.3-a
    #[test]
    fn plain_only_where_it_is_allowed() {
        for method in [Some("plain"), None] {
            assert_eq!(
                CodeChallenge::new(VERIFIER, method, false),
                Err(InvalidChallenge::Method)
            );
            let challenge = CodeChallenge::new(VERIFIER, method, true).unwrap();
            assert!(challenge.is_met_by(CodeVerifier::new(VERIFIER).unwrap()));
            assert!(!challenge.is_met_by(CodeVerifier::new(CHALLENGE).unwrap()));
        }
    }

    /// 7636-4.1-a, 7636-4.2-b
    #[test]
    fn the_grammar_is_kept() {
        let long = "a".repeat(129);
        let spaced = VERIFIER.replace('-', " ");
        for bad in ["", "short", &long, &spaced] {
            assert!(CodeVerifier::new(bad).is_err(), "{bad}");
        }
        let padded = format!("{CHALLENGE}=");
        // The same digest, with bits behind it that mean nothing.
        let another = CHALLENGE.replace("-cM", "-cN");
        for bad in [
            &padded,
            &another,
            "short",
            &CHALLENGE.replace('-', "+"),
            &"a".repeat(44),
        ] {
            assert_eq!(
                CodeChallenge::new(bad, Some("S256"), true),
                Err(InvalidChallenge::Value),
                "{bad}"
            );
        }
        assert_eq!(
            CodeChallenge::new(CHALLENGE, Some("s256"), true),
            Err(InvalidChallenge::Method)
        );
        assert_eq!(
            CodeChallenge::new("short", Some("plain"), true),
            Err(InvalidChallenge::Value)
        );
    }
}

//! Hashes over several parts, each with its length before it, so that no two lists of parts collide.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 over `parts`.
pub(crate) fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    Prefix(Sha256::new()).followed_by(parts)
}

/// The parts with which many hashes begin, hashed once.
///
/// Zeros fill them up to whole blocks, so that what follows costs no more than if it stood alone. Where they end is told by how
/// many they are, which has to be the same in all hashes that may be compared.
#[derive(Clone)]
pub(crate) struct Prefix(Sha256);

impl Prefix {
    /// Of these parts.
    pub(crate) fn of<const N: usize>(parts: [&[u8]; N]) -> Self {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend(length(part));
            bytes.extend(part);
        }
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        Self(Sha256::new_with_prefix(bytes))
    }

    /// SHA-256 over them and `parts`.
    pub(crate) fn followed_by<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut hash = self.0.clone();
        for part in parts {
            for byte in length(part) {
                hash.update([byte]);
            }
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// How many bytes SHA-256 takes at a time (FIPS 180-4 §1).
const BLOCK: usize = 64;

/// The length of a part as LEB128: seven bits a byte, the least first, and all bytes but the last marked. As a rule it is one byte,
/// so that a token with its length still is one block.
fn length(part: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = Some(part.len());
    std::iter::from_fn(move || {
        let [low, ..] = rest?.to_le_bytes();
        rest = rest.map(|len| len >> 7).filter(|len| *len > 0);
        Some(if rest.is_some() { low | 0x80 } else { low })
    })
}

/// HMAC-SHA-256 with `key` over `parts`.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    MacKey::new(key).over(parts.iter().copied())
}

/// A key of HMAC-SHA-256, hashed once for all its uses.
#[derive(Clone)]
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes a key of any length (RFC 2104 §3), and this one has an error only for what shares its trait"
    )]
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// HMAC-SHA-256 over `parts`.
    pub(crate) fn over<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            for byte in length(part) {
                mac.update(&[byte]);
            }
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Whether two digests are the same, in a time that does not depend on them.
pub(crate) fn are_equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    // By words: there are fewer of them than of bytes.
    words(a).ct_eq(&words(b)).into()
}

fn words(digest: &[u8; 32]) -> [u64; 4] {
    let (words, _) = digest.as_chunks();
    std::array::from_fn(|index| u64::from_ne_bytes(words[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_equal_in_all_bytes() {
        let digest = sha256([b"a".as_slice()]);
        assert!(are_equal(&digest, &digest.clone()));
        for index in 0..digest.len() {
            let mut other = digest;
            other[index] ^= 0x80;
            assert!(!are_equal(&digest, &other), "{index}");
        }
    }

    #[test]
    fn lengths_are_leb128() {
        for (len, expected) in [
            (0, &[0][..]),
            (0x7f, &[0x7f]),
            (0x80, &[0x80, 1]),
            (300, &[0xac, 2]),
            (0x4000, &[0x80, 0x80, 1]),
        ] {
            assert_eq!(length(&vec![0; len]).collect::<Vec<_>>(), expected, "{len}");
        }
    }

    #[test]
    fn a_prefix_is_whole_blocks_of_its_parts() {
        let one = Prefix::of([b"a", b"bc"]).followed_by([b"rest".as_slice()]);
        let mut bytes = b"\x01a\x02bc".to_vec();
        bytes.resize(64, 0);
        bytes.extend(b"\x04rest");
        assert_eq!(one, <[u8; 32]>::from(Sha256::digest(bytes)));
        for other in [
            Prefix::of([b"ab", b"c"]).followed_by([b"rest".as_slice()]),
            Prefix::of([b"a", b"bc\0"]).followed_by([b"rest".as_slice()]),
            Prefix::of([b"a", b"bc"]).followed_by([b"rest".as_slice(), b""]),
            Prefix::of([b"a".as_slice(), &[b'x'; 100]]).followed_by([b"rest".as_slice()]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn parts_are_kept_apart() {
        assert_ne!(
            sha256([b"ab".as_slice(), b"c"]),
            sha256([b"a".as_slice(), b"bc"])
        );
        assert_ne!(
            hmac_sha256(b"k", &[b"ab", b"c"]),
            hmac_sha256(b"k", &[b"a", b"bc"])
        );
    }
}

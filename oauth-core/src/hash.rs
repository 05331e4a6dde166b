//! Hashes over several parts, each with its length before it, so that no two lists of parts collide.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 over `parts`.
pub(crate) fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// HMAC-SHA-256 with `key` over `parts`.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
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

#[expect(
    clippy::expect_used,
    reason = "HMAC takes a key of any length (RFC 2104 §3), and this one has an error only for what shares its trait"
)]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
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

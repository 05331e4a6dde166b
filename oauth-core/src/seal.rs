//! Sealing: values that travel with a browser and come back unaltered.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use subtle::ConstantTimeEq;

use crate::{
    hash::hmac_sha256,
    store::{Body, Key, Kind, Realm, Record, Role, append, encode},
    time::Timestamp,
};

const TAG: usize = 32;

/// Seals values with a key that the store keeps, so that every process over the same store can open them.
///
/// A sealed value can be read by whoever holds it, but not made or altered: HMAC-SHA-256 over a purpose and the value. A value
/// sealed for one purpose cannot be opened for another. Seal an expiry with it.
///
/// The key is as secret as the store: whoever can read the records can seal too.
#[derive(Clone)]
pub struct Sealer {
    key: [u8; 32],
}

impl Sealer {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Seals `value` for `purpose`, as base64url.
    pub fn seal(&self, purpose: &str, value: &[u8]) -> String {
        let tag = self.tag(purpose, value);
        URL_SAFE_NO_PAD.encode([&tag, value].concat())
    }

    /// The value that was sealed for `purpose`; `None` if this is not what [`seal`](Self::seal) made of one.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (tag, value) = bytes.split_at_checked(TAG)?;
        bool::from(self.tag(purpose, value).ct_eq(tag)).then(|| value.to_vec())
    }

    pub(crate) fn seal_value<T: Serialize>(&self, purpose: &str, value: &T) -> String {
        self.seal(purpose, &append(value, Vec::new()))
    }

    pub(crate) fn open_value<T: DeserializeOwned>(&self, purpose: &str, sealed: &str) -> Option<T> {
        postcard::from_bytes(&self.open(purpose, sealed)?).ok()
    }

    fn tag(&self, purpose: &str, value: &[u8]) -> [u8; TAG] {
        hmac_sha256(&self.key, &[purpose.as_bytes(), value])
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// The key as the store keeps it.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct SealKey(pub(crate) [u8; 32]);

impl Body for SealKey {}

impl SealKey {
    pub(crate) fn key(realm: &Realm) -> Key {
        Key::new(realm, Kind::SERVER_KEY, &[b"seal"])
    }

    /// Never to be forgotten: handles and sessions in the hands of browsers depend on it.
    pub(crate) fn record(&self, realm: &Realm) -> Record {
        Record {
            key: Self::key(realm),
            role: Role::Single,
            owner: None,
            forget_at: Timestamp::MAX,
            body: encode(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_opens_and_only_for_its_purpose() {
        let sealer = Sealer::new([1; 32]);
        let text = sealer.seal("a", b"value");
        assert_eq!(
            sealer.open("a", &text).as_deref(),
            Some(b"value".as_slice())
        );
        assert_eq!(sealer.open("b", &text), None);
        assert_eq!(Sealer::new([2; 32]).open("a", &text), None);
        for at in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                sealer.open("a", &String::from_utf8(altered).unwrap()),
                None,
                "{at}"
            );
        }
        for junk in ["", "AAAA", "%"] {
            assert_eq!(sealer.open("a", junk), None);
        }
    }
}

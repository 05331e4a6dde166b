//! Sealing: signs values that travel with a browser, so that they come back unaltered.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use crate::{
    hash::MacKey,
    store::{Field, from_bytes, to_bytes},
};

const TAG: usize = 32;

/// Signs values with keys derived from the operator secrets, so that every process with the same
/// secrets can verify them.
///
/// A sealed value is signed, not encrypted: anybody who has it can read it, but not make or alter
/// one. The signature is HMAC-SHA-256 over a purpose and the value, and a value sealed for one
/// purpose does not open for another. Include an expiry in the value.
#[derive(Clone)]
pub struct Sealer {
    /// Never empty. The first one seals; any of them opens.
    keys: Arc<[MacKey]>,
}

impl Sealer {
    pub(crate) fn new(keys: impl IntoIterator<Item = MacKey>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
        }
    }

    /// Seals `value` for `purpose`, as base64url.
    pub fn seal(&self, purpose: &str, value: &[u8]) -> String {
        let tag = tag(&self.keys[0], purpose, value);
        URL_SAFE_NO_PAD.encode([&tag, value].concat())
    }

    /// The value that was sealed for `purpose`; `None` if [`seal`](Self::seal) did not make this.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (sealed_tag, value) = bytes.split_at_checked(TAG)?;
        let fits = |key: &MacKey| tag(key, purpose, value).ct_eq(sealed_tag).into();
        self.keys.iter().any(fits).then(|| value.to_vec())
    }

    pub(crate) fn seal_value(&self, purpose: &str, value: &impl Field) -> String {
        self.seal(purpose, &to_bytes(value))
    }

    pub(crate) fn open_value<T: Field>(&self, purpose: &str, sealed: &str) -> Option<T> {
        from_bytes(&self.open(purpose, sealed)?)
    }
}

fn tag(key: &MacKey, purpose: &str, value: &[u8]) -> [u8; TAG] {
    key.over([purpose.as_bytes(), value])
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer_of<const N: usize>(keys: [u8; N]) -> Sealer {
        Sealer::new(keys.map(|key| MacKey::new(&[key; 32])))
    }

    #[test]
    fn only_what_was_sealed_opens_and_only_for_its_purpose() {
        let sealer = sealer_of([1]);
        let text = sealer.seal("a", b"value");
        assert_eq!(
            sealer.open("a", &text).as_deref(),
            Some(b"value".as_slice())
        );
        assert_eq!(sealer.open("b", &text), None);
        assert_eq!(sealer_of([2]).open("a", &text), None);
        assert!(sealer_of([2, 1]).open("a", &text).is_some());
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

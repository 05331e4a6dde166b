//! What the tokens of other providers look like.

use oauth_core::{token::TokenFormat, types::Secret};

/// Forty lower-case hexadecimal digits, for 20 bytes.
///
/// This is too short for refresh tokens, and each code takes one more record.
#[derive(Clone, Copy, Debug)]
pub struct Hex;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl TokenFormat for Hex {
    fn encode(&self, bytes: &[u8]) -> Secret {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text: String = digits
            .map(|digit| char::from(DIGITS[usize::from(digit)]))
            .collect();
        Secret::new(text)
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return None;
        };
        let bytes = pairs
            .iter()
            .map(|[high, low]| Some(value(DIGITS, *high)? << 4 | value(DIGITS, *low)?));
        bytes.collect()
    }

    fn capacity(&self) -> Option<usize> {
        Some(20)
    }
}

/// Upper-case letters and digits after a prefix: base32 (RFC 4648 §6) without padding.
#[derive(Clone, Copy, Debug)]
pub struct UpperCase(pub &'static str);

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

impl TokenFormat for UpperCase {
    fn encode(&self, bytes: &[u8]) -> Secret {
        let mut text = self.0.to_owned();
        text.extend(regroup(bytes.iter().copied(), 8, 5).map(|five| {
            // The last group is padded with zero bits.
            char::from(ALPHABET[usize::from(five & 31)])
        }));
        Secret::new(text)
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        let digits = text.strip_prefix(self.0)?.bytes();
        let digits: Option<Vec<u8>> = digits.map(|digit| value(ALPHABET, digit)).collect();
        let digits = digits?;
        let len = digits.len() * 5 / 8;
        let bytes: Vec<u8> = regroup(digits.into_iter(), 5, 8).take(len).collect();
        // Rejects surplus digits and non-zero padding bits.
        (self.encode(&bytes).expose() == text).then_some(bytes)
    }
}

/// Regroups bits from groups of `from` to groups of `to`. The last group is padded with zeros.
fn regroup(groups: impl Iterator<Item = u8>, from: u32, to: u32) -> impl Iterator<Item = u8> {
    let mut groups = groups.fuse();
    let (mut pending, mut count) = (0_u32, 0_u32);
    std::iter::from_fn(move || {
        while count < to {
            let Some(group) = groups.next() else {
                if count == 0 {
                    return None;
                }
                pending <<= to - count;
                count = to;
                break;
            };
            pending = pending << from | u32::from(group);
            count += from;
        }
        count -= to;
        let [.., low] = (pending >> count).to_be_bytes();
        pending &= (1 << count) - 1;
        Some(low)
    })
}

fn value(alphabet: &[u8], digit: u8) -> Option<u8> {
    let position = alphabet.iter().position(|own| *own == digit)?;
    u8::try_from(position).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_bit_counts_and_the_alphabet_is_kept() {
        let upper_case = UpperCase("RES_");
        for (format, bytes, length) in [
            (&Hex as &dyn TokenFormat, 20, 40),
            (&upper_case, 20, 36),
            (&upper_case, 32, 56),
            (&upper_case, 68, 113),
        ] {
            let mut seen = HashSet::from([format.encode(&vec![0; bytes]).expose().to_owned()]);
            for bit in 0..bytes * 8 {
                let mut bits = vec![0; bytes];
                bits[bit / 8] = 1 << (bit % 8);
                let token = format.encode(&bits);
                assert_eq!(token.expose().len(), length);
                assert_eq!(format.decode(token.expose()), Some(bits));
                assert!(seen.insert(token.expose().to_owned()), "bit {bit}");
            }
        }
        let hex = Hex.encode(&[0xfe; 20]);
        assert_eq!(hex.expose(), "fe".repeat(20));
        let upper = upper_case.encode(&[0xff; 20]);
        assert_eq!(upper.expose(), format!("RES_{}", "7".repeat(32)));
    }

    #[test]
    fn no_other_text_means_the_same() {
        for bad in ["f", "FE", "fg", " fe", "fe ", "é"] {
            assert_eq!(Hex.decode(bad), None, "{bad}");
        }
        let whole = UpperCase("RES_").encode(&[0xab; 20]);
        let good = UpperCase("RES_").encode(&[0xab; 32]);
        let good = good.expose();
        for bad in [
            &good[4..],
            &good.to_lowercase(),
            // A surplus digit.
            &format!("{}A", whole.expose()),
            &format!("{good}="),
            // Another last digit, with non-zero padding bits.
            &format!("{}B", &good[..good.len() - 1]),
            "RES_1",
        ] {
            assert_eq!(UpperCase("RES_").decode(bad), None, "{bad}");
        }
    }
}

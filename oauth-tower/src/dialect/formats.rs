//! What the tokens of other providers look like.

use oauth_core::{token::TokenFormat, types::Secret};

/// Forty lower-case hexadecimal digits: 160 of the bits.
#[derive(Clone, Copy, Debug)]
pub struct Hex;

impl TokenFormat for Hex {
    fn render(&self, bits: &[u8; 32]) -> Secret {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let (used, _) = bits.split_at(20);
        let digits = used.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text: String = digits
            .map(|digit| char::from(DIGITS[usize::from(digit)]))
            .collect();
        Secret::new(text)
    }
}

/// Upper-case letters and digits behind a prefix: 160 of the bits, five to a character.
#[derive(Clone, Copy, Debug)]
pub struct UpperCase(pub &'static str);

impl TokenFormat for UpperCase {
    fn render(&self, bits: &[u8; 32]) -> Secret {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let (used, _) = bits.split_at(20);
        let mut text = self.0.to_owned();
        let (mut pending, mut count) = (0_u32, 0_u32);
        for &byte in used {
            pending = pending << 8 | u32::from(byte);
            count += 8;
            while count >= 5 {
                count -= 5;
                text.push(char::from(ALPHABET[(pending >> count & 31) as usize]));
            }
            pending &= (1 << count) - 1;
        }
        Secret::new(text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_used_bit_counts_and_the_alphabet_is_kept() {
        for (format, length) in [(&Hex as &dyn TokenFormat, 40), (&UpperCase("RES_"), 36)] {
            let mut seen = HashSet::from([format.render(&[0; 32]).expose().to_owned()]);
            for bit in 0..160 {
                let mut bits = [0; 32];
                bits[bit / 8] = 1 << (bit % 8);
                let token = format.render(&bits);
                assert_eq!(token.expose().len(), length);
                assert!(seen.insert(token.expose().to_owned()), "bit {bit}");
            }
        }
        let hex = Hex.render(&[0xfe; 32]);
        assert_eq!(hex.expose(), "fe".repeat(20));
        let upper = UpperCase("RES_").render(&[0xff; 32]);
        assert_eq!(upper.expose(), format!("RES_{}", "7".repeat(32)));
    }
}

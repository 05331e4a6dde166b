//! What tokens and codes look like.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Refresh, access};
use crate::{
    store::{Key, Realm},
    types::{BorrowedSecret, Secret},
};

/// How 256 random bits are written as a token.
///
/// The same bits have to give the same token, and tokens of different bits must differ in at least 128 bits' worth of
/// text (RFC 6749 §10.10). The text has to fit into `b64token` (RFC 6750 §2.1).
pub trait TokenFormat: Send + Sync + 'static {
    /// The token for these bits.
    fn render(&self, bits: &[u8; 32]) -> Secret;

    /// Whether `token` is certainly none of another format of the same server, so that nobody need look for it as one.
    ///
    /// `false` if that cannot be told, which costs a look.
    fn recognizes(&self, _token: &str) -> bool {
        false
    }
}

/// The bits in base64url behind a prefix, by which secret scanners recognize a token that has leaked.
#[derive(Clone, Copy, Debug)]
pub struct Prefixed(pub &'static str);

impl TokenFormat for Prefixed {
    fn render(&self, bits: &[u8; 32]) -> Secret {
        let mut text = String::with_capacity(self.0.len() + 43);
        text.push_str(self.0);
        URL_SAFE_NO_PAD.encode_string(bits, &mut text);
        Secret::new(text)
    }

    fn recognizes(&self, token: &str) -> bool {
        !self.0.is_empty() && token.starts_with(self.0)
    }
}

/// The formats of a server's tokens.
pub struct Formats {
    /// Of access tokens: `oauth_at_…`.
    pub access_token: Box<dyn TokenFormat>,
    /// Of refresh tokens: `oauth_rt_…`.
    pub refresh_token: Box<dyn TokenFormat>,
    /// Of authorization codes: `oauth_ac_…`.
    pub code: Box<dyn TokenFormat>,
}

impl Formats {
    /// Where a token can be found that may be an access or a refresh token, nobody knows which. What a client says of it does
    /// not count: it may be wrong (RFC 7009 §2.1).
    pub(crate) fn keys(&self, realm: &Realm, token: BorrowedSecret<'_>) -> Vec<Key> {
        let is_access_token = self.access_token.recognizes(token.expose());
        let is_refresh_token = self.refresh_token.recognizes(token.expose());
        match (is_access_token, is_refresh_token) {
            (true, false) => vec![access::key(realm, token)],
            (false, true) => vec![Refresh::key(realm, token)],
            (true, true) | (false, false) => {
                vec![access::key(realm, token), Refresh::key(realm, token)]
            }
        }
    }
}

impl Default for Formats {
    fn default() -> Self {
        Self {
            access_token: Box::new(Prefixed("oauth_at_")),
            refresh_token: Box::new(Prefixed("oauth_rt_")),
            code: Box::new(Prefixed("oauth_ac_")),
        }
    }
}

impl fmt::Debug for Formats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Formats(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 6749-10.10-a, 6749-10.10-b: all 256 bits are in the token.
    #[test]
    fn every_bit_counts() {
        let format = Prefixed("x_");
        let zero = format.render(&[0; 32]);
        assert_eq!(zero.expose().len(), 2 + 43);
        for bit in 0..256 {
            let mut bits = [0; 32];
            bits[bit / 8] |= 1 << (bit % 8);
            assert_ne!(format.render(&bits).expose(), zero.expose());
        }
    }
}

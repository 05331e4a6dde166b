//! What tokens and codes look like.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{RefreshToken, access};
use crate::{
    store::{Key, Realm},
    types::{BorrowedSecret, Secret},
};

/// Encodes the bytes of a token or a code as text, and decodes them.
///
/// The server supplies the bytes: 32 random ones for an access token; the grant's id and a secret
/// for a code; the grant's id, a number, a secret and a tag for a refresh token. The text must
/// match `b64token` (RFC 6750 §2.1).
pub trait TokenFormat: Send + Sync + 'static {
    /// Encodes at most [`capacity`](Self::capacity) bytes.
    ///
    /// Different bytes must give different texts.
    fn encode(&self, bytes: &[u8]) -> Secret;

    /// Decodes a text; `None` unless it is exactly what [`encode`](Self::encode) returns for some
    /// bytes.
    fn decode(&self, text: &str) -> Option<Vec<u8>>;

    /// The most bytes that it can encode; `None` for no limit.
    ///
    /// The server shortens random secrets to fit.
    fn capacity(&self) -> Option<usize> {
        None
    }

    /// Whether `text` is certainly in this format and in no other format of this server.
    ///
    /// The server then looks it up as one kind of token only.
    ///
    /// Return `false` if in doubt; that costs one more lookup.
    fn recognizes(&self, _text: &str) -> bool {
        false
    }
}

/// How many of a random secret's 32 bytes fit after `before` other bytes.
pub(super) fn room(format: &dyn TokenFormat, before: usize) -> usize {
    let capacity = format.capacity().unwrap_or(usize::MAX);
    capacity.saturating_sub(before).min(32)
}

/// Base64url after a prefix, by which secret scanners recognize a leaked token.
#[derive(Clone, Copy, Debug)]
pub struct Prefixed(pub &'static str);

impl TokenFormat for Prefixed {
    fn encode(&self, bytes: &[u8]) -> Secret {
        let mut text = String::with_capacity(self.0.len() + bytes.len().div_ceil(3) * 4);
        text.push_str(self.0);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Secret::new(text)
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        // This engine decodes canonical text only: it rejects padding and non-zero trailing bits.
        URL_SAFE_NO_PAD.decode(text.strip_prefix(self.0)?).ok()
    }

    fn recognizes(&self, text: &str) -> bool {
        !self.0.is_empty() && text.starts_with(self.0)
    }
}

/// The formats of a server's tokens.
pub struct Formats {
    /// The format of access tokens; `oauth_at_…` by default. It must hold at least 16 bytes.
    pub access_token: Box<dyn TokenFormat>,
    /// The format of refresh tokens; `oauth_rt_…` by default. It must hold at least
    /// [`Formats::REFRESH_TOKEN_BYTES`] bytes.
    pub refresh_token: Box<dyn TokenFormat>,
    /// The format of authorization codes; `oauth_ac_…` by default. It must hold at least 16 bytes.
    /// If it holds fewer than 48, each code takes one more record.
    pub code: Box<dyn TokenFormat>,
}

impl Formats {
    /// How many bytes a refresh token has.
    pub const REFRESH_TOKEN_BYTES: usize = RefreshToken::LEN;

    /// How many random bytes it takes so that nobody can guess them (RFC 6749 §10.10).
    pub(crate) const LEAST_BYTES: usize = 16;

    /// Where to look for a token that may be an access or a refresh token. A client's
    /// `token_type_hint` is ignored, since it may be wrong (RFC 7009 §2.1).
    pub(crate) fn keys(&self, realm: &Realm, token: BorrowedSecret<'_>) -> Vec<Key> {
        let is_access_token = self.access_token.recognizes(token.expose());
        let refresh_token = if is_access_token && !self.refresh_token.recognizes(token.expose()) {
            None
        } else {
            RefreshToken::decode(self, token)
        };
        let mut keys = Vec::with_capacity(2);
        if is_access_token || !self.refresh_token.recognizes(token.expose()) {
            keys.push(access::key(realm, token));
        }
        keys.extend(refresh_token.map(|token| Key::of_grant(realm, token.grant)));
        keys
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

    /// 6749-10.10-a, 6749-10.10-b: all 256 bits are in the token, and one text is one token.
    #[test]
    fn every_bit_counts_and_there_is_one_text() {
        let format = Prefixed("x_");
        let zero = format.encode(&[0; 32]);
        assert_eq!(zero.expose().len(), 2 + 43);
        for bit in 0..256 {
            let mut bits = [0; 32];
            bits[bit / 8] |= 1 << (bit % 8);
            let token = format.encode(&bits);
            assert_ne!(token.expose(), zero.expose());
            assert_eq!(format.decode(token.expose()).as_deref(), Some(&bits[..]));
        }
        let text = zero.expose();
        for other in [
            &text[2..],
            &format!("{text}="),
            &format!("{}B", &text[..text.len() - 1]),
            &format!(" {text}"),
            &text.to_uppercase(),
        ] {
            assert_eq!(format.decode(other), None, "{other}");
        }
    }
}

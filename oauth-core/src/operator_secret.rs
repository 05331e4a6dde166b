//! The operator secret: the one secret that a deployment has to keep.
//!
//! The server derives its keys from it: to sign what browsers carry, to recognize old refresh
//! tokens, and to derive the successor of a refresh token. Each key is bound to the namespace and
//! to its purpose. The secret is not in the store, so a copy of the store alone is not enough to
//! forge anything.
//!
//! Replacing a secret takes three steps, each in all processes. First accept the new secret as well
//! ([`OperatorSecrets::and`]). Then make it the current one, and still accept the old one. When all
//! sessions and refresh tokens from before have expired, drop the old one. Nobody is logged out.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    hash::{MacKey, hmac_sha256},
    seal::Sealer,
    store::{Body, Key, Kind, Realm, Record, Role, encode, numbered},
    time::Timestamp,
};

/// A secret of 32 bytes that only the operator knows.
///
/// Generate it with `openssl rand -hex 32`, and protect it like the database password. All
/// processes of one server need the same secret. As text, it is 64 hexadecimal digits or base64.
///
/// ```
/// use oauth_core::operator_secret::OperatorSecret;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let text = "8f0c6d6f1a5b4e0f9a3d2c1b0a99887766554433221100ffeeddccbbaa998877";
/// // From the environment, a file or a secret manager.
/// let secret: OperatorSecret = text.parse()?;
/// # let _ = secret; Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct OperatorSecret(Zeroizing<[u8; 32]>);

/// A text that is not an operator secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an operator secret is 32 bytes, as 64 hexadecimal digits or as base64")]
pub struct InvalidOperatorSecret;

impl OperatorSecret {
    /// The secret with these bytes, which must be impossible to guess.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Writes it as 64 hexadecimal digits, to be kept where only the operator can read them.
    pub fn expose_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in *self.0 {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 0xf));
        }
        text
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for OperatorSecret {
    type Err = InvalidOperatorSecret;

    /// Reads 64 hexadecimal digits or base64, in either alphabet, padded or not. Surrounding
    /// whitespace is ignored.
    fn from_str(text: &str) -> Result<Self, InvalidOperatorSecret> {
        let text = text.trim_ascii();
        let bytes = Zeroizing::new(if text.len() == 64 {
            from_hex(text)
        } else {
            from_base64(text)
        });
        match bytes.as_deref().map(<[u8; 32]>::try_from) {
            Some(Ok(bytes)) => Ok(Self::from_bytes(bytes)),
            Some(Err(_)) | None => Err(InvalidOperatorSecret),
        }
    }
}

impl fmt::Debug for OperatorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorSecret(..)")
    }
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = Zeroizing::new(digits?);
    let (pairs, _) = digits.as_chunks::<2>();
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(high << 4 | low).ok())
        .collect()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = GeneralPurpose::new(&alphabet::STANDARD, config);
    let url_safe = GeneralPurpose::new(&alphabet::URL_SAFE, config);
    standard
        .decode(text)
        .or_else(|_| url_safe.decode(text))
        .ok()
}

/// The valid operator secrets: the current one, and others that are accepted while it is being
/// replaced.
#[derive(Clone, Debug)]
pub struct OperatorSecrets {
    current: OperatorSecret,
    others: Vec<OperatorSecret>,
}

impl OperatorSecrets {
    /// One secret.
    pub fn new(current: OperatorSecret) -> Self {
        Self {
            current,
            others: Vec::new(),
        }
    }

    /// Also accepts another secret: the next or the previous one.
    #[must_use]
    pub fn and(mut self, other: OperatorSecret) -> Self {
        self.others.push(other);
        self
    }
}

impl From<OperatorSecret> for OperatorSecrets {
    fn from(current: OperatorSecret) -> Self {
        Self::new(current)
    }
}

/// The keys that a server derives from its operator secrets, for one namespace.
#[derive(Clone)]
pub struct ServerKeys(Arc<Inner>);

struct Inner {
    /// The current one first.
    refresh: Vec<RefreshKeys>,
    sealer: Sealer,
}

impl ServerKeys {
    pub(crate) fn derive(secrets: &OperatorSecrets, realm: &Realm) -> Self {
        let all = || std::iter::once(&secrets.current).chain(&secrets.others);
        let key = |secret: &OperatorSecret, purpose: &str| {
            let parts: &[&[u8]] = &[realm.as_str().as_bytes(), purpose.as_bytes()];
            MacKey::new(&*Zeroizing::new(hmac_sha256(secret.bytes(), parts)))
        };
        Self(Arc::new(Inner {
            refresh: all()
                .map(|secret| RefreshKeys {
                    tag: key(secret, "refresh token tag"),
                    successor: key(secret, "refresh token successor"),
                })
                .collect(),
            sealer: Sealer::new(all().map(|secret| key(secret, "seal"))),
        }))
    }

    /// Signs what browsers carry.
    pub(crate) fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }

    /// The keys for refresh tokens issued now.
    pub(crate) fn refresh(&self) -> &RefreshKeys {
        &self.0.refresh[0]
    }

    /// The keys for existing refresh tokens, one set for each valid secret.
    pub(crate) fn all_refresh(&self) -> &[RefreshKeys] {
        &self.0.refresh
    }
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKeys(..)")
    }
}

/// The refresh token keys derived from one operator secret.
pub(crate) struct RefreshKeys {
    tag: MacKey,
    successor: MacKey,
}

impl RefreshKeys {
    /// The tag which shows that a refresh token with these parts was issued here.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 16] {
        let [tag, _] = halves(self.tag.over(parts.iter().copied()));
        tag
    }

    /// Derives bits from a refresh token and the salt in the store. It takes this key as well as
    /// both of them.
    pub(crate) fn derive<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        self.successor.over(parts)
    }
}

fn halves(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    let (halves, _) = bytes.as_chunks();
    [halves[0], halves[1]]
}

/// The operator secret as kept in the store, for servers built with `dangerous_secret_in_store`.
#[derive(PartialEq)]
pub(crate) struct StoredSecret {
    bytes: [u8; 32],
}

numbered!(StoredSecret { 0 => bytes });

impl Body for StoredSecret {}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredSecret(..)")
    }
}

impl StoredSecret {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self { bytes }
    }

    pub(crate) fn key(realm: &Realm) -> Key {
        Key::new(realm, Kind::SERVER_KEY, &[b"operator secret"])
    }

    /// It is never forgotten: handles, sessions and refresh tokens depend on it.
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

impl From<StoredSecret> for OperatorSecret {
    fn from(stored: StoredSecret) -> Self {
        Self::from_bytes(stored.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_people_write_it() {
        let bytes: [u8; 32] = std::array::from_fn(|index| 0xf8 | u8::try_from(index).unwrap());
        let hex = OperatorSecret::from_bytes(bytes).expose_hex();
        let read = |text: &str| text.parse::<OperatorSecret>().map(|secret| *secret.bytes());
        let standard = "+Pn6+/z9/v/4+fr7/P3+//j5+vv8/f7/+Pn6+/z9/v8=";
        let url_safe = standard.replace('+', "-").replace('/', "_");
        for good in [
            hex.as_str(),
            &hex.to_uppercase(),
            &format!(" {}\n", *hex),
            standard,
            standard.trim_end_matches('='),
            &url_safe,
            url_safe.trim_end_matches('='),
        ] {
            assert_eq!(read(good), Ok(bytes), "{good}");
        }
        let short = &hex[..62];
        for bad in [
            "",
            "secret",
            short,
            &format!("{}g", &hex[..63]),
            &standard[..40],
        ] {
            assert_eq!(read(bad), Err(InvalidOperatorSecret), "{bad}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = OperatorSecret::from_bytes([7; 32]);
        let keys = ServerKeys::derive(&secret.clone().into(), &Realm::default());
        assert_eq!(
            format!("{secret:?} {keys:?}"),
            "OperatorSecret(..) ServerKeys(..)"
        );
    }

    #[test]
    fn keys_are_bound_to_namespace_and_purpose() {
        let secrets = OperatorSecrets::new(OperatorSecret::from_bytes([7; 32]));
        let one = ServerKeys::derive(&secrets, &Realm::new("one"));
        let two = ServerKeys::derive(&secrets, &Realm::new("two"));
        let parts: &[&[u8]] = &[b"part"];
        assert_ne!(one.refresh().tag(parts), two.refresh().tag(parts));
        let derived = |keys: &ServerKeys| keys.refresh().derive([b"part".as_slice()]);
        assert_ne!(derived(&one), derived(&two));
        assert_ne!(derived(&one)[..16], one.refresh().tag(parts));
        let sealed = one.sealer().seal("purpose", b"value");
        assert_eq!(two.sealer().open("purpose", &sealed), None);
    }
}

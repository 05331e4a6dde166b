//! The challenge in `WWW-Authenticate` (RFC 6750 §3).

use std::{borrow::Cow, str::FromStr};

use http::HeaderValue;
use oauth_core::{error::Refusal, types::Scope};
use thiserror::Error;

/// The name of the protected space, as people are shown it (RFC 9110 §11.5).
///
/// It is one or more of the characters from space to tilde without `"` and `\`, so that nothing has to be escaped and no reader
/// of the header can be misled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(Cow<'static, str>);

/// A text that cannot be the name of a protected space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a realm is one or more of the characters from space to tilde without '\"' and '\\'")]
pub struct InvalidRealm;

impl Realm {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Realm {
    /// `api`.
    fn default() -> Self {
        Self(Cow::Borrowed("api"))
    }
}

impl FromStr for Realm {
    type Err = InvalidRealm;

    fn from_str(text: &str) -> Result<Self, InvalidRealm> {
        if !text.is_empty() && text.bytes().all(is_attribute_char) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(InvalidRealm)
        }
    }
}

/// What a client is told about how to come back with a token that will do.
#[derive(Debug)]
pub(super) struct Challenge<'a> {
    pub(super) realm: &'a Realm,
    pub(super) scope: &'a Scope,
    pub(super) refusal: Option<Refusal>,
}

impl Challenge<'_> {
    /// The value of `WWW-Authenticate`. It always has a realm, for a challenge needs an attribute.
    pub(super) fn render(&self) -> HeaderValue {
        let mut text = String::from("Bearer");
        let mut separator = ' ';
        let mut attribute = |name: &str, value: &str| {
            // Every value has a type or is a constant that keeps to this. What does not would end the quotes.
            let value: String = value
                .chars()
                .filter(|&c| u8::try_from(c).is_ok_and(is_attribute_char))
                .collect();
            text.extend([
                separator.encode_utf8(&mut [0; 4]),
                name,
                "=\"",
                &value,
                "\"",
            ]);
            separator = ',';
        };
        attribute("realm", self.realm.as_str());
        if !self.scope.is_empty() {
            attribute("scope", self.scope.as_str());
        }
        if let Some(refusal) = self.refusal {
            attribute("error", refusal.code.as_str());
            attribute("error_description", refusal.description);
        }
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer realm=\"api\""))
    }
}

/// `%x20-21 / %x23-5B / %x5D-7E` (RFC 6750 §3).
fn is_attribute_char(byte: u8) -> bool {
    matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use oauth_core::error::ErrorCode;

    use super::*;

    fn render(realm: &str, scope: &str, refusal: Option<Refusal>) -> String {
        let challenge = Challenge {
            realm: &realm.parse().unwrap(),
            scope: &scope.parse().unwrap(),
            refusal,
        };
        challenge.render().to_str().unwrap().to_owned()
    }

    /// 6750-3-b, 6750-3-c, 6750-3-d, 6750-3-e: the scheme's name, at least one attribute, each at most once.
    #[test]
    fn a_challenge_is_written_as_the_scheme_has_it() {
        assert_eq!(render("api", "", None), r#"Bearer realm="api""#);
        let refusal = Refusal::new(ErrorCode::INSUFFICIENT_SCOPE, "no");
        assert_eq!(
            render("My API", "b a", Some(refusal)),
            r#"Bearer realm="My API",scope="a b",error="insufficient_scope",error_description="no""#
        );
    }

    /// 6750-3-f: nothing that would end the quotes or the header.
    #[test]
    fn a_realm_needs_no_escaping() {
        for bad in ["", "a\"b", "a\\", "a\r\nSet-Cookie: x", "é", "\u{7f}"] {
            assert_eq!(bad.parse::<Realm>(), Err(InvalidRealm), "{bad:?}");
        }
        let foreign = Refusal::new(ErrorCode::extension("a\"b\\c\n"), "d\"e");
        assert_eq!(
            render(" !#[]~", "!", Some(foreign)),
            r#"Bearer realm=" !#[]~",scope="!",error="abc",error_description="de""#
        );
    }
}

//! `application/x-www-form-urlencoded`, read strictly (RFC 6749 App. B).
//!
//! The usual parsers repair what they read: a malformed escape stays as it is, an invalid byte becomes U+FFFD, and so what is
//! checked may not be what somebody else reads. Here such input is refused.

use std::borrow::Cow;

use oauth_core::types::Params;
use percent_encoding::percent_decode;

use super::Limits;

/// Why parameters cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidParams {
    /// A percent sign without two hexadecimal digits after it.
    Escape,
    /// Not UTF-8, or NUL.
    Text,
    /// More parameters than the limit.
    TooMany,
    /// A name or value longer than the limit.
    TooLong,
}

impl InvalidParams {
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Escape => "a percent escape is malformed",
            Self::Text => "the parameters are not UTF-8 text",
            Self::TooMany => "there are too many parameters",
            Self::TooLong => "a parameter is too long",
        }
    }
}

/// Reads parameters.
pub(crate) fn parse<'a>(encoded: &'a [u8], limits: &Limits) -> Result<Params, InvalidParams> {
    let encoded = std::str::from_utf8(encoded).map_err(|_| InvalidParams::Text)?;
    if encoded.len() > limits.body {
        return Err(InvalidParams::TooLong);
    }
    // As a rule nothing is escaped, which is seen sooner of all than of each.
    let is_plain = is_plain(encoded);
    let decode = |text: &'a str| {
        if is_plain {
            Ok(text.into())
        } else {
            decode(text)
        }
    };
    let read = |(index, pair): (usize, &'a str)| {
        if index == limits.params {
            return Err(InvalidParams::TooMany);
        }
        let (name, value) = split_at_first(pair, b'=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if name.len() > limits.value || value.len() > limits.value {
            return Err(InvalidParams::TooLong);
        }
        Ok((name, value))
    };
    let pairs = pairs(encoded).filter(|pair| !pair.is_empty());
    pairs.enumerate().map(read).collect()
}

/// What stands between the `&`.
fn pairs(encoded: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(encoded);
    std::iter::from_fn(move || {
        let (pair, after) = match split_at_first(rest?, b'&') {
            Some((pair, after)) => (pair, Some(after)),
            None => (rest?, None),
        };
        rest = after;
        Some(pair)
    })
}

/// What stands before and after the first of an ASCII character.
pub(super) fn split_at_first(text: &str, character: u8) -> Option<(&str, &str)> {
    let index = memchr::memchr(character, text.as_bytes())?;
    Some((&text[..index], &text[index + 1..]))
}

/// Whether a text means itself.
fn is_plain(text: &str) -> bool {
    memchr::memchr3(b'%', b'+', 0, text.as_bytes()).is_none()
}

/// Reverses the form encoding of one name or value.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, InvalidParams> {
    if is_plain(text) {
        return Ok(text.into());
    }
    let mut rest = text;
    while let Some((_, after)) = split_at_first(rest, b'%') {
        let digits = after.as_bytes().get(..2).ok_or(InvalidParams::Escape)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(InvalidParams::Escape);
        }
        rest = after;
    }
    let mut bytes = Vec::with_capacity(text.len() + 1);
    for word in text.as_bytes().split(|byte| *byte == b'+') {
        bytes.extend(percent_decode(word));
        bytes.push(b' ');
    }
    bytes.pop();
    match String::from_utf8(bytes) {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded.into()),
        _ => Err(InvalidParams::Text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(pairs: &[(String, String)]) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    }

    fn read(encoded: &str) -> Result<Vec<(String, String)>, InvalidParams> {
        let params = parse(encoded.as_bytes(), &Limits::default())?;
        Ok(params
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    /// 6749-AppB-a
    #[test]
    fn utf8_after_the_escaping_is_reversed() {
        assert_eq!(
            read("a=%C2%A3+%2B&b%20=&=x&&c").unwrap(),
            [
                ("a".to_owned(), "£ +".to_owned()),
                ("b ".to_owned(), String::new()),
                (String::new(), "x".to_owned()),
                ("c".to_owned(), String::new()),
            ]
        );
        for (bad, why) in [
            ("a=%zz", InvalidParams::Escape),
            ("a=%", InvalidParams::Escape),
            ("a=%4", InvalidParams::Escape),
            ("%+1=x", InvalidParams::Escape),
            ("a=%ff", InvalidParams::Text),
            ("a=%C2", InvalidParams::Text),
            ("a=%00", InvalidParams::Text),
            ("a%00=b", InvalidParams::Text),
            ("a=\0", InvalidParams::Text),
        ] {
            assert_eq!(read(bad), Err(why), "{bad:?}");
        }
        assert_eq!(
            parse(b"a=\xff", &Limits::default()).unwrap_err(),
            InvalidParams::Text
        );
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let limits = Limits::default();
        assert!(read(&"a=1&".repeat(limits.params)).is_ok());
        assert_eq!(
            read(&"a=1&".repeat(limits.params + 1)),
            Err(InvalidParams::TooMany)
        );
        assert!(read(&format!("a={}", "%41".repeat(limits.value))).is_ok());
        assert_eq!(
            read(&format!("a={}", "x".repeat(limits.value + 1))),
            Err(InvalidParams::TooLong)
        );
        assert_eq!(
            read(&"x".repeat(limits.value + 1)),
            Err(InvalidParams::TooLong)
        );
    }

    /// Text without NUL, with much of what means something in a form.
    fn text() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec!['%', '&', '=', '+', ' ', ';', '0', 'f', '\u{e9}']);
        prop::collection::vec(prop_oneof![odd, any::<char>()], 0..20)
            .prop_map(|text| text.into_iter().filter(|c| *c != '\0').collect::<String>())
    }

    /// Bytes that come near to being a form.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let odd = prop::sample::select(b"%%%&=+09aFz\0\xff\xc3\xa9".to_vec());
        prop::collection::vec(prop_oneof![4 => odd, 1 => any::<u8>()], 0..100)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        /// 6749-AppB-a
        #[test]
        fn what_is_encoded_is_read_as_it_was(pairs in prop::collection::vec((text(), text()), 0..20)) {
            prop_assert_eq!(read(&encode(&pairs)).unwrap(), pairs);
        }

        #[test]
        fn what_is_read_means_one_thing(bytes in bytes()) {
            let limits = Limits::default();
            if let Ok(params) = parse(&bytes, &limits) {
                let pairs: Vec<(String, String)> = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                prop_assert_eq!(read(&encode(&pairs)).unwrap(), pairs.clone());
                // And what others read of it is the same.
                let others: Vec<(String, String)> = form_urlencoded::parse(&bytes).into_owned().collect();
                prop_assert_eq!(others, pairs);
            }
        }
    }
}

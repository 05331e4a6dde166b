//! How checked text goes through serde: as the text that it is, and back only through its check.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserializer,
    de::{Error, Visitor},
};

/// Lets serde write each of these types as its text, and read it with its `FromStr`.
macro_rules! serde_as_text {
    ($($text:ident)*) => {$(
        impl serde::Serialize for $text {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $text {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::types::text::parse(deserializer)
            }
        }
    )*};
}

pub(super) use serde_as_text;

/// Whether all bytes of a text are so. Every one is looked at, which takes a fraction of the time of stopping at the first that is not.
pub(super) fn all_bytes(text: &str, is_so: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, byte| all & is_so(byte))
}

/// Reads text where it lies: what is made of it is the only copy.
pub(super) fn parse<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

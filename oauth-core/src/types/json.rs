//! JSON that the server passes on without interpreting it.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use thiserror::Error;

/// The host's own data in a grant and its tokens: a JSON object of at most 1 KiB.
///
/// A valid token carries it, and introspection shows it. It never overwrites the standard members
/// of an introspection response. Cheap to clone.
///
/// ```
/// use oauth_core::types::HostData;
///
/// # #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
/// struct Tenant {
///     tenant: String,
/// }
///
/// # fn main() -> Result<(), oauth_core::types::InvalidJson> {
/// let tenant = Tenant { tenant: "north".into() };
/// let data = HostData::new(&tenant)?;
/// assert_eq!(data.as_str(), r#"{"tenant":"north"}"#);
/// assert_eq!(data.to::<Tenant>()?, tenant);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct HostData(Arc<str>);

/// What a client may do, in more detail than a scope: `authorization_details` (RFC 9396 §2).
///
/// It is a JSON array of objects, each with a `type`. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationDetails(Arc<str>);

/// Why a JSON value was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidJson {
    /// It is not a JSON object.
    #[error("the data is not a JSON object")]
    Object,
    /// It is larger than a grant may carry.
    #[error("the data takes more than 1024 bytes as JSON")]
    TooLarge,
    /// It is not a JSON array of objects with a `type`.
    #[error("authorization_details is not a JSON array of objects that have a type")]
    Details,
    /// It cannot be read as the requested type.
    #[error("the data is not of the requested type")]
    Form,
}

impl HostData {
    /// The maximum size in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Serializes `value` as JSON.
    ///
    /// # Errors
    /// If the result is not an object, or is too large.
    pub fn new(value: &impl Serialize) -> Result<Self, InvalidJson> {
        match serde_json::to_value(value) {
            Ok(Value::Object(object)) => Self::of(&object),
            Ok(_) | Err(_) => Err(InvalidJson::Object),
        }
    }

    /// Reads it as the host's own type.
    ///
    /// # Errors
    /// If it is not of that type.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, InvalidJson> {
        serde_json::from_str(&self.0).map_err(|_| InvalidJson::Form)
    }

    fn of(object: &Map<String, Value>) -> Result<Self, InvalidJson> {
        let text = serde_json::to_string(object).map_err(|_| InvalidJson::Object)?;
        if text.len() <= Self::MAX_BYTES {
            Ok(Self(text.into()))
        } else {
            Err(InvalidJson::TooLarge)
        }
    }
}

impl FromStr for HostData {
    type Err = InvalidJson;

    fn from_str(text: &str) -> Result<Self, InvalidJson> {
        let object = serde_json::from_str(text).map_err(|_| InvalidJson::Object)?;
        Self::of(&object)
    }
}

impl FromStr for AuthorizationDetails {
    type Err = InvalidJson;

    fn from_str(text: &str) -> Result<Self, InvalidJson> {
        let details: Vec<Map<String, Value>> =
            serde_json::from_str(text).map_err(|_| InvalidJson::Details)?;
        let are_typed = details
            .iter()
            .all(|object| object.get("type").is_some_and(Value::is_string));
        match serde_json::to_string(&details) {
            Ok(text) if are_typed => Ok(Self(text.into())),
            Ok(_) | Err(_) => Err(InvalidJson::Details),
        }
    }
}

macro_rules! json_text {
    ($($type:ident)+) => {$(
        impl $type {
            /// The JSON text, without whitespace.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self.0)
            }
        }

        /// It is not parsed again.
        impl $crate::store::Field for $type {
            fn write(&self, out: &mut $crate::store::Writer) {
                out.text(&self.0);
            }

            fn read(input: &mut minicbor::Decoder<'_>) -> Result<Self, minicbor::decode::Error> {
                Ok(Self(input.str()?.into()))
            }
        }
    )+};
}

json_text!(HostData AuthorizationDetails);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_of_a_bounded_size_are_host_data() {
        let data: HostData = r#"{ "a" : [1, null] }"#.parse().unwrap();
        assert_eq!(data.as_str(), r#"{"a":[1,null]}"#);
        for bad in ["", "[]", "1", "{", r#"{"a":1}{}"#] {
            assert_eq!(bad.parse::<HostData>(), Err(InvalidJson::Object), "{bad}");
        }
        let of_size = |size: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(size - 8));
        assert!(of_size(1024).parse::<HostData>().is_ok());
        assert_eq!(
            of_size(1025).parse::<HostData>(),
            Err(InvalidJson::TooLarge)
        );
        assert_eq!(HostData::new(&7), Err(InvalidJson::Object));
        assert_eq!(data.to::<Vec<u8>>(), Err(InvalidJson::Form));
    }

    /// 9396-2-a
    #[test]
    fn details_are_objects_with_a_type() {
        assert!(r#"[{"type":"a","x":[1]}]"#.parse::<AuthorizationDetails>().is_ok());
        for bad in ["{}", r#"[{"type":1}]"#, "[{}]", "[1]", ""] {
            assert!(bad.parse::<AuthorizationDetails>().is_err(), "{bad}");
        }
    }
}

//! Resource indicators (RFC 8707).

use std::{fmt, str::FromStr};

use thiserror::Error;
use url::Url;

use super::text::serde_as_text;

/// The identifier of a resource server: an absolute URI without a fragment (RFC 8707 §2). Compared byte for byte.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource(String);

/// A text that is not a resource indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a resource is an absolute URI of ASCII characters without a fragment")]
pub struct InvalidResource;

impl Resource {
    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

serde_as_text!(Resource);

impl FromStr for Resource {
    type Err = InvalidResource;

    fn from_str(text: &str) -> Result<Self, InvalidResource> {
        let shown = text
            .bytes()
            .all(|b| (0x21..=0x7e).contains(&b) && !b"\"<>\\^`{|}#".contains(&b));
        // `Url` repairs what it reads, so it only confirms that there is a scheme and something after it.
        if shown && Url::parse(text).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidResource)
        }
    }
}

impl TryFrom<String> for Resource {
    type Error = InvalidResource;

    fn try_from(text: String) -> Result<Self, InvalidResource> {
        text.parse()
    }
}

impl From<Resource> for String {
    fn from(resource: Resource) -> Self {
        resource.0
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 8707-2-a, 8707-2-b
    #[test]
    fn a_resource_is_an_absolute_uri_without_fragment() {
        for good in [
            "https://api.example",
            "https://api.example/v1?x=1",
            "urn:example:api",
        ] {
            assert_eq!(good.parse::<Resource>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/api",
            "api",
            "//api.example",
            "https://api.example#f",
            "https://api.example/ ",
            "https://é.example",
        ] {
            assert_eq!(bad.parse::<Resource>(), Err(InvalidResource), "{bad:?}");
        }
    }
}

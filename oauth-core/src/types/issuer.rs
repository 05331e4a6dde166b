//! The issuer identifier (RFC 8414 §2), from which every address of the server is made.

use std::fmt;

use thiserror::Error;
use url::{Host, Url};

/// An issuer identifier: an `https` URL without query and fragment, kept as it was written.
///
/// `http` is accepted on a loopback address, for trying things out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Issuer {
    text: String,
    origin: String,
}

/// Why a text cannot be an issuer identifier.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidIssuer {
    /// Not an absolute URL with a host.
    #[error("an issuer is a URL such as https://login.example")]
    NotAUrl,
    /// It has a query, a fragment or user information.
    #[error("an issuer has no query, fragment or user information (RFC 8414 §2)")]
    Extra,
    /// Not `https`, and not on a loopback address.
    #[error(
        "an issuer is https; http is for loopback addresses only (127.0.0.1, [::1], localhost)"
    )]
    Http,
    /// It is not spelled as a browser would spell it.
    #[error("an issuer is compared byte for byte, and others would spell it {0:?}; use that")]
    Spelling(String),
}

impl Issuer {
    /// Checks that `text` can be an issuer identifier.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn new(text: &str) -> Result<Self, InvalidIssuer> {
        let url = Url::parse(text).map_err(|_| InvalidIssuer::NotAUrl)?;
        if text.contains(['?', '#', '@']) {
            return Err(InvalidIssuer::Extra);
        }
        let loopback = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(InvalidIssuer::NotAUrl),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(InvalidIssuer::Http),
        }
        if url.as_str() != text && url.as_str().strip_suffix('/') != Some(text) {
            return Err(InvalidIssuer::Spelling(url.into()));
        }
        Ok(Self {
            text: text.to_owned(),
            origin: url.origin().ascii_serialization(),
        })
    }

    /// The identifier, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port: `https://login.example`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its path without a slash at the end: empty, or `/tenant1`.
    pub fn path(&self) -> &str {
        self.text[self.origin.len()..].trim_end_matches('/')
    }

    /// Whether it is `https`, so that cookies can be `Secure`.
    pub fn is_secure(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// The URL of an endpoint at `path` below this issuer; `path` begins with a slash.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.path())
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 8414-2-a, 9207-2-c, v21-1.5-a, 6749-10.9-a, 8414-3-b
    #[test]
    fn an_issuer_is_https_without_query_or_fragment() {
        for good in [
            "https://login.example",
            "https://login.example/",
            "https://login.example/tenant1",
            "https://login.example:8443/a/b/",
            "http://127.0.0.1:8080",
            "http://localhost:8080/x",
        ] {
            assert_eq!(Issuer::new(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("login.example", InvalidIssuer::NotAUrl),
            ("https://login.example?x", InvalidIssuer::Extra),
            ("https://login.example/#", InvalidIssuer::Extra),
            ("https://u@login.example", InvalidIssuer::Extra),
            ("http://login.example", InvalidIssuer::Http),
            ("ftp://login.example", InvalidIssuer::Http),
            (
                "https://LOGIN.example",
                InvalidIssuer::Spelling("https://login.example/".into()),
            ),
            (
                "https://login.example:443",
                InvalidIssuer::Spelling("https://login.example/".into()),
            ),
        ] {
            assert_eq!(Issuer::new(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn endpoints_hang_below_the_path() {
        for (issuer, token) in [
            ("https://login.example", "https://login.example/token"),
            ("https://login.example/", "https://login.example/token"),
            (
                "https://login.example:8443/a/",
                "https://login.example:8443/a/token",
            ),
        ] {
            assert_eq!(Issuer::new(issuer).unwrap().endpoint("/token"), token);
        }
    }
}

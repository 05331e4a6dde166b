//! Redirection URIs (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1).

use std::fmt;

use thiserror::Error;
use url::{Host, Url};

/// A redirection URI as a client registered it: checked once, compared byte for byte ever after.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegisteredRedirectUri(String);

/// The redirection URI of a request, proven to be one that the client registered.
///
/// Only [`RegisteredRedirectUri::matches`] makes one, so nothing can be sent to an address that was not proven.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedirectUri(String);

/// Why a text cannot be registered as a redirection URI.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidRedirectUri {
    /// It holds something other than printable ASCII, or a backslash.
    #[error("it holds a space, a control character, a backslash or a character that is not ASCII")]
    Characters,
    /// It has a fragment (RFC 6749 §3.1.2).
    #[error("it has a fragment, which RFC 6749 §3.1.2 forbids")]
    Fragment,
    /// It is not an absolute URI.
    #[error("it is not an absolute URI")]
    NotAbsolute,
    /// It has a user name or password.
    #[error("it holds user information")]
    UserInfo,
    /// It is not spelled as a browser would spell it.
    #[error("browsers spell it {0:?}; register that")]
    Spelling(String),
    /// `http`, though not for a loopback address (RFC 9700 §2.6).
    #[error("http is for loopback addresses only (127.0.0.1, [::1], localhost); use https")]
    Http,
    /// A scheme without a period in it (RFC 8252 §8.4).
    #[error("a private-use scheme is a domain name in reverse, such as com.example.app")]
    Scheme,
    /// A wildcard or a bare host: not a complete URI (RFC 8252 §8.4).
    #[error("it has to be complete, without wildcards")]
    Wildcard,
}

impl RegisteredRedirectUri {
    /// Checks that `uri` can be registered.
    ///
    /// Accepted are `https`, `http` on a loopback address, and private-use schemes with a period in them. The text has to be as
    /// the URL standard would write it, since otherwise the browser goes somewhere other than what was compared.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn new(uri: &str) -> Result<Self, InvalidRedirectUri> {
        Self::check(uri, false)
    }

    /// The same, but `http` may be on any host.
    ///
    /// Dangerous: whoever is on the way between the browser and that host reads what is sent there (RFC 9700 §2.6).
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn dangerous_http(uri: &str) -> Result<Self, InvalidRedirectUri> {
        Self::check(uri, true)
    }

    fn check(uri: &str, http_anywhere: bool) -> Result<Self, InvalidRedirectUri> {
        if !uri
            .bytes()
            .all(|b| (0x21..=0x7e).contains(&b) && b != b'\\')
        {
            return Err(InvalidRedirectUri::Characters);
        }
        if uri.contains('#') {
            return Err(InvalidRedirectUri::Fragment);
        }
        let url = Url::parse(uri).map_err(|_| InvalidRedirectUri::NotAbsolute)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidRedirectUri::UserInfo);
        }
        if uri.contains('*') {
            return Err(InvalidRedirectUri::Wildcard);
        }
        if url.as_str() != uri && url.as_str().strip_suffix('/') != Some(uri) {
            return Err(InvalidRedirectUri::Spelling(url.into()));
        }
        match url.scheme() {
            "http" if http_anywhere => Ok(Self(uri.to_owned())),
            "https" => Ok(Self(uri.to_owned())),
            "http" if is_loopback(&url) => Ok(Self(uri.to_owned())),
            "http" => Err(InvalidRedirectUri::Http),
            scheme if scheme.contains('.') => Ok(Self(uri.to_owned())),
            _ => Err(InvalidRedirectUri::Scheme),
        }
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Proves that `requested` is this URI: the same bytes, or the same but for the port of a loopback IP literal
    /// (RFC 8252 §7.3).
    pub fn matches(&self, requested: &str) -> Option<RedirectUri> {
        let same = self.0 == requested
            || matches!(
                (without_loopback_port(&self.0), without_loopback_port(requested)),
                (Some(own), Some(theirs)) if own == theirs
            );
        same.then(|| RedirectUri(requested.to_owned()))
    }

    /// This URI itself, as what a request meant that named none (RFC 6749 §3.1.2.3).
    pub fn only(&self) -> RedirectUri {
        RedirectUri(self.0.clone())
    }
}

impl RedirectUri {
    /// A URI that was proven before it went into a sealed handle or a record.
    pub(crate) fn proven_before(uri: String) -> Self {
        Self(uri)
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its scheme.
    pub fn scheme(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The URI with parameters added to its query, form-urlencoded; what query it has is kept (RFC 6749 §3.1.2).
    pub fn with_query<'a>(&self, params: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let glue = match self.0.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        let added = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(params)
            .finish();
        format!("{}{glue}{added}", self.0)
    }

    /// The URI with parameters as its fragment, form-urlencoded (RFC 6749 §4.2.2). It has none itself.
    pub fn with_fragment<'a>(
        &self,
        params: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> String {
        let added = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(params)
            .finish();
        format!("{}#{added}", self.0)
    }
}

impl fmt::Debug for RegisteredRedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisteredRedirectUri({:?})", self.0)
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedirectUri({:?})", self.0)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(ip)) => ip == std::net::Ipv6Addr::LOCALHOST,
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Host literal and what follows the port, if `uri` is `http` on a loopback IP literal.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]"]
        .into_iter()
        .find(|host| rest.starts_with(host))?;
    let after = &rest[host.len()..];
    let end = after.find(['/', '?']).unwrap_or(after.len());
    let (port, tail) = after.split_at(end);
    let is_port = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => {
            digits.bytes().all(|b| b.is_ascii_digit())
                && digits.parse::<u16>().is_ok_and(|port| port > 0)
        }
    };
    is_port.then_some((host, tail))
}

#[cfg(test)]
mod tests {
    use super::{InvalidRedirectUri as E, *};

    /// 6749-3.1.2-a, 6749-3.1.2-b, 6749-3.1.2.2-c, 9700-2.6-b, 8252-7-a, 8252-8.4-c, 8252-8.4-e, 8252-8.4-f
    #[test]
    fn registration_takes_complete_and_canonical_uris_only() {
        for good in [
            "https://client.example/cb",
            "https://client.example",
            "https://client.example/",
            "https://client.example:8443/cb?a=1&b=%20",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:3000/cb",
            "http://[::1]/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
            "com.example.app://cb",
        ] {
            assert_eq!(
                RegisteredRedirectUri::new(good).map(|uri| uri.0).as_deref(),
                Ok(good)
            );
        }
        for (bad, why) in [
            ("", E::NotAbsolute),
            ("/cb", E::NotAbsolute),
            ("//client.example/cb", E::NotAbsolute),
            ("https://client.example/cb#x", E::Fragment),
            ("https://client.example/cb#", E::Fragment),
            ("https://client.example/a b", E::Characters),
            ("https://client.example/\u{e9}", E::Characters),
            ("https://client.example\\@evil.example/", E::Characters),
            ("https://user@client.example/cb", E::UserInfo),
            ("https://*.client.example/cb", E::Wildcard),
            ("https://client.example/*", E::Wildcard),
            (
                "https://client.example:443/cb",
                E::Spelling("https://client.example/cb".into()),
            ),
            (
                "https://CLIENT.example/cb",
                E::Spelling("https://client.example/cb".into()),
            ),
            (
                "https://client.example/a/../cb",
                E::Spelling("https://client.example/cb".into()),
            ),
            (
                "https://client.example/%2e%2e/cb",
                E::Spelling("https://client.example/cb".into()),
            ),
            (
                "https:client.example/cb",
                E::Spelling("https://client.example/cb".into()),
            ),
            ("http://127.1/cb", E::Spelling("http://127.0.0.1/cb".into())),
            ("http://client.example/cb", E::Http),
            ("http://127.0.0.2/cb", E::Http),
            ("http://localhost.evil.example/cb", E::Http),
            ("myapp:/cb", E::Scheme),
            ("javascript:alert(1)", E::Scheme),
            ("data:text/html,x", E::Scheme),
        ] {
            assert_eq!(RegisteredRedirectUri::new(bad), Err(why), "{bad:?}");
        }
    }

    /// 8252-7.3-a, 8252-7.3-b, 9700-2.1-a, 6749-3.1.2.3-b, v21-2.3.1-b
    #[test]
    fn only_the_port_of_a_loopback_literal_may_differ() {
        for (registered, requested, same) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true),
            (
                "http://127.0.0.1:3000/cb",
                "http://127.0.0.1:51004/cb",
                true,
            ),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1/cb", true),
            ("http://[::1]/cb?a=1", "http://[::1]:51004/cb?a=1", true),
            ("http://127.0.0.1/cb", "http://[::1]/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/other", false),
            (
                "http://127.0.0.1/cb",
                "http://127.0.0.1:51004/cb?a=1",
                false,
            ),
            ("http://127.0.0.1/cb", "https://127.0.0.1/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb", false),
            (
                "http://127.0.0.1/cb",
                "http://127.0.0.1:80@evil.example/cb",
                false,
            ),
            (
                "http://127.0.0.1/cb",
                "http://127.0.0.1.evil.example/cb",
                false,
            ),
            (
                "http://localhost:3000/cb",
                "http://localhost:3001/cb",
                false,
            ),
            ("http://localhost:3000/cb", "http://localhost:3000/cb", true),
            (
                "https://client.example/cb",
                "https://client.example/cb/",
                false,
            ),
            (
                "https://client.example/cb",
                "https://client.example/CB",
                false,
            ),
            (
                "https://client.example/cb",
                "https://client.example/c%62",
                false,
            ),
            (
                "https://client.example/cb",
                "https://client.example/cb?x=1",
                false,
            ),
            (
                "https://client.example/cb",
                "https://client.example:443/cb",
                false,
            ),
            (
                "https://client.example:1/cb",
                "https://client.example:2/cb",
                false,
            ),
        ] {
            let registered = RegisteredRedirectUri::new(registered).unwrap();
            assert_eq!(
                registered.matches(requested).is_some(),
                same,
                "{registered:?} {requested:?}"
            );
        }
    }

    /// 6749-3.1.2-c
    #[test]
    fn the_registered_query_is_kept() {
        for (uri, expected) in [
            ("https://c.example/cb", "https://c.example/cb?code=x+%26"),
            ("https://c.example/cb?", "https://c.example/cb?code=x+%26"),
            (
                "https://c.example/cb?a=1",
                "https://c.example/cb?a=1&code=x+%26",
            ),
            ("com.example.app:/cb", "com.example.app:/cb?code=x+%26"),
        ] {
            let uri = RegisteredRedirectUri::new(uri).unwrap().only();
            assert_eq!(uri.with_query([("code", "x &")]), expected);
        }
    }
}

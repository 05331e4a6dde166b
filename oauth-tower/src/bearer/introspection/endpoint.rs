//! Where an authorization server is asked.

use std::net::IpAddr;

use http::Uri;
use thiserror::Error;

/// Why an address cannot be asked about tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidEndpoint {
    /// Not an `http` or `https` URL with a host.
    #[error("an introspection endpoint is a URL such as https://login.example/introspect")]
    NotAUrl,
    /// `http` on a host that is not this machine.
    #[error(
        "an introspection endpoint is https; http is for loopback addresses only (127.0.0.1, [::1], localhost)"
    )]
    Http,
    /// `https`, but the client speaks plain TCP only.
    #[error("this client cannot do TLS, which an https introspection endpoint needs")]
    NoTls,
}

/// An `https` URL, or an `http` one on this machine (RFC 7662 §4).
pub(super) fn secure(text: &str) -> Result<Uri, InvalidEndpoint> {
    let uri = any(text)?;
    if uri.scheme_str() == Some("https") || uri.host().is_some_and(is_loopback) {
        Ok(uri)
    } else {
        Err(InvalidEndpoint::Http)
    }
}

/// An `http` or `https` URL. The parser drops fragments, and a user in it would be sent to nobody.
pub(super) fn any(text: &str) -> Result<Uri, InvalidEndpoint> {
    let uri: Uri = text.parse().map_err(|_| InvalidEndpoint::NotAUrl)?;
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    if matches!(uri.scheme_str(), Some("http" | "https")) && has_host && !text.contains(['#', '@'])
    {
        Ok(uri)
    } else {
        Err(InvalidEndpoint::NotAUrl)
    }
}

fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 7662-2-a from the other side: nothing is asked in the clear but on this machine.
    #[test]
    fn an_endpoint_is_asked_over_tls() {
        for good in [
            "https://login.example/introspect",
            "http://127.0.0.1:8080/introspect",
            "http://[::1]:8080/introspect",
            "http://localhost/introspect",
        ] {
            assert!(secure(good).is_ok(), "{good}");
        }
        assert!(any("http://auth:8080/introspect").is_ok());
        for (bad, why) in [
            ("http://login.example/", InvalidEndpoint::Http),
            ("http://localhost.example/", InvalidEndpoint::Http),
            ("http://127.0.0.1.example/", InvalidEndpoint::Http),
            ("/introspect", InvalidEndpoint::NotAUrl),
            ("login.example/introspect", InvalidEndpoint::NotAUrl),
            ("ftp://127.0.0.1/", InvalidEndpoint::NotAUrl),
            ("https://a:b@login.example/", InvalidEndpoint::NotAUrl),
            ("http://127.0.0.1@evil.example/", InvalidEndpoint::NotAUrl),
            ("https://login.example/#x", InvalidEndpoint::NotAUrl),
        ] {
            assert_eq!(secure(bad), Err(why), "{bad}");
        }
    }
}

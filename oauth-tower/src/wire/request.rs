//! Reading the head of a client's request.

use std::borrow::Cow;

use http::{HeaderMap, Method, request::Parts};
use oauth_core::{
    client::ClientRequest,
    types::{Params, Secret},
};

use crate::throttle::Peer;

/// Builds the client's request from the head of an HTTP request, without the `Authorization`
/// header.
pub(crate) fn client_request(parts: &Parts, params: Params) -> ClientRequest {
    let mut request = ClientRequest::new(params).method(method(&parts.method));
    request.dpop_proofs = dpop_proofs(&parts.headers);
    request.peer = Peer::of(&parts.extensions).map(|Peer(ip)| ip);
    request
}

/// The name of a method.
pub(crate) fn method(method: &Method) -> Cow<'static, str> {
    Cow::Borrowed(match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        ref other => return Cow::Owned(other.as_str().to_owned()),
    })
}

/// All `DPoP` headers (RFC 9449 §4.1), including malformed ones: a second or a broken header must
/// not go unnoticed.
pub(crate) fn dpop_proofs(headers: &HeaderMap) -> Vec<Secret> {
    let values = headers.get_all("dpop").iter();
    values
        .map(|value| Secret::new(String::from_utf8_lossy(value.as_bytes())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::{HeaderValue, Request};

    use super::*;

    #[test]
    fn all_evidence_is_seen() {
        let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let request = Request::put("/token")
            .header("DPoP", "one")
            .header("dpop", HeaderValue::from_bytes(b"tw\xff").unwrap())
            .extension(Peer(peer))
            .body(());
        let (parts, ()) = request.unwrap().into_parts();
        let read = client_request(&parts, Params::default());
        assert_eq!(read.method, "PUT");
        assert_eq!(read.peer, Some(peer));
        let proofs: Vec<_> = read.dpop_proofs.iter().map(Secret::expose).collect();
        assert_eq!(proofs, ["one", "tw\u{fffd}"]);
        assert_eq!(method(&Method::TRACE), "TRACE");
    }
}

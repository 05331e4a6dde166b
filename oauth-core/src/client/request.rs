//! A client's request.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use crate::types::{Params, Secret};

/// Everything that a client sent with a request.
///
/// Nothing in it has been verified yet. New kinds of evidence become new fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientRequest {
    /// The parameters of the form body.
    pub params: Params,
    /// The `Authorization` header, if there is one.
    pub authorization: Option<Authorization>,
    /// The HTTP method, in upper case. `POST` by default.
    pub method: Cow<'static, str>,
    /// The URL of the endpoint, derived from the issuer and never from the `Host` header. `None`
    /// for the URL of the endpoint in the server's metadata.
    pub endpoint_url: Option<Arc<str>>,
    /// The values of all `DPoP` headers (RFC 9449 §4.1).
    pub dpop_proofs: Vec<Secret>,
    /// The certificate of the client, in DER, whose private key it proved to have in the TLS
    /// handshake (RFC 8705 §2).
    pub certificate: Option<Arc<[u8]>>,
    /// The address of the client, or of the proxy in front of the server.
    pub peer: Option<IpAddr>,
}

/// An `Authorization` header.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Authorization {
    /// HTTP Basic, decoded from base64 and then from form-urlencoding (RFC 6749 §2.3.1).
    Basic {
        /// The user name.
        client_id: Arc<str>,
        /// The password.
        secret: Secret,
    },
    /// Another scheme.
    Other {
        /// The name of the scheme, in lower case.
        scheme: String,
        /// What follows the scheme.
        credentials: Secret,
    },
    /// It could not be read.
    Malformed,
}

impl ClientRequest {
    /// A `POST` request with these parameters and nothing else.
    pub fn new(params: Params) -> Self {
        Self {
            params,
            authorization: None,
            method: Cow::Borrowed("POST"),
            endpoint_url: None,
            dpop_proofs: Vec::new(),
            certificate: None,
            peer: None,
        }
    }

    /// Sets the `Authorization` header.
    #[must_use]
    pub fn authorization(mut self, authorization: impl Into<Option<Authorization>>) -> Self {
        self.authorization = authorization.into();
        self
    }

    /// Sets the HTTP method.
    #[must_use]
    pub fn method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        self.method = method.into();
        self
    }

    /// Sets the URL of the endpoint, if it is not the one in the metadata.
    #[must_use]
    pub fn endpoint_url(mut self, url: impl Into<Arc<str>>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// Adds the value of a `DPoP` header.
    #[must_use]
    pub fn dpop_proof(mut self, proof: Secret) -> Self {
        self.dpop_proofs.push(proof);
        self
    }

    /// Sets the client certificate of the TLS connection, in DER.
    #[must_use]
    pub fn certificate(mut self, der: impl Into<Arc<[u8]>>) -> Self {
        self.certificate = Some(der.into());
        self
    }

    /// Sets the address of the client.
    #[must_use]
    pub fn peer(mut self, peer: IpAddr) -> Self {
        self.peer = Some(peer);
        self
    }
}

//! An access token as a request presented it.

use std::{borrow::Cow, sync::Arc};

use super::AccessToken;
use crate::types::Secret;

/// How an access token was presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenScheme {
    /// As a bearer token (RFC 6750 §2), wherever it was in the request.
    #[default]
    Bearer,
    /// With the `DPoP` scheme of the `Authorization` header, which needs a proof of possession (RFC
    /// 9449 §7.1).
    Dpop,
}

/// An access token as a request to an API presented it, with all proofs of possession that came
/// with it.
///
/// Nothing in it has been verified yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PresentedToken {
    /// The token.
    pub token: Secret,
    /// How it was presented.
    pub scheme: TokenScheme,
    /// The HTTP method of the request, in upper case. `GET` by default.
    pub method: Cow<'static, str>,
    /// The URL of the request without its query, as the API knows itself, never taken from the
    /// `Host` header. `None` if the API has not said; a proof that names a URL is then worth
    /// nothing.
    pub url: Option<String>,
    /// The values of all `DPoP` headers (RFC 9449 §4.1).
    pub dpop_proofs: Vec<Secret>,
    /// The certificate of the client, in DER, whose private key it proved to have in the TLS
    /// handshake (RFC 8705 §3).
    pub certificate: Option<Arc<[u8]>>,
}

impl PresentedToken {
    /// A token that was presented in this way, without any proof.
    pub fn new(scheme: TokenScheme, token: Secret) -> Self {
        Self {
            token,
            scheme,
            method: Cow::Borrowed("GET"),
            url: None,
            dpop_proofs: Vec::new(),
            certificate: None,
        }
    }

    /// A token that was presented as a bearer token.
    pub fn bearer(token: Secret) -> Self {
        Self::new(TokenScheme::Bearer, token)
    }

    /// Sets the HTTP method of the request.
    #[must_use]
    pub fn method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        self.method = method.into();
        self
    }

    /// Sets the URL of the request.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
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

    /// Whether the sender may use `token`, which is the token that it presented.
    ///
    /// A token that is bound to a key may have been stolen. This version verifies no proofs of
    /// possession, so it refuses every bound token.
    pub fn may_use(&self, token: &AccessToken) -> bool {
        match token.confirmation {
            // RFC 9449 §7.1: the DPoP scheme is for DPoP-bound tokens.
            None => self.scheme == TokenScheme::Bearer,
            Some(_) => false,
        }
    }
}

//! An access token as a request brought it.

use std::{borrow::Cow, sync::Arc};

use super::AccessToken;
use crate::types::Secret;

/// How an access token was shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenScheme {
    /// By itself (RFC 6750 §2), wherever it was in the request.
    #[default]
    Bearer,
    /// By `Authorization: DPoP`, beside a proof of a key (RFC 9449 §7.1).
    Dpop,
}

/// An access token as a request to an API brought it, with everything that came with it as a proof.
///
/// Nothing in it is believed yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PresentedToken {
    /// The token.
    pub token: Secret,
    /// How it was shown.
    pub scheme: TokenScheme,
    /// The HTTP method of the request, in upper case. `GET` by default.
    pub method: Cow<'static, str>,
    /// The URL of the request without its query, by the name that the API knows itself under and never from the `Host` header.
    /// `None` if the API has not said: a proof that is made for a certain URL then proves nothing.
    pub url: Option<String>,
    /// The values of all `DPoP` headers (RFC 9449 §4.1).
    pub dpop_proofs: Vec<Secret>,
    /// The certificate that the client proved in the TLS handshake to have the key of (RFC 8705 §3), in DER.
    pub certificate: Option<Arc<[u8]>>,
}

impl PresentedToken {
    /// A token that was shown like this, and nothing beside it.
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

    /// A token that was shown by itself.
    pub fn bearer(token: Secret) -> Self {
        Self::new(TokenScheme::Bearer, token)
    }

    /// In a request with another method.
    #[must_use]
    pub fn method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        self.method = method.into();
        self
    }

    /// In a request for this URL.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// With one more `DPoP` header.
    #[must_use]
    pub fn dpop_proof(mut self, proof: Secret) -> Self {
        self.dpop_proofs.push(proof);
        self
    }

    /// Over a connection on which the client proved to have the key of this certificate, in DER.
    #[must_use]
    pub fn certificate(mut self, der: impl Into<Arc<[u8]>>) -> Self {
        self.certificate = Some(der.into());
        self
    }

    /// Whether `token`, which is what was shown, may be used by whoever showed it like this.
    ///
    /// A token that is bound to a key may be a stolen one. This version verifies no proof of a key, so it refuses all of them.
    pub fn may_use(&self, token: &AccessToken) -> bool {
        match token.confirmation {
            // RFC 9449 §7.1: the DPoP scheme is for tokens that are bound by DPoP.
            None => self.scheme == TokenScheme::Bearer,
            Some(_) => false,
        }
    }
}

//! An authorization request as it came: nobody knows yet whose it is, so nobody can be sent anywhere.

use std::sync::Arc;

use super::Identified;
use crate::{
    client::Client,
    error::Denial,
    types::{ClientId, Params},
};

/// A request nothing is known about.
#[derive(Debug)]
pub(crate) struct Received(Params);

/// Why a request cannot even be answered by a redirect: it has to end on a page (RFC 6749 §3.1.2.4, §4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnprovenDenial {
    /// No client is named.
    #[error("client_id is missing")]
    MissingClient,
    /// `client_id` or `redirect_uri` is repeated.
    #[error("client_id or redirect_uri is repeated")]
    Repeated,
    /// No such client.
    #[error("no such client")]
    UnknownClient,
    /// A client that is registered for other endpoints of the same server.
    #[error("the client is registered under another profile")]
    OtherProfile,
    /// No redirection URI is named, and not exactly one is registered.
    #[error("redirect_uri is missing, and not exactly one is registered")]
    MissingRedirectUri,
    /// The redirection URI is none of those that are registered.
    #[error("redirect_uri is not registered")]
    WrongRedirectUri,
}

impl Denial for UnprovenDenial {}

impl UnprovenDenial {
    /// What to tell the person in front of the browser, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::MissingClient => {
                "The request does not say which application it comes from (client_id is missing)."
            }
            Self::Repeated => {
                "The request names its application or its return address more than once."
            }
            Self::UnknownClient => {
                "The request comes from an application that is not registered here."
            }
            Self::OtherProfile => {
                "The request comes from an application that is registered for other addresses of this server."
            }
            Self::MissingRedirectUri => {
                "The request does not say which of the application's addresses to return to (redirect_uri is missing)."
            }
            Self::WrongRedirectUri => {
                "The request wants to return to an address that is not registered for the application (redirect_uri)."
            }
        }
    }
}

impl Received {
    pub(crate) fn new(params: Params) -> Self {
        Self(params)
    }

    /// The client that the request says it is from.
    pub(crate) fn client_id(&self) -> Result<ClientId, UnprovenDenial> {
        if self.0.is_repeated("client_id") || self.0.is_repeated("redirect_uri") {
            return Err(UnprovenDenial::Repeated);
        }
        let id = self
            .0
            .get("client_id")
            .ok_or(UnprovenDenial::MissingClient)?;
        ClientId::new(id).map_err(|_| UnprovenDenial::UnknownClient)
    }

    /// Proves the redirection URI against what `client` registered.
    pub(crate) fn identify(self, client: Arc<Client>) -> Result<Identified, UnprovenDenial> {
        let requested = self.0.get("redirect_uri");
        let redirect_uri = client.redirect_uri(requested).ok_or(match requested {
            None => UnprovenDenial::MissingRedirectUri,
            Some(_) => UnprovenDenial::WrongRedirectUri,
        })?;
        Ok(Identified::new(client, redirect_uri, self.0))
    }
}

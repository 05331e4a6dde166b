//! Client authentication (RFC 6749 §2.3): exactly one method at a time, and only the one a client is registered for.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Authorization, Client, ClientAuthentication, ClientRequest, OneTimeMark, RequestContext,
};
use crate::{
    error::{Denial, Error, ErrorCode, Refusal},
    types::{ClientId, Secret},
};

/// The result of a successful check of a client's proof.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Proof {
    /// The marks of what may be used only once. They are written together with the changes of the
    /// request, even if the request is then denied. If one of them exists already, the request is a
    /// replay: it is denied, and none of them is written.
    pub marks: Vec<OneTimeMark>,
}

impl Proof {
    /// A proof without one-time parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part that may be used only once.
    #[must_use]
    pub fn mark(mut self, mark: OneTimeMark) -> Self {
        self.marks.push(mark);
        self
    }

    /// Whether it has the same mark twice.
    pub(crate) fn is_repetitive(&self) -> bool {
        let mut rest = self.marks.as_slice();
        while let Some((mark, others)) = rest.split_first() {
            if others.iter().any(|other| other.key() == mark.key()) {
                return true;
            }
            rest = others;
        }
        false
    }
}

/// A way for clients to authenticate, beside the built-in ones.
///
/// The server first loads the client that the request names. Then it runs the one method that this
/// client is registered for.
#[async_trait]
pub trait ClientAuthenticationMethod: Send + Sync + 'static {
    /// Its name, as in `token_endpoint_auth_methods_supported` and in [`ClientAuthentication::Method`].
    fn name(&self) -> &'static str;

    /// The client that a credential of this method names; `None` if the request has no such
    /// credential.
    ///
    /// The server calls this for every request, so it must be cheap. It verifies nothing. A method
    /// whose evidence does not name a client, such as a certificate, always returns `None`; the
    /// client then is the one in `client_id`.
    fn claim(&self, request: &ClientRequest) -> Option<ClientId>;

    /// Authenticates [the client](RequestContext::client), which is registered for this method. The
    /// request may have no credential of this method at all. When in doubt, deny: if this returns
    /// `Ok`, the client is authenticated.
    ///
    /// # Errors
    /// A [`ClientDenial`] if the client did not authenticate; a [`Fault`](crate::error::Fault) if
    /// that could not be checked.
    async fn verify(
        &self,
        request: &ClientRequest,
        context: &RequestContext<'_>,
    ) -> Result<Proof, Error<ClientDenial>>;
}

/// Why a request was not accepted as coming from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientDenial {
    /// Nothing in the request names a client.
    #[error("the request names no client")]
    Missing,
    /// More than one method at once.
    #[error("more than one method of client authentication")]
    SeveralMethods,
    /// The same request names two clients.
    #[error("the request names two clients")]
    TwoClients,
    /// The `Authorization` header cannot be read, or has a scheme that nobody knows.
    #[error("the Authorization header cannot be read or has an unknown scheme")]
    Malformed,
    /// No such client.
    #[error("no such client")]
    Unknown,
    /// Not the method that the client is registered for.
    #[error("the client is registered for another authentication method")]
    WrongMethod,
    /// The right method, but the wrong secret.
    #[error("wrong client secret")]
    WrongSecret,
    /// A proof that does not hold.
    #[error("the proof of the client does not hold")]
    WrongProof,
    /// A proof that was used before.
    #[error("the proof of the client was used before")]
    ReplayedProof,
    /// A public client where only one that authenticates is served.
    #[error("the client is public, and only one that authenticates is served")]
    Public,
    /// A client that is registered for other endpoints of the same server.
    #[error("the client is registered under another profile")]
    OtherProfile,
}

impl Denial for ClientDenial {}

impl ClientDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        const fn invalid(description: &'static str) -> Refusal {
            Refusal::new(ErrorCode::INVALID_CLIENT, description)
        }
        match self {
            Self::Missing => invalid("client_id, or client authentication, is missing"),
            Self::SeveralMethods => Refusal::new(
                ErrorCode::INVALID_REQUEST,
                "more than one method of client authentication was used",
            ),
            Self::TwoClients => Refusal::new(
                ErrorCode::INVALID_REQUEST,
                "the request names two different clients",
            ),
            Self::Malformed => invalid("the Authorization header cannot be read"),
            Self::Public => invalid("this needs a client that authenticates"),
            Self::OtherProfile => Refusal::new(
                ErrorCode::UNAUTHORIZED_CLIENT,
                "this client is registered for other endpoints of this server",
            ),
            // One answer for all of these: which clients exist, and how they authenticate, is nobody's business.
            Self::Unknown
            | Self::WrongMethod
            | Self::WrongSecret
            | Self::WrongProof
            | Self::ReplayedProof => invalid("client authentication failed"),
        }
    }
}

/// The credential with which a request names its client, and may prove to be from it.
pub(crate) enum ClientCredential<'a> {
    /// No credential.
    None,
    /// A secret in the `Authorization` header.
    Basic(&'a Secret),
    /// A secret in the form body.
    Post(Secret),
    /// A credential of an added method, with the method's name.
    Method(&'static str),
}

/// Reads which client a request names, and by which credential.
pub(crate) fn claim<'a>(
    request: &'a ClientRequest,
    methods: &[Box<dyn ClientAuthenticationMethod>],
) -> Result<(ClientId, ClientCredential<'a>), ClientDenial> {
    let mut claim = None;
    let mut several = false;
    for method in methods {
        if let Some(id) = method.claim(request) {
            let credential = ClientCredential::Method(method.name());
            several |= claim.replace((id, credential)).is_some();
        }
    }
    match &request.authorization {
        Some(Authorization::Basic { client_id, secret }) => {
            let id = ClientId::new(Arc::clone(client_id)).map_err(|_| ClientDenial::Unknown)?;
            let credential = ClientCredential::Basic(secret);
            several |= claim.replace((id, credential)).is_some();
        }
        // An added method may know the scheme.
        Some(Authorization::Other { .. }) if claim.is_some() => {}
        Some(Authorization::Other { .. } | Authorization::Malformed) => {
            return Err(ClientDenial::Malformed);
        }
        None => {}
    }
    let named = match request.params.get("client_id") {
        Some(id) => Some(ClientId::new(id).map_err(|_| ClientDenial::Unknown)?),
        None => None,
    };
    if let Some(secret) = request.params.secret("client_secret") {
        if claim.is_some() {
            return Err(ClientDenial::SeveralMethods);
        }
        let id = named.clone().ok_or(ClientDenial::Missing)?;
        claim = Some((id, ClientCredential::Post(secret)));
    }
    match (claim, named) {
        // RFC 6749 §2.3: the client MUST NOT use more than one authentication method in each request.
        _ if several => Err(ClientDenial::SeveralMethods),
        (Some((id, _)), Some(named)) if id != named => Err(ClientDenial::TwoClients),
        (Some(claim), _) => Ok(claim),
        (None, Some(named)) => Ok((named, ClientCredential::None)),
        (None, None) => Err(ClientDenial::Missing),
    }
}

/// Checks that a credential is of the method that the client is registered for, and checks its
/// secret, if it has one. Returns the name of the added method that still has to verify the
/// request, if any.
pub(crate) fn check<'a>(
    client: &'a Client,
    credential: &ClientCredential<'_>,
) -> Result<Option<&'a str>, ClientDenial> {
    use ClientCredential as Credential;
    match (client.authentication(), credential) {
        (ClientAuthentication::None, Credential::None) => Ok(None),
        (ClientAuthentication::SecretBasic(secrets), Credential::Basic(secret)) => {
            matches(secrets, secret).map(|()| None)
        }
        (ClientAuthentication::SecretPost(secrets), Credential::Post(secret)) => {
            matches(secrets, secret).map(|()| None)
        }
        (ClientAuthentication::Method(name), Credential::Method(used)) if name == used => {
            Ok(Some(name))
        }
        // The evidence of such a method need not name the client.
        (ClientAuthentication::Method(name), Credential::None) => Ok(Some(name)),
        // RFC 6749 §2.3.2 maps a client to one scheme; a public client's secret proves nothing (§2.3).
        (
            ClientAuthentication::None
            | ClientAuthentication::SecretBasic(_)
            | ClientAuthentication::SecretPost(_)
            | ClientAuthentication::Method(_),
            _,
        ) => Err(ClientDenial::WrongMethod),
    }
}

fn matches(secrets: &super::ClientSecrets, secret: &Secret) -> Result<(), ClientDenial> {
    // Every digest is compared, so that the time does not tell which one matched.
    let matched = secrets
        .digests()
        .fold(false, |matched, digest| digest.matches(secret) | matched);
    if matched {
        Ok(())
    } else {
        Err(ClientDenial::WrongSecret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{store::Realm, time::Timestamp};

    #[test]
    fn the_same_thing_twice_is_repetitive_however_long_it_is_kept() {
        let mark = |name: &[u8], seconds| {
            let until = Timestamp::from_unix_seconds(seconds);
            OneTimeMark::new(&Realm::default(), &[b"method", name], until)
        };
        let proof = |marks: Vec<OneTimeMark>| Proof { marks };
        assert!(!proof(vec![mark(b"a", 1), mark(b"b", 1)]).is_repetitive());
        assert!(proof(vec![mark(b"a", 1), mark(b"b", 1), mark(b"a", 2)]).is_repetitive());
    }
}

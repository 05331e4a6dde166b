//! Client authentication (RFC 6749 §2.3): exactly one method at a time, and only the one a client is registered for.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Client, ClientAuthentication};
use crate::{
    error::{Denial, Error, ErrorCode, Refusal},
    store::Record,
    time::Timestamp,
    types::{ClientId, Params, Secret},
};

/// What a request brought to say who its client is.
#[derive(Clone, Debug, Default)]
pub struct Presented {
    /// The `Authorization` header, if there is one.
    pub authorization: Option<Authorization>,
    /// The parameters of the form body.
    pub params: Params,
}

/// An `Authorization` header.
#[derive(Clone, Debug)]
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
        /// In lower case.
        scheme: String,
        /// What follows it.
        credentials: Secret,
    },
    /// It could not be read.
    Malformed,
}

/// A client that has proven to be it, or a public one that has named itself.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The client.
    pub client: Arc<Client>,
    /// What has to be remembered of its proof.
    pub(crate) proof: Proof,
}

/// What has to be remembered of a proof that held.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The mark of a proof that may be used once. It is written with what the request does, and also if the request is then
    /// denied; if it is there already the proof was used before, and the request is denied.
    pub once: Option<Box<Record>>,
}

/// A way for clients to authenticate, beside the built-in ones.
///
/// It is asked about every request; [`claim`](Self::claim) must be cheap and must not believe anything.
#[async_trait]
pub trait ClientAuthenticationMethod: Send + Sync + 'static {
    /// Its name, as in `token_endpoint_auth_methods_supported` and in [`ClientAuthentication::Method`].
    fn name(&self) -> &'static str;

    /// The client that the request says it is from by this method; `None` if the request does not use it.
    fn claim(&self, presented: &Presented) -> Option<ClientId>;

    /// Checks the proof. When in doubt, deny: what this accepts is an authenticated client.
    ///
    /// # Errors
    /// A [`ClientDenial`] if the proof does not hold; a fault if that could not be found out.
    async fn verify(
        &self,
        client: &Client,
        presented: &Presented,
        now: Timestamp,
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

/// A request's word on who its client is and how that will be proven.
pub(crate) enum Claim<'a> {
    /// It only names itself.
    None(ClientId),
    /// By a secret in the `Authorization` header.
    Basic(ClientId, &'a Secret),
    /// By a secret in the form body.
    Post(ClientId, Secret),
    /// By an added method.
    Method(ClientId, &'a dyn ClientAuthenticationMethod),
}

impl Claim<'_> {
    /// Whom it names.
    pub(crate) fn client_id(&self) -> &ClientId {
        match self {
            Self::None(id) | Self::Basic(id, _) | Self::Post(id, _) | Self::Method(id, _) => id,
        }
    }
}

/// Reads who a request says it is from.
pub(crate) fn claim<'a>(
    presented: &'a Presented,
    methods: &'a [Box<dyn ClientAuthenticationMethod>],
) -> Result<Claim<'a>, ClientDenial> {
    let mut claim = None;
    let mut several = false;
    for method in methods {
        if let Some(id) = method.claim(presented) {
            several |= claim.replace(Claim::Method(id, method.as_ref())).is_some();
        }
    }
    match &presented.authorization {
        Some(Authorization::Basic { client_id, secret }) => {
            let id = ClientId::new(Arc::clone(client_id)).map_err(|_| ClientDenial::Unknown)?;
            several |= claim.replace(Claim::Basic(id, secret)).is_some();
        }
        // An added method may know the scheme.
        Some(Authorization::Other { .. }) if claim.is_some() => {}
        Some(Authorization::Other { .. } | Authorization::Malformed) => {
            return Err(ClientDenial::Malformed);
        }
        None => {}
    }
    let named = match presented.params.get("client_id") {
        Some(id) => Some(ClientId::new(id).map_err(|_| ClientDenial::Unknown)?),
        None => None,
    };
    if let Some(secret) = presented.params.secret("client_secret") {
        if claim.is_some() {
            return Err(ClientDenial::SeveralMethods);
        }
        let id = named.clone().ok_or(ClientDenial::Missing)?;
        claim = Some(Claim::Post(id, secret));
    }
    match (claim, named) {
        // RFC 6749 §2.3: the client MUST NOT use more than one authentication method in each request.
        _ if several => Err(ClientDenial::SeveralMethods),
        (Some(claim), Some(named)) if *claim.client_id() != named => Err(ClientDenial::TwoClients),
        (Some(claim), _) => Ok(claim),
        (None, Some(named)) => Ok(Claim::None(named)),
        (None, None) => Err(ClientDenial::Missing),
    }
}

/// Checks a claim that needs nothing but the registration. An added method is checked by itself.
pub(crate) fn verify_secret(client: &Client, claim: &Claim<'_>) -> Result<(), ClientDenial> {
    match (client.authentication(), claim) {
        (ClientAuthentication::None, Claim::None(_)) => Ok(()),
        (ClientAuthentication::SecretBasic(secrets), Claim::Basic(_, secret)) => {
            matches(secrets, secret)
        }
        (ClientAuthentication::SecretPost(secrets), Claim::Post(_, secret)) => {
            matches(secrets, secret)
        }
        (ClientAuthentication::Method(name), Claim::Method(_, method)) if name == method.name() => {
            Ok(())
        }
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

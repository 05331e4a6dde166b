//! A request that waits for a person, and travels with their browser meanwhile.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    AuthorizationResponse,
    identified::may_ask_for,
    response::{ResponseMode, ResponseType, ReturnAddress},
};
use crate::{
    client::Client,
    error::{Denial, Refusal},
    pkce::CodeChallenge,
    policy::Policy,
    random::Random,
    seal::Sealer,
    store::{Key, Kind, Realm},
    time::Timestamp,
    types::{ClientId, Issuer, RedirectUri, Resource, Scope, Secret},
};

/// The purpose under which interactions are sealed. The number is raised with every change of [`Sealed`]: the fields are read one
/// after the other, so that under another layout what a visitor chose could stand where the server's own word is expected.
const PURPOSE: &str = "interaction 1";

/// What tells one browser from another: 256 random bits in a cookie. One is enough for any number of pending requests.
#[derive(Clone, Debug)]
pub struct Browser(Secret);

impl Browser {
    /// A browser that was not seen before.
    pub fn new(random: &mut Random) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random.secret())))
    }

    /// A browser by the value of its cookie; `None` if no server wrote that.
    pub fn from_cookie(value: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        (bytes.len() == 32).then(|| Self(Secret::new(value)))
    }

    /// The value of its cookie.
    pub fn cookie(&self) -> &Secret {
        &self.0
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose().as_bytes()).into()
    }

    pub(super) fn key(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// A request that waits for a person's decision.
#[derive(Clone, Debug)]
pub struct Pending {
    pub(super) id: [u8; 16],
    pub(super) client: Arc<Client>,
    pub(super) to: ReturnAddress,
    pub(super) response_type: ResponseType,
    pub(super) scope: Scope,
    pub(super) resources: Vec<Resource>,
    pub(super) challenge: Option<CodeChallenge>,
    expires_at: Timestamp,
}

impl Pending {
    pub(super) fn new(sealed: Sealed, client: Arc<Client>) -> Self {
        let to = ReturnAddress {
            redirect_uri: RedirectUri::proven_before(sealed.redirect_uri),
            is_named: sealed.is_redirect_uri_named,
            is_scope_named: sealed.is_scope_named,
            mode: sealed.mode,
            state: sealed.state,
        };
        Self {
            id: sealed.id,
            client,
            to,
            response_type: sealed.response_type,
            scope: sealed.scope,
            resources: sealed.resources,
            challenge: sealed.challenge,
            expires_at: sealed.expires_at,
        }
    }

    /// The client that asks.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The scope that it asks for.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The resource servers that it asks for; empty if it named none.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Where the browser goes after the decision.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.to.redirect_uri
    }

    /// Whether a consent to it can be remembered, so that the next request for no more is answered without a question.
    ///
    /// That needs a client that proves to be it before it gets anything, which nobody does who gets a token from here
    /// (RFC 6749 §10.2).
    pub fn can_be_remembered(&self, policy: &Policy) -> bool {
        match self.response_type {
            ResponseType::Code => policy.remembers(&self.client),
            ResponseType::Token => policy.remember_public_clients,
        }
    }

    /// Until when it can be decided.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// A pending request with the handle under which it is decided.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// The handle: base64url, up to a few kilobytes, of no use in another browser. Put it into the pages' forms and addresses.
    pub handle: String,
    /// What is asked.
    pub pending: Pending,
}

impl Interaction {
    /// Refuses the request before anybody is asked, for a reason that is not the standard's.
    pub fn refuse(self, issuer: &Issuer, refusal: Refusal) -> AuthorizationResponse {
        self.pending.to.error(issuer, refusal)
    }
}

/// Why an interaction cannot be carried on. None of these can be told to the client: the browser has to be shown a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InteractionDenial {
    /// Not a handle of this server.
    #[error("not a handle of this server")]
    Forged,
    /// A handle of another browser, or this one has lost its cookie.
    #[error("the handle belongs to another browser, or this one lost its cookie")]
    WrongBrowser,
    /// It took too long.
    #[error("the handle has expired")]
    Expired,
    /// Decided before, differently or too long ago.
    #[error("the request was decided before")]
    AlreadyDecided,
    /// The client is no longer registered here, or not for what it asked: the redirection URI, the scope, the response type.
    #[error("the client is no longer registered for what it asked")]
    ClientGone,
    /// More than was asked for.
    #[error("more was approved than was asked for")]
    Widened,
    /// Nothing of what was asked for: that is a refusal.
    #[error("nothing was approved of what was asked for")]
    Nothing,
    /// No consent is remembered that covers the request.
    #[error("no remembered consent covers the request")]
    NotRemembered,
}

impl Denial for InteractionDenial {}

impl InteractionDenial {
    /// What to tell the person in front of the browser, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::Forged => "This page was not opened through an application.",
            Self::WrongBrowser => {
                "This page was opened in another browser, or your browser does not keep cookies for this site."
            }
            Self::Expired => {
                "This page was open for too long. Please begin again at the application."
            }
            Self::AlreadyDecided => {
                "You have decided about this request before. Please return to the application."
            }
            Self::ClientGone => "The application is no longer registered here.",
            Self::Widened => "More was allowed than the application asked for.",
            Self::Nothing => "Nothing was allowed of what the application asked for.",
            Self::NotRemembered => "You have not allowed this application before.",
        }
    }
}

/// What a handle holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub(super) id: [u8; 16],
    pub(super) browser: [u8; 32],
    pub(super) expires_at: Timestamp,
    pub(super) client_id: ClientId,
    pub(super) redirect_uri: String,
    pub(super) is_redirect_uri_named: bool,
    pub(super) is_scope_named: bool,
    pub(super) response_type: ResponseType,
    pub(super) mode: ResponseMode,
    pub(super) state: Option<String>,
    pub(super) scope: Scope,
    pub(super) resources: Vec<Resource>,
    pub(super) challenge: Option<CodeChallenge>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Sealed {
    pub(super) fn seal(&self, sealer: &Sealer) -> String {
        sealer.seal_value(PURPOSE, self)
    }

    /// Opens a handle in the browser that it was made for.
    pub(crate) fn open(
        handle: &str,
        browser: Option<&Browser>,
        sealer: &Sealer,
        now: Timestamp,
    ) -> Result<Self, InteractionDenial> {
        let content: Self = sealer
            .open_value(PURPOSE, handle)
            .ok_or(InteractionDenial::Forged)?;
        let same =
            browser.is_some_and(|browser| bool::from(browser.digest().ct_eq(&content.browser)));
        if !same {
            return Err(InteractionDenial::WrongBrowser);
        }
        if now >= content.expires_at {
            return Err(InteractionDenial::Expired);
        }
        Ok(content)
    }

    pub(crate) fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The pending request, if its client still is what it was.
    pub(crate) fn resume(self, client: Option<Arc<Client>>) -> Result<Pending, InteractionDenial> {
        let client = client.ok_or(InteractionDenial::ClientGone)?;
        if client.redirect_uri(Some(&self.redirect_uri)).is_none()
            || !self.scope.is_subset(client.scope())
            || !may_ask_for(&client, self.response_type)
        {
            return Err(InteractionDenial::ClientGone);
        }
        Ok(Pending::new(self, client))
    }
}

/// Where the mark is found that a handle has been decided.
pub(super) fn decision_key(realm: &Realm, id: &[u8; 16]) -> Key {
    Key::new(realm, Kind::DECISION, &[id])
}

//! A request that waits for a person, and travels with their browser meanwhile.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{AuthorizationResponse, identified::may_ask_for};
use crate::{
    authorization_request::{AuthorizationRequest, ResponseType, ReturnAddress},
    client::Client,
    error::{Denial, Refusal},
    hash::hmac_sha256,
    policy::Policy,
    random::Random,
    seal::Sealer,
    store::numbered,
    time::Timestamp,
    types::{ClientId, GrantId, Issuer, RedirectUri, Resource, Scope, Secret},
};

/// The purpose under which interactions are signed. Raise the number when you add a field that an
/// older release must not skip. To an older process the handle then looks forged, and the user
/// starts again.
const PURPOSE: &str = "interaction 2";

/// Identifies a browser: 256 random bits in a cookie. One is enough for any number of pending
/// requests.
#[derive(Clone, Debug)]
pub struct Browser(Secret);

impl Browser {
    /// A browser that has no cookie yet.
    pub fn new(random: &mut Random) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random.secret())))
    }

    /// Reads the value of the cookie; `None` if it is malformed.
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

    /// Derives a value from the browser's secret, for the pending request with this id. If only the
    /// store has the salt, neither the browser nor the store can derive the value alone.
    pub(super) fn derive(&self, what: &str, pending: &[u8; 16], salt: &[u8]) -> [u8; 32] {
        let parts: [&[u8]; 3] = [what.as_bytes(), pending, salt];
        hmac_sha256(self.0.expose().as_bytes(), &parts)
    }
}

/// A request that waits for a person's decision.
#[derive(Clone, Debug)]
pub struct Pending {
    pub(super) id: [u8; 16],
    pub(super) client: Arc<Client>,
    pub(super) request: AuthorizationRequest,
    pub(super) to: ReturnAddress,
    expires_at: Timestamp,
}

impl Pending {
    pub(super) fn new(sealed: Sealed, client: Arc<Client>) -> Self {
        Self {
            id: sealed.id,
            client,
            request: sealed.request,
            to: sealed.to,
            expires_at: sealed.expires_at,
        }
    }

    /// The id of the grant that an approval in this browser creates. If that grant exists, the
    /// request was decided.
    pub(super) fn grant(&self, browser: &Browser) -> GrantId {
        let digest = browser.derive("grant", &self.id, &[]);
        let (halves, _) = digest.as_chunks();
        GrantId::from_bytes(halves[0])
    }

    /// The client that asks.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The scope that it asks for.
    pub fn scope(&self) -> &Scope {
        &self.request.scope
    }

    /// The resource servers that it asks for; empty if it named none.
    pub fn resources(&self) -> &[Resource] {
        &self.request.resources
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
        match self.request.response_type {
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
#[non_exhaustive]
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

/// Why an interaction cannot be continued. The client cannot be told: show a page in the browser.
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
    /// It does not fit into a grant's record.
    #[error("more was approved than fits into a grant")]
    TooLarge,
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
            Self::TooLarge => "The application asks for more than can be allowed at once.",
            Self::Nothing => "Nothing was allowed of what the application asked for.",
            Self::NotRemembered => "You have not allowed this application before.",
        }
    }
}

/// What a handle holds.
pub(crate) struct Sealed {
    pub(super) id: [u8; 16],
    pub(super) browser: [u8; 32],
    pub(super) expires_at: Timestamp,
    pub(super) request: AuthorizationRequest,
    pub(super) to: ReturnAddress,
}

numbered!(Sealed {
    0 => id,
    1 => browser,
    2 => expires_at,
    3 => request,
    4 => to,
} skips others);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("client_id", self.client_id())
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
        &self.request.client_id
    }

    /// The pending request, if its client still is what it was.
    pub(crate) fn resume(self, client: Option<Arc<Client>>) -> Result<Pending, InteractionDenial> {
        let client = client.ok_or(InteractionDenial::ClientGone)?;
        let redirect_uri = self.to.redirect_uri.as_str();
        if client.redirect_uri(Some(redirect_uri)).is_none()
            || !self.request.scope.is_subset(client.scope())
            || !may_ask_for(&client, self.request.response_type)
        {
            return Err(InteractionDenial::ClientGone);
        }
        Ok(Pending::new(self, client))
    }
}

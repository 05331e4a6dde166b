//! Sessions: a signed cookie says who is signed in. Every process with the same operator secret can
//! verify it, and nobody else can make one.

use std::error::Error;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use oauth_core::{
    AuthorizationServer,
    authorize::Approval,
    error::Fault,
    time::Timestamp,
    types::{Authentication, Subject},
};
use sha2::{Digest, Sha256};

use super::Ui;
use crate::wire::{append_cookie, cookies};

const PURPOSE: &str = "ui session";

/// A user who is signed in.
pub(super) struct Session {
    pub(super) user: User,
    /// The digest of the cookie, to which forms are bound.
    pub(super) id: [u8; 32],
}

/// Who signed in, and when.
#[derive(Clone)]
pub(super) struct User {
    pub(super) subject: Subject,
    pub(super) signed_in_at: Timestamp,
}

impl User {
    /// An approval by this user, who signed in with a password (`pwd`, RFC 8176 §2).
    pub(super) fn approval(&self) -> Approval {
        let authentication = Authentication::new(self.signed_in_at).methods(["pwd"]);
        Approval::new(self.subject.clone()).authentication(authentication)
    }
}

/// The session of a request.
pub(super) async fn find(ui: &Ui, headers: &HeaderMap) -> Result<Option<Session>, Fault> {
    let name = cookie(&ui.server);
    let mut values = cookies(headers, &name).peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    let sealer = ui.server.sealer().await?;
    let session = values.find_map(|value| {
        let content = sealer.open(PURPOSE, value)?;
        Some(Session {
            user: read(&content).filter(|user| ui.server.now() < ends_at(ui, user))?,
            id: Sha256::digest(value).into(),
        })
    });
    match session {
        Some(session) if is_active(ui, &session.user.subject).await => Ok(Some(session)),
        _ => Ok(None),
    }
}

async fn is_active(ui: &Ui, subject: &Subject) -> bool {
    let active = ui.accounts.is_active(subject).await;
    active.unwrap_or_else(|error| {
        tracing::error!(
            error = &*error as &dyn Error,
            "a user could not be looked up"
        );
        false
    })
}

/// What the pages call a user.
pub(super) async fn name_of(ui: &Ui, subject: &Subject) -> String {
    let name = ui.accounts.display_name(subject).await;
    name.unwrap_or_else(|error| {
        tracing::error!(
            error = &*error as &dyn Error,
            "a user's name could not be looked up"
        );
        subject.as_str().to_owned()
    })
}

/// Opens a session.
pub(super) async fn open(ui: &Ui, user: &User, headers: &mut HeaderMap) -> Result<(), Fault> {
    let nonce = ui.server.random()?.id();
    let content = [
        &user.signed_in_at.as_unix_millis().to_be_bytes(),
        nonce.as_slice(),
        user.subject.as_str().as_bytes(),
    ]
    .concat();
    let value = ui.server.sealer().await?.seal(PURPOSE, &content);
    let issuer = ui.server.issuer();
    append_cookie(
        headers,
        &cookie(&ui.server),
        &value,
        issuer,
        Some(ui.session_lifetime.as_secs()),
    );
    Ok(())
}

/// Ends a session: the browser forgets it. Nothing is stored about sessions, so a copy of the cookie would live to its end.
pub(super) fn close(ui: &Ui, headers: &mut HeaderMap) {
    let issuer = ui.server.issuer();
    append_cookie(headers, &cookie(&ui.server), "", issuer, Some(0));
}

/// The content is the time of the sign-in, a nonce and the subject.
fn read(content: &[u8]) -> Option<User> {
    let (signed_in_at, rest) = content.split_first_chunk::<8>()?;
    let (_, subject) = rest.split_first_chunk::<16>()?;
    Some(User {
        subject: Subject::new(std::str::from_utf8(subject).ok()?).ok()?,
        signed_in_at: Timestamp::from_unix_millis(u64::from_be_bytes(*signed_in_at)),
    })
}

/// If the operator shortens the lifetime, existing sessions end earlier too.
fn ends_at(ui: &Ui, user: &User) -> Timestamp {
    user.signed_in_at + ui.session_lifetime
}

/// Each namespace has a cookie of its own: issuers on one host, which cookies cannot tell apart by
/// port, then do not sign each other's users out.
fn cookie(server: &AuthorizationServer) -> String {
    let digest = Sha256::digest(server.rules().realm.as_str());
    let tag = URL_SAFE_NO_PAD.encode(&digest[..6]);
    if server.issuer().is_secure() {
        format!("__Host-oauth-session-{tag}")
    } else {
        format!("oauth-session-{tag}")
    }
}

//! Who is signed in: a sealed cookie, which every process over the same store can read and nobody else can make.

use std::error::Error;

use http::HeaderMap;
use oauth_core::{
    error::Fault,
    time::Timestamp,
    types::{Issuer, Subject},
};
use sha2::{Digest, Sha256};

use super::Ui;
use crate::wire::{append_cookie, cookies};

const PURPOSE: &str = "ui session";

/// A user who is signed in.
pub(super) struct Session {
    pub(super) subject: Subject,
    /// The digest of the cookie, to which forms are bound.
    pub(super) id: [u8; 32],
}

/// The session of a request.
pub(super) async fn find(ui: &Ui, headers: &HeaderMap) -> Result<Option<Session>, Fault> {
    let mut values = cookies(headers, name(ui.server.issuer())).peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    let sealer = ui.server.sealer().await?;
    let session = values.find_map(|value| {
        let content = sealer.open(PURPOSE, value)?;
        Some(Session {
            subject: read(&content, ui.server.now())?,
            id: Sha256::digest(value).into(),
        })
    });
    match session {
        Some(session) if is_active(ui, &session.subject).await => Ok(Some(session)),
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
pub(super) async fn user(ui: &Ui, subject: &Subject) -> String {
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
pub(super) async fn open(ui: &Ui, subject: &Subject, headers: &mut HeaderMap) -> Result<(), Fault> {
    let expires_at = ui.server.now() + ui.session_lifetime;
    let nonce = ui.server.random()?.id();
    let content = [
        &expires_at.as_unix_millis().to_be_bytes(),
        nonce.as_slice(),
        subject.as_str().as_bytes(),
    ]
    .concat();
    let value = ui.server.sealer().await?.seal(PURPOSE, &content);
    let issuer = ui.server.issuer();
    append_cookie(
        headers,
        name(issuer),
        &value,
        issuer,
        Some(ui.session_lifetime.as_secs()),
    );
    Ok(())
}

/// Ends a session: the browser forgets it. Nothing is stored about sessions, so a copy of the cookie would live to its end.
pub(super) fn close(ui: &Ui, headers: &mut HeaderMap) {
    let issuer = ui.server.issuer();
    append_cookie(headers, name(issuer), "", issuer, Some(0));
}

/// Expiry, nonce, subject.
fn read(content: &[u8], now: Timestamp) -> Option<Subject> {
    let (expires_at, rest) = content.split_first_chunk::<8>()?;
    let (_, subject) = rest.split_first_chunk::<16>()?;
    let is_live = now < Timestamp::from_unix_millis(u64::from_be_bytes(*expires_at));
    if is_live {
        Subject::new(std::str::from_utf8(subject).ok()?).ok()
    } else {
        None
    }
}

fn name(issuer: &Issuer) -> &'static str {
    if issuer.is_secure() {
        "__Host-oauth-session"
    } else {
        "oauth-session"
    }
}

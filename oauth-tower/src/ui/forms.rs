//! Tokens that bind a form to the browser it was shown in, so that no other site can have it sent.

use oauth_core::{error::Fault, time::Timestamp};

use super::Ui;

const PURPOSE: &str = "ui form";

/// A token for forms in a browser or a session of this id.
pub(super) async fn token(ui: &Ui, id: &[u8; 32]) -> Result<String, Fault> {
    let expires_at = ui.server.now() + ui.session_lifetime;
    let content = [&expires_at.as_unix_millis().to_be_bytes(), id.as_slice()].concat();
    Ok(ui.server.sealer().await?.seal(PURPOSE, &content))
}

/// Whether a form comes from that browser or session.
pub(super) async fn is_from(ui: &Ui, id: &[u8; 32], token: Option<&str>) -> Result<bool, Fault> {
    let Some(content) = ui
        .server
        .sealer()
        .await?
        .open(PURPOSE, token.unwrap_or_default())
    else {
        return Ok(false);
    };
    Ok(content
        .split_first_chunk::<8>()
        .is_some_and(|(expires_at, bound)| {
            bound == id
                && ui.server.now() < Timestamp::from_unix_millis(u64::from_be_bytes(*expires_at))
        }))
}

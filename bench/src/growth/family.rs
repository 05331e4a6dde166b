//! The end of a great family, and those who then come with its tokens.

use std::{sync::Arc, time::Instant};

use oauth_core::{AuthorizationServer, token::TokenResponse, types::Secret};
use oauth_storage_memory::MemoryStore;
use serde::{Deserialize, Serialize};

use super::{
    place::Place,
    sample::{Row, left},
    watch::Watch,
};
use crate::{
    Error,
    demo::{Demo, REDIRECT_URI, builder, presented},
};

/// How often the grant was refreshed.
pub(super) const REFRESHES: usize = 20_000;

/// What it took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Ending {
    pub(super) rows_before: u64,
    pub(super) rows_after: u64,
    pub(super) commits: u64,
    pub(super) millis: f64,
    /// How many tokens of the family were shown afterwards, and what the store was asked then.
    pub(super) replays: u64,
    pub(super) replay_reads: u64,
    pub(super) replay_commits: u64,
    pub(super) replay_micros: f64,
}

/// Ends one.
pub(super) async fn run(place: &Place) -> Result<Ending, Error> {
    let (rows, tokens) = grow().await?;
    place.fill(rows.into_iter().map(Ok)).await?;
    let rows_before = place.rows().await?;
    let store = Arc::new(Watch::new(place.store()));
    let server = builder(Arc::clone(&store) as _)?.build()?;
    let begun = Instant::now();
    if refresh(&server, &tokens[0]).await?.is_some() {
        return Err("a token that was used long ago is good".into());
    }
    let took = begun.elapsed();
    let commits = store.take_commits();
    if !commits.iter().any(|commit| !commit.ends.is_empty()) {
        return Err("the family has not ended".into());
    }
    let rows_after = place.rows().await?;
    store.take_reads();
    let begun = Instant::now();
    for token in &tokens {
        if refresh(&server, token).await?.is_some() {
            return Err("a token of a family that has ended is good".into());
        }
    }
    let replays = u32::try_from(tokens.len())?;
    let ending = Ending {
        rows_before,
        rows_after,
        commits: commits.len() as u64,
        millis: took.as_secs_f64() * 1e3,
        replays: replays.into(),
        replay_reads: store.take_reads(),
        replay_commits: store.take_commits().len() as u64,
        replay_micros: begun.elapsed().as_secs_f64() * 1e6 / f64::from(replays),
    };
    eprintln!("{ending:?}");
    Ok(ending)
}

/// The records of a grant that was refreshed so often, and its refresh tokens.
async fn grow() -> Result<(Vec<Row>, Vec<Secret>), Error> {
    let store = Arc::new(Watch::new(MemoryStore::default()));
    let server = builder(Arc::clone(&store) as _)?.build()?;
    let (code, verifier) = Demo::of(server.clone())?.code(0).await?;
    let request = presented(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", &verifier),
    ]);
    let mut response = server.token(&request).await?;
    let mut tokens = Vec::new();
    while let Some(token) = response.refresh_token.take() {
        tokens.push(token.clone());
        if tokens.len() > REFRESHES {
            break;
        }
        let next = refresh(&server, &token).await?;
        response = next.ok_or("a refresh token is refused")?;
    }
    Ok((left(store.take_commits()), tokens))
}

async fn refresh(
    server: &AuthorizationServer,
    token: &Secret,
) -> Result<Option<TokenResponse>, Error> {
    let request = presented(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", token.expose()),
    ]);
    match server.token(&request).await {
        Ok(response) => Ok(Some(response)),
        Err(error) => {
            error.into_denial()?;
            Ok(None)
        }
    }
}

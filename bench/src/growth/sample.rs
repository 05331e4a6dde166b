//! Records as the server writes them, and any number that look like them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth_core::{
    policy::Policy,
    store::{Commit, Digest, Key, Kind, Owner, Record, Role, Version},
    types::Secret,
};
use oauth_storage_memory::MemoryStore;
use sha2::{Digest as _, Sha256};

use super::watch::Watch;
use crate::{
    Error,
    demo::{Demo, REDIRECT_URI, builder, presented},
    serve::Site as _,
};

/// How many of each kind to take.
const SAMPLES: usize = 200;
/// One of so many tokens is a user's.
const USERS: u64 = 10;
const DAY: u64 = 24 * 60 * 60 * 1000;

/// A record with the version that it stands at.
pub(super) type Row = (Version, Record);

/// The records that a token request leaves: the access token, and for a user's token also the
/// grant.
pub(super) struct Samples {
    clients: Vec<Vec<Record>>,
    users: Vec<Vec<Record>>,
}

impl Samples {
    /// Takes them from a server.
    pub(super) async fn take() -> Result<Self, Error> {
        let store = Arc::new(Watch::new(MemoryStore::default()));
        let server = builder(Arc::clone(&store) as _)?.policy(policy()).build()?;
        let demo = Demo::of(server.clone())?;
        // What it writes once.
        demo.code(0).await?;
        store.take_commits();
        let (mut clients, mut users) = (Vec::new(), Vec::new());
        for number in 0..SAMPLES {
            demo.mint().await?;
            clients.push(records(store.take_commits()));
            let (code, verifier) = demo.code(number).await?;
            let request = presented(&[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", REDIRECT_URI),
                ("code_verifier", &verifier),
            ]);
            server.token(&request).await?;
            users.push(records(store.take_commits()));
        }
        Ok(Self { clients, users })
    }

    /// The records of the token of this number.
    pub(super) fn rows(&self, number: u64) -> Result<Vec<Row>, Error> {
        let of_user = number.is_multiple_of(USERS);
        let kinds = if of_user { &self.users } else { &self.clients };
        let sample = &kinds[usize::try_from(number / USERS)? % SAMPLES];
        let keys: Vec<Key> = (0_u8..)
            .zip(sample)
            .map(|(index, record)| {
                let realm = record.key.realm();
                match record.key.kind() {
                    Kind::ACCESS_TOKEN => {
                        let token = token(number);
                        Key::new(realm, Kind::ACCESS_TOKEN, &[token.expose().as_bytes()])
                    }
                    kind => Key::new(realm, kind, &[&number.to_le_bytes(), &[index]]),
                }
            })
            .collect();
        let mut id = [0; 16];
        id.copy_from_slice(&keys[0].digest().as_bytes()[..16]);
        let rows = sample.iter().zip(&keys).map(|(record, key)| {
            let mut record = record.clone();
            if let Role::Member(family) = record.role {
                let mut anchors = sample.iter().zip(&keys);
                let anchor = anchors.find(|(record, _)| record.key.family() == family);
                let (_, anchor) = anchor.ok_or("a member without its anchor")?;
                record.role = Role::Member(anchor.family());
            }
            if let Some(Owner::Both { subject, .. }) = &mut record.owner {
                *subject = format!("user {number}").into();
            }
            record.forget_at = record.forget_at + Duration::from_millis(number % DAY);
            record.key = key.clone();
            Ok((Version::from_bytes(id), record))
        });
        rows.collect()
    }
}

/// Tokens that outlive the measurement.
pub(super) fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.access_token_lifetime = Duration::from_millis(7 * DAY);
    policy
}

/// The access token of this number.
pub(super) fn token(number: u64) -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(Sha256::digest(format!("live token {number}"))))
}

/// What commits have left, each record at its version, anchors first.
pub(super) fn left(commits: Vec<Commit>) -> Vec<Row> {
    let mut rows: BTreeMap<Digest, Row> = BTreeMap::new();
    for commit in commits {
        for removal in commit.removals {
            rows.remove(removal.key.digest());
        }
        for put in commit.puts {
            rows.insert(*put.record.key.digest(), (commit.id, put.record));
        }
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by_key(|(_, record)| matches!(record.role, Role::Member(_)));
    rows
}

fn records(commits: Vec<Commit>) -> Vec<Record> {
    left(commits)
        .into_iter()
        .map(|(_, record)| record)
        .collect()
}

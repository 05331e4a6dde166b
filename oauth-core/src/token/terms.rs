//! What a user authorized, as every record of the grant's family repeats it, so that none needs to load another.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    client::Client,
    grant::GrantType,
    policy::Policy,
    store::{Body, Key, Kind, Owner, Realm, Record, Role, encode},
    time::Timestamp,
    types::{ClientId, GrantId, Resource, Scope, Subject},
};

/// What a user authorized a client to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    pub(crate) client_id: ClientId,
    /// `None` if the client acts for itself.
    pub(crate) subject: Option<Subject>,
    pub(crate) scope: Scope,
    pub(crate) resources: Vec<Resource>,
    pub(crate) granted_at: Timestamp,
    /// When its last refresh token ends; without any, when its access token does at the latest.
    pub(crate) expires_at: Timestamp,
    /// When the last thing that it may give can have ended, so that its records may be forgotten.
    pub(crate) forget_at: Timestamp,
}

impl Body for Terms {}

impl Terms {
    /// Terms that begin now.
    pub(crate) fn new(
        client: &Client,
        subject: Option<Subject>,
        scope: Scope,
        resources: Vec<Resource>,
        now: Timestamp,
        policy: &Policy,
    ) -> Self {
        let code = policy.code_lifetime(client);
        let access_token = policy.access_token_lifetime(client);
        let expires_at = if client.may_use(&GrantType::REFRESH_TOKEN) {
            now + policy.refresh_token_lifetime(client)
        } else {
            now + code + access_token
        };
        // A day more covers an access token lifetime that is raised while the grant lives.
        let margin = access_token.max(Duration::from_secs(24 * 60 * 60));
        let forget_at = expires_at.max(now + code) + margin;
        Self {
            client_id: client.id().clone(),
            subject,
            scope,
            resources,
            granted_at: now,
            expires_at,
            forget_at,
        }
    }

    /// The record that anchors the family, and is listed for user and client.
    pub(crate) fn anchor(&self, realm: &Realm, id: GrantId) -> Record {
        Record {
            key: Key::new(realm, Kind::GRANT, &[id.as_bytes()]),
            role: Role::Anchor,
            owner: Owner::new(
                Some(self.client_id.to_arc()),
                self.subject.as_ref().map(Subject::to_arc),
            ),
            forget_at: self.forget_at,
            body: encode(&GrantBody {
                id,
                terms: self.clone(),
            }),
        }
    }
}

/// What the anchor holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GrantBody {
    pub(crate) id: GrantId,
    pub(crate) terms: Terms,
}

impl Body for GrantBody {}

//! Remembered consent: what a user has allowed a client, until it is withdrawn.

use serde::{Deserialize, Serialize};

use super::Pending;
use crate::{
    store::{Body, Key, Kind, Owner, Realm, Record, Role, encode},
    time::Timestamp,
    types::{ClientId, Resource, Scope, Subject},
};

/// What a user has allowed a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub(crate) scope: Scope,
    pub(crate) resources: Vec<Resource>,
    pub(crate) given_at: Timestamp,
    expires_at: Timestamp,
}

impl Body for Consent {}

impl Consent {
    pub(crate) fn key(realm: &Realm, client: &ClientId, subject: &Subject) -> Key {
        Key::new(
            realm,
            Kind::CONSENT,
            &[client.as_str().as_bytes(), subject.as_str().as_bytes()],
        )
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whether it allows all that is asked.
    pub(super) fn covers(&self, pending: &Pending, now: Timestamp) -> bool {
        !self.is_expired(now)
            && pending.scope.is_subset(&self.scope)
            && pending
                .resources
                .iter()
                .all(|resource| self.resources.contains(resource))
    }

    /// This consent and that to `scope` and `resources`, given now.
    pub(super) fn and(
        mut self,
        scope: &Scope,
        resources: &[Resource],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        self.scope = self.scope.union(scope);
        self.resources.extend_from_slice(resources);
        self.resources.sort_unstable();
        self.resources.dedup();
        self.given_at = now;
        self.expires_at = expires_at;
        self
    }

    pub(super) fn record(&self, realm: &Realm, client: &ClientId, subject: &Subject) -> Record {
        Record {
            key: Self::key(realm, client, subject),
            role: Role::Single,
            owner: Some(Owner {
                client: client.to_arc(),
                subject: subject.to_arc(),
            }),
            forget_at: self.expires_at,
            body: encode(self),
        }
    }
}

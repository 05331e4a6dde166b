//! Remembered consent: what a user has allowed a client, until it is withdrawn.

use super::Pending;
use crate::{
    store::{Body, Key, Kind, Owner, Realm, Record, Role, Unknown, encode, numbered},
    time::Timestamp,
    types::{ClientId, Resource, Scope, Subject},
};

/// What a user has allowed a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Consent {
    allowed: Vec<Allowed>,
    pub(crate) given_at: Timestamp,
    expires_at: Timestamp,
    unknown: Unknown,
}

numbered!(Consent { 0 => allowed, 1 => given_at, 2 => expires_at } keeps unknown);

/// What a user has allowed a client at one resource server. To read the mail and to write the calendar is not to write the
/// mail.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Allowed {
    /// `None` for the default audience, where a request goes that names no resource server.
    at: Option<Resource>,
    scope: Scope,
    unknown: Unknown,
}

numbered!(Allowed { 0 => at, 1 => scope } keeps unknown);

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

    /// All that it allows anywhere.
    pub(crate) fn scope(&self) -> Scope {
        let all = Scope::EMPTY;
        self.allowed
            .iter()
            .fold(all, |all, allowed| all.union(&allowed.scope))
    }

    /// Whether it allows all that is asked.
    pub(super) fn covers(&self, pending: &Pending, now: Timestamp) -> bool {
        !self.is_expired(now)
            && places(pending.resources()).all(|at| {
                self.allowed
                    .iter()
                    .any(|allowed| allowed.at == at && pending.scope().is_subset(&allowed.scope))
            })
    }

    /// This consent and that to `scope` at `resources`, given now.
    pub(crate) fn and(
        mut self,
        scope: &Scope,
        resources: &[Resource],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        for at in places(resources) {
            match self.allowed.iter_mut().find(|allowed| allowed.at == at) {
                Some(allowed) => allowed.scope = allowed.scope.union(scope),
                None => self.allowed.push(Allowed {
                    at,
                    scope: scope.clone(),
                    unknown: Unknown::default(),
                }),
            }
        }
        self.given_at = now;
        self.expires_at = expires_at;
        self
    }

    pub(super) fn record(&self, realm: &Realm, client: &ClientId, subject: &Subject) -> Record {
        Record {
            key: Self::key(realm, client, subject),
            role: Role::Single,
            owner: Some(Owner::Both {
                client: client.to_arc(),
                subject: subject.to_arc(),
            }),
            forget_at: self.expires_at,
            body: encode(self),
        }
    }
}

/// The places that a request for these resource servers means.
fn places(resources: &[Resource]) -> impl Iterator<Item = Option<Resource>> {
    let default = resources.is_empty().then_some(None);
    resources.iter().cloned().map(Some).chain(default)
}

//! How one record lies in memory.

use oauth_core::{
    store::{Digest, Family, Kind, Owner, Realm, Record, Role, Stored, Version},
    time::Timestamp,
};

use crate::body::Body;

/// A record, and its places in the indexes.
///
/// Realm and kind are in the digest, and kept only where something is listed under them.
pub(crate) struct Row {
    pub(crate) digest: Digest,
    pub(crate) version: Version,
    pub(crate) standing: Standing,
    pub(crate) forget_at: Timestamp,
    pub(crate) body: Body,
    pub(crate) listed: Option<Box<ListedUnder>>,
}

/// How a row stands to a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Single,
    Anchor,
    ClosedAnchor,
    Member(Family),
}

/// Under what a row is found in listings.
pub(crate) struct ListedUnder {
    pub(crate) realm: Realm,
    pub(crate) kind: Kind,
    pub(crate) owner: Owner,
}

impl Row {
    /// The row of a record that the commit of this id writes.
    pub(crate) fn new(record: Record, version: Version) -> Self {
        let listed = record.owner.map(|owner| {
            Box::new(ListedUnder {
                realm: record.key.realm().clone(),
                kind: record.key.kind(),
                owner,
            })
        });
        Self {
            digest: *record.key.digest(),
            version,
            standing: match record.role {
                Role::Single => Standing::Single,
                Role::Anchor => Standing::Anchor,
                Role::Member(family) => Standing::Member(family),
            },
            forget_at: record.forget_at,
            body: record.body.into(),
            listed,
        }
    }

    /// The family that it is a member of.
    pub(crate) fn family(&self) -> Option<Family> {
        match self.standing {
            Standing::Member(family) => Some(family),
            Standing::Single | Standing::Anchor | Standing::ClosedAnchor => None,
        }
    }

    /// What it takes, its share of the indexes included.
    pub(crate) fn bytes(&self) -> usize {
        let owner = self.listed.as_ref().map(|listed| &listed.owner);
        bytes(self.body.apart(), owner)
    }

    /// Whether another row of the same record belongs in the same listings.
    pub(crate) fn is_listed_as(&self, other: &Self) -> bool {
        let [own, others] = [self, other].map(|row| row.listed.as_ref());
        // Realm and kind are part of the record's identity.
        own.map(|listed| &listed.owner) == others.map(|listed| &listed.owner)
    }

    /// Closes it, an anchor, as the commit of this id does. From then on it is not listed.
    pub(crate) fn close(&mut self, version: Version) {
        self.standing = Standing::ClosedAnchor;
        self.version = version;
        self.listed = None;
    }

    /// What a store gives back of it.
    pub(crate) fn to_stored(&self) -> Stored {
        Stored {
            version: self.version,
            role: match self.standing {
                Standing::Single => Role::Single,
                Standing::Anchor | Standing::ClosedAnchor => Role::Anchor,
                Standing::Member(family) => Role::Member(family),
            },
            closed: self.standing == Standing::ClosedAnchor,
            forget_at: self.forget_at,
            body: (*self.body).into(),
        }
    }
}

/// What a row takes: its slot, its places in the indexes as they are when they have just grown, and what it points at.
fn bytes(apart: Option<usize>, owner: Option<&Owner>) -> usize {
    const ROW: usize = 192 + 96;
    /// What an allocation takes beyond what was asked for.
    const ALLOCATION: usize = 16;
    const LISTED: usize = size_of::<ListedUnder>() + ALLOCATION;
    /// A name with the counters before it, and its place in an index that is half full.
    const NAME: usize = 16 + ALLOCATION + 100;
    let listed = owner.map_or(0, |owner| {
        let name = |name: &str| NAME + name.len();
        LISTED + owner.client().map_or(0, name) + owner.subject().map_or(0, name)
    });
    ROW + apart.map_or(0, |body| ALLOCATION + body) + listed
}

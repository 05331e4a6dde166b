//! The contract as a program.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use oauth_core::{
    store::{
        Commit, Digest, End, Expect, Family, Key, Listed, Listing, Outcome, Page, Record, Role,
        Store, StoreError, Stored, Version,
    },
    time::Timestamp,
};

/// The shortest store that keeps the contract, for comparison. It is too slow for anything else.
#[derive(Debug, Default)]
pub struct ModelStore {
    entries: Mutex<Entries>,
}

/// What a store holds.
pub(crate) type Entries = BTreeMap<Digest, Entry>;

/// A record as it was written last.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) version: Version,
    pub(crate) closed: bool,
}

impl ModelStore {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for ModelStore {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        Ok(self.lock().get(key.digest()).map(Entry::to_stored))
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        Ok(apply(&mut self.lock(), commit))
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let mut items: Vec<_> = self
            .lock()
            .values()
            .filter_map(|entry| entry.to_listed(listing))
            .take(listing.limit + 1)
            .collect();
        let is_last = items.len() <= listing.limit;
        items.truncate(listing.limit);
        let next = items.last().map(|item| item.digest);
        Ok(Page {
            next: next.filter(|_| !is_last),
            items,
        })
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(prune(&mut self.lock(), before, limit, &[]))
    }
}

/// Applies a commit, or nothing of it.
pub(crate) fn apply(entries: &mut Entries, commit: Commit) -> Outcome {
    if !holds(entries, &commit) {
        return Outcome::Conflict;
    }
    let needed = needed(&commit);
    let allowance = 2 * commit.puts.len();
    for removal in commit.removals {
        entries.remove(removal.key.digest());
    }
    for ended in commit.ends {
        end(entries, ended, commit.id);
    }
    for put in commit.puts {
        let digest = *put.record.key.digest();
        let closed = entries.get(&digest).is_some_and(|entry| entry.closed);
        let entry = Entry {
            closed: closed && put.record.role == Role::Anchor,
            record: put.record,
            version: commit.id,
        };
        entries.insert(digest, entry);
    }
    if let Some(before) = commit.prune_before {
        prune(entries, before, allowance, &needed);
    }
    Outcome::Committed
}

fn holds(entries: &Entries, commit: &Commit) -> bool {
    let is = |key: &Key, expect: Expect| match (entries.get(key.digest()), expect) {
        (None, Expect::Absent) => true,
        (Some(entry), Expect::Version(version)) => entry.version == version,
        (None, Expect::Version(_)) | (Some(_), Expect::Absent) => false,
    };
    commit
        .guards
        .iter()
        .all(|guard| is(&guard.key, guard.expect))
        && commit
            .puts
            .iter()
            .all(|put| is(&put.record.key, put.expect))
        && commit
            .removals
            .iter()
            .all(|removal| is(&removal.key, Expect::Version(removal.version)))
        && commit.puts.iter().all(|put| match put.record.role {
            Role::Member(family) => is_open(entries, commit, family),
            Role::Single | Role::Anchor => true,
        })
}

fn is_open(entries: &Entries, commit: &Commit, family: Family) -> bool {
    match entries.get(family.anchor()) {
        Some(entry) if entry.record.role == Role::Anchor => !entry.closed,
        _ => commit.puts.iter().any(|put| {
            put.record.role == Role::Anchor && put.record.key.digest() == family.anchor()
        }),
    }
}

fn end(entries: &mut Entries, End { family, forget_at }: End, id: Version) {
    entries.retain(|_, entry| entry.record.role != Role::Member(family));
    if let Some(entry) = entries.get_mut(family.anchor())
        && entry.record.role == Role::Anchor
        && !entry.closed
    {
        entry.closed = true;
        entry.version = id;
        entry.record.forget_at = entry.record.forget_at.min(forget_at);
    }
}

/// What a commit's pruning leaves: what it guards, what it puts, and the anchors of the families into which it puts.
fn needed(commit: &Commit) -> Vec<Digest> {
    let guarded = commit.guards.iter().map(|guard| *guard.key.digest());
    let put = commit.puts.iter().map(|put| *put.record.key.digest());
    let joined = commit.puts.iter().filter_map(|put| match put.record.role {
        Role::Member(family) => Some(*family.anchor()),
        Role::Single | Role::Anchor => None,
    });
    guarded.chain(put).chain(joined).collect()
}

fn prune(entries: &mut Entries, before: Timestamp, limit: usize, needed: &[Digest]) -> usize {
    let mut forgettable: Vec<_> = entries
        .iter()
        .filter(|(digest, entry)| entry.record.forget_at <= before && !needed.contains(digest))
        .map(|(digest, entry)| (entry.record.forget_at, *digest))
        .collect();
    forgettable.sort_unstable();
    forgettable.truncate(limit);
    for (_, digest) in &forgettable {
        entries.remove(digest);
    }
    forgettable.len()
}

impl Entry {
    fn to_stored(&self) -> Stored {
        Stored {
            version: self.version,
            role: self.record.role,
            closed: self.closed,
            forget_at: self.record.forget_at,
            body: self.record.body.clone(),
        }
    }

    fn to_listed(&self, listing: &Listing) -> Option<Listed> {
        let key = &self.record.key;
        let owner = self.record.owner.as_ref()?;
        let is_listed = owner.is_found_by(&listing.by)
            && !self.closed
            && *key.realm() == listing.realm
            && key.kind() == listing.kind
            && listing.after.is_none_or(|after| *key.digest() > after);
        is_listed.then(|| Listed {
            digest: *key.digest(),
            owner: owner.clone(),
            stored: self.to_stored(),
        })
    }
}

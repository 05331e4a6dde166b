//! Commits: expectations checked, changes applied.

use oauth_core::store::{
    Commit, Digest, Expect, Family, Key, Outcome, Put, Role, StoreError, Version,
};

use crate::{
    schema::{Row, Standing},
    store::{Locked, ShardSet, Shards, shard_of},
};

impl Shards {
    pub(crate) fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let mut locked = self.write_all(shards_of(&commit))?;
        if !holds(&locked, &commit) {
            return Ok(Outcome::Conflict);
        }
        let prune = commit
            .prune_before
            .map(|before| (before, Needed::by(&commit)));
        let dropped = apply(&mut locked, commit);
        drop(locked);
        // Freeing the members of a great family takes a while, and nobody has to wait for it.
        drop(dropped);
        if let Some((before, needed)) = prune {
            // The commit stands, whatever becomes of this: a shard that cannot be pruned has failed for everybody.
            let _ = self.prune(before, needed.allowance, &needed.digests);
        }
        Ok(Outcome::Committed)
    }
}

/// What a commit's pruning must leave, and how much it may drop.
struct Needed {
    digests: Vec<Digest>,
    allowance: usize,
}

impl Needed {
    fn by(commit: &Commit) -> Self {
        let guarded = commit.guards.iter().map(|guard| &guard.key);
        let put = commit.puts.iter().map(|put| &put.record.key);
        let mut digests: Vec<_> = guarded
            .chain(put)
            .map(|key| *key.digest())
            .chain(joined(commit).map(|family| *family.anchor()))
            .collect();
        digests.sort_unstable();
        Self {
            digests,
            allowance: commit.puts.len().saturating_mul(2),
        }
    }
}

/// The shards that a commit reads or changes.
fn shards_of(commit: &Commit) -> ShardSet {
    if !commit.ends.is_empty() {
        return ShardSet::ALL;
    }
    let mut set = ShardSet::default();
    for (key, _) in expectations(commit) {
        set.insert(shard_of(key.digest()));
    }
    for family in joined(commit) {
        set.insert(shard_of(family.anchor()));
    }
    set
}

/// Everything that a commit says it expects.
fn expectations(commit: &Commit) -> impl Iterator<Item = (&Key, Expect)> {
    let guards = commit.guards.iter().map(|guard| (&guard.key, guard.expect));
    let puts = commit.puts.iter().map(|put| (&put.record.key, put.expect));
    let removals = commit
        .removals
        .iter()
        .map(|removal| (&removal.key, Expect::Version(removal.version)));
    guards.chain(puts).chain(removals)
}

/// The families into which a commit puts.
fn joined(commit: &Commit) -> impl Iterator<Item = Family> {
    commit.puts.iter().filter_map(|put| match put.record.role {
        Role::Member(family) => Some(family),
        Role::Single | Role::Anchor => None,
    })
}

/// Whether all that a commit expects is so.
fn holds(locked: &Locked<'_>, commit: &Commit) -> bool {
    expectations(commit)
        .all(|(key, expect)| is_as_expected(locked.of(key.digest()).find(key.digest()), expect))
        && joined(commit).all(|family| is_open(locked, &commit.puts, family))
}

fn is_as_expected(row: Option<&Row>, expect: Expect) -> bool {
    match expect {
        Expect::Absent => row.is_none(),
        Expect::Version(version) => row.is_some_and(|row| row.version == version),
    }
}

fn is_open(locked: &Locked<'_>, puts: &[Put], family: Family) -> bool {
    let anchor = family.anchor();
    match locked.of(anchor).find(anchor).map(|row| row.standing) {
        Some(Standing::Anchor) => true,
        Some(Standing::ClosedAnchor) => false,
        Some(Standing::Single | Standing::Member(_)) | None => puts
            .iter()
            .any(|put| put.record.key.digest() == anchor && put.record.role == Role::Anchor),
    }
}

/// Makes the changes, and returns the rows that they dropped.
fn apply(locked: &mut Locked<'_>, commit: Commit) -> Vec<Row> {
    let mut dropped = Vec::new();
    for removal in &commit.removals {
        let digest = removal.key.digest();
        dropped.extend(locked.of_mut(digest).remove(digest));
    }
    for family in commit.ends {
        end(locked, family, commit.id, &mut dropped);
    }
    for put in commit.puts {
        locked
            .of_mut(put.record.key.digest())
            .put(put.record, commit.id);
    }
    dropped
}

fn end(locked: &mut Locked<'_>, family: Family, version: Version, dropped: &mut Vec<Row>) {
    locked
        .of_mut(family.anchor())
        .close(family.anchor(), version);
    for shard in locked.iter_mut() {
        shard.remove_members(family, dropped);
    }
}

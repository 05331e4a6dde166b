//! Commits: expectations checked, changes applied.

use oauth_core::{
    store::{Commit, Digest, Expect, Family, Key, Outcome, Put, Role, StoreError, Version},
    time::Timestamp,
};

use crate::{
    ceiling::Full,
    schema::{Row, Standing, bytes_of},
    shard::Shard,
    shards::{Locked, ShardSet, Shards, shard_of},
};

impl Shards {
    pub(crate) fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let mut forgetting = Forgetting::by(&commit, self);
        let mut locked = self.write_all(shards_of(&commit))?;
        let reserved = loop {
            if !holds(&locked, &commit) {
                return Ok(Outcome::Conflict);
            }
            match self.reserve(&locked, &commit) {
                Ok(reserved) => break reserved,
                Err(full) => {
                    drop(locked);
                    if forgetting.run(self)? == 0 {
                        return Err(StoreError::unavailable(full));
                    }
                    // Others may have come in between.
                    locked = self.write_all(shards_of(&commit))?;
                }
            }
        };
        let dropped = self.apply(&mut locked, commit, reserved);
        drop(locked);
        // Freeing the members of a great family takes a while, and nobody has to wait for it.
        drop(dropped);
        // The commit stands, whatever becomes of this: a shard that cannot be pruned has failed for everybody.
        let _ = forgetting.run(self);
        Ok(Outcome::Committed)
    }

    /// Reserves under the ceiling what a commit is going to add, and says how much that is.
    fn reserve(&self, locked: &Locked<'_>, commit: &Commit) -> Result<usize, Full> {
        let Some(ceiling) = &self.ceiling else {
            return Ok(0);
        };
        let added = commit.puts.iter().map(|put| bytes_of(&put.record)).sum();
        let freed = changed(commit)
            .filter_map(|digest| locked.of(digest).find(digest))
            .map(Row::bytes)
            .sum();
        let more = usize::saturating_sub(added, freed);
        let creates = commit.puts.iter().any(|put| put.expect == Expect::Absent);
        if !creates {
            ceiling.take(more);
            return Ok(more);
        }
        ceiling.reserve(more).map(|()| more).or_else(|_| {
            // Counting what families free takes a look at all their members. It is done only if it matters.
            let more = more.saturating_sub(bytes_of_ended(locked, commit));
            ceiling.reserve(more).map(|()| more)
        })
    }

    /// Makes the changes, for which this much was reserved, and returns the rows that they dropped.
    fn apply(&self, locked: &mut Locked<'_>, commit: Commit, reserved: usize) -> Vec<Row> {
        let Some(ceiling) = &self.ceiling else {
            return apply(locked, commit);
        };
        let bytes = |locked: &Locked<'_>| locked.iter().map(Shard::bytes).sum::<usize>();
        let before = bytes(locked);
        let dropped = apply(locked, commit);
        // It never has become more than what was reserved.
        ceiling.free((before + reserved).saturating_sub(bytes(locked)));
        dropped
    }
}

/// What a commit may prune, and must not.
struct Forgetting {
    before: Option<Timestamp>,
    spared: Vec<Digest>,
    allowance: usize,
}

impl Forgetting {
    fn by(commit: &Commit, shards: &Shards) -> Self {
        let before = commit.prune_before;
        // As a rule nothing is due, and then nothing has to be spared.
        let before = before.filter(|before| shards.is_any_due(*before));
        if before.is_none() {
            return Self {
                before: None,
                spared: Vec::new(),
                allowance: 0,
            };
        }
        let guarded = commit.guards.iter().map(|guard| &guard.key);
        let put = commit.puts.iter().map(|put| &put.record.key);
        let mut spared: Vec<_> = guarded
            .chain(put)
            .map(|key| *key.digest())
            .chain(joined(commit).map(|family| *family.anchor()))
            .collect();
        spared.sort_unstable();
        Self {
            before,
            spared,
            allowance: commit.puts.len().saturating_mul(2),
        }
    }

    /// Prunes, and says how many records it dropped. Once it has dropped all that it may, it drops no more.
    fn run(&mut self, shards: &Shards) -> Result<usize, StoreError> {
        let Some(before) = self.before else {
            return Ok(0);
        };
        let dropped = shards.prune(before, self.allowance, &self.spared)?;
        self.allowance -= dropped;
        Ok(dropped)
    }
}

/// The digests of what a commit replaces or removes, or puts anew.
fn changed(commit: &Commit) -> impl Iterator<Item = &Digest> {
    let put = commit.puts.iter().map(|put| put.record.key.digest());
    let removed = commit.removals.iter().map(|removal| removal.key.digest());
    put.chain(removed)
}

/// What the families take that a commit ends, without what it also removes or moves.
fn bytes_of_ended(locked: &Locked<'_>, commit: &Commit) -> usize {
    let is_changed = |digest: &Digest| changed(commit).any(|other| other == digest);
    let of_family = |family: &Family| -> usize {
        let shards = locked.iter();
        shards
            .map(|shard| shard.bytes_of_members(*family, is_changed))
            .sum()
    };
    commit.ends.iter().map(of_family).sum()
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

/// The families into which a commit puts; as a rule it is one, and told once.
fn joined(commit: &Commit) -> impl Iterator<Item = Family> {
    let mut last = None;
    let families = commit.puts.iter().filter_map(|put| match put.record.role {
        Role::Member(family) => Some(family),
        Role::Single | Role::Anchor => None,
    });
    families.filter(move |family| last.replace(*family) != Some(*family))
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

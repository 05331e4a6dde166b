//! Commits: expectations checked, changes applied.

use oauth_core::{
    store::{Commit, Digest, Expect, Guard, Outcome, Removal, StoreError, Version},
    time::Timestamp,
};

use crate::{
    ceiling::Full,
    index::{Hashed, Hasher},
    schema::{Row, Standing},
    shard::{Entry, Shard},
    shards::{Locked, ShardSet, Shards, shard_of},
};

impl Shards {
    pub(crate) fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let change = Change::by(commit, &self.hasher);
        let mut forgetting = Forgetting::by(&change, self);
        let mut locked = self.write_all(change.shards())?;
        let reserved = loop {
            if !change.holds(&locked, &self.hasher) {
                return Ok(Outcome::Conflict);
            }
            match self.reserve(&locked, &change) {
                Ok(reserved) => break reserved,
                Err(full) => {
                    drop(locked);
                    if forgetting.run(self)? == 0 {
                        return Err(StoreError::unavailable(full));
                    }
                    // Others may have come in between.
                    locked = self.write_all(change.shards())?;
                }
            }
        };
        let dropped = self.apply(&mut locked, change, reserved);
        drop(locked);
        // Freeing the members of a great family takes a while, and nobody has to wait for it.
        drop(dropped);
        // The commit stands, whatever becomes of this: a shard that cannot be pruned has failed for everybody.
        let _ = forgetting.run(self);
        Ok(Outcome::Committed)
    }

    /// Reserves under the ceiling what a change is going to add, and says how much that is.
    fn reserve(&self, locked: &Locked<'_>, change: &Change) -> Result<usize, Full> {
        let Some(ceiling) = &self.ceiling else {
            return Ok(0);
        };
        let added = change
            .writes
            .iter()
            .map(|write| write.entry.row.bytes())
            .sum();
        let freed = change
            .changed(&self.hasher)
            .filter_map(|key| locked.of(&key.digest).find(key))
            .map(Row::bytes)
            .sum();
        let more = usize::saturating_sub(added, freed);
        if !change.creates() {
            ceiling.take(more);
            return Ok(more);
        }
        ceiling.reserve(more).map(|()| more).or_else(|_| {
            // Counting what families free takes a look at all their members. It is done only if it matters.
            let more = more.saturating_sub(change.bytes_of_ended(locked, &self.hasher));
            ceiling.reserve(more).map(|()| more)
        })
    }

    /// Makes the changes, for which this much was reserved, and returns the rows that they dropped.
    fn apply(&self, locked: &mut Locked<'_>, change: Change, reserved: usize) -> Vec<Row> {
        let Some(ceiling) = &self.ceiling else {
            return change.apply(locked, &self.hasher);
        };
        let bytes = |locked: &Locked<'_>| locked.iter().map(Shard::bytes).sum::<usize>();
        let before = bytes(locked);
        let dropped = change.apply(locked, &self.hasher);
        // It never has become more than what was reserved.
        ceiling.free((before + reserved).saturating_sub(bytes(locked)));
        dropped
    }
}

/// A commit whose rows are made, before anything is locked.
struct Change {
    id: Version,
    guards: Vec<Guard>,
    writes: Vec<Write>,
    removals: Vec<Removal>,
    /// The anchors of the families that end.
    ends: Vec<Hashed>,
    prune_before: Option<Timestamp>,
}

/// What to write, and what is expected in its place.
struct Write {
    entry: Entry,
    expect: Expect,
}

impl Change {
    fn by(commit: Commit, hasher: &Hasher) -> Self {
        let id = commit.id;
        let writes = commit.puts.into_iter().map(|put| Write {
            entry: Entry::new(Row::new(put.record, id), hasher),
            expect: put.expect,
        });
        let ends = commit
            .ends
            .iter()
            .map(|family| hasher.hash(family.anchor()));
        Self {
            id,
            guards: commit.guards,
            writes: writes.collect(),
            removals: commit.removals,
            ends: ends.collect(),
            prune_before: commit.prune_before,
        }
    }

    /// Whether it needs a record that is not there yet.
    fn creates(&self) -> bool {
        let mut writes = self.writes.iter();
        writes.any(|write| write.expect == Expect::Absent)
    }

    /// The shards that it reads or changes.
    fn shards(&self) -> ShardSet {
        if !self.ends.is_empty() {
            return ShardSet::ALL;
        }
        let mut set = ShardSet::default();
        let guarded = self.guards.iter().map(|guard| guard.key.digest());
        let written = self.writes.iter().map(|write| &write.entry.row.digest);
        let removed = self.removals.iter().map(|removal| removal.key.digest());
        for digest in guarded.chain(written).chain(removed) {
            set.insert(shard_of(digest));
        }
        for anchor in self.joined() {
            set.insert(shard_of(&anchor.digest));
        }
        set
    }

    /// The anchors of the families into which it puts; as a rule it is one, and told once.
    fn joined(&self) -> impl Iterator<Item = Hashed> {
        let mut last = None;
        let anchors = self.writes.iter().filter_map(|write| write.entry.anchor());
        anchors.filter(move |anchor| last.replace(*anchor) != Some(*anchor))
    }

    /// Whether all that it expects is so.
    fn holds(&self, locked: &Locked<'_>, hasher: &Hasher) -> bool {
        let find = |key: Hashed| locked.of(&key.digest).find(key);
        let mut writes = self.writes.iter();
        let mut guards = self.guards.iter();
        let mut removals = self.removals.iter();
        writes.all(|write| is_as_expected(find(write.entry.key()), write.expect))
            && guards
                .all(|guard| is_as_expected(find(hasher.hash(guard.key.digest())), guard.expect))
            && removals.all(|removal| {
                let found = find(hasher.hash(removal.key.digest()));
                is_as_expected(found, Expect::Version(removal.version))
            })
            && self
                .joined()
                .all(|anchor| self.is_open(find(anchor), anchor))
    }

    /// Whether a family is open, or opened by this.
    fn is_open(&self, found: Option<&Row>, anchor: Hashed) -> bool {
        match found.map(|row| row.standing) {
            Some(Standing::Anchor) => true,
            Some(Standing::ClosedAnchor) => false,
            Some(Standing::Single | Standing::Member(_)) | None => {
                let mut rows = self.writes.iter().map(|write| &write.entry.row);
                rows.any(|row| row.digest == anchor.digest && row.standing == Standing::Anchor)
            }
        }
    }

    /// What it replaces or removes, or puts anew.
    fn changed(&self, hasher: &Hasher) -> impl Iterator<Item = Hashed> {
        let written = self.writes.iter().map(|write| write.entry.key());
        let removed = self.removals.iter();
        written.chain(removed.map(|removal| hasher.hash(removal.key.digest())))
    }

    /// What the families take that it ends, without what it also removes or moves.
    fn bytes_of_ended(&self, locked: &Locked<'_>, hasher: &Hasher) -> usize {
        let is_changed = |digest: &Digest| self.changed(hasher).any(|key| key.digest == *digest);
        let of_family = |anchor: &Hashed| -> usize {
            let shards = locked.iter();
            shards
                .map(|shard| shard.bytes_of_members(*anchor, is_changed))
                .sum()
        };
        self.ends.iter().map(of_family).sum()
    }

    /// Makes the changes, and returns the rows that they dropped.
    fn apply(self, locked: &mut Locked<'_>, hasher: &Hasher) -> Vec<Row> {
        let mut dropped = Vec::new();
        for removal in &self.removals {
            let key = hasher.hash(removal.key.digest());
            dropped.extend(locked.of_mut(&key.digest).remove(key));
        }
        for anchor in self.ends {
            locked.of_mut(&anchor.digest).close(anchor, self.id);
            for shard in locked.iter_mut() {
                shard.remove_members(anchor, &mut dropped);
            }
        }
        for write in self.writes {
            locked.of_mut(&write.entry.row.digest).put(write.entry);
        }
        dropped
    }
}

fn is_as_expected(row: Option<&Row>, expect: Expect) -> bool {
    match expect {
        Expect::Absent => row.is_none(),
        Expect::Version(version) => row.is_some_and(|row| row.version == version),
    }
}

/// What a commit may prune, and must not.
struct Forgetting {
    before: Option<Timestamp>,
    spared: Vec<Digest>,
    allowance: usize,
}

impl Forgetting {
    fn by(change: &Change, shards: &Shards) -> Self {
        let before = change.prune_before;
        // As a rule nothing is due, and then nothing has to be spared.
        let before = before.filter(|before| shards.is_any_due(*before));
        if before.is_none() {
            return Self {
                before: None,
                spared: Vec::new(),
                allowance: 0,
            };
        }
        let guarded = change.guards.iter().map(|guard| *guard.key.digest());
        let written = change.writes.iter().map(|write| write.entry.row.digest);
        let joined = change.joined().map(|anchor| anchor.digest);
        let mut spared: Vec<_> = guarded.chain(written).chain(joined).collect();
        spared.sort_unstable();
        Self {
            before,
            spared,
            allowance: change.writes.len().saturating_mul(2),
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

//! Commits: locked, checked, applied, and what may be forgotten dropped.

use oauth_core::{
    store::{Commit, Digest, Outcome, StoreError},
    time::Timestamp,
};

use crate::{
    ceiling::Full,
    change::Change,
    schema::Row,
    shard::Shard,
    shards::{Locked, Shards},
};

impl Shards {
    pub(crate) fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let change = Change::by(commit, &self.hasher);
        let mut forgetting = Forgetting::by(&change, self);
        let mut locked = self.write_all(change.shards())?;
        let reserved = loop {
            if !change.holds(&locked) {
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
            .changed()
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
            let more = more.saturating_sub(change.bytes_of_ended(locked));
            ceiling.reserve(more).map(|()| more)
        })
    }

    /// Makes the changes, for which this much was reserved, and returns the rows that they dropped.
    fn apply(&self, locked: &mut Locked<'_>, change: Change, reserved: usize) -> Vec<Row> {
        let Some(ceiling) = &self.ceiling else {
            return change.apply(locked);
        };
        let bytes = |locked: &Locked<'_>| locked.iter().map(Shard::bytes).sum::<usize>();
        let before = bytes(locked);
        let dropped = change.apply(locked);
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
        let guarded = change.guards.iter().map(|(key, _)| key.digest);
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

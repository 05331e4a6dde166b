//! Commits: locked, checked, applied, and what may be forgotten dropped.

use oauth_core::{
    store::{Commit, Digest, Family, Outcome, StoreError},
    time::Timestamp,
};

use crate::{
    ceiling::Full,
    change::{Applied, Change},
    schema::Row,
    shard::Shard,
    shards::{Locked, Place, Shards, shard_of},
};

impl Shards {
    pub(crate) fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let change = Change::by(commit, &self.hasher);
        let mut forgetting = Forgetting::by(&change, self);
        let mut locked = self.lock(&change)?;
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
                    locked = self.lock(&change)?;
                }
            }
        };
        let applied = self.apply(&mut locked, change, reserved);
        drop(locked);
        drop(applied.dropped);
        for (family, place) in applied.left {
            self.leave(family, place);
        }
        // The commit stands, whatever becomes of this: a shard that cannot be pruned has failed for everybody.
        let _ = forgetting.run(self);
        Ok(Outcome::Committed)
    }

    /// Locks the shards that a change reads or writes.
    ///
    /// If it ends a family, only the anchor's shard knows where the members are, so they are looked
    /// up while that shard is locked. Shards must be locked in order, so if more are needed, this
    /// unlocks everything, locks all of them and looks again.
    fn lock(&self, change: &Change) -> Result<Locked<'_>, StoreError> {
        let mut set = change.shards();
        loop {
            let locked = self.write_all(set)?;
            let needed = set.union(change.shards_of_members(&locked));
            if needed == set {
                return Ok(locked);
            }
            set = needed;
        }
    }

    /// Removes the place of a member that has left its family.
    pub(crate) fn leave(&self, family: Family, place: Place) {
        let anchor = self.hasher.hash(family.anchor());
        // A shard in which a thread has panicked is unusable anyway.
        if let Ok(mut locked) = self.write(shard_of(&anchor.digest)) {
            locked.shard.leave(anchor, place);
        }
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

    /// Makes the changes, for which `reserved` bytes were reserved.
    fn apply(&self, locked: &mut Locked<'_>, change: Change, reserved: usize) -> Applied {
        let Some(ceiling) = &self.ceiling else {
            return change.apply(locked);
        };
        let bytes = |locked: &Locked<'_>| locked.iter().map(Shard::bytes).sum::<usize>();
        let before = bytes(locked);
        let applied = change.apply(locked);
        // It never has become more than what was reserved.
        ceiling.free((before + reserved).saturating_sub(bytes(locked)));
        applied
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

#[cfg(all(test, not(loom)))]
mod tests {
    use oauth_core::store::{Key, Kind, Realm, Record, Role, Version};

    use super::*;
    use crate::shards::SHARDS;

    #[test]
    fn an_end_locks_the_shards_of_its_family_and_no_others() {
        // A record that lies in this shard.
        let record = |shard, kind, role| {
            let mut keys =
                (0_u32..).map(|name| Key::new(&Realm::default(), kind, &[&name.to_be_bytes()]));
            Record {
                key: keys.find(|key| shard_of(key.digest()) == shard).unwrap(),
                role,
                owner: None,
                forget_at: Timestamp::MAX,
                body: Box::default(),
            }
        };
        let token = |shard, role| record(shard, Kind::ACCESS_TOKEN, role);
        let shards = Shards::default();
        let version = |number| Version::from_bytes([number; 16]);
        let commit = |commit| assert_eq!(shards.commit(commit).unwrap(), Outcome::Committed);
        let grant = record(40, Kind::GRANT, Role::Anchor);
        let family = grant.key.family();
        let [low, middle, high] = [3, 40, 63].map(|shard| token(shard, Role::Member(family)));
        let end = || Commit::new(version(9)).end(family, Timestamp::MAX);
        let locked = || {
            let change = Change::by(end(), &shards.hasher);
            let locked = shards.lock(&change).unwrap();
            (0..SHARDS)
                .filter(|index| locked.has(*index))
                .collect::<Vec<_>>()
        };
        assert_eq!(locked(), [40]);
        commit(
            Commit::new(version(1))
                .create(grant.clone())
                .create(low.clone()),
        );
        assert_eq!(locked(), [3, 40]);
        // Also by the commit that replaces the anchor.
        commit(
            Commit::new(version(2))
                .create(high.clone())
                .replace(grant, version(1)),
        );
        commit(Commit::new(version(3)).create(middle));
        assert_eq!(locked(), [3, 40, 63]);
        // A member that is removed, or put elsewhere, is not looked for any more.
        commit(Commit::new(version(4)).remove(high.key, version(2)));
        assert_eq!(locked(), [3, 40]);
        let elsewhere = token(3, Role::Single);
        commit(Commit::new(version(5)).replace(elsewhere, version(1)));
        assert_eq!(locked(), [40]);
        commit(Commit::new(version(6)).replace(low, version(5)));
        commit(end());
        assert_eq!(locked(), [40]);
        assert_eq!(shards.read(3).unwrap().len(), 0);
    }
}

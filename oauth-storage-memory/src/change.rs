//! A commit as it is carried out: what has to be so, and what becomes of that.

use oauth_core::{
    store::{Commit, Digest, Expect, Version},
    time::Timestamp,
};

use crate::{
    index::{Hashed, Hasher},
    schema::{Row, Standing},
    shard::Indexed,
    shards::{Locked, ShardSet, shard_of},
};

/// A commit whose rows are made and whose digests are hashed, before anything is locked.
pub(crate) struct Change {
    pub(crate) id: Version,
    pub(crate) guards: Vec<(Hashed, Expect)>,
    pub(crate) writes: Vec<Write>,
    pub(crate) removals: Vec<(Hashed, Version)>,
    /// The anchors of the families that end, and from when they may be forgotten.
    pub(crate) ends: Vec<(Hashed, Timestamp)>,
    pub(crate) prune_before: Option<Timestamp>,
}

/// What to write, and what is expected in its place.
pub(crate) struct Write {
    pub(crate) entry: Indexed,
    pub(crate) expect: Expect,
}

impl Change {
    pub(crate) fn by(commit: Commit, hasher: &Hasher) -> Self {
        let id = commit.id;
        let guards = commit.guards.iter();
        let guards = guards.map(|guard| (hasher.hash(guard.key.digest()), guard.expect));
        let removals = commit.removals.iter();
        let removals = removals.map(|removal| (hasher.hash(removal.key.digest()), removal.version));
        let writes = commit.puts.into_iter().map(|put| Write {
            entry: Indexed::new(Row::new(put.record, id), hasher),
            expect: put.expect,
        });
        let ends = commit.ends.iter();
        let ends = ends.map(|end| (hasher.hash(end.family.anchor()), end.forget_at));
        Self {
            id,
            guards: guards.collect(),
            writes: writes.collect(),
            removals: removals.collect(),
            ends: ends.collect(),
            prune_before: commit.prune_before,
        }
    }

    /// Whether it needs a record that is not there yet.
    pub(crate) fn creates(&self) -> bool {
        let mut writes = self.writes.iter();
        writes.any(|write| write.expect == Expect::Absent)
    }

    /// The shards that it reads or changes.
    pub(crate) fn shards(&self) -> ShardSet {
        if !self.ends.is_empty() {
            return ShardSet::ALL;
        }
        let mut set = ShardSet::default();
        let guarded = self.guards.iter().map(|(key, _)| &key.digest);
        let written = self.writes.iter().map(|write| &write.entry.row.digest);
        let removed = self.removals.iter().map(|(key, _)| &key.digest);
        for digest in guarded.chain(written).chain(removed) {
            set.insert(shard_of(digest));
        }
        for anchor in self.joined() {
            set.insert(shard_of(&anchor.digest));
        }
        set
    }

    /// The anchors of the families into which it puts; as a rule it is one, and told once.
    pub(crate) fn joined(&self) -> impl Iterator<Item = Hashed> {
        let mut last = None;
        let anchors = self.writes.iter().filter_map(|write| write.entry.anchor());
        anchors.filter(move |anchor| last.replace(*anchor) != Some(*anchor))
    }

    /// Whether all that it expects is so.
    pub(crate) fn holds(&self, locked: &Locked<'_>) -> bool {
        let find = |key: Hashed| locked.of(&key.digest).find(key);
        let written = self.writes.iter();
        let written = written.map(|write| (write.entry.key(), write.expect));
        let removed = self.removals.iter();
        let removed = removed.map(|(key, version)| (*key, Expect::Version(*version)));
        let mut expectations = written.chain(self.guards.iter().copied()).chain(removed);
        expectations.all(|(key, expect)| is_as_expected(find(key), expect))
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
    pub(crate) fn changed(&self) -> impl Iterator<Item = Hashed> {
        let written = self.writes.iter().map(|write| write.entry.key());
        written.chain(self.removals.iter().map(|(key, _)| *key))
    }

    /// What the families take that it ends, without what it also removes or moves.
    pub(crate) fn bytes_of_ended(&self, locked: &Locked<'_>) -> usize {
        let is_changed = |digest: &Digest| self.changed().any(|key| key.digest == *digest);
        let of_family = |anchor: &Hashed| -> usize {
            let shards = locked.iter();
            shards
                .map(|shard| shard.bytes_of_members(*anchor, is_changed))
                .sum()
        };
        self.ends.iter().map(|(anchor, _)| of_family(anchor)).sum()
    }

    /// Makes the changes, and returns the rows that they dropped.
    pub(crate) fn apply(self, locked: &mut Locked<'_>) -> Vec<Row> {
        let mut dropped = Vec::new();
        for (key, _) in self.removals {
            dropped.extend(locked.of_mut(&key.digest).remove(key));
        }
        for (anchor, forget_at) in self.ends {
            let shard = locked.of_mut(&anchor.digest);
            shard.close(anchor, self.id, forget_at);
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

//! A commit as it is carried out: what has to be so, and what becomes of that.

use oauth_core::{
    store::{Commit, Digest, Expect, Family, Version},
    time::Timestamp,
};

use crate::{
    index::{Hashed, Hasher},
    schema::{Row, Standing},
    shard::Indexed,
    shards::{Locked, Place, ShardSet, shard_of},
    slab::Slot,
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

    /// The shards that it reads or changes, except those of the members of families that it ends.
    pub(crate) fn shards(&self) -> ShardSet {
        let mut set = ShardSet::default();
        let guarded = self.guards.iter().map(|(key, _)| &key.digest);
        let written = self.writes.iter().map(|write| &write.entry.row.digest);
        let removed = self.removals.iter().map(|(key, _)| &key.digest);
        for digest in guarded.chain(written).chain(removed) {
            set.insert(shard_of(digest));
        }
        let ended = self.ends.iter().map(|(anchor, _)| *anchor);
        for anchor in self.joined().chain(ended) {
            set.insert(shard_of(&anchor.digest));
        }
        set
    }

    /// The shards of the members of the families that it ends. They stay the same while the shards
    /// of the anchors are locked, since adding a member takes those locks too.
    pub(crate) fn shards_of_members(&self, locked: &Locked<'_>) -> ShardSet {
        let mut set = ShardSet::default();
        for (anchor, _) in &self.ends {
            for place in locked.of(&anchor.digest).places(*anchor) {
                set.insert(place.shard());
            }
        }
        set
    }

    /// The anchors of the families into which it puts. There is usually one; adjacent repetitions
    /// are left out.
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

    /// The records that it creates, replaces or removes.
    pub(crate) fn changed(&self) -> impl Iterator<Item = Hashed> {
        let written = self.writes.iter().map(|write| write.entry.key());
        written.chain(self.removals.iter().map(|(key, _)| *key))
    }

    /// The size of the families that it ends, without the members that it also removes or moves.
    pub(crate) fn bytes_of_ended(&self, locked: &Locked<'_>) -> usize {
        let is_changed = |row: &&Row| self.changed().any(|key| key.digest == row.digest);
        let of_family = |anchor: &Hashed| -> usize {
            let mut places: Vec<_> = locked.of(&anchor.digest).places(*anchor).collect();
            places.sort_unstable();
            places.dedup();
            let family = Family::of_anchor(anchor.digest);
            let members = places.into_iter();
            let members =
                members.filter_map(|place| locked.shard(place.shard()).member(place.slot, family));
            members.filter(|row| !is_changed(row)).map(Row::bytes).sum()
        };
        self.ends.iter().map(|(anchor, _)| of_family(anchor)).sum()
    }

    /// Makes the changes.
    pub(crate) fn apply(self, locked: &mut Locked<'_>) -> Applied {
        let mut applied = Applied::default();
        for (key, _) in self.removals {
            if let Some((slot, row)) = locked.of_mut(&key.digest).remove(key) {
                applied.leave(&key.digest, slot, row.family());
                applied.dropped.push(row);
            }
        }
        for (anchor, forget_at) in self.ends {
            let shard = locked.of_mut(&anchor.digest);
            shard.close(anchor, self.id, forget_at);
            end(anchor, locked, &mut applied.dropped);
        }
        for write in self.writes {
            let (digest, anchor) = (write.entry.row.digest, write.entry.anchor());
            let (slot, before) = locked.of_mut(&digest).put(write.entry);
            let after = anchor.map(|anchor| Family::of_anchor(anchor.digest));
            if before == after {
                continue;
            }
            applied.leave(&digest, slot, before);
            if let Some(anchor) = anchor {
                let place = Place::of(&digest, slot);
                locked.of_mut(&anchor.digest).join(anchor, place);
            }
        }
        applied
    }
}

/// The work that is left once the shards are unlocked.
#[derive(Default)]
pub(crate) struct Applied {
    /// Rows to free. For a large family that takes a while, and should not happen under the locks.
    pub(crate) dropped: Vec<Row>,
    /// Places that members have left. The shards of their anchors may not be among the locked ones.
    pub(crate) left: Vec<(Family, Place)>,
}

impl Applied {
    /// Notes that the row that was in this slot has left its family, if it had one.
    fn leave(&mut self, digest: &Digest, slot: Slot, family: Option<Family>) {
        self.left
            .extend(family.map(|family| (family, Place::of(digest, slot))));
    }
}

/// Moves the members of the family of this anchor to `dropped`.
fn end(anchor: Hashed, locked: &mut Locked<'_>, dropped: &mut Vec<Row>) {
    let family = Family::of_anchor(anchor.digest);
    for place in locked.of_mut(&anchor.digest).take_places(anchor) {
        match locked
            .shard_mut(place.shard())
            .remove_member(place.slot, family)
        {
            Some(row) => dropped.push(row),
            // The member that was there is about to leave, or the place belongs to another family.
            None => locked.of_mut(&anchor.digest).join(anchor, place),
        }
    }
}

fn is_as_expected(row: Option<&Row>, expect: Expect) -> bool {
    match expect {
        Expect::Absent => row.is_none(),
        Expect::Version(version) => row.is_some_and(|row| row.version == version),
    }
}

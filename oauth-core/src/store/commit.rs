//! Commits: a finished change, handed to the store in one piece.

use super::{Family, Key, Record, Version};
use crate::time::Timestamp;

/// A change that happens as a whole or not at all.
///
/// The server makes commits that keep to these rules; a store may rely on them: a key appears only
/// once in a commit (among guards, puts and removals), and a family is ended once; a commit never
/// puts the anchor or a member of a family that it ends, nor removes the anchor of a family into
/// which it puts; an anchor is replaced only by an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Commit {
    /// Its random id, which becomes the version of every record it puts.
    pub id: Version,
    /// What must hold for records that it does not change.
    pub guards: Vec<Guard>,
    /// Records to write.
    pub puts: Vec<Put>,
    /// Records to remove.
    pub removals: Vec<Removal>,
    /// Families to end. Unconditional: an end is never a conflict.
    pub ends: Vec<End>,
    /// If given, drop up to twice as many records as are put, out of those whose `forget_at` is at or before this.
    pub prune_before: Option<Timestamp>,
}

/// What a commit expects of a record as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// There is none under this key.
    Absent,
    /// It is still as the commit of this id wrote it.
    Version(Version),
}

/// An expectation of a record that the commit leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Which record.
    pub key: Key,
    /// What is expected of it.
    pub expect: Expect,
}

/// A record to write, in place of what is expected to stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// What to write.
    pub record: Record,
    /// What is expected under its key.
    pub expect: Expect,
}

/// A record to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Which record.
    pub key: Key,
    /// The version it is expected to have.
    pub version: Version,
}

/// A family to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The family.
    pub family: Family,
    /// When its closed anchor may be forgotten. If the anchor's own
    /// [`forget_at`](Record::forget_at) is earlier, that counts.
    pub forget_at: Timestamp,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// All of it was applied, and lasts as long as the store promises.
    Committed,
    /// An expectation failed, and nothing was applied.
    Conflict,
}

impl Commit {
    /// A commit that changes nothing yet.
    pub fn new(id: Version) -> Self {
        Self {
            id,
            guards: Vec::new(),
            puts: Vec::new(),
            removals: Vec::new(),
            ends: Vec::new(),
            prune_before: None,
        }
    }

    /// Adds a guard.
    pub fn guard(mut self, key: Key, expect: Expect) -> Self {
        self.guards.push(Guard { key, expect });
        self
    }

    /// Writes a record under a key that must be free.
    pub fn create(mut self, record: Record) -> Self {
        self.puts.push(Put {
            record,
            expect: Expect::Absent,
        });
        self
    }

    /// Writes a record in place of the one at `version`.
    pub fn replace(mut self, record: Record, version: Version) -> Self {
        self.puts.push(Put {
            record,
            expect: Expect::Version(version),
        });
        self
    }

    /// Removes the record at `version`.
    pub fn remove(mut self, key: Key, version: Version) -> Self {
        self.removals.push(Removal { key, version });
        self
    }

    /// Ends a family. Its closed anchor may be forgotten from `forget_at` on, or earlier if its own
    /// time is earlier.
    pub fn end(mut self, family: Family, forget_at: Timestamp) -> Self {
        self.ends.push(End { family, forget_at });
        self
    }

    /// Whether it neither changes nor expects anything.
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty()
            && self.puts.is_empty()
            && self.removals.is_empty()
            && self.ends.is_empty()
    }
}

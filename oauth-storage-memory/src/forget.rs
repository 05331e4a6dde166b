//! What is to be forgotten first.

use std::collections::BTreeSet;

use oauth_core::time::Timestamp;

use crate::slab::Slot;

/// The rows of a shard by `forget_at`. It is a tree, in which a row that leaves early is found as fast as the first.
#[derive(Default)]
pub(crate) struct ForgetQueue(BTreeSet<(Timestamp, Slot)>);

impl ForgetQueue {
    pub(crate) fn insert(&mut self, forget_at: Timestamp, slot: Slot) {
        self.0.insert((forget_at, slot));
    }

    pub(crate) fn remove(&mut self, forget_at: Timestamp, slot: Slot) {
        self.0.remove(&(forget_at, slot));
    }

    /// The rows that may be forgotten at or before `before`, the oldest first.
    pub(crate) fn due(&self, before: Timestamp) -> impl Iterator<Item = Slot> {
        self.0.range(..=(before, Slot::MAX)).map(|(_, slot)| *slot)
    }

    /// The least `forget_at` of all rows.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.0.first().map(|(forget_at, _)| *forget_at)
    }
}

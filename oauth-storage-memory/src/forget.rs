//! What is to be forgotten first.

use std::{cmp::Reverse, collections::BinaryHeap};

use oauth_core::time::Timestamp;

use crate::slab::{Slab, Slot};

/// The rows of a shard by `forget_at`, the oldest on top.
///
/// Rows are all over the memory, and none is looked at to put another one in. So a row that is removed, or gets another
/// `forget_at`, leaves its entry behind. Such entries go when they come to the top, or as soon as they are a third of all.
#[derive(Default)]
pub(crate) struct ForgetQueue(BinaryHeap<Reverse<Due>>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    forget_at: Timestamp,
    slot: Slot,
}

impl Due {
    /// Whether there still is such a row. It may be another one that has come to its place; it is as due.
    fn is_there(self, rows: &Slab) -> bool {
        rows.get(self.slot)
            .is_some_and(|row| row.forget_at == self.forget_at)
    }
}

/// How many entries may be left behind, besides half as many as there are rows.
const LEFT_BEHIND: usize = 64;

impl ForgetQueue {
    pub(crate) fn push(&mut self, rows: &Slab, slot: Slot) {
        let forget_at = rows[slot].forget_at;
        self.0.push(Reverse(Due { forget_at, slot }));
        if self.0.len() > rows.len() + rows.len() / 2 + LEFT_BEHIND {
            self.clear_up(rows);
        }
    }

    /// Takes out the row that is to be forgotten first, if that is at or before `before`.
    pub(crate) fn pop(&mut self, rows: &Slab, before: Timestamp) -> Option<Slot> {
        while let Some(Reverse(due)) = self.0.peek().copied() {
            let is_there = due.is_there(rows);
            if is_there && due.forget_at > before {
                return None;
            }
            self.0.pop();
            if is_there {
                return Some(due.slot);
            }
        }
        None
    }

    /// No row may be forgotten earlier than this.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse(due)| due.forget_at)
    }

    /// Drops what was left behind, and all but one of those entries that say the same.
    fn clear_up(&mut self, rows: &Slab) {
        let mut entries = std::mem::take(&mut self.0).into_vec();
        entries.retain(|Reverse(due)| due.is_there(rows));
        entries.sort_unstable();
        entries.dedup();
        self.0 = entries.into();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::slab::tests::row;

    #[test]
    fn what_is_left_behind_does_not_pile_up() {
        let mut rows = Slab::default();
        let mut queue = ForgetQueue::default();
        let slots: Vec<_> = (0..100).map(|n| rows.insert(row(n))).collect();
        // Forth and back, so that entries of old become true again, and often the same.
        for forget_at in [1, 2, 1, 3, 2, 1, 2, 3, 3, 3, 3, 3].repeat(10) {
            for slot in &slots {
                rows[*slot].forget_at = Timestamp::from_unix_millis(forget_at);
                queue.push(&rows, *slot);
                assert!(queue.0.len() <= 150 + LEFT_BEHIND);
            }
        }
        let at = Timestamp::from_unix_millis;
        assert_eq!(queue.pop(&rows, at(2)), None);
        let mut popped = 0;
        while let Some(slot) = queue.pop(&rows, at(3)) {
            rows.remove(slot);
            popped += 1;
        }
        assert_eq!((popped, rows.len(), queue.oldest()), (100, 0, None));
    }
}

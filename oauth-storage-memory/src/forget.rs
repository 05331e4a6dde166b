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

/// What is on top.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// This row may be forgotten first. It is out of the queue.
    Row(Slot),
    /// No row may be forgotten yet.
    NotYet,
    /// Only what was left behind, so far. There may be more.
    LeftBehind,
}

/// How many entries may be left behind, besides half as many as there are rows.
const LEFT_BEHIND: usize = 64;

/// How many entries that were left behind are dropped at a time.
const AT_A_TIME: usize = 256;

impl ForgetQueue {
    pub(crate) fn push(&mut self, rows: &Slab, slot: Slot) {
        let forget_at = rows[slot].forget_at;
        self.0.push(Reverse(Due { forget_at, slot }));
        let most = rows.len() + rows.len() / 2 + LEFT_BEHIND;
        if self.0.len() > most {
            self.clear_up(rows, most);
        }
    }

    /// Takes out the row that is to be forgotten first, if that is at or before `before`.
    pub(crate) fn pop(&mut self, rows: &Slab, before: Timestamp) -> First {
        for _ in 0..AT_A_TIME {
            let Some(Reverse(due)) = self.0.peek().copied() else {
                return First::NotYet;
            };
            if due.forget_at > before {
                return First::NotYet;
            }
            self.0.pop();
            if due.is_there(rows) {
                return First::Row(due.slot);
            }
        }
        First::LeftBehind
    }

    /// No row may be forgotten earlier than this.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse(due)| due.forget_at)
    }

    /// Drops what was left behind.
    fn clear_up(&mut self, rows: &Slab, most: usize) {
        self.0.retain(|Reverse(due)| due.is_there(rows));
        if self.0.len() > most {
            // A row that went forth and back has several entries that are true.
            let mut entries = std::mem::take(&mut self.0).into_vec();
            entries.sort_unstable();
            entries.dedup();
            self.0 = entries.into();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::slab::tests::row;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn what_is_left_behind_does_not_pile_up() {
        let mut rows = Slab::default();
        let mut queue = ForgetQueue::default();
        let slots: Vec<_> = (0..100).map(|n| rows.insert(row(n))).collect();
        // Forth and back, so that entries of old become true again, and often the same.
        for forget_at in [1, 2, 1, 3, 2, 1, 2, 3, 3, 3, 3, 3].repeat(10) {
            for slot in &slots {
                rows[*slot].forget_at = at(forget_at);
                queue.push(&rows, *slot);
                assert!(queue.0.len() <= 150 + LEFT_BEHIND);
            }
        }
        assert_eq!(queue.pop(&rows, at(2)), First::NotYet);
        let mut popped = 0;
        while let First::Row(slot) = queue.pop(&rows, at(3)) {
            rows.remove(slot);
            popped += 1;
        }
        assert_eq!((popped, rows.len(), queue.oldest()), (100, 0, None));
    }

    #[test]
    fn what_was_left_behind_is_dropped_a_part_at_a_time() {
        let mut rows = Slab::default();
        let mut queue = ForgetQueue::default();
        let slots: Vec<_> = (0..2000).map(|_| rows.insert(row(0))).collect();
        for (number, slot) in slots.into_iter().enumerate() {
            rows[slot].forget_at = at(1);
            if number < 2 * AT_A_TIME {
                queue.push(&rows, slot);
            }
            rows[slot].forget_at = at(2);
            queue.push(&rows, slot);
        }
        for left in [2000 + AT_A_TIME, 2000] {
            assert_eq!(queue.pop(&rows, at(1)), First::LeftBehind);
            assert_eq!(queue.0.len(), left);
        }
        assert_eq!(queue.pop(&rows, at(1)), First::NotYet);
    }
}

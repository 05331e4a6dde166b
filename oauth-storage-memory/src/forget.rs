//! What is to be forgotten first: a binary heap over the rows of a shard.

use oauth_core::time::Timestamp;

use crate::slab::{Slab, Slot};

/// The rows of a shard as a heap by `forget_at`, the oldest on top.
///
/// Each row knows its place, so that one which is removed early leaves the heap at once.
#[derive(Default)]
pub(crate) struct ForgetQueue(Vec<Due>);

/// A row, with its `forget_at` beside it: rows are all over the memory, and a comparison is not to go and look for them.
#[derive(Clone, Copy)]
struct Due {
    forget_at: Timestamp,
    slot: Slot,
}

impl ForgetQueue {
    /// The row that is to be forgotten first.
    pub(crate) fn first(&self) -> Option<Slot> {
        self.0.first().map(|due| due.slot)
    }

    /// When the first row may be forgotten.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.0.first().map(|due| due.forget_at)
    }

    pub(crate) fn push(&mut self, rows: &mut Slab, slot: Slot) {
        let forget_at = rows[slot].forget_at;
        self.0.push(Due { forget_at, slot });
        self.rise(rows, self.0.len() - 1);
    }

    pub(crate) fn remove(&mut self, rows: &mut Slab, slot: Slot) {
        let place = rows[slot].place as usize;
        self.0.swap_remove(place);
        if place < self.0.len() {
            // What came from the end may belong above or below.
            self.rise(rows, place);
            self.sink(rows, rows[self.0[place].slot].place as usize);
        }
    }

    fn rise(&mut self, rows: &mut Slab, mut place: usize) {
        while place > 0 && self.is_older(place, (place - 1) / 2) {
            let parent = (place - 1) / 2;
            self.swap(rows, place, parent);
            place = parent;
        }
        self.note(rows, place);
    }

    fn sink(&mut self, rows: &mut Slab, mut place: usize) {
        loop {
            let left = 2 * place + 1;
            let right = left + 1;
            if left >= self.0.len() {
                break;
            }
            let child = if right < self.0.len() && self.is_older(right, left) {
                right
            } else {
                left
            };
            if !self.is_older(child, place) {
                break;
            }
            self.swap(rows, place, child);
            place = child;
        }
        self.note(rows, place);
    }

    fn is_older(&self, one: usize, other: usize) -> bool {
        self.0[one].forget_at < self.0[other].forget_at
    }

    fn swap(&mut self, rows: &mut Slab, one: usize, other: usize) {
        self.0.swap(one, other);
        self.note(rows, one);
        self.note(rows, other);
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are no more places than slots"
    )]
    fn note(&self, rows: &mut Slab, place: usize) {
        rows[self.0[place].slot].place = place as u32;
    }
}

//! Rows, each in a slot that stays the same for as long as the row is there.

use std::{
    num::NonZeroU32,
    ops::{Index, IndexMut},
};

use crate::schema::Row;

/// Where a row lies. An index holds four bytes for a row instead of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(NonZeroU32);

/// The rows of a shard, in chunks: growing never moves a row, and leaves at most one chunk empty.
#[derive(Default)]
pub(crate) struct Slab {
    chunks: Vec<Vec<Cell>>,
    free: Option<Slot>,
    len: usize,
}

/// Three cache lines.
#[repr(align(64))]
enum Cell {
    Taken(Row),
    /// Free, and so is the next one.
    Free(Option<Slot>),
}

/// How many rows there are in a chunk: so many that the list of chunks stays in the cache.
const CHUNK: usize = 128;

impl Slot {
    /// The slot at this index, counted through all chunks.
    fn at(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        #[expect(
            clippy::expect_used,
            reason = "as many rows of 192 bytes fill most of a terabyte in one of 64 shards"
        )]
        Self(number.expect("a shard has less than 2^32 rows"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Slab {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The row in this slot, if it is still taken.
    pub(crate) fn get(&self, slot: Slot) -> Option<&Row> {
        match &self.chunks[slot.index() / CHUNK][slot.index() % CHUNK] {
            Cell::Taken(row) => Some(row),
            Cell::Free(_) => None,
        }
    }

    pub(crate) fn insert(&mut self, row: Row) -> Slot {
        self.len += 1;
        if let Some(slot) = self.free {
            let Cell::Free(next) = std::mem::replace(self.cell_mut(slot), Cell::Taken(row)) else {
                unreachable!("a slot in the list of free ones is free");
            };
            self.free = next;
            return slot;
        }
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(Cell::Taken(row)),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(Cell::Taken(row));
                self.chunks.push(chunk);
            }
        }
        // All slots are taken here, so the last one is the newest.
        Slot::at(self.len - 1)
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Row {
        let next = self.free;
        let Cell::Taken(row) = std::mem::replace(self.cell_mut(slot), Cell::Free(next)) else {
            unreachable!("a slot in an index is taken");
        };
        self.free = Some(slot);
        self.len -= 1;
        row
    }

    fn cell_mut(&mut self, slot: Slot) -> &mut Cell {
        &mut self.chunks[slot.index() / CHUNK][slot.index() % CHUNK]
    }
}

impl Index<Slot> for Slab {
    type Output = Row;

    fn index(&self, slot: Slot) -> &Row {
        match self.get(slot) {
            Some(row) => row,
            None => unreachable!("a slot in an index is taken"),
        }
    }
}

impl IndexMut<Slot> for Slab {
    fn index_mut(&mut self, slot: Slot) -> &mut Row {
        match self.cell_mut(slot) {
            Cell::Taken(row) => row,
            Cell::Free(_) => unreachable!("a slot in an index is taken"),
        }
    }
}

#[cfg(all(test, not(loom)))]
pub(crate) mod tests {
    use oauth_core::{
        store::{Digest, Version},
        time::Timestamp,
    };

    use super::*;
    use crate::schema::Standing;

    pub(crate) fn slot(index: usize) -> Slot {
        Slot::at(index)
    }

    /// One that has this number for a key.
    pub(crate) fn row(number: u8) -> Row {
        Row {
            digest: Digest::from_bytes([number; 32]),
            version: Version::from_bytes([0; 16]),
            standing: Standing::Single,
            forget_at: Timestamp::MAX,
            body: Box::<[u8]>::default().into(),
            listed: None,
        }
    }

    #[test]
    fn a_row_takes_three_cache_lines() {
        assert_eq!(size_of::<Cell>(), 192);
        assert_eq!(size_of::<Option<Slot>>(), 4);
    }
}

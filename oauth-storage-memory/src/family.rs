//! The members of each family, as chains through the rows of a shard.

use std::hash::{BuildHasher, RandomState};

use hashbrown::{HashTable, hash_table::Entry};
use oauth_core::store::Family;

use crate::{
    schema::{Neighbours, Row, Standing},
    slab::{Slab, Slot},
};

/// Finds the members of a family that lie in one shard.
#[derive(Default)]
pub(crate) struct Families {
    /// The first of each chain.
    first: HashTable<Slot>,
    hasher: RandomState,
}

impl Families {
    /// One of the members of this family.
    pub(crate) fn any(&self, rows: &Slab, family: Family) -> Option<Slot> {
        self.first
            .find(self.hasher.hash_one(family), |slot| {
                family_of(&rows[*slot]) == Some(family)
            })
            .copied()
    }

    /// Puts a row in front of its family's chain, if it is a member of one.
    pub(crate) fn link(&mut self, rows: &mut Slab, slot: Slot) {
        let Some(family) = family_of(&rows[slot]) else {
            return;
        };
        let entry = self.first.entry(
            self.hasher.hash_one(family),
            |other| family_of(&rows[*other]) == Some(family),
            |other| self.hasher.hash_one(family_of(&rows[*other])),
        );
        match entry {
            Entry::Vacant(entry) => {
                entry.insert(slot);
            }
            Entry::Occupied(mut entry) => {
                let second = std::mem::replace(entry.get_mut(), slot);
                rows[slot].neighbours.after = Some(second);
                rows[second].neighbours.before = Some(slot);
            }
        }
    }

    /// Takes a row out of its family's chain, if it is in one.
    pub(crate) fn unlink(&mut self, rows: &mut Slab, slot: Slot) {
        let Some(family) = family_of(&rows[slot]) else {
            return;
        };
        let Neighbours { before, after } = std::mem::take(&mut rows[slot].neighbours);
        if let Some(after) = after {
            rows[after].neighbours.before = before;
        }
        if let Some(before) = before {
            rows[before].neighbours.after = after;
        } else if let Ok(mut entry) = self
            .first
            .find_entry(self.hasher.hash_one(family), |first| *first == slot)
        {
            match after {
                Some(after) => *entry.get_mut() = after,
                None => {
                    entry.remove();
                }
            }
        }
    }
}

fn family_of(row: &Row) -> Option<Family> {
    match row.standing {
        Standing::Member(family) => Some(family),
        Standing::Single | Standing::Anchor | Standing::ClosedAnchor => None,
    }
}

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
    /// The first of each chain, by the hash of `Some(family)`, as [`family_of`] gives it again when the table grows.
    first: HashTable<Slot>,
    hasher: RandomState,
}

impl Families {
    /// One of the members of this family.
    pub(crate) fn any(&self, rows: &Slab, family: Family) -> Option<Slot> {
        self.first
            .find(self.hasher.hash_one(Some(family)), |slot| {
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
            self.hasher.hash_one(Some(family)),
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
            .find_entry(self.hasher.hash_one(Some(family)), |first| *first == slot)
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

#[cfg(all(test, not(loom)))]
mod tests {
    use oauth_core::{
        store::{Digest, Key, Kind, Realm, Record, Role, Version},
        time::Timestamp,
    };

    use super::*;
    use crate::shard::Shard;

    #[test]
    fn members_are_found_among_any_number_of_families() {
        let mut shard = Shard::default();
        let families: Vec<_> = (0..1000_u32)
            .map(|n| {
                let mut digest = [0; 32];
                digest[..4].copy_from_slice(&n.to_be_bytes());
                Family::of_anchor(Digest::from_bytes(digest))
            })
            .collect();
        for round in [0, 1, 2] {
            for family in &families {
                let name = [&[round], family.anchor().as_bytes().as_slice()];
                let record = Record {
                    key: Key::new(&Realm::default(), Kind::ACCESS_TOKEN, &name),
                    role: Role::Member(*family),
                    owner: None,
                    forget_at: Timestamp::MAX,
                    body: Box::default(),
                };
                shard.put(record, Version::from_bytes([round; 16]));
            }
        }
        for family in families {
            let mut removed = Vec::new();
            shard.remove_members(family, &mut removed);
            assert_eq!(removed.len(), 3);
            assert!(
                removed
                    .iter()
                    .all(|row| row.standing == Standing::Member(family))
            );
        }
        assert_eq!(shard.len(), 0);
    }
}

//! What may be forgotten, dropped oldest first.

use oauth_core::{
    store::{Digest, StoreError},
    time::Timestamp,
};

use crate::{
    shard::Oldest,
    shards::{Place, ShardSet, Shards},
};

impl Shards {
    /// Drops up to `limit` records whose `forget_at` is at or before `before`, but none of `spared`, which is sorted.
    ///
    /// It takes one record at a time from the shard that has the oldest, and locks no other meanwhile: a backlog of a million
    /// holds up nobody.
    pub(crate) fn prune(
        &self,
        before: Timestamp,
        limit: usize,
        spared: &[Digest],
    ) -> Result<usize, StoreError> {
        let mut dropped = 0;
        let mut exhausted = ShardSet::default();
        while dropped < limit {
            let Some(index) = self.with_oldest(before, exhausted) else {
                break;
            };
            let oldest = self.write(index)?.shard.remove_oldest(before, spared);
            match oldest {
                Oldest::Removed(slot, row) => {
                    if let Some(family) = row.family() {
                        self.leave(family, Place::of(&row.digest, slot));
                    }
                    if let Some(ceiling) = &self.ceiling {
                        ceiling.free(row.bytes());
                    }
                    dropped += 1;
                }
                // Only spared ones are left in it, or another thread was faster.
                Oldest::NotYet => exhausted.insert(index),
                // So that nobody waits for the shard meanwhile.
                Oldest::AskAgain => {}
            }
        }
        Ok(dropped)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use oauth_core::store::{Key, Kind, Realm, Record, Role, Version};

    use super::*;
    use crate::{schema::Row, shard::Indexed, shards::shard_of};

    #[test]
    fn what_is_due_is_found_behind_what_was_left_behind() {
        let shards = Shards::default();
        let version = Version::from_bytes([0; 16]);
        let at = Timestamp::from_unix_millis;
        let put = |key: &Key, forget_at| {
            let record = Record {
                key: key.clone(),
                role: Role::Single,
                owner: None,
                forget_at,
                body: Box::default(),
            };
            let entry = Indexed::new(Row::new(record, version), &shards.hasher);
            shards.write(0).unwrap().shard.put(entry);
        };
        let keys = (0_u32..)
            .map(|n| Key::new(&Realm::default(), Kind::CODE, &[&n.to_be_bytes()]))
            .filter(|key| shard_of(key.digest()) == 0);
        for (number, key) in keys.take(2000).enumerate() {
            match number {
                0 => put(&key, at(2)),
                // Not so many that they would be cleared up as they come.
                1..=900 => {
                    put(&key, at(1));
                    put(&key, at(9));
                }
                _ => put(&key, at(9)),
            }
        }
        assert_eq!(shards.prune(at(5), 10, &[]).unwrap(), 1);
    }
}

//! Pages of an owner's records.

use oauth_core::store::{Listed, Listing, Page, StoreError};

use crate::shards::{SHARDS, Shards, shard_of};

impl Shards {
    /// Walks the shards from the one where the last page ended. They are in the order of their digests, so what they list
    /// one after the other is, too, and one lock at a time is enough.
    pub(crate) fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let limit = listing.limit.max(1);
        let mut items: Vec<Listed> = Vec::new();
        for index in listing.after.as_ref().map_or(0, shard_of)..SHARDS {
            let shard = self.read(index)?;
            for listed in shard.list(listing) {
                if items.len() == limit {
                    return Ok(Page {
                        next: items.last().map(|last| last.digest),
                        items,
                    });
                }
                items.push(listed);
            }
        }
        Ok(Page { items, next: None })
    }
}

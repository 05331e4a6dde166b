//! What may be forgotten, dropped oldest first.

use oauth_core::{
    store::{Digest, StoreError},
    time::Timestamp,
};
use rusqlite::{Connection, params};

use crate::schema::millis;

/// How many records are dropped in one transaction, so that commits wait no longer than a few milliseconds.
const STEP: usize = 500;

pub(crate) const OLDEST: &str =
    "SELECT id, digest FROM record WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2";

const DROP: &str = "DELETE FROM record WHERE id = ?1";

/// Drops up to `limit` records whose `forget_at` is at or before `before`, but none of `spared`.
pub(crate) fn prune(
    transaction: &Connection,
    before: Timestamp,
    limit: usize,
    spared: &[&Digest],
) -> rusqlite::Result<usize> {
    let candidates = i64::try_from(limit.saturating_add(spared.len())).unwrap_or(i64::MAX);
    let mut oldest = transaction.prepare_cached(OLDEST)?;
    let ids = oldest
        .query_map(params![millis(before), candidates], |row| {
            Ok((row.get::<_, i64>(0)?, Digest::from_bytes(row.get(1)?)))
        })?
        .filter(|row| !matches!(row, Ok((_, digest)) if spared.contains(&digest)))
        .take(limit)
        .map(|row| row.map(|(id, _)| id))
        .collect::<Result<Vec<_>, _>>()?;
    let mut drop = transaction.prepare_cached(DROP)?;
    for id in &ids {
        drop.execute([id])?;
    }
    Ok(ids.len())
}

/// Prunes in steps, each a transaction of its own, until `limit` or the last of them are dropped.
pub(crate) async fn in_steps<F>(
    limit: usize,
    mut step: impl FnMut(usize) -> F,
) -> Result<usize, StoreError>
where
    F: Future<Output = Result<usize, StoreError>>,
{
    let mut dropped = 0;
    while dropped < limit {
        let asked = STEP.min(limit - dropped);
        let got = step(asked).await?;
        dropped += got;
        if got < asked {
            break;
        }
    }
    Ok(dropped)
}

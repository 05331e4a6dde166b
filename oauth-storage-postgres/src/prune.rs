//! What may be forgotten, dropped oldest first.

use oauth_core::time::Timestamp;

use crate::{
    flight::{Step, step},
    schema::millis,
};

/// How many records are dropped in one transaction, so that nobody waits long for one of their locks.
pub(crate) const STEP: usize = 500;

/// How many the statement of one commit drops at most. A commit puts a handful of records, and is allowed twice as many.
pub(crate) const MOST: usize = 64;

/// The statement that drops up to `limit` records.
///
/// The limit stands in the text, as a plan that is made for any limit is a plan for a great part of the table. Rows that
/// somebody has locked are passed over.
pub(crate) fn sql(limit: usize) -> String {
    format!(
        "DELETE FROM oauth_record WHERE digest = ANY (ARRAY(
            SELECT digest FROM oauth_record WHERE forget_at <= $1 AND digest <> ALL ($2)
            ORDER BY forget_at LIMIT {limit} FOR UPDATE SKIP LOCKED))
         RETURNING 1"
    )
}

/// Drops up to `limit` records whose `forget_at` is at or before `before`, but none of `spared`.
pub(crate) fn step(before: Timestamp, limit: usize, spared: Vec<&[u8]>) -> Step<'_> {
    step!(sql(limit), millis(before), spared)
}

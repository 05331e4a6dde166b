//! Pages of an owner's records.

use oauth_core::store::{Digest, Listed, Listing, OwnedBy, Owner, Page};
use rusqlite::{Connection, Row, params};

use crate::schema::{damaged, stored, stored_columns};

macro_rules! list_by {
    ($column:literal) => {
        concat!(
            "SELECT ",
            stored_columns!(),
            ", digest, client, subject FROM record
             WHERE realm = ?1 AND kind = ?2 AND ",
            $column,
            " = ?3 AND digest > ?4 AND role <> 3
             ORDER BY digest LIMIT ?5"
        )
    };
}

pub(crate) const BY_CLIENT: &str = list_by!("client");
pub(crate) const BY_SUBJECT: &str = list_by!("subject");

/// Reads a page, and one record more to see whether it is the last.
pub(crate) fn page(connection: &Connection, listing: &Listing) -> rusqlite::Result<Page> {
    let limit = listing.limit.max(1);
    let (sql, name) = match &listing.by {
        OwnedBy::Client(client) => (BY_CLIENT, client),
        OwnedBy::Subject(subject) => (BY_SUBJECT, subject),
    };
    // The empty blob comes before all others.
    let after = listing
        .after
        .as_ref()
        .map_or(&[][..], |after| after.as_bytes());
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(
        params![
            listing.realm.as_str(),
            listing.kind.as_str(),
            name,
            after,
            i64::try_from(limit).map_or(i64::MAX, |limit| limit.saturating_add(1)),
        ],
        listed,
    )?;
    let mut items = rows.collect::<Result<Vec<_>, _>>()?;
    let is_last = items.len() <= limit;
    items.truncate(limit);
    Ok(Page {
        next: items.last().map(|last| last.digest).filter(|_| !is_last),
        items,
    })
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        digest: Digest::from_bytes(row.get(5)?),
        owner: Owner::new(row.get(6)?, row.get(7)?)
            .ok_or_else(|| damaged(6, "a list that it cannot be in"))?,
        stored: stored(row)?,
    })
}

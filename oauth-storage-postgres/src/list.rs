//! Pages of an owner's records.

use std::sync::Arc;

use oauth_core::store::{Listed, Listing, OwnedBy, Owner, Page, StoreError};
use tokio_postgres::Row;

use crate::schema::{column, damaged, digest, name, stored, stored_columns};

macro_rules! list_by {
    ($column:literal) => {
        concat!(
            "SELECT ",
            stored_columns!(),
            ", digest, client, subject FROM oauth_record
             WHERE realm = $1 AND kind = $2 AND ",
            $column,
            " = $3 AND digest > $4 AND role <> 3
             ORDER BY digest LIMIT $5"
        )
    };
}

pub(crate) const BY_CLIENT: &str = list_by!("client");
pub(crate) const BY_SUBJECT: &str = list_by!("subject");

/// The statement for a listing, and the name in it.
pub(crate) fn statement(listing: &Listing) -> (&'static str, &str) {
    match &listing.by {
        OwnedBy::Client(client) => (BY_CLIENT, client),
        OwnedBy::Subject(subject) => (BY_SUBJECT, subject),
    }
}

/// How many rows to ask for: one more than the page has, to see whether it is the last.
pub(crate) fn rows_of(listing: &Listing) -> i64 {
    i64::try_from(listing.limit.max(1)).map_or(i64::MAX, |limit| limit.saturating_add(1))
}

/// The page in these rows.
pub(crate) fn page(listing: &Listing, rows: &[Row]) -> Result<Page, StoreError> {
    let limit = listing.limit.max(1);
    let items = rows
        .iter()
        .take(limit)
        .map(listed)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Page {
        next: items
            .last()
            .map(|last| last.digest)
            .filter(|_| rows.len() > limit),
        items,
    })
}

fn listed(row: &Row) -> Result<Listed, StoreError> {
    let column = |index| -> Result<Option<Arc<str>>, StoreError> {
        let bytes: Option<&[u8]> = column(row, index)?;
        Ok(bytes.map(name).transpose()?.map(Into::into))
    };
    let owner = Owner::new(column(6)?, column(7)?);
    Ok(Listed {
        digest: digest(row, 5)?,
        owner: owner.ok_or_else(|| damaged("a list that it cannot be in"))?,
        stored: stored(row)?,
    })
}

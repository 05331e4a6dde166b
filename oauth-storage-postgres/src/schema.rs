//! How one record lies in the table.

use oauth_core::{
    store::{Digest, Family, Role, StoreError, Stored, Version},
    time::Timestamp,
};
use tokio_postgres::{Row, types::FromSql};

use crate::error::DamagedRow;

/// How a record stands to a family, as the column `role` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Single = 0,
    Anchor = 1,
    Member = 2,
    ClosedAnchor = 3,
}

impl Standing {
    /// That of a record as it is put, and the family for the column `family`.
    pub(crate) fn of(role: &Role) -> (Self, Option<&[u8]>) {
        match role {
            Role::Single => (Self::Single, None),
            Role::Anchor => (Self::Anchor, None),
            Role::Member(family) => (Self::Member, Some(family.anchor().as_bytes())),
        }
    }

    fn from_column(number: i16) -> Option<Self> {
        Some(match number {
            0 => Self::Single,
            1 => Self::Anchor,
            2 => Self::Member,
            3 => Self::ClosedAnchor,
            _ => return None,
        })
    }
}

/// The columns that [`stored`] reads.
macro_rules! stored_columns {
    () => {
        "version, role, family, forget_at, body"
    };
}
pub(crate) use stored_columns;

/// Reads the columns of [`stored_columns`], which must be the first of the row.
///
/// # Errors
/// If they hold what no version of this software wrote.
pub(crate) fn stored(row: &Row) -> Result<Stored, StoreError> {
    let standing =
        Standing::from_column(column(row, 1)?).ok_or_else(|| damaged("an unknown role"))?;
    let millis: i64 = column(row, 3)?;
    let body: &[u8] = column(row, 4)?;
    Ok(Stored {
        version: Version::from_bytes(bytes(row, 0, "a version of another length")?),
        role: match standing {
            Standing::Single => Role::Single,
            Standing::Anchor | Standing::ClosedAnchor => Role::Anchor,
            Standing::Member => Role::Member(family(row)?),
        },
        closed: standing == Standing::ClosedAnchor,
        forget_at: Timestamp::from_unix_millis(
            u64::try_from(millis).map_err(|_| damaged("a time before 1970"))?,
        ),
        body: body.into(),
    })
}

fn family(row: &Row) -> Result<Family, StoreError> {
    let anchor: Option<&[u8]> = column(row, 2)?;
    let anchor = anchor.ok_or_else(|| damaged("a member without a family"))?;
    let anchor = anchor
        .try_into()
        .map_err(|_| damaged("a family of another length"))?;
    Ok(Family::of_anchor(Digest::from_bytes(anchor)))
}

/// The digest in a column.
pub(crate) fn digest(row: &Row, index: usize) -> Result<Digest, StoreError> {
    Ok(Digest::from_bytes(bytes(
        row,
        index,
        "a digest of another length",
    )?))
}

/// The name in a column.
pub(crate) fn name(bytes: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(bytes).map_err(|_| damaged("a name that is not UTF-8"))
}

pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, StoreError> {
    row.try_get(index).map_err(StoreError::unreadable)
}

pub(crate) fn damaged(what: &'static str) -> StoreError {
    StoreError::unreadable(DamagedRow(what))
}

fn bytes<const N: usize>(
    row: &Row,
    index: usize,
    otherwise: &'static str,
) -> Result<[u8; N], StoreError> {
    let bytes: &[u8] = column(row, index)?;
    bytes.try_into().map_err(|_| damaged(otherwise))
}

/// A time as the column `forget_at` has it.
pub(crate) fn millis(time: Timestamp) -> i64 {
    // `Timestamp::MAX` is this column's, too.
    i64::try_from(time.as_unix_millis()).unwrap_or(i64::MAX)
}

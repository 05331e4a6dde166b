//! How one record lies in the table, and the migrations that get there.

use oauth_core::{
    store::{Digest, Family, Role, Stored, Version},
    time::Timestamp,
};
use rusqlite::{Connection, Row, Transaction, types::Type};

use crate::error::{DamagedRow, OpenError};

/// Marks a file as one of this software, in its header. In ASCII it reads `OAut`.
const APPLICATION_ID: i32 = 0x4f41_7574;

/// What leads from each version of the schema to the next. The first one begins with an empty file.
///
/// Each is applied once and never changed afterwards. Releases add to the end.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql")];

/// The newest version of the schema.
#[expect(clippy::cast_possible_truncation, reason = "there are few migrations")]
const KNOWN: u32 = MIGRATIONS.len() as u32;

/// The version of the schema in the file; 0 if the file is empty.
///
/// # Errors
/// If the file is of newer software, or of another one.
pub(crate) fn inspect(connection: &Connection) -> Result<u32, OpenError> {
    let integer = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let application = integer("application_id")?;
    // It is written as an unsigned number, and nobody else writes one that is negative.
    let version = u32::try_from(integer("user_version")?).map_err(|_| OpenError::Foreign)?;
    if application == 0 && version == 0 {
        let sql = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        return if tables == 0 {
            Ok(0)
        } else {
            Err(OpenError::Foreign)
        };
    }
    if application != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    if version > KNOWN {
        return Err(OpenError::TooNew {
            found: version,
            known: KNOWN,
        });
    }
    Ok(version)
}

/// Brings the schema up to date, in a transaction that keeps others from doing the same.
pub(crate) fn migrate(transaction: &Transaction<'_>) -> Result<(), OpenError> {
    let version = inspect(transaction)?;
    for migration in MIGRATIONS.iter().skip(version as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", KNOWN)?;
    Ok(())
}

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

    pub(crate) fn from_column(row: &Row<'_>, index: usize) -> rusqlite::Result<Self> {
        Ok(match row.get(index)? {
            0 => Self::Single,
            1 => Self::Anchor,
            2 => Self::Member,
            3 => Self::ClosedAnchor,
            number => return Err(rusqlite::Error::IntegralValueOutOfRange(index, number)),
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
pub(crate) fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let standing = Standing::from_column(row, 1)?;
    let millis: i64 = row.get(3)?;
    let millis =
        u64::try_from(millis).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(3, millis))?;
    Ok(Stored {
        version: Version::from_bytes(row.get(0)?),
        role: match standing {
            Standing::Single => Role::Single,
            Standing::Anchor | Standing::ClosedAnchor => Role::Anchor,
            Standing::Member => Role::Member(family(row)?),
        },
        closed: standing == Standing::ClosedAnchor,
        forget_at: Timestamp::from_unix_millis(millis),
        body: row
            .get_ref(4)?
            .as_blob()
            .map_err(|_| damaged(4, "a body that is no blob"))?
            .into(),
    })
}

fn family(row: &Row<'_>) -> rusqlite::Result<Family> {
    let anchor: Option<[u8; 32]> = row.get(2)?;
    anchor
        .map(|anchor| Family::of_anchor(Digest::from_bytes(anchor)))
        .ok_or_else(|| damaged(2, "a member without a family"))
}

pub(crate) fn damaged(index: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, Box::new(DamagedRow(what)))
}

/// A time as the column `forget_at` has it.
pub(crate) fn millis(time: Timestamp) -> i64 {
    // `Timestamp::MAX` is this column's, too.
    i64::try_from(time.as_unix_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commit, list, prune};

    fn migrated() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        let transaction = connection.transaction().unwrap();
        migrate(&transaction).unwrap();
        transaction.commit().unwrap();
        connection
    }

    #[test]
    fn every_statement_uses_its_index() {
        let connection = migrated();
        for (sql, index) in [
            (commit::FIND, "sqlite_autoindex_record_1"),
            (commit::REWRITE, "sqlite_autoindex_record_1"),
            (commit::REPLACE, "sqlite_autoindex_record_1"),
            (commit::CLOSE, "sqlite_autoindex_record_1"),
            (commit::REMOVE, "sqlite_autoindex_record_1"),
            (commit::REMOVE_MEMBERS, "record_of_family"),
            (prune::OLDEST, "record_to_forget"),
            (list::BY_CLIENT, "record_of_client"),
            (list::BY_SUBJECT, "record_of_subject"),
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {sql}");
            let mut statement = connection.prepare(&explain).unwrap();
            let parameters = vec![rusqlite::types::Null; statement.parameter_count()];
            let plan: Vec<String> = statement
                .query_map(rusqlite::params_from_iter(parameters), |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            let [step] = &plan[..] else {
                panic!("{sql} takes more than one step: {plan:?}");
            };
            assert!(
                step.starts_with("SEARCH") && step.contains(index),
                "{sql}: {step}"
            );
        }
    }

    #[test]
    fn a_damaged_row_is_unreadable_and_not_absent() {
        let connection = migrated();
        for (columns, what) in [
            ("x'00', 0, NULL, 0, x''", "a version of one byte"),
            ("zeroblob(16), 4, NULL, 0, x''", "an unknown role"),
            ("zeroblob(16), 2, NULL, 0, x''", "a member without a family"),
            ("zeroblob(16), 0, NULL, -1, x''", "a time before 1970"),
            ("zeroblob(16), 0, NULL, 0, 'text'", "a body of text"),
        ] {
            let read = connection.query_row(&format!("SELECT {columns}"), [], stored);
            let error = crate::error::read_failed(read.expect_err(what));
            assert_eq!(
                error.kind(),
                oauth_core::store::StoreErrorKind::Unreadable,
                "{what}"
            );
        }
    }
}

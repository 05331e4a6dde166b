//! Expectations checked, changes applied, within a transaction.

use std::ptr;

use oauth_core::store::{
    Commit, Digest, End, Expect, Family, Key, Outcome, Owner, Put, Record, Role, Version,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    prune::prune,
    schema::{Standing, millis},
};

pub(crate) const FIND: &str = "SELECT version, role FROM record WHERE digest = ?1";

const INSERT: &str = "INSERT INTO record
    (version, role, family, client, subject, forget_at, body, digest, realm, kind)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (digest) DO NOTHING";

/// Writes only columns without an index, if no indexed column changes, as when a grant is
/// refreshed. SQLite writes to the index of every column that is set, even if the value stays the
/// same.
pub(crate) const REWRITE: &str = "UPDATE record
    SET version = ?1, body = ?7
    WHERE digest = ?8 AND (role = ?2 OR role = 3 AND ?2 = 1) AND family IS ?3
        AND client IS ?4 AND subject IS ?5 AND forget_at = ?6";

/// A closed anchor stays closed.
pub(crate) const REPLACE: &str = "UPDATE record
    SET version = ?1, role = CASE WHEN role = 3 AND ?2 = 1 THEN 3 ELSE ?2 END,
        family = ?3, client = ?4, subject = ?5, forget_at = ?6, body = ?7
    WHERE digest = ?8";

pub(crate) const REMOVE: &str = "DELETE FROM record WHERE digest = ?1";

pub(crate) const CLOSE: &str =
    "UPDATE record SET version = ?1, role = 3, forget_at = min(forget_at, ?3)
    WHERE digest = ?2 AND role = 1";

pub(crate) const REMOVE_MEMBERS: &str = "DELETE FROM record WHERE family = ?1";

/// Checks all that a commit expects, and then applies it.
///
/// The transaction holds the lock of the one who writes, so what is checked stays so. A conflict is seen before anything is
/// changed, and leaves the transaction as it was for the other commits in it.
pub(crate) fn apply(transaction: &Connection, commit: &Commit) -> rusqlite::Result<Outcome> {
    // Whether there is a record already where one is to be created is seen by creating it. For one record that can be done
    // before anything else is changed, and mostly there is no other.
    let created = commit.puts.iter().find(|put| put.expect == Expect::Absent);
    if !holds(transaction, commit, created)? {
        return Ok(Outcome::Conflict);
    }
    if let Some(put) = created
        && write(transaction, put, &commit.id)? == 0
    {
        return Ok(Outcome::Conflict);
    }
    for removal in &commit.removals {
        transaction
            .prepare_cached(REMOVE)?
            .execute([removal.key.digest().as_bytes()])?;
    }
    for put in commit.puts.iter().filter(|put| !is_same(put, created)) {
        write(transaction, put, &commit.id)?;
    }
    // After the puts: what they move out of a family does not end with it.
    for ended in &commit.ends {
        end(transaction, ended, &commit.id)?;
    }
    if let Some(before) = commit.prune_before {
        let limit = commit.puts.len().saturating_mul(2);
        prune(transaction, before, limit, &needed(commit))?;
    }
    Ok(Outcome::Committed)
}

fn is_same(put: &Put, other: Option<&Put>) -> bool {
    other.is_some_and(|other| ptr::eq(put, other))
}

/// Whether all that a commit expects is so, apart from that `unseen` is not there yet.
fn holds(
    transaction: &Connection,
    commit: &Commit,
    unseen: Option<&Put>,
) -> rusqlite::Result<bool> {
    for guard in &commit.guards {
        if !is_as_expected(transaction, &guard.key, guard.expect)? {
            return Ok(false);
        }
    }
    for put in commit.puts.iter().filter(|put| !is_same(put, unseen)) {
        if !is_as_expected(transaction, &put.record.key, put.expect)? {
            return Ok(false);
        }
    }
    for removal in &commit.removals {
        if !is_as_expected(transaction, &removal.key, Expect::Version(removal.version))? {
            return Ok(false);
        }
    }
    let mut known = None;
    for family in joined(commit) {
        // Members mostly come with others of the same family.
        if known != Some(family) && !is_open(transaction, &commit.puts, family)? {
            return Ok(false);
        }
        known = Some(family);
    }
    Ok(true)
}

/// The families into which a commit puts.
fn joined(commit: &Commit) -> impl Iterator<Item = &Family> {
    commit.puts.iter().filter_map(|put| match &put.record.role {
        Role::Member(family) => Some(family),
        Role::Single | Role::Anchor => None,
    })
}

fn is_as_expected(transaction: &Connection, key: &Key, expect: Expect) -> rusqlite::Result<bool> {
    let found = find(transaction, key.digest())?.map(|(version, _)| version);
    Ok(match expect {
        Expect::Absent => found.is_none(),
        Expect::Version(version) => found == Some(version),
    })
}

fn is_open(transaction: &Connection, puts: &[Put], family: &Family) -> rusqlite::Result<bool> {
    let anchor = family.anchor();
    Ok(
        match find(transaction, anchor)?.map(|(_, standing)| standing) {
            Some(Standing::Anchor) => true,
            Some(Standing::ClosedAnchor) => false,
            Some(Standing::Single | Standing::Member) | None => puts
                .iter()
                .any(|put| put.record.key.digest() == anchor && put.record.role == Role::Anchor),
        },
    )
}

fn find(
    transaction: &Connection,
    digest: &Digest,
) -> rusqlite::Result<Option<(Version, Standing)>> {
    transaction
        .prepare_cached(FIND)?
        .query_row([digest.as_bytes()], |row| {
            Ok((
                Version::from_bytes(row.get(0)?),
                Standing::from_column(row, 1)?,
            ))
        })
        .optional()
}

fn end(transaction: &Connection, ended: &End, id: &Version) -> rusqlite::Result<()> {
    let anchor = ended.family.anchor().as_bytes();
    transaction.prepare_cached(CLOSE)?.execute(params![
        id.as_bytes(),
        anchor,
        millis(ended.forget_at)
    ])?;
    transaction
        .prepare_cached(REMOVE_MEMBERS)?
        .execute([anchor])?;
    Ok(())
}

/// Says how many records it wrote: none if one is to be created that is there already.
fn write(transaction: &Connection, put: &Put, id: &Version) -> rusqlite::Result<usize> {
    let Record {
        key,
        role,
        owner,
        forget_at,
        body,
    } = &put.record;
    let (standing, family) = Standing::of(role);
    let client = owner.as_ref().and_then(Owner::client);
    let subject = owner.as_ref().and_then(Owner::subject);
    let (version, standing, forget_at) = (id.as_bytes(), standing as i64, millis(*forget_at));
    let digest = key.digest().as_bytes();
    let (realm, kind) = (key.realm().as_str(), key.kind().as_str());
    match put.expect {
        Expect::Absent => transaction.prepare_cached(INSERT)?.execute(params![
            version, standing, family, client, subject, forget_at, body, digest, realm, kind
        ]),
        Expect::Version(_) => {
            let columns = params![
                version, standing, family, client, subject, forget_at, body, digest
            ];
            match transaction.prepare_cached(REWRITE)?.execute(columns)? {
                0 => transaction.prepare_cached(REPLACE)?.execute(columns),
                written => Ok(written),
            }
        }
    }
}

/// What a commit's pruning must leave.
fn needed(commit: &Commit) -> Vec<&Digest> {
    let guarded = commit.guards.iter().map(|guard| guard.key.digest());
    let put = commit.puts.iter().map(|put| put.record.key.digest());
    guarded
        .chain(put)
        .chain(joined(commit).map(Family::anchor))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use oauth_core::{
        store::{Kind, Realm},
        time::Timestamp,
    };
    use rusqlite::TransactionBehavior;

    use super::*;
    use crate::connection::DatabaseFile;

    /// The record of a grant after this many refreshes.
    fn grant(number: u32, refreshes: u8) -> Record {
        Record {
            key: Key::new(&Realm::default(), Kind::GRANT, &[&number.to_be_bytes()]),
            role: Role::Anchor,
            owner: Owner::new(
                Some(format!("client {}", number % 7).into()),
                Some(format!("subject {number}").into()),
            ),
            forget_at: Timestamp::from_unix_seconds(u64::from(number)),
            body: [refreshes; 300].into(),
        }
    }

    fn change(id: u8) -> Commit {
        Commit::new(Version::from_bytes([id; 16]))
    }

    #[test]
    fn a_refresh_of_a_grant_writes_one_page() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let mut connection = DatabaseFile::create(&path).unwrap().open_writer().unwrap();
        // The number of pages that a commit writes to the log.
        let mut pages = |commit: &Commit| {
            let empty = "PRAGMA wal_checkpoint(TRUNCATE)";
            connection.query_row(empty, [], |_| Ok(())).unwrap();
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .unwrap();
            assert_eq!(apply(&transaction, commit).unwrap(), Outcome::Committed);
            transaction.commit().unwrap();
            // The log has a header of 32 bytes, and one of 24 bytes for each page.
            let log = fs::metadata(directory.path().join("test.db-wal")).unwrap();
            log.len().saturating_sub(32) / (24 + 4096)
        };
        let grants = (0..2_000).map(|number| grant(number, 0));
        pages(&grants.fold(change(0), Commit::create));
        let version = |id| Version::from_bytes([id; 16]);
        let refresh = change(1).replace(grant(1_000, 1), version(0));
        assert_eq!(pages(&refresh), 1);
        // A change of an indexed column writes to the index too.
        for (id, moved) in [
            (
                2,
                Record {
                    forget_at: Timestamp::MAX,
                    ..grant(1_000, 2)
                },
            ),
            (
                3,
                Record {
                    owner: Some(Owner::Client("another".into())),
                    ..grant(1_000, 3)
                },
            ),
        ] {
            let moving = change(id).replace(moved, version(id - 1));
            assert!(pages(&moving) > 2);
        }
        // A closed anchor is not listed, and stays closed.
        let ending = change(4).end(grant(1_000, 0).key.family(), Timestamp::MAX);
        pages(&ending);
        let closed = Record {
            owner: Some(Owner::Client("another".into())),
            ..grant(1_000, 5)
        };
        assert_eq!(pages(&change(5).replace(closed, version(4))), 1);
        let found = find(&connection, grant(1_000, 0).key.digest()).unwrap();
        assert_eq!(found, Some((version(5), Standing::ClosedAnchor)));
    }
}

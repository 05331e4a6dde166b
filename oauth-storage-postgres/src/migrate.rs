//! The schema brought up to date, by one process at a time.

use sha2::{Digest as _, Sha256};
use tokio_postgres::{Client, Error, GenericClient, error::SqlState};

use crate::error::ConnectError;

/// What leads from each version of the schema to the next. The first one begins with nothing.
///
/// Each is applied once and never changed afterwards. Releases add to the end.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql")];

/// What is asked of the database beside, which it may decline.
///
/// Room on each page for the replacements of its rows, and vacuum at a fiftieth of dead rows instead of a fifth.
const TUNING: &str =
    "ALTER TABLE oauth_record SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)";

/// A session of the pool writes nothing otherwise. And who waits for the lock has to see what was done meanwhile, whatever the
/// database does by default.
const WRITING: &str = "SET default_transaction_read_only = off;
    SET default_transaction_isolation = 'read committed'";

/// The table of what was applied. Its row for version 0 stands for the empty schema, and is what those who migrate lock.
const JOURNAL: &str = "CREATE TABLE IF NOT EXISTS oauth_migration (version integer PRIMARY KEY, checksum bytea NOT NULL)";
const BEGINNING: &str =
    "INSERT INTO oauth_migration (version, checksum) VALUES (0, '') ON CONFLICT DO NOTHING";
const LOCK: &str = "SELECT version FROM oauth_migration WHERE version = 0 FOR UPDATE";
const APPLIED: &str =
    "SELECT version, checksum FROM oauth_migration WHERE version > 0 ORDER BY version";
const APPLY: &str = "INSERT INTO oauth_migration (version, checksum) VALUES ($1, $2)";

/// How often the table of migrations is made, when others make it at the same moment.
const ATTEMPTS: usize = 10;

/// Brings the schema up to date. The connection then is one that [may write](WRITING) outside of transactions.
///
/// # Errors
/// If it is of newer or other software, or the database fails.
pub(crate) async fn migrate(client: &mut Client) -> Result<(), ConnectError> {
    // Mostly there is nothing to do, and then nothing more than reading needs to be allowed.
    match pending(client).await {
        Ok(0) => return Ok(()),
        Ok(_) => {}
        Err(ConnectError::Database(error)) if is_missing(&error) => {}
        Err(error) => return Err(error),
    }
    client
        .batch_execute(WRITING)
        .await
        .map_err(ConnectError::Database)?;
    // Also where the table is there: who made it may not have come to its first row, and a row that is not there locks nobody.
    begin(client).await?;
    let transaction = client.transaction().await.map_err(ConnectError::Database)?;
    transaction
        .query_one(LOCK, &[])
        .await
        .map_err(ConnectError::Database)?;
    let pending = pending(&transaction).await?;
    for (version, migration) in (1..).zip(MIGRATIONS).skip(MIGRATIONS.len() - pending) {
        transaction
            .batch_execute(migration)
            .await
            .map_err(ConnectError::Database)?;
        transaction
            .execute(APPLY, &[&version, &checksum(migration)])
            .await
            .map_err(ConnectError::Database)?;
    }
    transaction.commit().await.map_err(ConnectError::Database)?;
    if let Err(error) = client.batch_execute(TUNING).await {
        tracing::info!(%error, "the database declines the storage parameters of the table");
    }
    Ok(())
}

/// Makes the table of migrations and the row that is locked, unless they are there.
async fn begin(client: &Client) -> Result<(), ConnectError> {
    let mut attempts = 0;
    loop {
        let made = match client.batch_execute(JOURNAL).await {
            Ok(()) => client.batch_execute(BEGINNING).await,
            Err(error) => Err(error),
        };
        attempts += 1;
        match made {
            Ok(()) => return Ok(()),
            // `IF NOT EXISTS` looks before others that make it at the same moment have committed.
            Err(error) if attempts < ATTEMPTS && is_made_by_others(&error) => {}
            Err(error) => return Err(ConnectError::Database(error)),
        }
    }
}

/// How many migrations are still to be applied.
async fn pending(client: &impl GenericClient) -> Result<usize, ConnectError> {
    let applied = client
        .query(APPLIED, &[])
        .await
        .map_err(ConnectError::Database)?;
    let known = MIGRATIONS.len();
    if let Some(newest) = applied.get(known..).and_then(|newer| newer.last()) {
        return Err(ConnectError::TooNew {
            found: newest.try_get(0).map_err(ConnectError::Database)?,
            known: i32::try_from(known).unwrap_or(i32::MAX),
        });
    }
    for ((version, migration), row) in (1..).zip(MIGRATIONS).zip(&applied) {
        let found: i32 = row.try_get(0).map_err(ConnectError::Database)?;
        let sum: &[u8] = row.try_get(1).map_err(ConnectError::Database)?;
        if found != version || sum != checksum(migration) {
            return Err(ConnectError::Changed { version });
        }
    }
    Ok(known - applied.len())
}

fn checksum(migration: &str) -> Vec<u8> {
    Sha256::digest(migration).to_vec()
}

fn is_missing(error: &Error) -> bool {
    error.code() == Some(&SqlState::UNDEFINED_TABLE)
}

fn is_made_by_others(error: &Error) -> bool {
    [
        &SqlState::UNIQUE_VIOLATION,
        &SqlState::DUPLICATE_TABLE,
        &SqlState::DUPLICATE_OBJECT,
        &SqlState::T_R_SERIALIZATION_FAILURE,
    ]
    .into_iter()
    .any(|code| error.code() == Some(code))
}

//! The store and its four methods.

use std::{collections::HashMap, fmt};

use async_trait::async_trait;
use deadpool_postgres::{Object, Pool};
use oauth_core::{
    store::{Commit, Digest, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use tokio_postgres::{Row, types::ToSql};

use crate::{
    commit::steps,
    error::{ConnectError, Failed, says_goodbye},
    flight::fly,
    list::{page, rows_of, statement},
    migrate::migrate,
    pool::{Patience, pool},
    prune,
    schema::{digest, stored, stored_columns},
};

pub(crate) const LOAD: &str = concat!(
    "SELECT ",
    stored_columns!(),
    " FROM oauth_record WHERE digest = $1"
);

pub(crate) const LOAD_ALL: &str = concat!(
    "SELECT ",
    stored_columns!(),
    ", digest FROM oauth_record WHERE digest = ANY ($1)"
);

/// How many connections a store has if nothing else is said. PostgreSQL itself allows 100 if nothing else is said to it.
const CONNECTIONS: usize = 16;

/// How often an operation is tried when the database says that nothing was applied and another attempt may succeed.
const ATTEMPTS: usize = 8;

/// A store in PostgreSQL.
///
/// Clones share the same connections. Needs a tokio runtime with timers and network.
#[derive(Clone)]
pub struct PostgresStore {
    pool: Pool,
}

impl PostgresStore {
    /// Connects to the database of a connection string, and brings its schema up to date. The store keeps up to 16 connections.
    ///
    /// # Errors
    /// If the string cannot be read, the database cannot be reached, or is of other or newer software.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::connect_with(url, CONNECTIONS).await
    }

    /// As [`connect`](Self::connect), with up to so many connections; at least one.
    ///
    /// Each serves one operation at a time. More than a few for each core of the database rarely make anything faster.
    ///
    /// # Errors
    /// As `connect`.
    pub async fn connect_with(url: &str, connections: usize) -> Result<Self, ConnectError> {
        let pool = pool(url, connections)?;
        let mut client = pool
            .get()
            .await
            .map_err(|error| ConnectError::Unreachable(error.into()))?;
        migrate(&mut client).await?;
        // Others may not write as this one may now.
        drop(Object::take(client));
        Ok(Self { pool })
    }

    /// The rows of a statement that only reads, if need be on another connection: the first may have been lost long ago.
    async fn rows(
        &self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let patience = Patience::begin();
        let mut attempts = 0;
        loop {
            let client = patience.connection(&self.pool).await?;
            let answer = patience
                .wait(client, async |client| {
                    let statement = client.prepare_cached(sql).await?;
                    client.query(&statement, parameters).await
                })
                .await
                .map_err(StoreError::unavailable)?;
            let error = match answer {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            attempts += 1;
            // The database has answered, and would answer so again; or it is hopeless.
            if error.code().is_some_and(|code| !says_goodbye(code)) || attempts == ATTEMPTS {
                return Err(StoreError::unavailable(error));
            }
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let digest = &key.digest().as_bytes()[..];
        let rows = self.rows(LOAD, &[&digest]).await?;
        rows.first().map(stored).transpose()
    }

    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        let digests: Vec<_> = keys
            .iter()
            .map(|key| &key.digest().as_bytes()[..])
            .collect();
        let rows = self.rows(LOAD_ALL, &[&digests]).await?;
        let found = rows
            .iter()
            .map(|row| Ok((digest(row, 5)?, stored(row)?)))
            .collect::<Result<HashMap<Digest, Stored>, StoreError>>()?;
        Ok(keys
            .iter()
            .map(|key| found.get(key.digest()).cloned())
            .collect())
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let patience = Patience::begin();
        let mut attempts = 0;
        loop {
            let client = patience.connection(&self.pool).await?;
            let landing = patience
                .wait(client, async |client| fly(client, steps(&commit)).await)
                .await
                .map_err(StoreError::unknown)?;
            attempts += 1;
            match landing {
                Ok(_) => return Ok(Outcome::Committed),
                Err((Failed::Conflict, _)) => return Ok(Outcome::Conflict),
                Err((Failed::Retry, _)) if attempts < ATTEMPTS => {}
                Err((Failed::Retry | Failed::Nothing, error)) => {
                    return Err(StoreError::unavailable(error));
                }
                Err((Failed::Unknown, error)) => return Err(StoreError::unknown(error)),
            }
        }
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let (sql, name) = statement(listing);
        let after = listing.after.as_ref();
        let rows = self
            .rows(
                sql,
                &[
                    &listing.realm.as_str().as_bytes(),
                    &listing.kind.as_str().as_bytes(),
                    &name.as_bytes(),
                    // The empty one comes before all others.
                    &after.map_or(&[][..], |after| after.as_bytes()),
                    &rows_of(listing),
                ],
            )
            .await?;
        page(listing, &rows)
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut dropped = 0;
        while dropped < limit {
            let asked = prune::STEP.min(limit - dropped);
            let patience = Patience::begin();
            let client = patience.connection(&self.pool).await?;
            let got = patience
                .wait(client, async |client| {
                    fly(client, vec![prune::step(before, asked, Vec::new())]).await
                })
                .await
                .map_err(StoreError::unavailable)?
                .map_err(|(_, error)| StoreError::unavailable(error))?;
            let got = usize::try_from(got).unwrap_or(usize::MAX);
            dropped += got;
            if got < asked {
                break;
            }
        }
        Ok(dropped)
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

//! The store and its methods.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use oauth_core::{
    store::{Commit, Digest, Key, Listing, Outcome, Page, Store, StoreError, Stored},
    time::Timestamp,
};
use redis::{RedisResult, aio::MultiplexedConnection};

use crate::{
    connection::Shared,
    error::{ConnectError, was_not_begun},
    script::Scripts,
    server::Demand,
    value::{decode, decode_listed},
};

/// How often a read is tried: on the connection there is, and on a new one.
const ATTEMPTS: usize = 2;

/// How many records are dropped in one go. Redis does nothing else meanwhile.
const STEP: usize = 1000;

/// A store in Redis.
///
/// Clones share the same connection. Needs a tokio runtime with timers and network.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    connection: Shared,
    prefix: String,
    scripts: Scripts,
}

impl RedisStore {
    /// Connects to a server. All keys begin with `prefix`, and are nobody else's.
    ///
    /// # Errors
    /// If the server cannot be reached, is not the one primary, or could lose what it has acknowledged; also
    /// whenever it is connected to again.
    pub async fn connect(url: &str, prefix: &str) -> Result<Self, ConnectError> {
        Self::connect_to(url, prefix, Demand::Lasting).await
    }

    /// As [`connect`](Self::connect), to a server that may lose what it has acknowledged, for whoever tries something out.
    ///
    /// After a crash or under memory pressure such a server has spent codes unspent again and revoked tokens valid: whoever stole
    /// one and waits for that can use it.
    ///
    /// # Errors
    /// If the server cannot be reached, or the store does not work with it at all.
    pub async fn dangerous_connect_to_a_server_that_may_forget(
        url: &str,
        prefix: &str,
    ) -> Result<Self, ConnectError> {
        Self::connect_to(url, prefix, Demand::Working).await
    }

    async fn connect_to(url: &str, prefix: &str, demand: Demand) -> Result<Self, ConnectError> {
        let scripts = Scripts::new();
        let connection = Shared::connect(url, prefix, demand, &scripts).await?;
        Ok(Self(Arc::new(Inner {
            connection,
            prefix: prefix.to_owned(),
            scripts,
        })))
    }

    /// What an operation that only reads answers, if need be on another connection: the first may have been lost long ago.
    async fn read<T, F>(&self, ask: impl Fn(MultiplexedConnection) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let mut attempts = 0;
        loop {
            let connection = self.0.connection.get(&self.0.scripts).await?;
            let error = match ask(connection.redis.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => connection.judge(error),
            };
            attempts += 1;
            if attempts == ATTEMPTS || !error.is_connection_dropped() {
                return Err(StoreError::unavailable(error));
            }
        }
    }

    fn key(&self, key: &Key) -> Vec<u8> {
        let digest = &key.digest().as_bytes()[..];
        [self.0.prefix.as_bytes(), b"record:", digest].concat()
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let ask = &redis::cmd("GET").arg(self.key(key)).take();
        let value: Option<Vec<u8>> = self
            .read(|mut redis| async move { ask.query_async(&mut redis).await })
            .await?;
        value.as_deref().map(decode).transpose()
    }

    async fn load_all(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = keys.iter().map(|key| self.key(key)).collect();
        let ask = &redis::cmd("MGET").arg(keys).take();
        let values: Vec<Option<Vec<u8>>> = self
            .read(|mut redis| async move { ask.query_async(&mut redis).await })
            .await?;
        values
            .iter()
            .map(|value| value.as_deref().map(decode).transpose())
            .collect()
    }

    /// "A dropped future leaves all or nothing": it has handed the one command of the commit to the connection, or has not.
    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let Inner {
            connection,
            prefix,
            scripts,
        } = &*self.0;
        let call = scripts.commit(prefix, &commit);
        let connection = connection.get(scripts).await?;
        match call.invoke_async(&mut connection.redis.clone()).await {
            Ok(true) => Ok(Outcome::Committed),
            Ok(false) => Ok(Outcome::Conflict),
            Err(error) => {
                let error = connection.judge(error);
                Err(if was_not_begun(&error) {
                    StoreError::unavailable(error)
                } else {
                    StoreError::unknown(error)
                })
            }
        }
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let call = &self.0.scripts.list(&self.0.prefix, listing);
        let found: Vec<(Vec<u8>, Vec<u8>)> = self
            .read(|mut redis| async move { call.invoke_async(&mut redis).await })
            .await?;
        let limit = listing.limit.max(1);
        let items = found
            .iter()
            .take(limit)
            .map(|(digest, value)| decode_listed(listing, digest, value))
            .collect::<Result<Vec<_>, _>>()?;
        let last: Option<Digest> = items.last().map(|last| last.digest);
        Ok(Page {
            next: last.filter(|_| found.len() > limit),
            items,
        })
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let Inner {
            connection,
            prefix,
            scripts,
        } = &*self.0;
        let mut dropped = 0;
        while dropped < limit {
            let asked = STEP.min(limit - dropped);
            let call = scripts.prune(prefix, before, asked);
            let connection = connection.get(scripts).await?;
            let got: usize = call
                .invoke_async(&mut connection.redis.clone())
                .await
                .map_err(|error| StoreError::unavailable(connection.judge(error)))?;
            dropped += got;
            if got < asked {
                break;
            }
        }
        Ok(dropped)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.0.prefix)
            .finish_non_exhaustive()
    }
}

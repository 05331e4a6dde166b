//! The connection: made, checked, shared, given up.
//!
//! The `ConnectionManager` of the crate `redis` would do most of this. But it gives the same error for a server that cannot be
//! reached, so that nothing was sent, and for one that was lost after something was sent; and whoever answers when it connects again
//! is not asked who he is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use oauth_core::store::StoreError;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind,
    RedisError, ServerErrorKind, aio::MultiplexedConnection,
};
use tokio::{sync::Mutex, time::timeout};

use crate::{
    error::{ConnectError, TooSlow},
    script::Scripts,
    server::{Demand, check},
};

/// How long to wait for a connection, in seconds.
const CONNECT: u64 = 4;

/// How long to wait for an answer.
const ANSWER: Duration = Duration::from_secs(6);

/// A connection that all share, and that is made anew when it is lost.
pub(crate) struct Shared {
    client: Client,
    prefix: String,
    demand: Demand,
    current: Mutex<Option<Connection>>,
}

/// A connection to a server that was found to be as it must be.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) redis: MultiplexedConnection,
    is_lost: Arc<AtomicBool>,
}

impl Shared {
    pub(crate) async fn connect(
        url: &str,
        prefix: &str,
        demand: Demand,
        scripts: &Scripts,
    ) -> Result<Self, ConnectError> {
        let info = url.into_connection_info().map_err(|_| ConnectError::Url)?;
        // The newer protocol tells when a connection is lost, also if nobody waits for an answer.
        let settings = info
            .redis_settings()
            .clone()
            .set_protocol(ProtocolVersion::RESP3);
        let client =
            Client::open(info.set_redis_settings(settings)).map_err(|_| ConnectError::Url)?;
        let shared = Self {
            client,
            prefix: prefix.to_owned(),
            demand,
            current: Mutex::new(None),
        };
        let first = shared.make(scripts).await?;
        *shared.current.lock().await = Some(first);
        Ok(shared)
    }

    /// The connection, or a new one.
    ///
    /// # Errors
    /// [`StoreError::unavailable`] if there is none to be had: nothing has been sent.
    pub(crate) async fn get(&self, scripts: &Scripts) -> Result<Connection, StoreError> {
        let getting = async {
            let mut current = self.current.lock().await;
            if let Some(connection) = &*current
                && !connection.is_lost.load(Ordering::Acquire)
            {
                return Ok(connection.clone());
            }
            let made = self.make(scripts).await.map_err(StoreError::unavailable)?;
            Ok(current.insert(made).clone())
        };
        timeout(Duration::from_secs(CONNECT), getting)
            .await
            .unwrap_or_else(|_| Err(StoreError::unavailable(TooSlow(CONNECT))))
    }

    async fn make(&self, scripts: &Scripts) -> Result<Connection, ConnectError> {
        let is_lost = Arc::new(AtomicBool::new(false));
        let notice = Arc::clone(&is_lost);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(CONNECT)))
            .set_response_timeout(Some(ANSWER))
            .set_push_sender(move |pushed: PushInfo| {
                if pushed.kind == PushKind::Disconnection {
                    notice.store(true, Ordering::Release);
                }
                Ok::<_, std::convert::Infallible>(())
            });
        let mut redis = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(ConnectError::Unreachable)?;
        check(&mut redis, &self.prefix, self.demand, scripts).await?;
        Ok(Connection { redis, is_lost })
    }
}

impl Connection {
    /// Gives the connection up if it is not worth keeping after this error, and passes the error on.
    pub(crate) fn judge(&self, error: RedisError) -> RedisError {
        // A primary that has become a replica is found out when one connects anew.
        let is_replica = error.kind() == ServerErrorKind::ReadOnly.into();
        if error.is_unrecoverable_error() || error.is_timeout() || is_replica {
            self.is_lost.store(true, Ordering::Release);
        }
        error
    }
}

//! Connections: made, prepared, kept, given up.

use std::{borrow::Cow, str::FromStr, time::Duration};

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use oauth_core::store::StoreError;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{
    Config, NoTls,
    config::{SslMode, TargetSessionAttrs},
};

use crate::{
    commit,
    error::{ConnectError, TooSlow},
    list, prune,
    store::{LOAD, LOAD_ALL},
};

/// How long an operation may take in all, in seconds.
const PATIENCE: u64 = 10;

/// How long to wait for a connection: for one that others use, or for a new one.
const CONNECT: Duration = Duration::from_secs(4);

/// What a session is told. A statement of a caller who has lost patience ends by itself, and so do its locks; and a commit that
/// was acknowledged is on the disk. Outside of a transaction that asks for it nothing is written or locked: if a `BEGIN` fails,
/// so do the statements that were sent behind it.
pub(crate) const SESSION: &str = "SET statement_timeout = '9s'; SET idle_in_transaction_session_timeout = '9s';
    SET default_transaction_read_only = on;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// The pool for a connection string.
///
/// # Errors
/// If that cannot be read, or asks for what this software was built without.
pub(crate) fn pool(url: &str, connections: usize) -> Result<Pool, ConnectError> {
    let Asked { config, tls } = Asked::read(url)?;
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = match tls {
        None => Manager::from_config(config, NoTls, recycling),
        #[cfg(feature = "tls")]
        Some(roots) => Manager::from_config(config, crate::tls::connector(&roots)?, recycling),
        #[cfg(not(feature = "tls"))]
        Some(_) => return Err(ConnectError::WithoutTls),
    };
    Pool::builder(manager)
        .max_size(connections.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(CONNECT))
        .create_timeout(Some(CONNECT))
        .recycle_timeout(Some(CONNECT))
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                client
                    .batch_execute(SESSION)
                    .await
                    .map_err(HookError::Backend)
            })
        }))
        .build()
        .map_err(|error| ConnectError::Unreachable(error.into()))
}

/// How long an operation goes on: for all its attempts together.
pub(crate) struct Patience(Instant);

impl Patience {
    pub(crate) fn begin() -> Self {
        Self(Instant::now() + Duration::from_secs(PATIENCE))
    }

    /// A connection that has prepared what is asked for most.
    ///
    /// It does so when it is used first, and not when it is made: before the first one has been made, there are no tables.
    pub(crate) async fn connection(&self, pool: &Pool) -> Result<Object, StoreError> {
        let preparing = async {
            let client = pool.get().await.map_err(StoreError::unavailable)?;
            if client.statement_cache.size() == 0 {
                for sql in hot() {
                    let prepared = client.prepare_cached(&sql).await;
                    prepared.map_err(StoreError::unavailable)?;
                }
            }
            Ok(client)
        };
        timeout_at(self.0, preparing)
            .await
            .unwrap_or_else(|_| Err(StoreError::unavailable(TooSlow(PATIENCE))))
    }

    /// Does something with a connection. If that takes too long, the connection is given up too: the next one to use it would
    /// wait behind this.
    pub(crate) async fn wait<T>(
        &self,
        client: Object,
        operation: impl AsyncFnOnce(&ClientWrapper) -> T,
    ) -> Result<T, TooSlow> {
        match timeout_at(self.0, operation(&client)).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                drop(Object::take(client));
                Err(TooSlow(PATIENCE))
            }
        }
    }
}

/// The statements of the way of a request.
fn hot() -> Vec<Cow<'static, str>> {
    let listing = [list::BY_CLIENT, list::BY_SUBJECT];
    let loading = [LOAD, LOAD_ALL];
    // The usual commits put one, two or three records.
    let pruning = [2, 4, 6].map(|limit| Cow::Owned(prune::sql(limit)));
    let texts = commit::ALL.into_iter().chain(loading).chain(listing);
    texts.map(Cow::Borrowed).chain(pruning).collect()
}

/// What a connection string asks for.
struct Asked {
    config: Config,
    /// Whether to use TLS, and the file with the certificates to trust, if not the system's.
    tls: Option<Roots>,
}

/// The file with the certificates to trust; `None` for those of the system.
pub(crate) type Roots = Option<String>;

impl Asked {
    fn read(text: &str) -> Result<Self, ConnectError> {
        let (text, sslmode) = take(text, "sslmode");
        let (text, roots) = take(&text, "sslrootcert");
        let mut config = Config::from_str(&text)
            .map_err(|error| ConnectError::ConnectionString(explain(&error)))?;
        let tls = match sslmode.as_deref() {
            // The database's word alone does not decide whether a connection is encrypted.
            None | Some("disable" | "allow" | "prefer") => None,
            Some("require" | "verify-ca" | "verify-full") => Some(roots),
            Some(_) => {
                let error = "`sslmode` is `disable`, `require` or `verify-full`";
                return Err(ConnectError::ConnectionString(error.to_owned()));
            }
        };
        config.ssl_mode(if tls.is_some() {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(PATIENCE));
        }
        // A replica would answer with what was true some time ago.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("oauth-storage-postgres");
        }
        Ok(Self { config, tls })
    }
}

/// Takes a setting out of a connection string, as the driver does not know all that `libpq` does.
fn take(text: &str, name: &str) -> (String, Option<String>) {
    let is_url = text.contains("://");
    let (place, settings, separator) = match text.split_once('?') {
        Some((place, settings)) if is_url => (format!("{place}?"), settings, '&'),
        None if is_url => return (text.to_owned(), None),
        _ => (String::new(), text, ' '),
    };
    let mut found = None;
    let kept: Vec<_> = settings
        .split(separator)
        .filter(|setting| match setting.split_once('=') {
            Some((key, value)) if key == name => {
                found = Some(value.to_owned());
                false
            }
            _ => true,
        })
        .collect();
    let kept = kept.join(&separator.to_string());
    ((place + &kept).trim_end_matches('?').to_owned(), found)
}

fn explain(error: &tokio_postgres::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    source.unwrap_or_else(|| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_does_not_know_is_taken_out() {
        for (text, kept, sslmode) in [
            ("postgres://h/d", "postgres://h/d", None),
            (
                "postgres://h/d?sslmode=require",
                "postgres://h/d",
                Some("require"),
            ),
            (
                "postgres://h/d?user=u&sslmode=verify-full&port=1",
                "postgres://h/d?user=u&port=1",
                Some("verify-full"),
            ),
            (
                "host=h sslmode=disable user=u",
                "host=h user=u",
                Some("disable"),
            ),
            ("host=h password=a?b", "host=h password=a?b", None),
        ] {
            let (rest, found) = take(text, "sslmode");
            assert_eq!((rest.as_str(), found.as_deref()), (kept, sslmode), "{text}");
        }
    }

    #[test]
    fn tls_is_used_if_it_is_asked_for_and_never_given_up() {
        for (sslmode, tls) in [
            ("", false),
            ("?sslmode=disable", false),
            ("?sslmode=prefer", false),
            ("?sslmode=require", true),
            ("?sslmode=verify-full", true),
        ] {
            let asked = Asked::read(&format!("postgres://u@h/d{sslmode}")).unwrap();
            assert_eq!(asked.tls.is_some(), tls, "{sslmode}");
            let mode = asked.config.get_ssl_mode();
            assert_eq!(mode == SslMode::Require, tls, "{sslmode}: {mode:?}");
        }
        let asked = Asked::read("host=h sslrootcert=/ca.pem sslmode=require").unwrap();
        assert_eq!(asked.tls, Some(Some("/ca.pem".to_owned())));
    }

    #[test]
    fn a_connection_string_that_is_none_is_explained_without_its_password() {
        for text in [
            "postgres://u:hunter2@h/d?colour=red",
            "postgres://u:hunter2@h:port/d",
            "host=h password=hunter2 colour=red",
            "postgres://u:hunter2@h/d?sslmode=perhaps",
            "hunter2",
        ] {
            let error = Asked::read(text).err().unwrap();
            assert!(
                matches!(error, ConnectError::ConnectionString(_)),
                "{error:?}"
            );
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{error:?}"
            );
        }
    }
}

//! What can go wrong.

use redis::RedisError;
use thiserror::Error;

/// A Redis server that could not be made ready as a store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be read. It is not shown, as it may hold a password.
    #[error("the URL is not one of a Redis server")]
    Url,
    /// No connection could be made, or it broke.
    #[error("cannot connect to Redis")]
    Unreachable(#[source] RedisError),
    /// The server does not say how it is configured.
    #[error(
        "Redis does not say how it is configured, so nobody knows whether it keeps what it acknowledges"
    )]
    Silent(#[source] RedisError),
    /// The server would lose commits that it has acknowledged.
    #[error(
        "Redis would lose what it has acknowledged: `{setting}` is {found:?} and must be {needed:?}"
    )]
    Lossy {
        /// Which setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        needed: &'static str,
    },
    /// The server cannot run this store.
    #[error(
        "this store does not work with such a Redis: `{property}` is {found:?} and must be {needed}"
    )]
    Unsuitable {
        /// Which property, as the command `INFO` names it.
        property: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        needed: &'static str,
    },
    /// The user may not give commands that a commit needs.
    #[error("the user of the connection may not use: {}", .0.join(", "))]
    Forbidden(Vec<String>),
    /// Records of other or newer software are under the prefix.
    #[error(
        "the records under this prefix have layout {found:?}, and this software knows only {known:?}"
    )]
    OtherLayout {
        /// What is there.
        found: String,
        /// What this software reads and writes.
        known: &'static str,
    },
}

/// A value that no version of this software wrote.
#[derive(Debug, Error)]
#[error("a value in Redis has {0}")]
pub(crate) struct DamagedValue(pub(crate) &'static str);

/// No connection could be had in time.
#[derive(Debug, Error)]
#[error("no connection to Redis within {0} seconds")]
pub(crate) struct TooSlow(pub(crate) u64);

/// Whether an error says that a script was not begun.
///
/// Anything else may have come from the middle of it, or instead of its answer.
pub(crate) fn was_not_begun(error: &RedisError) -> bool {
    const BEFORE: [&str; 9] = [
        "BUSY",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOAUTH",
        "NOREPLICAS",
        "NOSCRIPT",
        "OOM",
        "READONLY",
    ];
    error.code().is_some_and(|code| BEFORE.contains(&code))
}

//! What can go wrong.

use thiserror::Error;
use tokio_postgres::error::SqlState;

/// A database that could not be made ready as a store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection string cannot be read. It is not shown, as it may hold a password.
    #[error("the connection string is not one: {0}")]
    ConnectionString(String),
    /// The connection string asks for TLS, and this software was built without it.
    #[error(
        "the connection string asks for TLS with `sslmode`, which takes the cargo feature `tls` of `oauth-storage-postgres`"
    )]
    WithoutTls,
    /// The certificates to trust cannot be read.
    #[error("cannot read the certificates to trust: {0}")]
    Certificates(String),
    /// No connection could be made in time.
    #[error("cannot connect to the database")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The schema is of a newer version of this software, which this one would damage.
    #[error(
        "the database has schema version {found}, and this version of the software knows them up to {known}"
    )]
    TooNew {
        /// The version of the schema in the database.
        found: i32,
        /// The newest that this software knows.
        known: i32,
    },
    /// A migration was applied that this software has another text for.
    #[error(
        "migration {version} was applied to the database with another text than this software has for it"
    )]
    Changed {
        /// Which migration.
        version: i32,
    },
    /// The database failed.
    #[error("the database failed while its schema was brought up to date")]
    Database(#[source] tokio_postgres::Error),
}

/// A row that no version of this software wrote.
#[derive(Debug, Error)]
#[error("a row of the database has {0}")]
pub(crate) struct DamagedRow(pub(crate) &'static str);

/// An operation took longer than it may.
#[derive(Debug, Error)]
#[error("the database did not answer within {0} seconds")]
pub(crate) struct TooSlow(pub(crate) u64);

/// What is known of a transaction after one of its statements failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// An expectation did not hold. Nothing was applied.
    Conflict,
    /// Others were in the way. Nothing was applied.
    Retry,
    /// Nothing was applied.
    Nothing,
    /// It cannot be known.
    Unknown,
}

impl Failed {
    /// By the first statement that failed, before the last one, which commits.
    pub(crate) fn before_commit(error: &tokio_postgres::Error) -> Self {
        match error.code() {
            // Of `expect` in the module `commit`, and of a key that was to be free.
            Some(&SqlState::DIVISION_BY_ZERO | &SqlState::UNIQUE_VIOLATION) => Self::Conflict,
            Some(code) if stood_in_the_way(code) || says_goodbye(code) => Self::Retry,
            // Or the connection is gone, and what had been sent may still be carried out.
            Some(&SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN) | None => Self::Unknown,
            Some(_) => Self::Nothing,
        }
    }

    /// When all statements succeeded and the one that commits did not.
    pub(crate) fn at_commit(error: &tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if stood_in_the_way(code) => Self::Retry,
            // Others, the end of a wait for a replica for example, do not say that nothing was applied.
            _ => Self::Unknown,
        }
    }
}

/// Whether others were in the way, so that the database has undone everything.
fn stood_in_the_way(code: &SqlState) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ]
    .contains(code)
}

/// Whether the database ends its connections. Another connection may lead to one that is in service.
pub(crate) fn says_goodbye(code: &SqlState) -> bool {
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
    ]
    .contains(code)
}

//! The records of an OAuth 2 authorization server in PostgreSQL, or in what speaks its protocol.
//!
//! ```no_run
//! use oauth_storage_postgres::PostgresStore;
//!
//! # async fn open() -> Result<(), Box<dyn std::error::Error>> {
//! let store = PostgresStore::connect("postgres://oauth:password@localhost/oauth").await?;
//! # Ok(())
//! # }
//! ```
//!
//! Any number of processes may use one database, and are one server. Each brings the schema up to date when it connects; if
//! several start at once, one does and the others wait.
//!
//! A read is one statement and one round trip. A commit is a transaction that is sent in one piece, so it is one round trip
//! too, however many records it writes.
//!
//! # The database
//! - PostgreSQL 14 and later. The role needs `CREATE` on the first schema of its `search_path` when the schema of the tables
//!   changes, and otherwise `SELECT`, `INSERT`, `UPDATE` and `DELETE` on `oauth_record`, and `SELECT` on `oauth_migration`.
//! - The connection string is a URL or a list of `key=value`, as `libpq` has them. If it names several hosts, the one that
//!   can be written to is used; never point it at a replica, which answers with what was true some time ago. TLS takes the
//!   feature `tls` and `sslmode=require`, which here always verifies the server's certificate and name, against the roots
//!   of the system or those in the PEM file that `sslrootcert` names; `verify-full` is the same. Without `sslmode` the
//!   connection is not encrypted, which is for sockets and networks that only you can read.
//! - What is acknowledged is as safe as the server makes it. If `synchronous_commit` is `off`, the store turns it on for its
//!   connections; `fsync = off` it cannot mend. If a replica takes over that had not received a commit, that commit is lost: a
//!   database whose replicas may take over needs `synchronous_standby_names`.
//! - Between the store and the database there may be a pooler that pools sessions. It must not pool transactions: what the
//!   store sets for its sessions, among it that nothing is written outside of transactions, would be lost, or meet others.
//! - Every refresh replaces a row and every commit drops some, so dead rows come at the rate of requests. The table asks for
//!   vacuum at 2 % of dead rows and leaves a tenth of its pages free for replacements; nothing else has to be set. Long
//!   transactions of other applications in the same database cluster keep dead rows alive, here as everywhere.
//!
//! # `CockroachDB`, `YugabyteDB` and others
//! The statements keep to what these share with PostgreSQL: no functions, triggers, advisory locks, `DO` blocks or system
//! columns; row locks `FOR SHARE`, `FOR UPDATE` and `SKIP LOCKED`; `INSERT … ON CONFLICT`; partial indexes; `bytea`; sessions
//! whose `default_transaction_read_only` is on, and a `BEGIN` that says `READ WRITE`. Where transactions are serializable
//! whatever is asked for, a serialization failure is retried. The storage parameters of the table are asked for and may be
//! declined. None of these databases has been tested: run the conformance suite against yours
//! (`TEST_POSTGRES_URL=… cargo test -p oauth-storage-postgres`).
//!
//! # When the database fails
//! A connection that breaks before a commit was sent, or a server that cannot be reached, is
//! [unavailable](oauth_core::store::StoreError::unavailable); after it was sent, and without an answer, it is
//! [unknown](oauth_core::store::StoreError::unknown), and the server then looks for itself. Reads are tried again on a new connection. Serialization
//! failures and deadlocks, after which nothing was applied, are tried again. Whatever happens, an answer or an error comes
//! within about ten seconds.
//!
//! | file | has |
//! |---|---|
//! | `store` | the store and its four methods |
//! | `commit` | a commit as a list of statements |
//! | `flight` | a transaction sent in one piece, and what its answers mean |
//! | `list` | pages of an owner's records |
//! | `prune` | what may be forgotten, dropped oldest first |
//! | `schema` | how one record lies in the table |
//! | `migrate` | the schema brought up to date |
//! | `pool` | connections: made, prepared, kept, given up |
//! | `tls` | certificates |
//! | `error` | what can go wrong |

mod commit;
mod error;
mod flight;
mod list;
mod migrate;
#[cfg(test)]
mod plans;
mod pool;
mod prune;
mod schema;
mod store;
#[cfg(feature = "tls")]
mod tls;

pub use self::{error::ConnectError, store::PostgresStore};

//! The records of an OAuth 2 authorization server in an SQLite file.
//!
//! ```
//! use oauth_storage_sqlite::SqliteStore;
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("oauth.db");
//! let store = SqliteStore::open(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A commit that has been answered is on the disk: the file is in WAL mode with `synchronous=FULL`. What makes that fast is that
//! one thread writes, and puts all commits that wait at the same moment into one transaction, with one flush of the disk for all
//! of them. Reads take a few microseconds, and are done on the caller's thread.
//!
//! Several processes may open the same file. It must be on a local disk, as the locks of network file systems are not to be
//! relied on.
//!
//! | file | has |
//! |---|---|
//! | `store` | the store, `load`, and what happens when the last handle is dropped |
//! | `commit` | expectations checked, changes applied, within a transaction |
//! | `list` | pages of an owner's records |
//! | `prune` | what may be forgotten, dropped oldest first |
//! | `schema` | how one record lies in the table, and the migrations that get there |
//! | `connection` | the file opened, created or refused |
//! | `readers` | the pool of connections that read |
//! | `writer` | the thread that writes |
//! | `checkpoint` | the log kept short |
//! | `busy` | how long to wait for a lock that another connection holds |
//! | `backup` | copies of the file, made while it is in use |
//! | `error` | what can go wrong |

mod backup;
mod busy;
mod checkpoint;
mod commit;
mod connection;
mod error;
mod list;
mod prune;
mod readers;
mod schema;
mod store;
mod writer;

pub use self::{
    error::{BackupError, OpenError},
    store::SqliteStore,
};

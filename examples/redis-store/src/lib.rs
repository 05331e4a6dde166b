//! A store in Redis: a commit is one script, and one round trip.
//!
//! ```text
//! cargo run -p redis-store [URL [ADDRESS [KEY_FILE]]]    # redis://127.0.0.1/, 127.0.0.1:8080 and ./redis-store.key if none are given
//! ```
//!
//! runs the quickstart over it, and prints what to try. Any number of processes may use one server. The store is
//!
//! ```no_run
//! use redis_store::RedisStore;
//!
//! # async fn open() -> Result<(), redis_store::ConnectError> {
//! let store = RedisStore::connect("redis://oauth:password@127.0.0.1/", "oauth:").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it needs, and why
//! A store must not lose what it has acknowledged: a code that was spent would be unspent, and a token that was revoked would be good. Redis
//! loses things by default, for speed. So whenever the store connects it looks at the server, and does without one that is not
//!
//! - Redis 7.0 or later, **one primary**, written to and read from by everybody;
//! - with `appendonly yes`, `appendfsync always` and `no-appendfsync-on-rewrite no`. Redis then answers nobody, neither who has
//!   committed nor who reads it, until the change is on the disk. Many commits share one flush, so this costs time to wait and
//!   little throughput;
//! - with `maxmemory-policy noeviction`. With its memory full, Redis then refuses what is new, and the store is
//!   [unavailable](oauth_core::store::StoreError::unavailable) to it; revocation, reading and pruning go on. Any other policy drops records,
//!   among them the marks that something was spent.
//!
//! Nothing of this may be changed while the server runs: that is only found out when one connects anew. The address of the server must
//! be local or that of a tunnel, as the program is built without TLS; the crate `redis` has a feature for that.
//!
//! **Replicas that take over void the promise**, be it by Sentinel, by a cluster manager or by hand. Replication is asynchronous: the primary
//! acknowledges before any replica has the change, and whichever takes over has never heard of the last commits. `WAIT` does not
//! mend that: it says how many replicas had the change, but takes nothing back if they were too few, and Sentinel may promote another one. A
//! replica is good for a copy to look at. After a failover to one, treat what it holds as of some moments ago: end all
//! grants, or accept that what was revoked or spent in those moments is not.
//!
//! **Cluster mode voids it too**, and is refused. A commit reads and writes records under keys that have nothing in common, so they lie
//! on several nodes, and a script runs on one. To force them onto one node by a hash tag would leave a cluster of one, which fails over as above.
//!
//! Records never expire by Redis' own clock: a store reads none, and a mark that vanished a moment too soon would let a code
//! be used twice. The server prunes by its own time, a little with every commit, so memory does not grow without bound.
//!
//! # How it works
//! Redis runs one script at a time, which is all the locking there is. If Redis dies, a script's changes are in its log as a whole or
//! not at all. What it does not do is take back half of a script that fails: so the scripts read and plan first, and write last, what cannot
//! fail; the reasons for which Redis itself would stop one in the middle (memory, a replica, permissions) are looked at before it begins.
//!
//! Ending a family takes time in proportion to its members, in which Redis does nothing else: a fifth of a second for 20,000, on a
//! busy machine.
//!
//! | under the prefix | is |
//! |---|---|
//! | `record:` and a digest | a record, as the module `value` says |
//! | `family:` and the digest of an anchor | a set of the digests of the members |
//! | `forget` | a sorted set of the times from which records may be forgotten, each with its digest, as bytes: a score would be a floating-point number, and exact up to 2^53 only |
//! | `client:`, `subject:`, realm, kind and name | a sorted set of the digests that are listed there |
//! | `layout` | the version of all this |
//!
//! If there is no connection, the store is
//! [unavailable](oauth_core::store::StoreError::unavailable); an answer that does not come within
//! six seconds, or is lost, leaves a commit [unknown](oauth_core::store::StoreError::unknown), and
//! the server then looks for itself.
//!
//! | file | has |
//! |---|---|
//! | `store` | the store and its methods |
//! | `lua/commit.lua` | a commit, checked, planned and written |
//! | `lua/records.lua` | what the scripts that write have in common |
//! | `script` | the scripts, and what they are handed |
//! | `value` | how one record lies under its key |
//! | `connection` | the connection: made, checked, shared, given up |
//! | `server` | what a server must be |
//! | `error` | what can go wrong |
//!
//! The tests run the whole of `oauth_storage_conformance`, kill processes that commit and Redis itself, and look for what is left over.

mod connection;
mod error;
mod script;
mod server;
mod store;
mod value;

pub use self::{error::ConnectError, store::RedisStore};

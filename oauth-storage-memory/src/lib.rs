//! The records of an OAuth 2 authorization server in the memory of one process.
//!
//! ```
//! use std::sync::Arc;
//! use oauth_core::store::Store;
//! use oauth_storage_memory::MemoryStore;
//!
//! let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
//! ```
//!
//! For tests, and for a server that may forget everything when it stops. It keeps the whole
//! [storage contract](oauth_core::store) except for lasting.
//!
//! Records lie in 64 shards, by the first six bits of their digests, each behind a lock of its own.
//! A commit locks the shards that it touches, in order, checks all that it expects, and only then
//! changes anything. A family's members can be in any shard, and the shard of its anchor lists
//! where they are. A commit that ends a family locks the shard of the anchor and those of the
//! members. No lock is held across an await point, since no operation awaits anything.
//!
//! | file | has |
//! |---|---|
//! | `store` | the store, and `load` |
//! | `shards` | the shards and their locks |
//! | `commit` | commits: locked, checked, applied |
//! | `change` | what a commit expects, and what it does |
//! | `list` | pages of an owner's records |
//! | `prune` | what may be forgotten, dropped oldest first |
//! | `ceiling` | how many bytes there may be |
//! | `schema`, `body` | how one record lies in memory |
//! | `shard` | the records of one shard, with their four indexes |
//! | `slab`, `index`, `forget`, `owned` | the rows, and what finds them: by a digest, by age, by an owner |
//! | `sync` | the locks and atomics, which can be those of a model checker |

mod body;
mod ceiling;
mod change;
mod commit;
mod forget;
mod index;
mod list;
mod owned;
mod prune;
mod schema;
mod shard;
mod shards;
mod slab;
mod store;
mod sync;

pub use self::store::MemoryStore;

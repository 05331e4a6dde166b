//! Where records are kept, as a command line or a file names it.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use oauth_core::store::Store;
use oauth_storage_memory::MemoryStore;
use oauth_storage_postgres::PostgresStore;
use oauth_storage_sqlite::SqliteStore;
use thiserror::Error;

/// Where records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory`
    Memory,
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://USER:PASSWORD@HOST/DATABASE`, which several programs can share
    Postgres(String),
}

/// Not a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a store is \"memory\", \"sqlite:PATH\" or \"postgres://USER:PASSWORD@HOST/DATABASE\"")]
pub struct InvalidStore;

impl StoreUrl {
    /// Opens it.
    ///
    /// # Errors
    /// Why it cannot be opened, for a person to read.
    pub async fn open(&self) -> Result<Arc<dyn Store>, String> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryStore::default()),
            Self::Sqlite(path) => Arc::new(
                SqliteStore::open(path)
                    .map_err(|error| format!("{}: {}", path.display(), explained(&error)))?,
            ),
            Self::Postgres(url) => Arc::new(
                PostgresStore::connect(url)
                    .await
                    .map_err(|error| explained(&error))?,
            ),
        })
    }
}

/// An error, and what lies below it.
fn explained(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", explained(source)),
        None => error.to_string(),
    }
}

impl FromStr for StoreUrl {
    type Err = InvalidStore;

    fn from_str(text: &str) -> Result<Self, InvalidStore> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(text.to_owned()))
            }
            _ => Err(InvalidStore),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            // The rest of it may hold a password.
            Self::Postgres(_) => f.write_str("postgres"),
        }
    }
}

//! Where the operator secret comes from.

use std::path::PathBuf;

use oauth_core::operator_secret::OperatorSecrets;
use oauth_tower::operator_secret::{SecretError, from_existing_file, from_file, generate};

use crate::config::{Config, StoreUrl};

/// The operator secret, with those that are accepted too.
///
/// It is in the configured file. Without one it is beside an SQLite database, in `quickstart.key` for PostgreSQL, and for a store
/// in memory made up: that has nothing left to recognize after a restart. A missing file is made; a missing previous one is not,
/// since a new secret was never used before.
///
/// # Errors
/// If a file cannot be read or made, or holds something else.
pub fn operator_secrets(config: &Config, store: &StoreUrl) -> Result<OperatorSecrets, SecretError> {
    let file = config
        .secret_key_file
        .clone()
        .or_else(|| default_file(store));
    let current = match file {
        Some(file) => from_file(file)?,
        None => generate()?,
    };
    let mut secrets = OperatorSecrets::new(current);
    for file in &config.secret_key_files_previous {
        secrets = secrets.and(from_existing_file(file)?);
    }
    Ok(secrets)
}

fn default_file(store: &StoreUrl) -> Option<PathBuf> {
    match store {
        StoreUrl::Memory => None,
        StoreUrl::Sqlite(database) => {
            let mut file = database.clone().into_os_string();
            file.push(".key");
            Some(file.into())
        }
        StoreUrl::Postgres(_) => Some("quickstart.key".into()),
    }
}

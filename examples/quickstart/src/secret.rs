//! Loads the operator secret.

use std::path::PathBuf;

use oauth_core::operator_secret::OperatorSecrets;
use oauth_tower::operator_secret::{SecretError, from_existing_file, from_file, generate};

use crate::config::{Config, StoreUrl};

/// Loads the operator secret, and others that are accepted too.
///
/// The configuration names its file. By default it is beside the SQLite database, or
/// `quickstart.key` for PostgreSQL. For a store in memory the secret is generated at each start,
/// since nothing is left to recognize after a restart. A missing file is created, but a missing
/// previous one is an error: a newly generated secret would not be the previous one.
///
/// # Errors
/// If a file cannot be read or created, or does not hold an operator secret.
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

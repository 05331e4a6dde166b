//! Loads the operator secret from a file or the environment, or generates one.
//!
//! ```
//! use oauth_core::{store::StaticClients, types::Issuer};
//! use oauth_storage_memory::MemoryStore;
//! use oauth_tower::{BoxError, operator_secret};
//!
//! # fn main() -> Result<(), BoxError> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("oauth.key");
//! // The file is created on the first start, and read on later starts. Back it up.
//! let secret = operator_secret::from_file(&path)?;
//! let issuer = Issuer::new("https://login.example")?;
//! let server = oauth_tower::server(issuer, MemoryStore::default(), StaticClients::default())
//!     .operator_secret(secret)
//!     .build()?;
//! # let _ = server; Ok(())
//! # }
//! ```

use std::{
    env,
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth_core::{
    operator_secret::{InvalidOperatorSecret, OperatorSecret},
    random::{EntropyError, Random},
};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::system::SystemEntropy;

/// Why the operator secret could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file cannot be read or created.
    #[error("the operator secret in {}: {source}", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// The file does not hold an operator secret.
    #[error("{}: {source}", path.display())]
    InvalidFile {
        /// The path of the file.
        path: PathBuf,
        /// What it must hold.
        source: InvalidOperatorSecret,
    },
    /// The variable is not set.
    #[error("the environment variable {0}, which holds the operator secret, is not set")]
    NoVariable(String),
    /// The variable does not hold an operator secret.
    #[error("the environment variable {name}: {source}")]
    InvalidVariable {
        /// The name of the variable.
        name: String,
        /// What it must hold.
        source: InvalidOperatorSecret,
    },
    /// The source of randomness failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Generates an operator secret from the system's randomness.
///
/// Use it for a store that does not outlive the process, such as one in memory. With a durable
/// store, use [`from_file`] or [`from_env`]: a new secret at every start signs all users out. The
/// server then can neither answer retries of earlier refreshes nor detect the reuse of older
/// refresh tokens.
///
/// # Errors
/// If the system's source of randomness fails.
pub fn generate() -> Result<OperatorSecret, EntropyError> {
    let mut random = Random::draw(&SystemEntropy)?;
    Ok(OperatorSecret::from_bytes(random.secret()))
}

/// Reads the operator secret from a file, and creates the file if it does not exist.
///
/// The file holds 64 hexadecimal digits, or base64 of 32 bytes. A new file gets a generated secret,
/// and only its owner can read it (mode 0600).
///
/// Several processes may do this at once; all get the same secret.
///
/// # Errors
/// If the file cannot be read or created, or does not hold an operator secret.
pub fn from_file(path: impl AsRef<Path>) -> Result<OperatorSecret, SecretError> {
    let path = path.as_ref();
    match from_existing_file(path) {
        Err(SecretError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            make(path)?;
            from_existing_file(path)
        }
        read => read,
    }
}

/// Reads the operator secret from a file that must exist, for example one written by a secret
/// manager, or the previous secret while it is being replaced.
///
/// # Errors
/// If the file cannot be read, or does not hold an operator secret.
pub fn from_existing_file(path: impl AsRef<Path>) -> Result<OperatorSecret, SecretError> {
    let path = path.as_ref();
    let content = fs::read(path).map_err(|source| SecretError::File {
        path: path.to_owned(),
        source,
    })?;
    let content = Zeroizing::new(content);
    let text = std::str::from_utf8(&content).map_err(|_| InvalidOperatorSecret);
    text.and_then(str::parse)
        .map_err(|source| SecretError::InvalidFile {
            path: path.to_owned(),
            source,
        })
}

/// Reads the operator secret from an environment variable, as 64 hexadecimal digits, or base64 of
/// 32 bytes.
///
/// # Errors
/// If the variable is not set, or does not hold an operator secret.
pub fn from_env(name: &str) -> Result<OperatorSecret, SecretError> {
    let text = env::var_os(name).ok_or_else(|| SecretError::NoVariable(name.to_owned()))?;
    let text = Zeroizing::new(text.into_string().unwrap_or_default());
    text.parse().map_err(|source| SecretError::InvalidVariable {
        name: name.to_owned(),
        source,
    })
}

/// Creates the file with a new secret, unless another process has created it first.
fn make(path: &Path) -> Result<(), SecretError> {
    let mut random = Random::draw(&SystemEntropy)?;
    let secret = generate()?;
    // The file appears with its whole content: nobody reads half a secret, and a crash does not
    // leave one.
    let beside = beside(path, random.id());
    let linked = write(&beside, &secret)
        .and_then(|()| fs::hard_link(&beside, path))
        .and_then(|()| sync_directory(path));
    let removed = fs::remove_file(&beside);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked.and(removed).map_err(|source| SecretError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Grants that depend on the secret may be durable before this returns, so the name of its file has to be.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn beside(path: &Path, id: [u8; 16]) -> PathBuf {
    let mut name = path.file_name().unwrap_or(OsStr::new("secret")).to_owned();
    name.push(format!(".{}", URL_SAFE_NO_PAD.encode(id)));
    path.with_file_name(name)
}

fn write(path: &Path, secret: &OperatorSecret) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(secret.expose_hex().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, sync::Barrier, thread};

    use super::*;

    #[test]
    fn a_missing_file_is_made_once_and_only_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oauth.key");
        let start = Barrier::new(8);
        let secrets: Vec<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        from_file(&path).unwrap().expose_hex().to_string()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("{}\n", secrets[0])
        );
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(files.len(), 1, "{files:?}");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oauth.key");
        fs::write(&path, "hunter2").unwrap();
        let error = from_file(&path).unwrap_err().to_string();
        assert!(
            error.ends_with(
                "oauth.key: an operator secret is 32 bytes, as 64 hexadecimal digits or as base64"
            ),
            "{error}"
        );
        assert!(!error.contains("hunter2"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "hunter2");
        fs::write(&path, [0xff; 32]).unwrap();
        assert!(matches!(
            from_file(&path),
            Err(SecretError::InvalidFile { .. })
        ));
        let missing = directory.path().join("missing.key");
        assert!(matches!(
            from_existing_file(&missing),
            Err(SecretError::File { .. })
        ));
        assert!(!missing.exists());
        let missing = directory.path().join("missing").join("oauth.key");
        assert!(matches!(from_file(missing), Err(SecretError::File { .. })));
        assert!(matches!(
            from_env("OAUTH_TOWER_NO_SUCH_VARIABLE"),
            Err(SecretError::NoVariable(_))
        ));
    }
}

//! A directory that belongs to the one who runs a server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// Where a server has its files, and as whom it runs. It refuses to run as root.
#[derive(Debug)]
pub(crate) struct Directory {
    directory: TempDir,
    user: Option<&'static str>,
}

impl Directory {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir()
            .unwrap_or_else(|error| panic!("no directory for a server: {error}"));
        let user = is_root().then(unprivileged);
        if let Some(user) = user {
            done(Command::new("chown").arg(user).arg(directory.path()));
        }
        Self { directory, user }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Puts a file there that only the owner of the directory can read.
    pub(crate) fn give(&self, path: &Path, content: &[u8]) {
        use std::os::unix::fs::PermissionsExt as _;

        let given = fs::write(path, content)
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)));
        given.unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
        if let Some(user) = self.user {
            done(Command::new("chown").arg(user).arg(path));
        }
    }

    /// A command that runs as the owner of the directory, and is killed when the thread that starts it ends.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(user) = self.user {
            command.args(["--reuid", user, "--regid", group(user), "--clear-groups"]);
        }
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command.current_dir(self.path());
        command
    }
}

/// Runs a command that has to succeed.
pub(crate) fn done(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Finds a program: on the path, or where Debian keeps the newest version of PostgreSQL's.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = match std::env::var_os("NO_SYSTEM_SERVERS") {
        None => versions(),
        Some(_) => Vec::new(),
    };
    std::env::split_paths(&path)
        .chain(installed)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

fn versions() -> Vec<PathBuf> {
    let entries = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, path)| path).collect()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;

    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The user that Debian's package makes, or the one that owns nothing.
fn unprivileged() -> &'static str {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_there = users.lines().any(|line| line.starts_with("postgres:"));
    if is_there { "postgres" } else { "nobody" }
}

fn group(user: &'static str) -> &'static str {
    if user == "nobody" { "nogroup" } else { user }
}

//! PostgreSQL.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    directory::{Directory, done, find},
    process::{Process, free_port, kill},
};

/// How often to look for another port.
const ATTEMPTS: usize = 5;

/// A PostgreSQL server of one's own, with `fsync` on, that trusts whoever connects.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    directory: Directory,
    server: PathBuf,
    port: u16,
    settings: Vec<String>,
}

impl Postgres {
    /// Starts one; `None` if its programs are not on this machine.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts one with settings, each as `name=value`.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        let (initdb, server) = (find("initdb")?, find("postgres")?);
        let directory = Directory::new();
        done(
            directory
                .command(&initdb)
                .args(["--username=test", "--auth=trust", "--encoding=UTF8"])
                .args(["--locale=C", "--no-sync", "--pgdata"])
                .arg(directory.path().join("data")),
        );
        let mut postgres = Self {
            process: None,
            directory,
            server,
            port: free_port(),
            settings: settings
                .iter()
                .map(|setting| (*setting).to_owned())
                .collect(),
        };
        for _ in 0..ATTEMPTS {
            postgres.process = postgres.run();
            if postgres.process.is_some() {
                return Some(postgres);
            }
            postgres.port = free_port();
        }
        panic!("PostgreSQL does not start:\n{}", postgres.log());
    }

    /// How to connect to its database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://test@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it keeps its files.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Puts a file into its directory, which only it can read, for when it starts again.
    pub fn give(&self, name: &str, content: &[u8]) {
        self.directory.give(&self.data().join(name), content);
    }

    /// Adds a setting, as `name=value`, for when it starts again.
    pub fn set(&mut self, setting: &str) {
        self.settings.push(setting.to_owned());
    }

    /// Kills it with all its processes, at once and without a word.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Kills one process of a server that goes on, for example one of those that
    /// [serve a connection](Self::backends). The server then ends all others, and recovers.
    pub fn kill_process(&self, pid: u32) {
        kill(pid);
    }

    /// The processes that serve connections.
    pub fn backends(&self) -> Vec<u32> {
        let children = self.process.as_ref().map(Process::children);
        children
            .unwrap_or_default()
            .into_iter()
            .filter(|pid| {
                std::fs::read(format!("/proc/{pid}/cmdline"))
                    .is_ok_and(|line| String::from_utf8_lossy(&line).contains("postgres: test "))
            })
            .collect()
    }

    /// Starts it again, after [`kill`](Self::kill), on the same port and with what it had written.
    pub fn restart(&mut self) {
        for _ in 0..ATTEMPTS {
            self.process = self.run();
            if self.process.is_some() {
                return;
            }
        }
        panic!("PostgreSQL does not start again:\n{}", self.log());
    }

    fn run(&self) -> Option<Process> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("log"))
            .unwrap_or_else(|error| panic!("no log for PostgreSQL: {error}"));
        let mut command = self.directory.command(&self.server);
        command.arg("-D").arg(self.data());
        let port = self.port.to_string();
        command.args(["-p", &port, "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "max_connections=300", "-c", "logging_collector=off"]);
        command.arg("-k").arg(self.directory.path());
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        Process::start(&mut command, log.into(), || is_ready(&self.server, &port))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

fn is_ready(server: &Path, port: &str) -> bool {
    let near = server.canonicalize().unwrap_or_default();
    let program = near.with_file_name("pg_isready");
    Command::new(program)
        .args(["-q", "-h", "127.0.0.1", "-p", port])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

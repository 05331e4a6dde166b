//! A directory with a configuration file, and the program that runs in it.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// How long anything may take that should take no time, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Where records are kept.
#[derive(Clone, Copy, Debug)]
pub enum Store {
    Memory,
    Sqlite,
}

/// A directory of its own with a configuration file.
pub struct Place {
    directory: TempDir,
}

impl Place {
    pub fn new(config: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("quickstart.toml"), config).expect("a file");
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("quickstart.toml")
    }

    /// Starts the program with the file, on a port that is free.
    pub async fn start(&self, store: Store) -> Quickstart {
        let store = match store {
            Store::Memory => "memory".to_owned(),
            Store::Sqlite => format!("sqlite:{}", self.path().join("records.db").display()),
        };
        self.start_over(&store).await
    }

    /// Starts the program with the file, and a store as the command line names it.
    pub async fn start_over(&self, store: &str) -> Quickstart {
        let config = self.config();
        let config = config.to_str().expect("a path of text");
        self.run(&["--config", config, "--store", store]).await
    }

    /// Starts the program without a file: the demo.
    pub async fn start_demo(&self) -> Quickstart {
        self.run(&[]).await
    }

    async fn run(&self, arguments: &[&str]) -> Quickstart {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path().join("log"))
            .expect("a log");
        let mut process = Command::new(env!("CARGO_BIN_EXE_quickstart"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(self.path())
            .env("RUST_LOG", "debug")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the program");
        let mut output = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let mut printed = String::new();
        let ready = async {
            while let Some(line) = output.next_line().await.expect("output of text") {
                if line.starts_with("ready: ") {
                    return line;
                }
                printed += &line;
                printed.push('\n');
            }
            panic!("the program ended: {}", self.log());
        };
        let ready = tokio::time::timeout(PATIENCE, ready)
            .await
            .expect("a program that gets ready");
        let (_, rest) = ready.split_once("listening on ").expect("an address");
        let base = rest.split(',').next().expect("an address").to_owned();
        Quickstart {
            base,
            printed,
            process,
            _output: output,
        }
    }

    /// All that was logged here.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }
}

/// The program, which runs until this is dropped.
pub struct Quickstart {
    base: String,
    printed: String,
    process: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

impl Quickstart {
    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// What it printed before the line that says it is ready.
    pub fn printed(&self) -> &str {
        &self.printed
    }

    /// `kill -9`
    pub async fn kill(mut self) {
        self.process.kill().await.expect("a program that runs");
    }

    /// Ctrl-C.
    pub async fn interrupt(&self) {
        let id = self.process.id().expect("a program that runs");
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -INT {id}")])
            .status()
            .await
            .expect("a shell");
        assert!(sent.success());
    }

    /// How it ended.
    pub async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.process.wait())
            .await
            .expect("a program that ends")
            .expect("a status")
    }
}

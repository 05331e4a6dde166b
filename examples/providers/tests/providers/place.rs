//! The program, in a directory of its own.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// How long anything may take that should take no time, on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A strict client, one of the provider's, a second one of it, and two users.
pub(crate) const CONFIG: &str = r#"
[policy]
throttle = false

[[user]]
username = "alice"
password = "wonderland"

[[user]]
username = "user.admin"
password = "p&ss=wörd"

[[client]]
client_id = "strict"
client_secret = "the secret of strict"
token_endpoint_auth_method = "client_secret_post"
redirect_uris = ["https://strict.example/cb"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "read user:read"
dangerous_pkce_optional = true

[[client]]
client_id = "wide"
client_secret = "the secret of wide"
token_endpoint_auth_method = "client_secret_post"
grant_types = []
may_introspect = true

[[client]]
client_id = "1"
client_secret = "the secret of 1"
redirect_uris = ["http://app.example/cb"]
dialect = true

[[client]]
client_id = "2"
client_secret = "the secret of 2"
redirect_uris = ["http://app.example/cb"]
dialect = true
"#;

/// The program, which runs until this is dropped.
pub(crate) struct Running {
    /// The address of the first, without a slash at the end.
    pub(crate) base: String,
    /// The lines that say what is ready.
    pub(crate) ready: Vec<String>,
    /// What was printed before them.
    pub(crate) printed: String,
    process: Child,
    _output: Lines<BufReader<ChildStdout>>,
    _directory: TempDir,
}

/// Starts a provider with a configuration file.
pub(crate) async fn start(provider: &str, config: &str) -> Running {
    run(&[provider], Some(config)).await
}

/// Starts the program on ports that are free.
pub(crate) async fn run(arguments: &[&str], config: Option<&str>) -> Running {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_providers"));
    command
        .args(arguments)
        .args(["--listen", "127.0.0.1:0"])
        .current_dir(directory.path());
    if let Some(config) = config {
        std::fs::write(directory.path().join("providers.toml"), config).expect("a file");
        command.args(["--config", "providers.toml"]);
    }
    let mut process = command
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program");
    let mut output = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let expected = if arguments[0] == "all" { 5 } else { 1 };
    let (mut printed, mut ready) = (String::new(), Vec::new());
    let reading = async {
        while ready.len() < expected {
            let line = output.next_line().await.expect("output of text");
            let line = line.expect("a program that gets ready");
            if line.starts_with("ready: ") {
                ready.push(line);
            } else {
                printed += &line;
                printed.push('\n');
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("a program that gets ready in time");
    let (_, rest) = ready[0].split_once("listening on ").expect("an address");
    Running {
        base: rest.split(',').next().expect("an address").to_owned(),
        ready,
        printed,
        process,
        _output: output,
        _directory: directory,
    }
}

impl Running {
    /// An address of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Ctrl-C.
    pub(crate) async fn interrupt(&self) {
        let id = self.process.id().expect("a program that runs");
        shell(&format!("kill -INT {id}")).await;
    }

    /// How it ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.process.wait())
            .await
            .expect("a program that ends")
            .expect("a status")
    }
}

/// What a script says, which has to succeed.
pub(crate) async fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().await;
    let output = output.expect("a shell");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

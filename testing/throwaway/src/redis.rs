//! Redis.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::Stdio,
};

use crate::{
    directory::{Directory, find},
    process::{Process, free_port},
};

/// How often to look for another port.
const ATTEMPTS: usize = 5;

/// A Redis server of one's own, that writes every change to its disk before it answers.
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>,
    directory: Directory,
    server: PathBuf,
    port: u16,
    settings: Vec<String>,
}

impl Redis {
    /// Starts one; `None` if its program is not on this machine.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts one with settings, as its program takes them: `--name`, `value`.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        let mut redis = Self {
            process: None,
            server: find("redis-server")?,
            directory: Directory::new(),
            port: free_port(),
            settings: settings
                .iter()
                .map(|setting| (*setting).to_owned())
                .collect(),
        };
        for _ in 0..ATTEMPTS {
            redis.process = redis.run();
            if redis.process.is_some() {
                return Some(redis);
            }
            redis.port = free_port();
        }
        panic!("Redis does not start");
    }

    /// How to connect to it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Kills it, at once and without a word.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again, after [`kill`](Self::kill), on the same port and with what it had written.
    pub fn restart(&mut self) {
        for _ in 0..ATTEMPTS {
            self.process = self.run();
            if self.process.is_some() {
                return;
            }
        }
        panic!("Redis does not start again");
    }

    fn run(&self) -> Option<Process> {
        let mut command = self.directory.command(&self.server);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        command.arg("--dir").arg(self.directory.path());
        command.args([
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
        ]);
        command.args(["--maxmemory-policy", "noeviction"]);
        command.args(&self.settings);
        Process::start(&mut command, Stdio::null(), || is_ready(self.port))
    }
}

fn is_ready(port: u16) -> bool {
    let mut answer = [0; 5];
    TcpStream::connect(("127.0.0.1", port))
        .and_then(|mut stream| {
            stream.write_all(b"PING\r\n")?;
            stream.read_exact(&mut answer)
        })
        .is_ok_and(|()| answer == *b"+PONG")
}

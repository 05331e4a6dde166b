//! A server's process.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts it, and waits until it is ready. `None` if it ends before that.
    pub(crate) fn start(
        command: &mut Command,
        log: Stdio,
        is_ready: impl Fn() -> bool,
    ) -> Option<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
        let begun = Instant::now();
        while !is_ready() {
            if matches!(child.try_wait(), Ok(Some(_))) {
                return None;
            }
            assert!(begun.elapsed() < PATIENCE, "{command:?} does not get ready");
            thread::sleep(Duration::from_millis(20));
        }
        Some(Self(child))
    }

    /// Its children.
    pub(crate) fn children(&self) -> Vec<u32> {
        let pid = self.0.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        children
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect()
    }

    /// Kills it and its children, and waits until they are gone.
    pub(crate) fn kill(&mut self) {
        let children = self.children();
        let _ = self.0.kill();
        let _ = self.0.wait();
        for child in &children {
            kill(*child);
        }
        let begun = Instant::now();
        let is_running = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
        };
        while children.iter().any(is_running) {
            assert!(begun.elapsed() < PATIENCE, "killed processes go on running");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills a process, at once and without a word.
pub(crate) fn kill(pid: u32) {
    // It may be gone already.
    let _ = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// A port that nobody uses now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap_or_else(|error| panic!("no free port: {error}"))
        .port()
}

//! A server for one test: the one that is there for all, or its own.

use std::{
    env,
    io::Write as _,
    sync::{Mutex, PoisonError},
};

use crate::{Postgres, Redis};

/// A server that a test may use, next to others, and must not stop.
#[derive(Debug)]
pub struct Lease {
    url: String,
    _own: Option<Own>,
}

#[derive(Debug)]
enum Own {
    Postgres { _server: Postgres },
    Redis { _server: Redis },
}

impl Lease {
    /// PostgreSQL: that of `TEST_POSTGRES_URL`, or a new one; `None` if there is none to start.
    pub fn postgres() -> Option<Self> {
        Self::of("TEST_POSTGRES_URL", || {
            let server = Postgres::start()?;
            Some((server.url(), Own::Postgres { _server: server }))
        })
    }

    /// Redis: that of `TEST_REDIS_URL`, or a new one; `None` if there is none to start.
    pub fn redis() -> Option<Self> {
        Self::of("TEST_REDIS_URL", || {
            let server = Redis::start()?;
            Some((server.url(), Own::Redis { _server: server }))
        })
    }

    /// How to connect to it.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn of(variable: &str, start: impl FnOnce() -> Option<(String, Own)>) -> Option<Self> {
        if let Ok(url) = env::var(variable)
            && !url.is_empty()
        {
            return Some(Self { url, _own: None });
        }
        let (url, own) = start()?;
        Some(Self {
            url,
            _own: Some(own),
        })
    }
}

/// Says that tests are skipped for want of a server (`PostgreSQL`, `Redis`), once for each process, past what captures the
/// output of tests. Fails instead if `REQUIRE_SERVERS` is set.
pub fn skip(server: &'static str) {
    static SAID: Mutex<Vec<&str>> = Mutex::new(Vec::new());

    let text = format!(
        "no {server} to test with: none of its programs is on this machine, and TEST_{}_URL names no server",
        if server == "PostgreSQL" {
            "POSTGRES"
        } else {
            "REDIS"
        }
    );
    assert!(env::var_os("REQUIRE_SERVERS").is_none(), "{text}");
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&server) {
        said.push(server);
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: {text}\n");
    }
}

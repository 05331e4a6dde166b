//! The program: a token that it has issued is good after it and Redis have been killed, and one that it has revoked is not.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use tempfile::TempDir;
use throwaway::Redis;

const MACHINE: &str = "demo-machine:machine-secret-for-trying-out";
const API: &str = "demo-api:api-secret-for-trying-out";

/// The program, until it is dropped.
struct Running {
    child: Child,
    issuer: String,
}

impl Running {
    fn start(redis: &Redis, directory: &TempDir) -> Self {
        let mut child = program(&redis.url(), "127.0.0.1:0")
            .current_dir(directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let issuer = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix("ready: ")?.to_owned()));
        Self {
            child,
            issuer: issuer.unwrap(),
        }
    }

    async fn post(&self, path: &str, client: &str, form: &str) -> Value {
        let request = http::Request::post(format!("{}{path}", self.issuer))
            .header(
                "authorization",
                format!("Basic {}", STANDARD.encode(client)),
            )
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.as_bytes().to_vec())
            .unwrap();
        let answer = test_client::http(request).await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        serde_json::from_slice(answer.body()).unwrap_or_default()
    }

    async fn issue(&self) -> String {
        let form = "grant_type=client_credentials";
        let issued = self.post("/token", MACHINE, form).await;
        issued["access_token"].as_str().unwrap().to_owned()
    }

    async fn is_active(&self, token: &str) -> bool {
        let told = self
            .post("/introspect", API, &format!("token={token}"))
            .await;
        told["active"].as_bool().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(url: &str, address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-store"));
    command.args([url, address]);
    command
}

#[tokio::test]
async fn tokens_are_what_they_were_after_all_has_been_killed() {
    let Some(mut redis) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let directory = TempDir::new().unwrap();
    let running = Running::start(&redis, &directory);
    let (kept, revoked) = (running.issue().await, running.issue().await);
    running
        .post("/revoke", MACHINE, &format!("token={revoked}"))
        .await;
    drop(running);
    redis.kill();
    redis.restart();
    let running = Running::start(&redis, &directory);
    assert!(running.is_active(&kept).await);
    assert!(!running.is_active(&revoked).await);
}

#[test]
fn a_server_that_would_lose_something_is_refused_in_plain_words() {
    let Some(redis) = Redis::start_with(&["--appendfsync", "everysec"]) else {
        return throwaway::skip("Redis");
    };
    // An address that it does not come to.
    let output = program(&redis.url(), "nowhere").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("`appendfsync` is \"everysec\" and must be \"always\""),
        "{said}"
    );
}

//! The program for load generators answers as it says, over each store that needs nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

struct Target {
    process: Child,
    address: String,
}

impl Target {
    fn start(store: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_target"))
            .args(["--port", "0", "--store", store])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines
            .map(Result::unwrap)
            .find(|line| line.starts_with("ready:"));
        let (_, address) = ready.as_deref().unwrap().split_once("http://").unwrap();
        let address = address.to_owned();
        Self { process, address }
    }

    fn ask(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn post(&self, path: &str, form: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Basic ZGVtbzpkZW1vLXNlY3JldA==\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn resource(&self, token: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET /resource HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn every_flow_works_at_the_target() {
    let directory = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", directory.path().join("target.db").display());
    for store in ["memory", &file] {
        let target = Target::start(store);
        let issued = target.post("/token", "grant_type=client_credentials");
        let token = issued["access_token"].as_str().unwrap();
        let told = target.post("/introspect", &format!("token={token}"));
        assert_eq!(told["active"], true);
        assert!(target.resource(token).contains(r#"{"message":"hello"}"#));
        assert!(target.resource("x").starts_with("HTTP/1.1 401 "));

        let codes = target.ask("GET /perf/codes?n=3", "");
        assert_eq!(codes.lines().count(), 3);
        for line in codes.lines() {
            let (code, verifier) = line.split_once(' ').unwrap();
            let tokens = target.post(
                "/token",
                &format!(
                    "grant_type=authorization_code&code={code}&code_verifier={verifier}&redirect_uri=https://demo.example/callback"
                ),
            );
            let refresh = tokens["refresh_token"].as_str().unwrap();
            let next = target.post(
                "/token",
                &format!("grant_type=refresh_token&refresh_token={refresh}"),
            );
            assert_ne!(next["refresh_token"], tokens["refresh_token"]);
            assert!(
                target
                    .resource(next["access_token"].as_str().unwrap())
                    .starts_with("HTTP/1.1 200 ")
            );
        }
    }
}

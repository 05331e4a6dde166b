//! Servers start, die and come back, and their absence is not passed over in silence.

use std::process::Command;

use throwaway::{Postgres, Redis, skip};

#[test]
fn postgres_is_killed_and_comes_back() {
    let Some(mut server) = Postgres::start() else {
        return skip("PostgreSQL");
    };
    let url = server.url();
    server.kill();
    assert!(server.backends().is_empty());
    server.restart();
    assert_eq!(server.url(), url);
    assert!(server.data().join("PG_VERSION").exists() || server.data().exists());
}

#[test]
fn redis_is_killed_and_comes_back() {
    let Some(mut server) = Redis::start() else {
        return skip("Redis");
    };
    let url = server.url();
    server.kill();
    server.restart();
    assert_eq!(server.url(), url);
}

/// The program is run where it finds no server, and runs its command all the same.
#[test]
fn what_is_skipped_is_said_loudly() {
    let run = |required: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throwaway"));
        command
            .args(["/bin/sh", "-c", "echo the command ran"])
            .env("PATH", "/nowhere")
            .env("NO_SYSTEM_SERVERS", "1")
            .env_remove("TEST_POSTGRES_URL")
            .env_remove("TEST_REDIS_URL")
            .env_remove("REQUIRE_SERVERS");
        if required {
            command.env("REQUIRE_SERVERS", "1");
        }
        command.output().unwrap()
    };
    let output = run(false);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"the command ran\n");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("*** SKIPPED: no PostgreSQL"), "{said}");
    assert!(said.contains("*** SKIPPED: no Redis"), "{said}");
    assert!(
        said.contains("TEST_POSTGRES_URL") && said.contains("TEST_REDIS_URL"),
        "{said}"
    );

    let output = run(true);
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

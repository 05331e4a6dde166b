//! Runs a command with a PostgreSQL and a Redis server that live as long as it does: `throwaway cargo test`.

use std::process::{Command, ExitCode};

use throwaway::{Lease, skip};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: throwaway COMMAND [ARGUMENT]...");
        return ExitCode::FAILURE;
    };
    let mut command = Command::new(program);
    command.args(arguments);
    let servers = [
        ("PostgreSQL", "TEST_POSTGRES_URL", Lease::postgres()),
        ("Redis", "TEST_REDIS_URL", Lease::redis()),
    ];
    for (name, variable, server) in &servers {
        match server {
            Some(server) => _ = command.env(variable, server.url()),
            None => skip(name),
        }
    }
    match command.status() {
        Ok(status) => match status.code() {
            Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            None => ExitCode::FAILURE,
        },
        Err(error) => {
            eprintln!("{command:?} cannot be run: {error}");
            ExitCode::FAILURE
        }
    }
}

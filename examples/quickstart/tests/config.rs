//! The program refuses a bad file with its line and what would be right, and shows no secret of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use common::Place;
use tokio::process::Command;

struct Ended {
    succeeded: bool,
    said: String,
}

async fn run(place: &Place, arguments: &[&str]) -> Ended {
    let ended = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .args(["--listen", "127.0.0.1:0", "--store", "memory"])
        .args(arguments)
        .current_dir(place.path())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(common::place::PATIENCE, ended)
        .await
        .expect("a program that does not begin to serve")
        .expect("the program");
    Ended {
        succeeded: ended.status.success(),
        said: [ended.stdout, ended.stderr]
            .map(|output| String::from_utf8(output).expect("text"))
            .concat(),
    }
}

#[tokio::test]
async fn bad_files_are_refused_with_file_and_line() {
    const SECRET: &str = "hunter2";
    for (text, line, right) in [
        (
            "\n[policy]\ncode_lifetime = \"x\"",
            3,
            "whole number of seconds",
        ),
        (
            "[[user]]\nusername = \"a\"\npasword = \"hunter2\"",
            3,
            "expected `username` or `password`",
        ),
        (
            "[[user]]\nusername = \"a\"\npassword = hunter2",
            3,
            "string values must be quoted",
        ),
        ("[[user]]\nusername = \"a\"\npassword = \"hunter2", 3, "\""),
        (
            "[[user]]\nusername = \"a\"\npassword = [\"hunter2\"]",
            3,
            "in quotes",
        ),
        ("[[user]]\nusername = \"a\"\npassword = \"\"", 3, "password"),
        (
            "[[client]]\nclient_id = \"a\"\nclient_secret = \"\"",
            3,
            "client_secret",
        ),
        ("user = \"hunter2\"", 1, "[[user]]"),
        (
            "[[user]]\nusername = [\"hunter2\"]\npassword = \"x\"",
            2,
            "expected a string",
        ),
        (
            "[[user]]\nusername = \"a\"\npassword = \"hunter2\"\n\n[[user]]\nusername = \"a\"\npassword = \"x\"",
            6,
            "twice",
        ),
        (
            "[[resource]]\npath = \"/x\"\nscope = \"a\"\n[[resource]]\npath = \"/x\"\nscope = \"b\"",
            5,
            "twice",
        ),
        (
            "issuer = \"http://127.0.0.1/tenant\"\n[[resource]]\npath = \"/tenant/token\"\nscope = \"a\"",
            3,
            "taken",
        ),
    ] {
        let place = Place::new(text);
        let ended = run(&place, &["--config", "quickstart.toml"]).await;
        let said = &ended.said;
        assert!(!ended.succeeded, "{text}");
        assert!(
            said.starts_with(&format!("quickstart: quickstart.toml:{line}: ")),
            "{text}: {said}"
        );
        assert!(said.contains(right), "{text}: {said}");
        assert!(!said.contains(SECRET), "{text}: {said}");
        assert_eq!(said.lines().count(), 1, "{text}: {said}");
    }
}

/// A number is a secret too, if it stands where a secret belongs.
#[tokio::test]
async fn secrets_without_quotes_are_not_shown() {
    for value in ["31415926", "3.1415926", "true", "1979-05-27"] {
        for key in ["client_id = \"a\"\nclient_secret", "client_id"] {
            let place = Place::new(&format!("[[client]]\n{key} = {value}\n"));
            let ended = run(&place, &["--config", "quickstart.toml"]).await;
            assert!(!ended.succeeded);
            assert!(ended.said.starts_with("quickstart: quickstart.toml:"));
            assert!(!ended.said.contains(value), "{}", ended.said);
        }
    }
}

#[tokio::test]
async fn a_bad_key_file_is_refused_and_kept() {
    const WRONG: &str = "an operator secret is 32 bytes, as 64 hexadecimal digits or as base64";
    let good = "7f".repeat(32);
    for (config, arguments, file, right) in [
        ("", &["--secret-key-file", "bad.key"][..], "bad.key", WRONG),
        ("secret_key_file = \"bad.key\"", &[], "bad.key", WRONG),
        (
            "secret_key_file = \"good.key\"\nsecret_key_files_previous = [\"bad.key\"]",
            &[],
            "bad.key",
            WRONG,
        ),
        // The flag takes precedence over the file, and a previous key file must exist.
        (
            "secret_key_file = \"good.key\"",
            &["--secret-key-file", "bad.key"],
            "bad.key",
            WRONG,
        ),
        (
            "secret_key_file = \"good.key\"\nsecret_key_files_previous = [\"missing.key\"]",
            &[],
            "missing.key",
            "No such file",
        ),
    ] {
        let place = Place::new(config);
        std::fs::write(place.path().join("good.key"), &good).unwrap();
        std::fs::write(place.path().join("bad.key"), "hunter2\n").unwrap();
        let arguments = [&["--config", "quickstart.toml"], arguments].concat();
        let ended = run(&place, &arguments).await;
        let said = &ended.said;
        assert!(!ended.succeeded && said.contains(file), "{config}: {said}");
        assert!(said.contains(right), "{config}: {said}");
        assert!(!said.contains("hunter2"), "{config}: {said}");
        assert_eq!(said.lines().count(), 1, "{config}: {said}");
        let kept = std::fs::read_to_string(place.path().join("bad.key")).unwrap();
        assert_eq!(kept, "hunter2\n");
        assert!(!place.path().join("missing.key").exists());
    }
}

#[tokio::test]
async fn arguments_are_refused_with_what_would_be_right() {
    let place = Place::new("");
    for (arguments, right) in [
        (["--config", "missing.toml"], "missing.toml: "),
        (["--listen", "nowhere"], "'--listen <ADDRESS>'"),
    ] {
        let ended = run(&place, &arguments).await;
        assert!(
            !ended.succeeded && ended.said.contains(right),
            "{}",
            ended.said
        );
    }
}

//! The configuration file, and the arguments.

use super::{
    applications::{Everydo, Pigai},
    place::{CONFIG, run, start},
    wire::{get, post, send},
};
use tokio::process::Command;

/// What the program says when it does not start.
async fn refused(arguments: &[&str], config: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("providers.toml"), config).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_providers"))
        .args(arguments)
        .args(["--config", "providers.toml"])
        .current_dir(directory.path())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(super::place::PATIENCE, output)
        .await
        .expect("a program that ends")
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn what_does_not_fit_is_said_with_its_line() {
    let client = "[[client]]\nclient_id = \"a\"\nclient_secret = \"hunter2\"\n";
    for (provider, more, line, says) in [
        (
            "liuyuan",
            "jsonp_hosts = [\"a.example\"]",
            4,
            "with dialect = true",
        ),
        (
            "liuyuan",
            "dialect = true\njsonp_hosts = [\"a.example\"]",
            1,
            "has no JSONP",
        ),
        (
            "pigai",
            "dialect = true\njsonp_hosts = [\"http://a.example/\"]",
            5,
            "a host is a name",
        ),
        (
            "minapp",
            "dialect = true\ngrant_types = [\"password\"]",
            1,
            "minapp has no grant password",
        ),
        (
            "everydo",
            "dialect = true\ngrant_types = [\"x\"]",
            5,
            "password and implicit",
        ),
        ("everydo", "dialect = \"yes\"", 4, "boolean"),
        ("liuyuan", "dialect = true", 1, "at least one redirect URI"),
        (
            "liuyuan",
            "dialect = false\nredirect_uris = [\"http://a.example/\"]",
            5,
            "https",
        ),
    ] {
        let said = refused(&[provider], &format!("{client}{more}\n")).await;
        assert!(
            said.starts_with(&format!("providers: providers.toml:{line}: ")) && said.contains(says),
            "{more}: {said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    for (arguments, says) in [
        (&["pigai", "--oc"][..], "for everydo"),
        (&["everydo", "--wo"], "--authorization-server"),
        (
            &[
                "everydo",
                "--wo",
                "--authorization-server",
                "http://oc.example",
            ],
            "loopback",
        ),
        (&["all"], "there are five"),
        (&["nobody"], "pigai, liuyuan, proauth, minapp, everydo, all"),
    ] {
        let said = refused(arguments, "issuer = \"http://127.0.0.1:9001\"\n").await;
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn lifetimes_are_the_providers_unless_the_file_says_otherwise() {
    let client = |more: &str| format!("{CONFIG}{more}");
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "2"),
        ("client_secret", "the secret of 2"),
    ];
    for (config, seconds) in [
        (client(""), 7200),
        (client("access_token_lifetime = 60"), 60),
        (
            CONFIG.replace("[policy]", "[policy]\naccess_token_lifetime = 90"),
            90,
        ),
    ] {
        let server = start("pigai", &config).await;
        let answer = post(&server.url("/oauth2/access_token"), &fields).await;
        assert_eq!(answer.json()["expires_in"], seconds);
    }
}

#[tokio::test]
async fn all_five_are_served_at_once() {
    let server = run(&["all"], Some(CONFIG)).await;
    let names = ["pigai", "liuyuan", "proauth", "minapp", "everydo"];
    for (line, name) in server.ready.iter().zip(names) {
        assert!(
            line.ends_with(&format!("store memory, provider {name}")),
            "{line}"
        );
        let (_, rest) = line.split_once("listening on ").unwrap();
        let base = rest.split(',').next().unwrap();
        let answer = get(&format!(
            "{base}/.well-known/oauth-authorization-server/strict"
        ))
        .await;
        assert_eq!(answer.status, 200);
    }
    let token = Pigai.tokens(&server).await.text("access_token");
    assert_eq!(send(Pigai.call(&server, &token)).await.status, 200);
}

#[tokio::test]
async fn the_store_may_be_a_file() {
    let server = run(&["everydo", "--store", "sqlite:records.db"], Some(CONFIG)).await;
    let token = Everydo.tokens(&server).await.text("access_token");
    assert_eq!(send(Everydo.call(&server, &token)).await.status, 200);
}

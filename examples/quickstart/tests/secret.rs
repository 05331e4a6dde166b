//! The operator secret: generated once, kept in a file, and replaced without logging anybody out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers included"
)]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use common::{ALICE, CONFIG, Place, Quickstart, Store, Visitor, application::refused, web};

/// The issuer stays the same when the program restarts on another port.
const ISSUER: &str = "issuer = \"http://127.0.0.1:8080\"\n";

/// A user who is signed in and has allowed a client.
struct User {
    visitor: Visitor,
    refresh: String,
}

impl User {
    async fn new(server: &Quickstart) -> Self {
        let mut visitor = Visitor::new(server);
        let begun = web().begin(server, "read", &[]);
        let returned = visitor.allow(&begun, ALICE).await;
        let tokens = web().finish(server, &begun, &returned).await.unwrap();
        Self {
            visitor,
            refresh: tokens.refresh.unwrap(),
        }
    }

    fn moved_to(self, server: &Quickstart) -> Self {
        Self {
            visitor: self.visitor.moved_to(server),
            ..self
        }
    }

    async fn is_signed_in(&mut self) -> bool {
        let page = self.visitor.open("/connections").await;
        page.heading() == "Connected applications"
    }

    /// Refreshes, and keeps the new token.
    async fn refreshes(&mut self, server: &Quickstart) {
        let tokens = web().refresh(server, &self.refresh, None).await.unwrap();
        self.refresh = tokens.refresh.unwrap();
    }
}

/// Writes a configuration with these first lines.
fn configure(place: &Place, lines: &str) {
    fs::write(place.config(), format!("{ISSUER}{lines}\n{CONFIG}")).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_key_is_made_once_beside_the_database() {
    let place = Place::new("");
    configure(&place, "");
    let server = place.start(Store::Sqlite).await;
    let mut user = User::new(&server).await;
    server.kill().await;
    let file = place.path().join("records.db.key");
    let key = fs::read_to_string(&file).unwrap();
    assert_eq!(key.trim_end().len(), 64);
    assert_eq!(mode(&file), 0o600);

    let server = place.start(Store::Sqlite).await;
    user = user.moved_to(&server);
    assert!(user.is_signed_in().await);
    user.refreshes(&server).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), key);
}

#[tokio::test]
async fn a_store_in_memory_leaves_no_file() {
    let place = Place::new(CONFIG);
    let _server = place.start(Store::Memory).await;
    let mut names: Vec<PathBuf> = fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into())
        .collect();
    names.sort();
    assert_eq!(names, [Path::new("log"), Path::new("quickstart.toml")]);
}

#[tokio::test]
async fn a_replaced_key_logs_nobody_out() {
    let place = Place::new("");
    configure(&place, "secret_key_file = \"old.key\"");
    let server = place.start(Store::Sqlite).await;
    let mut user = User::new(&server).await;
    server.kill().await;

    // The new key is accepted before it is used, as several processes over one database need it.
    fs::write(place.path().join("new.key"), "7f".repeat(32)).unwrap();
    let both = "secret_key_file = \"old.key\"\nsecret_key_files_previous = [\"new.key\"]";
    configure(&place, both);
    let server = place.start(Store::Sqlite).await;
    user = user.moved_to(&server);
    assert!(user.is_signed_in().await);
    user.refreshes(&server).await;
    server.kill().await;

    let both = "secret_key_file = \"new.key\"\nsecret_key_files_previous = [\"old.key\"]";
    configure(&place, both);
    let server = place.start(Store::Sqlite).await;
    user = user.moved_to(&server);
    assert!(user.is_signed_in().await);
    user.refreshes(&server).await;
    server.kill().await;

    // The refresh token still works without the old key. The session was signed with it, and ends.
    configure(&place, "secret_key_file = \"new.key\"");
    let server = place.start(Store::Sqlite).await;
    user = user.moved_to(&server);
    user.refreshes(&server).await;
    assert!(!user.is_signed_in().await);
}

/// Without its key, a session is no longer valid. The grant does not end.
#[tokio::test]
async fn a_lost_key_ends_sessions_and_no_grant() {
    let place = Place::new("");
    configure(&place, "secret_key_file = \"old.key\"");
    let server = place.start(Store::Sqlite).await;
    let mut user = User::new(&server).await;
    server.kill().await;

    configure(&place, "secret_key_file = \"new.key\"");
    let server = place.start(Store::Sqlite).await;
    user = user.moved_to(&server);
    assert!(!user.is_signed_in().await);
    server.kill().await;

    configure(&place, "secret_key_file = \"old.key\"");
    let server = place.start(Store::Sqlite).await;
    user = user.moved_to(&server);
    user.refreshes(&server).await;
}

/// Two issuers over one store do not see each other's records, unless they use the same namespace.
#[tokio::test]
async fn a_namespace_is_the_issuer_or_what_is_said() {
    let place = Place::new("");
    configure(&place, "secret_key_file = \"the.key\"");
    let server = place.start(Store::Sqlite).await;
    let mut user = User::new(&server).await;
    server.kill().await;
    for (namespace, is_found) in [("", false), ("namespace = \"http://127.0.0.1:8080\"", true)] {
        let moved = format!(
            "issuer = \"http://127.0.0.1:8081\"\nsecret_key_file = \"the.key\"\n{namespace}\n{CONFIG}"
        );
        fs::write(place.config(), moved).unwrap();
        let server = place.start(Store::Sqlite).await;
        user = user.moved_to(&server);
        assert_eq!(user.is_signed_in().await, is_found, "{namespace}");
        if is_found {
            user.refreshes(&server).await;
        } else {
            let denied = web().refresh(&server, &user.refresh, None).await;
            assert_eq!(refused(denied), "invalid_grant");
        }
        server.kill().await;
    }
}

//! The namespace of a server: the issuer by default, and a warning if the store has only records of
//! others.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers included"
)]

mod common;

use std::{
    io,
    sync::{Arc, Mutex},
};

use common::{OPERATOR_SECRET, SeededEntropy, TestClock, clients, clients::MACHINE, flow::from};
use oauth_core::{
    AuthorizationServer,
    operator_secret::OperatorSecret,
    store::{Realm, StaticClients},
    token::PresentedToken,
    types::{Issuer, Secret},
};
use oauth_storage_memory::MemoryStore;
use tracing_subscriber::fmt::MakeWriter;

/// What went into the log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn server(store: &MemoryStore, issuer: &str, namespace: Option<&str>) -> AuthorizationServer {
    let builder = AuthorizationServer::builder(
        Issuer::new(issuer).unwrap(),
        Arc::new(store.clone()),
        Arc::new(clients::all().into_iter().collect::<StaticClients>()),
        Arc::new(TestClock::default()),
        Arc::new(SeededEntropy::from_seed(issuer.len() as u64)),
    )
    .operator_secret(OperatorSecret::from_bytes(OPERATOR_SECRET));
    let builder = match namespace {
        Some(name) => builder.realm(Realm::new(name)),
        None => builder,
    };
    builder.build().unwrap()
}

async fn token(server: &AuthorizationServer) -> Secret {
    let request = from(MACHINE, &[("grant_type", "client_credentials")]);
    server.token(&request).await.unwrap().access_token
}

/// Whether the server knows the token.
async fn knows(server: &AuthorizationServer, token: &Secret) -> bool {
    let presented = PresentedToken::bearer(token.clone());
    server.validate(&presented).await.unwrap().is_some()
}

#[tokio::test]
async fn an_issuer_finds_its_own_records_and_is_warned_if_there_are_only_others() {
    const OLD: &str = "https://old.example";
    const NEW: &str = "https://new.example";
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let store = MemoryStore::default();
    let old = server(&store, OLD, None);
    let issued = token(&old).await;
    assert_eq!(lines.take(), "", "the first issuer of a store");

    // Under another name it finds nothing, and says why: once, and before anything of its own is there.
    let renamed = server(&store, NEW, None);
    assert!(!knows(&renamed, &issued).await);
    let request = from(MACHINE, &[("token", issued.expose())]);
    renamed.revoke(&request).await.unwrap();
    let warning = lines.take();
    assert!(
        warning.contains(OLD) && warning.contains("name the former one as its namespace"),
        "{warning}"
    );
    token(&renamed).await;
    assert!(knows(&old, &issued).await);
    assert_eq!(lines.take(), "", "once");

    // With its former namespace it goes on.
    let named = server(&store, "https://third.example", Some(OLD));
    assert!(knows(&named, &issued).await);
    named.revoke(&request).await.unwrap();
    assert!(!knows(&old, &issued).await);
    // Two issuers over one store are no mistake once both have records.
    for issuer in [OLD, NEW] {
        token(&server(&store, issuer, None)).await;
    }
    assert_eq!(lines.take(), "");
}

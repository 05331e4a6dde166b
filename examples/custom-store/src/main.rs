//! A store written from nothing: an append-only file, and a table in memory that is what the file says.
//!
//! ```text
//! cargo run -p custom-store [ADDRESS [DIRECTORY]]        # 127.0.0.1:8080 and ./oauth-records if none are given
//! ```
//!
//! It prints what to try. Stop it in any way, also with `kill -9`, start it again, and every token is still what it was.
//!
//! Four methods make a [`Store`](oauth_core::store::Store), and one idea carries this one: **a commit is first turned into a list
//! of plain changes** ("this row is now so", "that row is gone"), by a function that only looks. Then the list is written to the
//! file, in one piece that is there as a whole or not at all. Then it is applied to the table. Whoever reads the file again
//! applies the same changes and has the same table. No rule is needed for that, so none can differ.
//!
//! | here | is | sentences of the contract |
//! |---|---|---|
//! | `store` | the four methods, and who waits for whom | no stale reads, one winner, a dropped future |
//! | `plan` | a commit, turned into changes or refused | expectations, families, pruning |
//! | `table` | rows, in memory, and two indexes | listing, forgetting |
//! | `log` | the file | all or nothing, there after a restart |
//!
//! The sentences are those of [`oauth_core::store`], quoted where they are kept. The tests run all of them: see
//! `oauth_storage_conformance`. A store of your own begins with that line in its tests.
//!
//! What this store is not: fast. Every commit waits for the disk alone, and everything has to fit into memory.

mod log;
mod plan;
mod store;
mod table;
#[cfg(test)]
mod tests;

use std::error::Error;

use axum::Router;
use oauth_core::{
    client::{Client, ClientAuthentication, ClientSecrets},
    grant::GrantType,
    operator_secret::OperatorSecret,
    store::{Realm, StaticClients},
    types::{ClientId, Issuer, SecretDigest},
};
use oauth_tower::{NoUsers, OAuth, operator_secret};
use tokio::net::TcpListener;

use crate::store::FileStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next();
    let directory = arguments.next();
    let directory = directory.as_deref().unwrap_or("oauth-records");
    let store = FileStore::open(directory)?;
    // Beside the records, not among them, so that a copy of the records does not include the
    // secret.
    let secret = operator_secret::from_file(format!("{directory}.key"))?;
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    let issuer = Issuer::new(&format!("http://{}", listener.local_addr()?))?;
    let app = app(issuer.clone(), store, secret)?;
    println!("{}", what_to_try(&issuer));
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            if let Err(error) = tokio::signal::ctrl_c().await {
                eprintln!("ctrl-c does not work here: {error}");
                std::future::pending::<()>().await;
            }
        })
        .await?;
    Ok(())
}

/// A server over the store, mounted in axum.
fn app(issuer: Issuer, store: FileStore, secret: OperatorSecret) -> Result<Router, Box<dyn Error>> {
    let secrets = ClientSecrets::new(SecretDigest::of("machine-secret"));
    let machine = Client::confidential(
        ClientId::new("machine")?,
        ClientAuthentication::SecretBasic(secrets),
    )
    .grant_types([GrantType::CLIENT_CREDENTIALS])
    .scope("read".parse()?)
    .build()?;
    let clients: StaticClients = [machine].into_iter().collect();
    let server = oauth_tower::server(issuer, store, clients)
        .without_grant(&GrantType::AUTHORIZATION_CODE)
        .without_grant(&GrantType::REFRESH_TOKEN)
        .operator_secret(secret)
        // By default the namespace is the issuer, so each address would have records of its own.
        .realm(Realm::new("custom-store"))
        .build()?;
    Ok(Router::new().fallback_service(OAuth::new(server, NoUsers).service()))
}

fn what_to_try(issuer: &Issuer) -> String {
    format!(
        "Ready at {issuer}. Ctrl-C ends it.

Get a token:
  curl -u machine:machine-secret -d grant_type=client_credentials {token}
Look at it, now and after a restart:
  curl -u machine:machine-secret -d token=THE-TOKEN {introspect}
Revoke it:
  curl -u machine:machine-secret -d token=THE-TOKEN {revoke}
",
        token = issuer.endpoint("/token"),
        introspect = issuer.endpoint("/introspect"),
        revoke = issuer.endpoint("/revoke"),
    )
}

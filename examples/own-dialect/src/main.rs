//! The wire format of a provider that exists nowhere else, as a table in a crate of one's own.
//!
//! ```text
//! cargo run -p own-dialect [ADDRESS]        # 127.0.0.1:8080 if none is given
//! ```
//!
//! It prints what to open and what to paste. All of the format is in `lantern`: a table of what differs from the standard, and the few
//! functions that the table names. What is here is what every server needs: clients, users, a store.

mod lantern;
#[cfg(test)]
mod tests;

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use axum::Router;
use oauth_core::{
    client::{Client, ClientAuthentication, ClientSecrets},
    store::StaticClients,
    types::{ClientId, Issuer, Secret, SecretDigest, Subject},
};
use oauth_storage_memory::MemoryStore;
use oauth_tower::{
    BoxError, Interactions,
    dialect::Dialects,
    operator_secret,
    ui::{Accounts, Ui},
};
use tokio::net::TcpListener;

use crate::lantern::LANTERN;

const BACK: &str = "http://127.0.0.1:9/back";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    let issuer = Issuer::new(&format!("http://{}", listener.local_addr()?))?;
    println!("{}", what_to_try(&issuer));
    axum::serve(listener, app(issuer)?).await?;
    Ok(())
}

fn what_to_try(issuer: &Issuer) -> String {
    format!(
        r#"Open this, and sign in as reader with the password "lamp"; the ticket is in the address where it ends:
  {}?app=shelf-app&back={BACK}&badge=7
  curl -H 'Content-Type: application/json' -d '{{"app":"shelf-app","key":"shelf-key","deal":"pass","back":"{BACK}","ticket":"THE-TICKET"}}' {}
  curl -H 'X-Lantern-Pass: THE-PASS' {}
"#,
        issuer.endpoint("/door"),
        issuer.endpoint("/counter"),
        issuer.endpoint("/shelf"),
    )
}

/// A server that speaks the dialect, and nothing else.
fn app(issuer: Issuer) -> Result<Router, Box<dyn Error>> {
    let clients: StaticClients = [client()?].into_iter().collect();
    let builder = oauth_tower::server(issuer, MemoryStore::default(), clients.clone());
    let server = LANTERN
        .server(builder)
        .operator_secret(operator_secret::generate()?)
        .build()?;
    let interactions = Interactions::new(server.clone()).respond_with(LANTERN.authorize.respond);
    let pages = Ui::new(server.clone(), Readers, Arc::new(clients)).interactions(interactions);
    let dialects = Dialects::new(&LANTERN, server, pages);
    Ok(Router::new().fallback_service(dialects.service()))
}

fn client() -> Result<Client, Box<dyn Error>> {
    let secrets = ClientSecrets::new(SecretDigest::of("shelf-key"));
    let authentication = ClientAuthentication::SecretPost(secrets);
    let client = Client::confidential(ClientId::new("shelf-app")?, authentication)
        .name("Shelf")
        .redirect_uri(BACK)
        .dangerous_pkce_optional();
    Ok(LANTERN.client(client).build()?)
}

/// The readers of the library: one.
struct Readers;

#[async_trait]
impl Accounts for Readers {
    async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
    ) -> Result<Option<Subject>, BoxError> {
        let is_right = SecretDigest::of("lamp").matches(password);
        Ok((username == "reader" && is_right)
            .then(|| Subject::new("reader"))
            .transpose()?)
    }
}

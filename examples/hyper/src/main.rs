//! An authorization server on hyper, without a framework.
//!
//! ```text
//! cargo run -p hyper-example [ADDRESS]        # 127.0.0.1:8080 if none is given
//! ```
//!
//! It prints what to try with it. Ctrl-C finishes what is in flight.
//!
//! | here | is |
//! |---|---|
//! | [`app`] | the server, the clients and the pages, put together as one tower service |
//! | [`serve`] | hyper: accepts connections, and closes them gracefully |
//! | `pages` | the host: one page, on which a user signs in and decides |
//!
//! Everything is kept in memory, and is gone when the program ends.

mod pages;
#[cfg(test)]
mod tests;

use std::{error::Error, pin::pin, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use oauth_core::{
    client::{Client, ClientAuthentication, ClientSecrets},
    grant::GrantType,
    store::StaticClients,
    types::{ClientId, Issuer, SecretDigest},
};
use oauth_storage_memory::MemoryStore;
use oauth_tower::{OAuth, OAuthService, operator_secret, throttle::Peer};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::pages::Pages;

/// How long a client may take to send the head of its request, and all of them together to have their answers at the end.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    let issuer = Issuer::new(&format!("http://{}", listener.local_addr()?))?;
    let app = app(issuer.clone())?;
    println!("{}", what_to_try(&issuer));
    serve(listener, app, async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("ctrl-c does not work here: {error}");
            std::future::pending::<()>().await;
        }
    })
    .await;
    Ok(())
}

/// The server, its clients and its pages as one tower service.
fn app(issuer: Issuer) -> Result<OAuthService, Box<dyn Error>> {
    let clients: StaticClients = [machine()?, app_on_a_device()?].into_iter().collect();
    let server = oauth_tower::server(issuer, MemoryStore::default(), clients)
        .operator_secret(operator_secret::generate()?)
        .build()?;
    let pages = Pages::new(server.clone());
    Ok(OAuth::new(server, pages).service())
}

/// A client that acts for itself.
fn machine() -> Result<Client, Box<dyn Error>> {
    let secrets = ClientSecrets::new(SecretDigest::of("machine-secret"));
    let authentication = ClientAuthentication::SecretBasic(secrets);
    Ok(
        Client::confidential(ClientId::new("machine")?, authentication)
            .grant_types([GrantType::CLIENT_CREDENTIALS])
            .scope("read".parse()?)
            .build()?,
    )
}

/// A client that acts for a user, and cannot keep a secret. It listens on a port of its own on the user's machine.
fn app_on_a_device() -> Result<Client, Box<dyn Error>> {
    Ok(Client::public(ClientId::new("app")?)
        .name("The Example App")
        .redirect_uri("http://127.0.0.1/callback")
        .scope("read write".parse()?)
        .build()?)
}

/// Serves until `shutdown`, then finishes what is in flight: it takes no more connections, closes those that wait for a
/// request, and lets the others have their answer.
async fn serve(listener: TcpListener, app: OAuthService, shutdown: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Most likely there are too many open files, which takes a moment to get better.
                    eprintln!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        // Wrong secrets are counted by address.
        let app = app
            .clone()
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer.ip()));
                request
            });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is no news.
            let _ = connection.await;
        });
    }
    drop(listener);
    // One that does not read its answer is not waited for.
    let _ = tokio::time::timeout(PATIENCE, connections.shutdown()).await;
}

fn what_to_try(issuer: &Issuer) -> String {
    format!(
        "Ready at {issuer}. Ctrl-C ends it.

A client that acts for itself:
  curl -u machine:machine-secret -d grant_type=client_credentials {token}

A client that acts for a user. Open this, sign in as alice with the password wonderland, and go on as the page says:
  {authorize}?response_type=code&client_id=app&redirect_uri={issuer}/callback&scope=read&code_challenge={challenge}&code_challenge_method=S256

What the server can do:
  curl {issuer}/.well-known/oauth-authorization-server
",
        token = issuer.endpoint("/token"),
        authorize = issuer.endpoint("/authorize"),
        challenge = pages::CHALLENGE,
    )
}

//! A grant type of one's own: a PIN that a kiosk shows is exchanged once for a token.
//!
//! A visitor scans a ticket at the kiosk in the hall. The kiosk shows a PIN of six digits, the visitor types it into the app on
//! their phone, and the app acts for them from then on. A PIN works once, for two minutes, and five guesses spoil it.
//!
//! ```text
//! cargo run -p own-grant [ADDRESS]        # 127.0.0.1:8080 if none is given
//! ```
//!
//! The terminal is the kiosk: every minute it shows a new PIN, with a curl line to try it.
//!
//! | here | is |
//! |---|---|
//! | `pin` | what is stored of a PIN |
//! | `kiosk` | the half that the host brings: showing a PIN |
//! | `grant` | the half at the token endpoint: exchanging it |
//!
//! Both halves are decisions: they say which records they need to see, and make a change of them that is guarded by the versions
//! that they have seen. That is all there is to single use. If two exchange the same PIN at once, one commit wins, and the other
//! decides again, about what is there then: no PIN.

mod grant;
mod kiosk;
mod pin;
#[cfg(test)]
mod tests;

use std::{error::Error, time::Duration};

use axum::Router;
use oauth_core::{
    AuthorizationServer,
    client::{Client, ClientAuthentication, ClientSecrets, Introspection, Lifetimes},
    error::Fault,
    grant::GrantType,
    server::Builder,
    store::StaticClients,
    types::{ClientId, Issuer, SecretDigest, Subject},
};
use oauth_storage_memory::MemoryStore;
use oauth_tower::{NoUsers, OAuth, operator_secret};
use tokio::net::TcpListener;

use crate::{
    grant::{KIOSK_PIN, KioskPinGrant},
    kiosk::Kiosk,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    let server = server(Issuer::new(&format!("http://{}", listener.local_addr()?))?)?.build()?;
    tokio::spawn(show_every_minute(server.clone()));
    axum::serve(listener, app(server))
        .with_graceful_shutdown(async {
            if let Err(error) = tokio::signal::ctrl_c().await {
                eprintln!("ctrl-c does not work here: {error}");
                std::future::pending::<()>().await;
            }
        })
        .await?;
    Ok(())
}

/// The kiosk in the hall, which visitors come to once a minute.
async fn show_every_minute(server: AuthorizationServer) {
    let issuer = server.issuer().clone();
    let kiosk = Kiosk::new(server, "hall");
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    for ticket in 1.. {
        minutes.tick().await;
        // Here the visitor's ticket is scanned.
        let shown = match Subject::new(format!("ticket-{ticket}")) {
            Ok(visitor) => kiosk.show(&visitor).await,
            Err(error) => Err(Fault::Extension(error.into())),
        };
        match shown {
            Ok(pin) => println!("{}", what_to_try(&issuer, &pin)),
            Err(fault) => eprintln!("No PIN for ticket {ticket}: {fault}"),
        }
    }
}

fn what_to_try(issuer: &Issuer, pin: &str) -> String {
    format!(
        "The kiosk shows the PIN {pin}. The app exchanges it:
  curl -d grant_type={KIOSK_PIN} -d client_id=museum-app -d kiosk=hall -d pin={pin} {}
and an exhibit asks whose token it was shown:
  curl -u exhibits:exhibits-secret -d token=THE-TOKEN {}
",
        issuer.endpoint("/token"),
        issuer.endpoint("/introspect"),
    )
}

/// The endpoints, mounted in axum.
fn app(server: AuthorizationServer) -> Router {
    Router::new().fallback_service(OAuth::new(server, NoUsers).service())
}

/// A server with this grant and no other, for the app of the museum and for the API that looks at its tokens.
fn server(issuer: Issuer) -> Result<Builder, Box<dyn Error>> {
    let app = Client::public(ClientId::new("museum-app")?)
        .grant_types([GrantType::new(KIOSK_PIN)])
        .scope("audio-guide map".parse()?)
        // About as long as a visit lasts.
        .lifetimes(Lifetimes::new().with_access_token(Duration::from_secs(4 * 60 * 60)))
        .build()?;
    let secrets = ClientSecrets::new(SecretDigest::of("exhibits-secret"));
    let api = Client::confidential(
        ClientId::new("exhibits")?,
        ClientAuthentication::SecretBasic(secrets),
    )
    .grant_types([])
    .introspection(Introspection::All)
    .build()?;
    let clients: StaticClients = [app, api].into_iter().collect();
    Ok(oauth_tower::server(issuer, MemoryStore::default(), clients)
        .operator_secret(operator_secret::generate()?)
        .grant(KioskPinGrant)
        .without_grant(&GrantType::AUTHORIZATION_CODE)
        .without_grant(&GrantType::REFRESH_TOKEN)
        .without_grant(&GrantType::CLIENT_CREDENTIALS))
}

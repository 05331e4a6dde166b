//! How often a request of each flow goes to a database on the network and back.

use std::sync::Arc;

use oauth_core::token::PresentedToken;
use oauth_storage_postgres::PostgresStore;
use throwaway::RoundTrips;

use super::flow::Flow;
use crate::{
    Error,
    demo::{Demo, REDIRECT_URI, presented, server},
};

/// Counts the round trips of every flow, over one connection to this database.
///
/// Each flow runs twice: the first time, statements are prepared.
pub(crate) async fn count(url: &str) -> Result<Vec<(Flow, usize)>, Error> {
    let (trips, through) = RoundTrips::to(url).await;
    let server = server(Arc::new(PostgresStore::connect_with(&through, 1).await?))?;
    let demo = Demo::of(server.clone())?;
    let mut counts = Vec::new();
    for is_counted in [false, true] {
        let (code, verifier) = demo.code(0).await?;
        let exchange = presented(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", &verifier),
        ]);
        let mut count = |flow| {
            let trips = trips.take();
            if is_counted {
                counts.push((flow, trips));
            }
        };
        trips.take();
        let tokens = server.token(&exchange).await?;
        count(Flow::Code);
        let refresh_token = tokens.refresh_token.ok_or("no refresh token")?;
        let refresh = presented(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
        ]);
        server.token(&refresh).await?;
        count(Flow::Refresh);
        let introspection = presented(&[("token", tokens.access_token.expose())]);
        server.introspect(&introspection).await?;
        count(Flow::Introspection);
        let shown = PresentedToken::bearer(tokens.access_token);
        server.validate(&shown).await?;
        count(Flow::Resource);
        let machine = presented(&[("grant_type", "client_credentials")]);
        server.token(&machine).await?;
        count(Flow::ClientCredentials);
    }
    Ok(counts)
}

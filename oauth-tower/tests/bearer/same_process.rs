//! Tokens checked by the authorization server in the same process.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use oauth_core::{
    AuthorizationServer,
    client::{Authorization, Client, ClientAuthentication, ClientRequest, ClientSecrets},
    grant::GrantType,
    operator_secret::OperatorSecret,
    store::{Commit, Key, Listing, Outcome, Page, StaticClients, Store, StoreError, Stored},
    time::Timestamp,
    types::{Issuer, Params, Secret, SecretDigest},
};
use oauth_storage_memory::MemoryStore;
use oauth_tower::{bearer::BearerLayer, system::SystemEntropy};

use crate::support::{Hands, get, scope, send};

fn server(store: Arc<dyn Store>, clock: Arc<Hands>) -> AuthorizationServer {
    let secret = ClientSecrets::new(SecretDigest::of("s3cret"));
    let client = Client::confidential(
        "machine".parse().unwrap(),
        ClientAuthentication::SecretBasic(secret),
    )
    .grant_types([GrantType::CLIENT_CREDENTIALS])
    .scope(scope("read"))
    .build()
    .unwrap();
    AuthorizationServer::builder(
        Issuer::new("https://login.example").unwrap(),
        store,
        Arc::new(StaticClients::from_iter([client])),
        clock,
        Arc::new(SystemEntropy),
    )
    .operator_secret(OperatorSecret::from_bytes([7; 32]))
    .build()
    .unwrap()
}

fn presented(params: &[(&str, &str)]) -> ClientRequest {
    ClientRequest::new(params.iter().copied().collect::<Params>()).authorization(
        Authorization::Basic {
            client_id: "machine".into(),
            secret: Secret::new("s3cret"),
        },
    )
}

/// 6749-7-a, v21-5.2-a, 6750-3.1-b: valid, expired to the second, revoked, changed (6750-5.2-a).
#[tokio::test]
async fn the_server_itself_tells() {
    let clock = Arc::new(Hands::at(1_000_000));
    let server = server(Arc::new(MemoryStore::default()), Arc::clone(&clock));
    let layer = BearerLayer::new(server.clone()).scope(scope("read"));
    let issue = async || {
        let request = presented(&[("grant_type", "client_credentials")]);
        server.token(&request).await.unwrap()
    };
    let call = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let answer = send(&layer, get("/", &[("authorization", &bearer)])).await;
        answer.status.as_u16()
    };
    let issued = issue().await;
    // 6750-4-a, 6750-5.3-a: what the server says of it by default.
    assert_eq!(issued.token_type.as_str(), "Bearer");
    assert!(issued.expires_in <= Duration::from_secs(3600));
    let token = issued.access_token.expose();
    assert_eq!(call(token).await, 200);
    let changed = format!(
        "{}{}",
        &token[..token.len() - 1],
        if token.ends_with('A') { 'E' } else { 'A' }
    );
    assert_eq!(call(&changed).await, 401);
    let moment = Duration::from_millis(1);
    clock.advance(issued.expires_in.saturating_sub(moment));
    assert_eq!(call(token).await, 200);
    clock.advance(moment);
    assert_eq!(call(token).await, 401);

    let issued = issue().await;
    let token = issued.access_token.expose();
    assert_eq!(call(token).await, 200);
    server
        .revoke(&presented(&[("token", token)]))
        .await
        .unwrap();
    assert_eq!(call(token).await, 401);
}

/// A store that is away.
struct Away;

#[async_trait]
impl Store for Away {
    async fn load(&self, _: &Key) -> Result<Option<Stored>, StoreError> {
        Err(StoreError::unavailable("away"))
    }

    async fn commit(&self, _: Commit) -> Result<Outcome, StoreError> {
        Err(StoreError::unavailable("away"))
    }

    async fn list(&self, _: &Listing) -> Result<Page, StoreError> {
        Err(StoreError::unavailable("away"))
    }

    async fn prune(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Err(StoreError::unavailable("away"))
    }
}

#[tokio::test]
async fn a_store_that_is_away_says_nothing_about_a_token() {
    let layer = BearerLayer::new(server(Arc::new(Away), Arc::new(Hands::at(1_000_000))));
    let answer = send(&layer, get("/", &[("authorization", "Bearer x")])).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.challenge(), None);
}

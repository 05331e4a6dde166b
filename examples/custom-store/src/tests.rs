//! The contract, and the program on a socket with the `oauth2` crate as its client.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use oauth_core::store::Store;
use oauth_storage_conformance::Harness;
use oauth2::{
    AccessToken, AuthType, ClientSecret, EndpointNotSet, EndpointSet, IntrospectionUrl,
    TokenIntrospectionResponse, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicTokenResponse},
};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::*;

/// Opens stores in a directory of their own, and the last of them again.
#[derive(Default)]
struct Directories(Mutex<Option<Arc<TempDir>>>);

#[async_trait]
impl Harness for Directories {
    async fn fresh(&self) -> Arc<dyn Store> {
        let directory = Arc::new(TempDir::new().unwrap());
        let store = FileStore::open(directory.path()).unwrap();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(directory);
        Arc::new(store)
    }

    async fn reopen(&self) -> Option<Arc<dyn Store>> {
        let directory = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        Some(Arc::new(FileStore::open(directory.path()).unwrap()))
    }
}

mod contract {
    oauth_storage_conformance::tests!(super::Directories::default());
}

type Machine =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointSet, EndpointNotSet, EndpointSet>;

/// Runs the program over a directory until the sender is dropped.
async fn start(directory: &TempDir) -> (Issuer, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = Issuer::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let secret = operator_secret::from_file(directory.path().join("oauth.key")).unwrap();
    let app = app(
        issuer.clone(),
        FileStore::open(directory.path()).unwrap(),
        secret,
    )
    .unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async {
        axum::serve(listener, app)
            .with_graceful_shutdown(async {
                let _ = stopped.await;
            })
            .await
            .unwrap();
    });
    (issuer, stop, served)
}

fn machine(issuer: &Issuer) -> Machine {
    BasicClient::new(oauth2::ClientId::new("machine".into()))
        .set_client_secret(ClientSecret::new("machine-secret".into()))
        .set_auth_type(AuthType::BasicAuth)
        .set_token_uri(TokenUrl::new(issuer.endpoint("/token")).unwrap())
        .set_introspection_url(IntrospectionUrl::new(issuer.endpoint("/introspect")).unwrap())
}

async fn get(issuer: &Issuer) -> AccessToken {
    let token: BasicTokenResponse = machine(issuer)
        .exchange_client_credentials()
        .request_async(&test_client::http)
        .await
        .unwrap();
    token.access_token().clone()
}

async fn is_active(issuer: &Issuer, token: &AccessToken) -> bool {
    machine(issuer)
        .introspect(token)
        .request_async(&test_client::http)
        .await
        .unwrap()
        .active()
}

async fn revoke(issuer: &Issuer, token: &AccessToken) {
    // By hand: the crate revokes over https only.
    let request = http::Request::post(issuer.endpoint("/revoke"))
        .header("authorization", "Basic bWFjaGluZTptYWNoaW5lLXNlY3JldA==")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("token={}", token.secret()).into_bytes())
        .unwrap();
    let answer = test_client::http(request).await.unwrap();
    assert!(answer.status().is_success());
}

#[tokio::test]
async fn tokens_are_what_they_were_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let (issuer, stop, served) = start(&directory).await;
    let (kept, revoked) = (get(&issuer).await, get(&issuer).await);
    revoke(&issuer, &revoked).await;
    drop(stop);
    served.await.unwrap();

    let (issuer, _stop, _) = start(&directory).await;
    assert!(is_active(&issuer, &kept).await);
    assert!(!is_active(&issuer, &revoked).await);
}

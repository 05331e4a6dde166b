//! Clients that are added and deleted, and stores that confuse them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included"
)]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::{
    Answered, Fixture, SeededEntropy,
    clients::{self, APP, STRANGER, WEB, client_secret},
    flow::{authorization_request, basic, browser, changed, from, refresh_token},
    issuer,
};
use oauth_core::{
    AuthorizationServer,
    client::{Client, ClientDenial, ClientRequest},
    error::{ErrorCode, Fault},
    grant::TokenDenial,
    operator_secret::OperatorSecret,
    server::AuthorizeAnswer,
    store::{ClientRegistry, ClientStore, MemoryClients, OwnedBy, RegistryError, StoreError},
    types::ClientId,
};

/// A fixture whose server asks this store for clients.
fn fixture(clients: impl ClientStore) -> Fixture {
    let fixture = Fixture::new();
    let builder = AuthorizationServer::builder(
        issuer(),
        Arc::new(fixture.store.clone()),
        Arc::new(clients),
        Arc::clone(&fixture.clock) as _,
        Arc::new(SeededEntropy::default()),
    );
    Fixture {
        server: builder
            .policy(common::policy())
            .operator_secret(OperatorSecret::from_bytes(common::OPERATOR_SECRET))
            .build()
            .unwrap(),
        ..fixture
    }
}

fn id(client: &str) -> ClientId {
    client.parse().unwrap()
}

fn app(name: &str) -> Client {
    let client = Client::public(id(APP)).name(name);
    client
        .redirect_uri("https://app.example/cb")
        .build()
        .unwrap()
}

/// A table whose key folds case.
struct Folding(MemoryClients);

#[async_trait]
impl ClientStore for Folding {
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        let folded = ClientId::new(id.as_str().to_lowercase()).unwrap();
        self.0.client(&folded).await
    }
}

#[tokio::test]
async fn another_client_than_the_one_asked_for_is_a_fault() {
    let fixture = fixture(Folding(clients::all().into_iter().collect()));
    let tokens = fixture.tokens(WEB).await;
    let token = tokens.access_token.expose();
    let faults = |client: &str, fault: Fault| {
        let says = fault.to_string();
        assert!(
            says.contains(&format!("{:?}", client.to_uppercase())),
            "{says}"
        );
        assert!(says.contains(&format!("{client:?}")), "{says}");
        assert_eq!(fault.refusal().code, ErrorCode::SERVER_ERROR);
        assert!(matches!(fault, Fault::WrongClient { asked, returned }
            if asked == id(&client.to_uppercase()) && returned == id(client)));
    };
    for (client, authorization) in [(WEB, Some(basic("WEB", &client_secret(WEB)))), (APP, None)] {
        let upper = client.to_uppercase();
        let request = |params: &[(&str, &str)]| {
            let params = [&[("client_id", upper.as_str())], params].concat();
            ClientRequest::new(params.into_iter().collect()).authorization(authorization.clone())
        };
        let refresh = request(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token(&tokens).expose()),
        ]);
        faults(client, fixture.server.token(&refresh).await.fault());
        let revoke = request(&[("token", token)]);
        faults(client, fixture.server.revoke(&revoke).await.fault());
        let introspect = request(&[("token", token)]);
        let answer = fixture.server.introspect(&introspect).await;
        faults(client, answer.fault());
        let authorize = changed(authorization_request(client), &[("client_id", &upper)]);
        let params = authorize.into_iter().collect();
        let answer = fixture.server.authorize(params, &browser(1)).await;
        faults(client, answer.unwrap_err());
    }
    // Nothing was revoked or spent for the wrong one.
    assert!(fixture.is_valid(&tokens.access_token).await);
    fixture
        .refresh(WEB, refresh_token(&tokens), &[])
        .await
        .unwrap();
}

#[tokio::test]
async fn what_a_registry_cannot_do_is_told_apart() {
    use RegistryError as E;
    let clients = MemoryClients::default();
    let (first, second) = (app("first"), app("second"));
    let found = async || clients.client(&id(APP)).await.unwrap();
    assert!(matches!(
        clients.replace(&first, second.clone()).await,
        Err(E::Absent)
    ));
    assert!(matches!(clients.delete(&id(APP)).await, Err(E::Absent)));
    assert_eq!(found().await, None);

    clients.create(first.clone()).await.unwrap();
    assert!(matches!(
        clients.create(second.clone()).await,
        Err(E::Exists)
    ));
    assert_eq!(*found().await.unwrap(), first);

    clients.replace(&first, second.clone()).await.unwrap();
    assert_eq!(*found().await.unwrap(), second);
    // A caller that still has the first version changes nothing, and neither does one that has
    // another client.
    let other = clients::all().swap_remove(0);
    for old in [&first, &other] {
        let changed = clients.replace(old, app("third")).await;
        assert!(matches!(changed, Err(E::Changed)));
    }
    assert_eq!(*found().await.unwrap(), second);

    clients.delete(&id(APP)).await.unwrap();
    assert_eq!(found().await, None);
    clients.create(first.clone()).await.unwrap();
    assert_eq!(*found().await.unwrap(), first);
}

/// Runs a change on many threads at once, and counts those that succeeded.
async fn successes<F, R>(change: impl Fn(u32) -> F) -> usize
where
    F: Future<Output = Result<(), R>> + Send + 'static,
    R: Send + 'static,
{
    let barrier = Arc::new(tokio::sync::Barrier::new(8));
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let (barrier, change) = (Arc::clone(&barrier), change(number));
            tokio::spawn(async move {
                barrier.wait().await;
                change.await
            })
        })
        .collect();
    let mut succeeded = 0;
    for task in tasks {
        succeeded += usize::from(task.await.unwrap().is_ok());
    }
    succeeded
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_concurrent_changes_one_succeeds() {
    for _ in 0..50 {
        let clients = MemoryClients::default();
        let own = || clients.clone();
        let created = successes(|number| {
            let clients = own();
            async move { clients.create(app(&number.to_string())).await }
        });
        assert_eq!(created.await, 1);
        let current = clients.client(&id(APP)).await.unwrap().unwrap();
        let replaced = successes(|number| {
            let (clients, current) = (own(), Arc::clone(&current));
            async move {
                clients
                    .replace(&current, app(&format!("new {number}")))
                    .await
            }
        });
        assert_eq!(replaced.await, 1);
        let deleted = successes(|_| {
            let clients = own();
            async move { clients.delete(&id(APP)).await }
        });
        assert_eq!(deleted.await, 1);
    }
}

/// As the docs of the registry say.
#[tokio::test]
async fn a_deleted_client_gets_nothing_and_its_grants_are_ended_apart() {
    let clients: MemoryClients = clients::all().into_iter().collect();
    let fixture = fixture(clients.clone());
    let tokens = fixture.tokens(STRANGER).await;
    let code = fixture.code(STRANGER).await;
    clients.delete(&id(STRANGER)).await.unwrap();

    let unknown = TokenDenial::Client(ClientDenial::Unknown);
    assert_eq!(fixture.redeem(STRANGER, &code).await.unwrap_err(), unknown);
    let refreshed = fixture.refresh(STRANGER, refresh_token(&tokens), &[]).await;
    assert_eq!(refreshed.unwrap_err(), unknown);
    let request = from(STRANGER, &[("token", tokens.access_token.expose())]);
    assert!(fixture.server.revoke(&request).await.is_err());
    let request = authorization_request(STRANGER);
    assert!(matches!(
        fixture.authorize(request, &browser(1)).await,
        AuthorizeAnswer::Unproven(_)
    ));
    let holder = fixture.server.holder(&tokens.access_token);
    assert!(holder.await.unwrap().is_none());

    assert!(fixture.is_valid(&tokens.access_token).await);
    let owner = OwnedBy::Client(id(STRANGER).to_arc());
    assert_eq!(fixture.server.end_all(&owner).await.unwrap(), 2);
    assert!(!fixture.is_valid(&tokens.access_token).await);
}

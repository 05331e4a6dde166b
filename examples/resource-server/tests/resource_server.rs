//! The program in its own process, an authorization server here, and the `oauth2` crate as the client, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helpers fail as its test does"
)]

use std::{error::Error, net::SocketAddr, process::Stdio};

use async_trait::async_trait;
use axum::Router;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client as HyperClient, rt::TokioExecutor};
use oauth_core::{
    authorize::Interaction,
    client::{Client, ClientAuthentication, ClientSecrets, Introspection},
    grant::GrantType,
    policy::{Policy, ResourceServer},
    store::StaticClients,
    types::{Issuer, SecretDigest},
};
use oauth_storage_memory::MemoryStore;
use oauth_tower::{Body, Host, OAuth, operator_secret};
use oauth2::{
    AccessToken, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    RevocationUrl, Scope, StandardRevocableToken, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicTokenType},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    sync::oneshot,
    task::JoinHandle,
};

const SECRET: &str = "s3cret+of:the api";
const AUDIENCE: &str = "https://api.example";

/// Has no pages: nobody logs in here.
struct NoPages;

#[async_trait]
impl Host for NoPages {
    async fn interact(&self, _: Interaction, _: &Parts) -> Response<Body> {
        panic!("no client here sends a browser")
    }
}

/// An authorization server on a socket of its own.
struct AuthorizationServer {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl AuthorizationServer {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = Issuer::new(&format!("http://{address}")).unwrap();
        let mut policy = Policy::default();
        policy
            .resources
            .insert(AUDIENCE.parse().unwrap(), ResourceServer::default());
        let server = oauth_tower::server(issuer, MemoryStore::default(), clients())
            .policy(policy)
            .operator_secret(operator_secret::generate().unwrap())
            .build()
            .unwrap();
        let app = Router::new().fallback_service(OAuth::new(server, NoPages).service());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let serving = axum::serve(listener, app).with_graceful_shutdown(async {
                let _ = stopped.await;
            });
            serving.await.unwrap();
        });
        Self {
            address,
            stop,
            serving,
        }
    }

    /// Returns when nobody listens any more.
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn clients() -> StaticClients {
    let secret = || ClientAuthentication::SecretBasic(ClientSecrets::new(SecretDigest::of(SECRET)));
    let client = |id: &str| Client::confidential(id.parse().unwrap(), secret());
    let machine = client("machine")
        .grant_types([GrantType::CLIENT_CREDENTIALS])
        .scope("read write".parse().unwrap());
    let api = client("the api")
        .grant_types([])
        .introspection(Introspection::All);
    StaticClients::from_iter([machine.build().unwrap(), api.build().unwrap()])
}

/// The program.
struct Program {
    url: String,
    _process: Child,
}

impl Program {
    async fn start(server: &AuthorizationServer, more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_resource-server"))
            .args(["--listen", "127.0.0.1:0", "--client-id", "the api"])
            .args(["--introspection-endpoint", &server.url("/introspect")])
            .args(more)
            .env("CLIENT_SECRET", SECRET)
            .env("RUST_LOG", "off")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("a line");
        let url = line
            .strip_prefix("ready: listening on ")
            .expect("an address");
        Self {
            url: url.to_owned(),
            _process: process,
        }
    }

    async fn call(&self, token: Option<&AccessToken>) -> HttpResponse {
        let mut request = Request::get(format!("{}/api", self.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {}", token.secret()));
        }
        send(request.body(Vec::new()).unwrap()).await.unwrap()
    }
}

async fn send(request: HttpRequest) -> Result<HttpResponse, Box<dyn Error + Send + Sync>> {
    let client = HyperClient::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
    let response = client.request(request.map(Full::from)).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    Ok(Response::from_parts(parts, body))
}

/// What `oauth2` sends with.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct HttpError(Box<dyn Error + Send + Sync>);

type Machine =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet, EndpointSet>;

fn machine(server: &AuthorizationServer) -> Machine {
    BasicClient::new(ClientId::new("machine".into()))
        .set_client_secret(ClientSecret::new(SECRET.into()))
        .set_token_uri(TokenUrl::new(server.url("/token")).unwrap())
        .set_revocation_url(
            RevocationUrl::new(format!("https://{}/revoke", server.address)).unwrap(),
        )
}

/// `oauth2` revokes over `https` only. Stands for the proxy that would do TLS before the server.
async fn http(mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let plain = request.uri().to_string().replacen("https://", "http://", 1);
    *request.uri_mut() = plain.parse().unwrap();
    send(request).await.map_err(HttpError)
}

async fn token(server: &AuthorizationServer, scope: &str, resource: Option<&str>) -> AccessToken {
    let client = machine(server);
    let mut request = client
        .exchange_client_credentials()
        .add_scope(Scope::new(scope.into()));
    if let Some(resource) = resource {
        request = request.add_extra_param("resource", resource);
    }
    let response = request.request_async(&http).await.unwrap();
    assert_eq!(response.token_type(), &BasicTokenType::Bearer); // 6750-4-a
    response.access_token().clone()
}

fn challenge(answer: &HttpResponse) -> &str {
    answer.headers()["www-authenticate"].to_str().unwrap()
}

/// The job of an API from the first call to the day its authorization server is away. Also 6749-7-a and 7662-4-c.
#[tokio::test]
async fn tokens_are_checked_by_the_server_in_the_other_process() {
    let server = AuthorizationServer::start().await;
    let api = Program::start(&server, &["--cache", "0"]).await;

    let reader = token(&server, "read", None).await;
    let answer = api.call(Some(&reader)).await;
    assert_eq!(answer.status(), 200);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        body,
        json!({"client_id": "machine", "subject": null, "scope": "read"})
    );

    let answer = api.call(None).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(challenge(&answer), r#"Bearer realm="api",scope="read""#);

    let writer = token(&server, "write", None).await;
    let answer = api.call(Some(&writer)).await;
    assert_eq!(answer.status(), 403);
    assert!(challenge(&answer).contains(r#"scope="read",error="insufficient_scope""#));

    let elsewhere = token(&server, "read", Some(AUDIENCE)).await;
    assert_eq!(api.call(Some(&elsewhere)).await.status(), 401);

    let revocable = StandardRevocableToken::AccessToken(reader.clone());
    let client = machine(&server);
    let revocation = client.revoke_token(revocable).unwrap();
    revocation.request_async(&http).await.unwrap();
    let answer = api.call(Some(&reader)).await;
    assert_eq!(answer.status(), 401);
    assert!(challenge(&answer).contains(r#"error="invalid_token""#));

    server.stop().await;
    let answer = api.call(Some(&writer)).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(api.call(None).await.status(), 401);
}

/// 9700-2.3-b, 6750-5.2-b, 8707-2-d: an API with a name takes tokens for that name, and no others.
#[tokio::test]
async fn an_api_with_a_name_takes_tokens_for_it() {
    let server = AuthorizationServer::start().await;
    let api = Program::start(&server, &["--audience", AUDIENCE, "--cache", "60"]).await;
    let ours = token(&server, "read", Some(AUDIENCE)).await;
    assert_eq!(api.call(Some(&ours)).await.status(), 200);
    let unlimited = token(&server, "read", None).await;
    assert_eq!(api.call(Some(&unlimited)).await.status(), 401);
    // What is remembered needs no server.
    let unseen = token(&server, "read", Some(AUDIENCE)).await;
    server.stop().await;
    assert_eq!(api.call(Some(&ours)).await.status(), 200);
    assert_eq!(api.call(Some(&unseen)).await.status(), 503);
}

/// An API whose own secret is wrong knows nothing about anybody's token.
#[tokio::test]
async fn wrong_credentials_of_the_api_are_no_fault_of_its_callers() {
    let server = AuthorizationServer::start().await;
    let api = Program::start(&server, &["--client-secret", "wrong"]).await;
    let reader = token(&server, "read", None).await;
    assert_eq!(api.call(Some(&reader)).await.status(), 503);
}

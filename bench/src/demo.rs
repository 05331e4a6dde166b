//! This server with one client that may do everything, and codes for it without a browser.

use std::{convert::Infallible, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use oauth_core::{
    AuthorizationServer,
    authorize::{Approval, Browser, Verdict},
    client::{
        Authorization, Client, ClientAuthentication, ClientRequest, ClientSecrets, Introspection,
    },
    grant::GrantType,
    operator_secret::OperatorSecret,
    policy::Policy,
    server::{AuthorizeAnswer, Builder},
    store::{StaticClients, Store},
    types::{ClientId, Issuer, Params, Secret, SecretDigest, Subject},
};
use oauth_storage_memory::MemoryStore;
use oauth_storage_postgres::PostgresStore;
use oauth_storage_sqlite::SqliteStore;
use oauth_tower::{
    Body, NoUsers, OAuth, OAuthService,
    bearer::{Bearer, BearerLayer, ResponseBody},
};
use sha2::{Digest as _, Sha256};
use tower::{Layer as _, Service, service_fn};

use crate::{
    Error,
    serve::{Codes, Site},
};

/// The demo client's id. It authenticates with `Basic`.
pub const CLIENT: &str = "demo";
/// Its secret.
pub const SECRET: &str = "demo-secret";
/// Its redirect URI.
pub const REDIRECT_URI: &str = "https://demo.example/callback";
/// What it may ask for, and what the protected resource asks of a token.
pub const SCOPE: &str = "read";
/// What the protected resource answers.
pub const RESOURCE: &str = r#"{"message":"hello"}"#;

/// Opens a store: `memory`, `sqlite:PATH` or `postgres://…`.
pub async fn store(name: &str) -> Result<Arc<dyn Store>, Error> {
    Ok(if name == "memory" {
        Arc::new(MemoryStore::default())
    } else if let Some(path) = name.strip_prefix("sqlite:") {
        Arc::new(SqliteStore::open(path)?)
    } else if name.starts_with("postgres") {
        Arc::new(PostgresStore::connect(name).await?)
    } else {
        return Err("a store is memory, sqlite:PATH or postgres://…".into());
    })
}

/// The server over a store, with the demo client.
pub fn server(store: Arc<dyn Store>) -> Result<AuthorizationServer, Error> {
    Ok(builder(store)?.build()?)
}

/// That server in the making.
pub fn builder(store: Arc<dyn Store>) -> Result<Builder, Error> {
    let clients: StaticClients = [client()?].into_iter().collect();
    let issuer = Issuer::new("https://login.example")?;
    let mut policy = Policy::default();
    // Loads refresh one grant over and over, within the life of its access tokens.
    policy.tokens_per_grant = u32::MAX;
    Ok(oauth_tower::server(issuer, store, clients)
        .policy(policy)
        .operator_secret(OperatorSecret::from_bytes([42; 32])))
}

fn client() -> Result<Client, Error> {
    let secrets = ClientSecrets::new(SecretDigest::of(SECRET));
    let authentication = ClientAuthentication::SecretBasic(secrets);
    Ok(Client::confidential(ClientId::new(CLIENT)?, authentication)
        .grant_types([
            GrantType::AUTHORIZATION_CODE,
            GrantType::REFRESH_TOKEN,
            GrantType::CLIENT_CREDENTIALS,
        ])
        .redirect_uri(REDIRECT_URI)
        .scope(SCOPE.parse()?)
        .introspection(Introspection::All)
        .build()?)
}

/// This server and a protected resource, mounted as a host would.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "nobody prints it")]
pub struct Demo {
    server: AuthorizationServer,
    oauth: OAuthService,
    resource: Bearer<Resource>,
}

type Resource = tower::util::ServiceFn<fn(Request<Incoming>) -> Ready>;
type Ready = std::future::Ready<Result<Response<Full<Bytes>>, Infallible>>;

impl Demo {
    /// Over a store.
    pub fn new(store: Arc<dyn Store>) -> Result<Self, Error> {
        Self::of(server(store)?)
    }

    /// Of a server that has the demo client.
    pub fn of(server: AuthorizationServer) -> Result<Self, Error> {
        let bearer = BearerLayer::new(server.clone()).scope(SCOPE.parse()?);
        let resource: fn(Request<Incoming>) -> Ready = |_| std::future::ready(Ok(resource()));
        Ok(Self {
            oauth: OAuth::new(server.clone(), NoUsers).service(),
            resource: bearer.layer(service_fn(resource)),
            server,
        })
    }

    /// The server behind it.
    pub fn server(&self) -> &AuthorizationServer {
        &self.server
    }

    /// A code for the demo client and its verifier, as a user in a browser would get it.
    pub async fn code(&self, number: usize) -> Result<(String, String), Error> {
        let mut random = self.server.random()?;
        let verifier = URL_SAFE_NO_PAD.encode(random.secret());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let browser = Browser::new(&mut random);
        let params: Params = [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT_URI),
            ("scope", SCOPE),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let AuthorizeAnswer::Interact(interaction) =
            self.server.authorize(params, &browser).await?
        else {
            return Err("the demo client's request is refused".into());
        };
        let subject = Subject::new(format!("user {:04}", number % 10_000))?;
        let verdict = Verdict::Approve(Approval::new(subject));
        let settled = self
            .server
            .settle(&interaction.handle, Some(&browser), &verdict)
            .await?;
        let mut params = settled.response.params();
        let code = params.find(|(name, _)| *name == "code");
        let (_, code) = code.ok_or("an approval gives no code")?;
        Ok((code.to_owned(), verifier))
    }
}

impl Site for Demo {
    type Body = Either<ResponseBody<Full<Bytes>>, Body>;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send + use<> {
        let answer = if request.uri().path() == "/resource" {
            Ok(self.resource.clone().call(request))
        } else {
            Err(self.oauth.clone().call(request))
        };
        async move {
            match answer {
                Ok(resource) => {
                    let Ok(response) = resource.await;
                    response.map(Either::Left)
                }
                Err(endpoint) => {
                    let Ok(response) = endpoint.await;
                    response.map(Either::Right)
                }
            }
        }
    }

    async fn codes(&self, count: usize) -> Result<Codes, Error> {
        let mut codes = Codes::with_capacity(count);
        for number in 0..count {
            let (code, verifier) = self.code(number).await?;
            codes.push(&code, &verifier);
        }
        Ok(codes)
    }

    async fn mint(&self) -> Result<(), Error> {
        let request = presented(&[("grant_type", "client_credentials")]);
        self.server.token(&request).await?;
        Ok(())
    }
}

/// A request of the demo client, which authenticates.
pub fn presented(params: &[(&str, &str)]) -> ClientRequest {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ClientRequest::new(params.iter().map(owned).collect()).authorization(Authorization::Basic {
        client_id: CLIENT.into(),
        secret: Secret::new(SECRET),
    })
}

/// The answer of the protected resource.
pub fn resource() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(RESOURCE.as_bytes())));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

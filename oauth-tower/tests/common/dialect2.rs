//! proauth and minapp, each beside a strict server over the same clients and store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, Method, Request, header::CONTENT_TYPE};
use http_body_util::Full;
use oauth_core::{
    AuthorizationServer,
    client::{Client, ClientAuthentication, ClientBuilder, ClientSecrets},
    grant::GrantType,
    operator_secret::OperatorSecret,
    random::{Entropy, EntropyError},
    server::Builder,
    store::{Realm, StaticClients},
    time::Clock,
    types::{Issuer, Secret, SecretDigest},
};
use oauth_storage_memory::MemoryStore;
use oauth_tower::{
    OAuth,
    dialect::{ClientTokens, Dialect, DialectService, Dialects, MINAPP, PROAUTH},
    system::SystemEntropy,
    throttle::Throttle,
};
use sha2::Sha256;
use tower::ServiceExt;

use super::{
    Brittle, Does, Fixture, Hand, ISSUER, Log, TestHost,
    call::{Answer, FORM, Pairs, changed, encoded, get, pairs, request},
    clients::{self, client_secret},
    policy, scope, yes,
};

/// The client of the documents.
pub const APP: &str = "1";
/// Another one.
pub const OTHER: &str = "2";
/// The address of the documents.
pub const BACK: &str = "http://xxx.com/xxx";

/// A server of a dialect, and a strict one.
pub struct World {
    pub dialects: Dialects,
    pub service: DialectService,
    pub host: TestHost,
    pub strict: Fixture,
    nonces: AtomicU64,
}

impl World {
    pub fn proauth() -> Self {
        Self::new(&PROAUTH, proauth_clients(), |builder| {
            let secrets = [APP, OTHER].map(|id| {
                let secret = Secret::new(client_secret(id));
                (id.parse().unwrap(), secret)
            });
            builder.client_authentication(ClientTokens::new(Realm::new("shared"), secrets))
        })
    }

    pub fn minapp() -> Self {
        Self::new(&MINAPP, minapp_clients(), |builder| builder)
    }

    /// Below a path of its host.
    pub fn minapp_at(issuer: &str) -> Self {
        Self::at(issuer, &MINAPP, minapp_clients(), |builder| builder)
    }

    pub fn new(
        dialect: &'static Dialect,
        own: Vec<Client>,
        build: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        Self::at(ISSUER, dialect, own, build)
    }

    fn at(
        issuer: &str,
        dialect: &'static Dialect,
        own: Vec<Client>,
        build: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let clock = Arc::new(Hand::default());
        let events = Arc::new(Log::default());
        let store = Arc::new(Brittle {
            inner: Arc::new(MemoryStore::default()),
            is_broken: false.into(),
        });
        let registered: StaticClients = clients::all().into_iter().chain(own).collect();
        let registered = Arc::new(registered);
        let builder = || {
            AuthorizationServer::builder(
                Issuer::new(issuer).unwrap(),
                store.clone(),
                registered.clone(),
                clock.clone(),
                Arc::new(SystemEntropy),
            )
            // Both find the same grants and tokens.
            .realm(Realm::new("shared"))
            .operator_secret(OperatorSecret::from_bytes([7; 32]))
            .policy(policy())
            .events(events.clone())
        };
        let server = build(dialect.server(builder())).build().unwrap();
        let mut host = TestHost::new(server.clone());
        host.interactions = host.interactions.respond_with(dialect.authorize.respond);
        let throttle = || Some(Arc::new(Throttle::new(clock.clone())));
        let dialects = Dialects::new(dialect, server, host.clone()).throttle(throttle());
        let server = builder().build().unwrap();
        let strict_host = TestHost::new(server.clone());
        let oauth = OAuth::new(server.clone(), strict_host.clone()).throttle(throttle());
        Self {
            service: dialects.service(),
            dialects,
            host,
            strict: Fixture {
                server,
                service: oauth.service(),
                oauth,
                host: strict_host,
                clock: clock.clone(),
                events,
                store,
            },
            nonces: AtomicU64::new(0),
        }
    }

    pub fn now(&self) -> u64 {
        self.strict.clock.now().as_unix_seconds()
    }

    pub fn advance(&self, by: Duration) {
        self.strict.clock.advance(by);
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        Answer::read(self.service.clone().oneshot(request).await.unwrap()).await
    }

    pub async fn is_valid(&self, token: &str) -> bool {
        let token = self.dialects.server().validate(&Secret::new(token)).await;
        token.unwrap().is_some()
    }

    /// Sends requests at the same moment.
    pub async fn at_once(&self, requests: Vec<Request<Full<Bytes>>>) -> Vec<Answer> {
        let barrier = Arc::new(tokio::sync::Barrier::new(requests.len()));
        let mut sent = Vec::new();
        for request in requests {
            let (service, barrier) = (self.service.clone(), barrier.clone());
            sent.push(tokio::spawn(async move {
                barrier.wait().await;
                Answer::read(service.oneshot(request).await.unwrap()).await
            }));
        }
        let mut answers = Vec::new();
        for answer in sent {
            answers.push(answer.await.unwrap());
        }
        answers
    }
}

// What clients of proauth do.
impl World {
    /// A good authorization request, with these changes.
    pub async fn visit(&self, changes: &[(&str, &str)]) -> Answer {
        let ask = pairs(&[
            ("client_id", APP),
            ("redirect_uri", BACK),
            ("response_type", "code"),
            ("scope", "all:all"),
            ("state", "somestate"),
        ]);
        let query = encoded(&changed(ask, changes));
        self.send(get(&format!("/oauth2/authorize?{query}"))).await
    }

    /// The code that it gives if the user approves.
    pub async fn code(&self, changes: &[(&str, &str)]) -> String {
        self.host.does(Does::Approve(yes()));
        let answer = self.visit(changes).await;
        self.host.does(Does::Ask);
        let code = answer.sent_to().1.get("code").map(str::to_owned);
        code.unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// A nonce that was not used before.
    pub fn nonce(&self) -> String {
        format!("n{}", self.nonces.fetch_add(1, Ordering::Relaxed))
    }

    /// A fresh proof of a client.
    pub fn proof(&self, client: &str) -> String {
        proof(client, self.now(), &self.nonce())
    }

    /// A token request of a client with a fresh proof.
    pub fn asking(&self, client: &str, params: &Pairs) -> Request<Full<Bytes>> {
        let header = format!("Client {}", self.proof(client));
        token_request(params, &[("Authencation", &header)])
    }

    pub async fn redeem(&self, client: &str, code: &str, changes: &[(&str, &str)]) -> Answer {
        let params = changed(exchange(code), changes);
        self.send(self.asking(client, &params)).await
    }

    pub async fn refresh(&self, client: &str, token: &str, changes: &[(&str, &str)]) -> Answer {
        let params = pairs(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
        let params = changed(params, changes);
        self.send(self.asking(client, &params)).await
    }

    /// Access and refresh token of the whole flow.
    pub async fn tokens(&self, scope: &str) -> (String, String) {
        let code = self.code(&[("scope", scope)]).await;
        let answer = self.redeem(APP, &code, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (
            answer.member("access_token"),
            answer.member("refresh_token"),
        )
    }
}

/// A good token request for a code, but for the client.
pub fn exchange(code: &str) -> Pairs {
    pairs(&[
        ("redirect_uri", BACK),
        ("grant_type", "authorization_code"),
        ("code", code),
    ])
}

/// `POST /oauth2/token?…` with these headers.
pub fn token_request(params: &Pairs, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let uri = format!("/oauth2/token?{}", encoded(params));
    headed(request(Method::POST, &uri, ""), headers)
}

/// The request with these headers too.
pub fn headed<B>(mut request: Request<B>, headers: &[(&str, &str)]) -> Request<B> {
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

/// A proof as the document has it.
pub fn proof(client: &str, time: u64, nonce: &str) -> String {
    let claims = format!(r#"{{"id":"{client}","time":"{time}","nonce":"{nonce}"}}"#);
    jwt(r#"{"alg":"HS256","typ":"JWT"}"#, &claims, client)
}

/// A JWT of these texts, under a client's secret.
pub fn jwt(header: &str, claims: &str, client: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    signed(
        &format!("{}.{}", encode(header), encode(claims)),
        &client_secret(client),
    )
}

/// With a signature by HS256.
pub fn signed(text: &str, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{text}.{tag}")
}

/// A request with a body of this type; "" for none.
pub fn typed(uri: &str, content_type: &str, body: &str) -> Request<Full<Bytes>> {
    let mut request = request(Method::POST, uri, body.to_owned());
    if !content_type.is_empty() {
        let value = content_type.parse().unwrap();
        request.headers_mut().insert(CONTENT_TYPE, value);
    }
    request
}

/// The kinds of bodies that the token endpoint of minapp takes, with these fields: `(content type, body)`.
pub fn bodies(fields: &Pairs) -> Vec<(&'static str, String)> {
    let json: serde_json::Map<_, _> = fields
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    let json = serde_json::to_string(&json).unwrap();
    let mut parts = String::new();
    for (name, value) in fields {
        parts += &format!(
            "--x-y-z\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    vec![
        (
            "multipart/form-data; boundary=x-y-z",
            format!("{parts}--x-y-z--\r\n"),
        ),
        ("application/json", json.clone()),
        ("application/json; charset=utf-8", json.clone()),
        ("", json),
        (FORM, encoded(fields)),
    ]
}

/// Asserts that it is an error document, in this order and of these members.
#[track_caller]
pub fn assert_denied(answer: &Answer, status: u16, error: &str, row: &str) {
    assert_eq!(answer.status, status, "{row}: {answer:?}");
    let description = answer.member("error_description");
    let expected = format!(r#"{{"error":"{error}","error_description":"{description}"}}"#);
    assert_eq!(answer.text(), expected, "{row}");
    assert!(super::call::is_error_text(&description), "{row}");
    assert_eq!(answer.header("cache-control"), "no-store", "{row}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{row}");
    let is_challenged = !answer.header("www-authenticate").is_empty();
    assert_eq!(is_challenged, status == 401, "{row}: {answer:?}");
}

/// A source of randomness that has none.
pub struct Dry;

impl Entropy for Dry {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

fn proauth_clients() -> Vec<Client> {
    let everything = (PROAUTH.widen)(scope("all:all"));
    [
        by_token(APP)
            .dangerous_http_redirect_uri(BACK)
            .redirect_uri("https://xxx.com/other")
            .scope(everything),
        by_token(OTHER)
            .dangerous_http_redirect_uri(BACK)
            .scope(scope("role:write user:read")),
    ]
    .map(|client| client.build().unwrap())
    .into()
}

fn by_token(id: &str) -> ClientBuilder {
    let method = ClientAuthentication::Method(ClientTokens::METHOD.into());
    let client = Client::confidential(id.parse().unwrap(), method);
    PROAUTH.client(client).dangerous_pkce_optional()
}

fn minapp_clients() -> Vec<Client> {
    [APP, OTHER, "bare"]
        .map(|id| {
            let secrets = ClientSecrets::new(SecretDigest::of(&client_secret(id)));
            let method = ClientAuthentication::SecretPost(secrets);
            let client = MINAPP
                .client(Client::confidential(id.parse().unwrap(), method))
                .grant_types([GrantType::AUTHORIZATION_CODE]);
            match id {
                "bare" => client.redirect_uri("https://bare.example/cb"),
                // The shape that somebody gets who leaves the grants as they are.
                OTHER => client
                    .dangerous_own_code()
                    .grant_types([GrantType::AUTHORIZATION_CODE, GrantType::REFRESH_TOKEN]),
                _ => client.dangerous_own_code(),
            }
            .build()
            .unwrap()
        })
        .into()
}

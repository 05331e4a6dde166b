//! Servers that speak a dialect, each beside a strict one over the same clients and store.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, header::AUTHORIZATION};
use http_body_util::Full;
use oauth_core::{
    AuthorizationServer,
    client::{Client, ClientAuthentication, ClientBuilder, ClientSecrets},
    error::Error,
    grant::{GrantType, PasswordAuthenticator, PasswordDenial, PasswordGrant},
    operator_secret::OperatorSecret,
    store::{Realm, StaticClients},
    types::{Issuer, Params, Secret, SecretDigest, Subject},
};
use oauth_storage_memory::MemoryStore;
use oauth_tower::{
    OAuth,
    dialect::{ApiCall, Dialect, DialectService, Dialects, EVERYDO, JsonpHosts, LIUYUAN, PIGAI},
    system::SystemEntropy,
    throttle::Throttle,
};
use tower::ServiceExt;

use super::{
    Brittle, Does, Fixture, Hand, ISSUER, Log, TestHost,
    call::{Answer, Changes, Pairs, changed, encoded, form, get, pairs, with},
    clients, policy, scope, yes,
};

/// Registered under the dialect, with all that it may be dangerously allowed.
pub const APP: &str = "123050457758183";
/// Another one like it.
pub const OTHER: &str = "other app";
/// Its id means another one if it is decoded.
pub const ODD: &str = "odd+id%41";
/// Under the dialect, but allowed nothing that is dangerous.
pub const BARE: &str = "bare";
/// The one address of [`APP`].
pub const BACK: &str = "http://www.example.com/response";
pub const USER: &str = "user.admin";
pub const PASSWORD: &str = "p\u{e4}ss &+%";

/// How a provider is talked to, as its document has it.
pub struct Provider {
    pub dialect: &'static Dialect,
    pub authorize: &'static str,
    pub token: &'static str,
    /// A good authorization request, besides the client.
    pub ask: &'static [(&'static str, &'static str)],
    /// A good token request, besides code and client.
    pub exchange: &'static [(&'static str, &'static str)],
    /// Whether clients prove themselves by HTTP Basic.
    pub is_basic: bool,
}

pub const AS_PIGAI: Provider = Provider {
    dialect: &PIGAI,
    authorize: "/oauth2/authorize",
    token: "/oauth2/access_token",
    ask: &[
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("state", "xyz"),
    ],
    exchange: &[("grant_type", "authorization_code"), ("redirect_uri", BACK)],
    is_basic: false,
};

pub const AS_LIUYUAN: Provider = Provider {
    dialect: &LIUYUAN,
    authorize: "/index.php?app=authorize",
    token: "/index.php?app=token",
    ask: &[("response_type", "code"), ("state", "xyz")],
    exchange: &[("grant_type", "authorization_code")],
    is_basic: true,
};

pub const AS_EVERYDO: Provider = Provider {
    dialect: &EVERYDO,
    authorize: "/authorize",
    token: "/access_token",
    ask: &[("redirect_uri", BACK), ("state", "xyz")],
    exchange: &[("grant_type", "authorization_code")],
    is_basic: false,
};

pub const PROVIDERS: [&Provider; 3] = [&AS_PIGAI, &AS_LIUYUAN, &AS_EVERYDO];

/// Requests for a code in which no provider finds a client to send the browser back to: row, changes, error.
pub const NO_CLIENT: [(&str, Changes<'_>, &str); 3] = [
    ("no client", &[("-client_id", "")], "invalid_request"),
    (
        "unknown client",
        &[("client_id", "nobody")],
        "invalid_client",
    ),
    (
        "strict client",
        &[("client_id", clients::WEB)],
        "unauthorized_client",
    ),
];

/// A provider and a strict server.
pub struct World {
    pub provider: &'static Provider,
    pub dialects: Dialects,
    pub service: DialectService,
    pub host: TestHost,
    pub strict: Fixture,
}

impl World {
    pub fn new(provider: &'static Provider) -> Self {
        Self::with(provider, JsonpHosts::default())
    }

    pub fn with(provider: &'static Provider, hosts: JsonpHosts) -> Self {
        let clock = Arc::new(Hand::default());
        let events = Arc::new(Log::default());
        let store = Arc::new(Brittle {
            inner: Arc::new(MemoryStore::default()),
            is_broken: false.into(),
        });
        let dialect = provider.dialect;
        let registered = clients::all().into_iter().chain(own_clients(dialect));
        let registered = Arc::new(registered.collect::<StaticClients>());
        let builder = || {
            let mut policy = policy();
            policy.access_token_lifetime = Duration::from_secs(7200);
            AuthorizationServer::builder(
                Issuer::new(ISSUER).unwrap(),
                store.clone(),
                registered.clone(),
                clock.clone(),
                Arc::new(SystemEntropy),
            )
            // Both find the same grants and tokens.
            .realm(Realm::new("shared"))
            .operator_secret(OperatorSecret::from_bytes([7; 32]))
            .policy(policy)
            .events(events.clone())
        };
        let server = dialect.server(builder());
        let server = server
            .grant(PasswordGrant::new(Arc::new(Passwords)))
            .build()
            .unwrap();
        let mut host = TestHost::new(server.clone());
        host.interactions = host.interactions.respond_with(dialect.authorize.respond);
        let dialects = Dialects::new(dialect, server, host.clone())
            .throttle(Some(Arc::new(Throttle::new(clock.clone()))))
            .jsonp_hosts(hosts);
        let server = builder().build().unwrap();
        let strict_host = TestHost::new(server.clone());
        let oauth = OAuth::new(server.clone(), strict_host.clone())
            .throttle(Some(Arc::new(Throttle::new(clock.clone()))));
        Self {
            provider,
            service: dialects.service(),
            dialects,
            host,
            strict: Fixture {
                server,
                service: oauth.service(),
                oauth,
                host: strict_host,
                clock,
                events,
                store,
            },
        }
    }

    pub fn advance(&self, seconds: u64) {
        self.strict.clock.advance(Duration::from_secs(seconds));
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        Answer::read(self.service.clone().oneshot(request).await.unwrap()).await
    }

    pub async fn get(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.send(get(&address(path, &pairs(params)))).await
    }

    pub async fn post(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        self.send(form(path, &pairs(params))).await
    }

    /// A good authorization request of [`APP`], with these changes.
    pub fn ask(&self, changes: Changes<'_>) -> Pairs {
        let ask = changed(pairs(self.provider.ask), &[("client_id", APP)]);
        changed(ask, changes)
    }

    /// What the browser gets for it.
    pub async fn visit(&self, changes: Changes<'_>) -> Answer {
        let uri = address(self.provider.authorize, &self.ask(changes));
        self.send(get(&uri)).await
    }

    /// What it gets if the user approves.
    pub async fn approved(&self, changes: Changes<'_>) -> Answer {
        self.host.does(Does::Approve(yes()));
        let answer = self.visit(changes).await;
        self.host.does(Does::Ask);
        answer
    }

    pub async fn code(&self) -> String {
        self.code_with(&[]).await
    }

    pub async fn code_with(&self, changes: Changes<'_>) -> String {
        let answer = self.approved(changes).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let code = answer.sent_to().1.get("code").map(str::to_owned);
        code.unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// A good token request for a code, with these changes.
    pub fn exchange(&self, code: &str, changes: Changes<'_>) -> Pairs {
        let exchange = changed(pairs(self.provider.exchange), &[("code", code)]);
        changed(exchange, changes)
    }

    /// The credentials as the provider wants them, and the parameters.
    pub fn signed(&self, client: &str, secret: &str, params: Pairs) -> Request<Full<Bytes>> {
        let mut all = pairs(&[("client_id", client)]);
        if !self.provider.is_basic {
            all.push(("client_secret".into(), secret.into()));
        }
        all.extend(params);
        let request = form(self.provider.token, &all);
        if self.provider.is_basic {
            with(request, AUTHORIZATION, &raw_basic(client, secret))
        } else {
            request
        }
    }

    pub async fn redeem(&self, client: &str, code: &str, changes: Changes<'_>) -> Answer {
        let params = self.exchange(code, changes);
        self.send(self.signed(client, &secret(client), params))
            .await
    }

    /// An access token of [`APP`] from the whole flow.
    pub async fn token(&self) -> String {
        self.token_with(&[]).await
    }

    pub async fn token_with(&self, changes: Changes<'_>) -> String {
        let answer = self.redeem(APP, &self.code_with(changes).await, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.member("access_token")
    }

    /// An API call that needs a scope, and its answer.
    pub async fn call(&self, request: Request<()>, form: &[(&str, &str)], needs: &str) -> Answer {
        let (parts, ()) = request.into_parts();
        let form: Params = form.iter().copied().collect();
        let answer = match self.dialects.call(&parts, &form, &scope(needs)).await {
            Ok(call) => served(&call),
            Err(response) => response,
        };
        Answer::read(answer).await
    }
}

/// What the API in the tests answers.
fn served(call: &ApiCall) -> http::Response<oauth_tower::Body> {
    call.answer(&serde_json::json!({ "whose": call.token.client_id.as_str() }))
}

/// A request of an API call, with these headers.
pub fn api(uri: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

pub fn address(path: &str, params: &[(String, String)]) -> String {
    let glue = if path.contains('?') { '&' } else { '?' };
    format!("{path}{glue}{}", encoded(params))
}

/// Basic as clients of these providers write it.
pub fn raw_basic(client: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")))
}

pub fn secret(client: &str) -> String {
    format!("5ecret: of+{client} %41 \u{e9}")
}

/// Asserts that it is an error document of the provider, and returns its members' names.
#[track_caller]
pub fn assert_denied(answer: &Answer, status: u16, error: &str, row: &str) {
    assert_eq!(answer.status, status, "{row}: {answer:?}");
    assert_error(&answer.json(), error, row);
    assert_eq!(answer.header("cache-control"), "no-store", "{row}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{row}");
    let challenged = !answer.header("www-authenticate").is_empty();
    assert_eq!(challenged, status == 401, "{row}: {answer:?}");
}

/// Asserts that these are the members of an error.
#[track_caller]
pub fn assert_error(document: &serde_json::Value, error: &str, row: &str) {
    assert_eq!(document["error"], error, "{row}: {document}");
    let names: Vec<&str> = document
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .filter(|name| *name != "error_code")
        .collect();
    assert_eq!(names, ["error", "error_description"], "{row}");
    let description = document["error_description"].as_str().unwrap();
    assert!(super::call::is_error_text(description), "{row}: {document}");
}

/// The clients under a dialect.
fn own_clients(dialect: &Dialect) -> Vec<Client> {
    let app = |id: &str| {
        let client = confidential(dialect, id);
        let client = if dialect.name == PIGAI.name {
            client
        } else {
            client.dangerous_redirect_uri_once()
        };
        client
            .dangerous_pkce_optional()
            .dangerous_implicit()
            .dangerous_password()
            .dangerous_token_without_authentication()
    };
    let grants = [
        GrantType::AUTHORIZATION_CODE,
        GrantType::REFRESH_TOKEN,
        GrantType::CLIENT_CREDENTIALS,
        GrantType::PASSWORD,
    ];
    [
        app(APP)
            .dangerous_http_redirect_uri(BACK)
            .grant_types(grants.clone()),
        app(OTHER)
            .redirect_uri("https://other.example/cb")
            .grant_types(grants),
        app(ODD).dangerous_http_redirect_uri(BACK),
        confidential(dialect, BARE).redirect_uri("https://bare.example/cb"),
    ]
    .map(|client| client.build().unwrap())
    .into()
}

fn confidential(dialect: &Dialect, id: &str) -> ClientBuilder {
    let secrets = ClientSecrets::new(SecretDigest::of(&secret(id)));
    let client = Client::confidential(
        id.parse().unwrap(),
        ClientAuthentication::SecretPost(secrets),
    );
    dialect
        .client(client)
        .scope(scope("read write"))
        .default_scope(scope("read"))
}

/// One user.
struct Passwords;

#[async_trait]
impl PasswordAuthenticator for Passwords {
    async fn authenticate(
        &self,
        _: &Client,
        username: &str,
        password: &Secret,
    ) -> Result<Subject, Error<PasswordDenial>> {
        if username == USER && password.expose() == PASSWORD {
            Ok(USER.parse().unwrap())
        } else {
            Err(PasswordDenial::Wrong.into())
        }
    }
}

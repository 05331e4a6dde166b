//! The server, its client, and what that asks for.

use std::{fmt, sync::Arc};

use oauth_core::{
    AuthorizationServer,
    authorize::{Approval, Browser, Interaction, Verdict},
    client::{
        Authorization, Client, ClientAuthentication, ClientRequest, ClientSecrets, Introspection,
    },
    error::{Denial, Error},
    grant::GrantType,
    operator_secret::OperatorSecret,
    random::{Entropy, EntropyError},
    server::AuthorizeAnswer,
    store::{StaticClients, Store},
    time::{Clock, Timestamp},
    types::{ClientId, Issuer, Secret, SecretDigest, Subject},
};

use crate::bench::random;

/// What a server does over any store, as long as nothing fails.
pub(super) fn sure<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| {
        fail!(
            "a server over the store works where nothing is wrong",
            "{error:?}"
        )
    })
}

const REDIRECT_URI: &str = "https://client.example/callback";
const SECRET: &str = "secret";
/// The verifier and its challenge of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(super) fn client_id() -> ClientId {
    sure(ClientId::new("client"))
}

pub(super) fn server(store: Arc<dyn Store>) -> AuthorizationServer {
    let secrets = ClientSecrets::new(SecretDigest::of(SECRET));
    let authentication = ClientAuthentication::SecretBasic(secrets);
    let client = Client::confidential(client_id(), authentication)
        .grant_types([
            GrantType::AUTHORIZATION_CODE,
            GrantType::REFRESH_TOKEN,
            GrantType::CLIENT_CREDENTIALS,
        ])
        .redirect_uri(REDIRECT_URI)
        .scope(sure("read".parse()))
        .introspection(Introspection::All)
        .build();
    let clients: StaticClients = [sure(client)].into_iter().collect();
    let builder = AuthorizationServer::builder(
        sure(Issuer::new("https://login.example")),
        store,
        Arc::new(clients),
        Arc::new(StandingClock),
        Arc::new(HashEntropy),
    )
    .operator_secret(OperatorSecret::from_bytes([7; 32]));
    sure(builder.build())
}

/// It is always the same moment.
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000)
    }
}

/// As unpredictable as the keys of this process's hash maps, which will do for tests.
struct HashEntropy;

impl Entropy for HashEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in buffer.chunks_mut(16) {
            chunk.copy_from_slice(&random()[..chunk.len()]);
        }
        Ok(())
    }
}

pub(super) async fn pend(server: &AuthorizationServer, browser: &Browser) -> Interaction {
    let params = [
        ("response_type", "code"),
        ("client_id", client_id().as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .into_iter()
    .collect();
    match sure(server.authorize(params, browser).await) {
        AuthorizeAnswer::Interact(interaction) => interaction,
        other => panic!("an authorization request is refused: {other:?}"),
    }
}

/// An answer that is wrong whatever the store does.
#[derive(Debug)]
pub(super) struct Wrong(pub(super) String);

impl Wrong {
    /// A denial is wrong too: every request here is valid.
    pub(super) fn denied<D: Denial>(error: Error<D>) -> Error<Self> {
        error.map_denial(|denial| Self(format!("{denial:?}")))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

impl Denial for Wrong {}

/// Approves as the user, and gives the code.
pub(super) async fn approve(
    server: &AuthorizationServer,
    browser: &Browser,
    user: &Subject,
    pending: &Interaction,
) -> Result<String, Error<Wrong>> {
    let verdict = Verdict::Approve(Approval::new(user.clone()));
    let settled = server
        .settle(&pending.handle, Some(browser), &verdict)
        .await
        .map_err(Wrong::denied)?;
    let mut params = settled.response.params();
    let code = params.find(|(name, _)| *name == "code");
    code.map(|(_, code)| code.to_owned())
        .ok_or_else(|| Wrong("an approval without a code".to_owned()).into())
}

pub(super) fn exchange(code: &str) -> ClientRequest {
    presented(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ])
}

pub(super) fn refresh(token: &Secret) -> ClientRequest {
    presented(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", token.expose()),
    ])
}

pub(super) fn presented(params: &[(&str, &str)]) -> ClientRequest {
    ClientRequest::new(params.iter().copied().collect()).authorization(Authorization::Basic {
        client_id: client_id().to_arc(),
        secret: Secret::new(SECRET),
    })
}

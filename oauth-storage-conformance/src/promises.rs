//! What a server promises over a store that fails.

use std::sync::Arc;

use oauth_core::{
    AuthorizationServer,
    authorize::{Approval, Browser, Interaction, Verdict},
    client::{
        Authorization, Client, ClientAuthentication, ClientSecrets, Introspection, Presented,
    },
    error::{ErrorCode, Fault as ServerFault},
    grant::GrantType,
    random::{Entropy, EntropyError},
    server::AuthorizeAnswer,
    store::{OwnedBy, StaticClients, Store},
    time::{Clock, Timestamp},
    token::{IntrospectionResponse, TokenResponse},
    types::{ClientId, GrantId, Issuer, Secret, SecretDigest, Subject},
};

use crate::{Fault, Faulty, Harness, Operation, bench::random};

/// Whichever call of the store fails, in whichever way: the server answers what it would have, and all of that is there; or it
/// says that it cannot answer now, and nothing is spent.
///
/// A server over the store runs every flow once for every call of the store that the flow makes and every [`Fault`] of it.
pub async fn a_server_keeps_its_promises_whichever_call_fails(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for flow in FLOWS {
        let calls = {
            let world = World::new(&store).await;
            let came = world.run(flow).await;
            holds(came == Came::Granted, flow, "nothing", &came);
            OPERATIONS.map(|operation| world.store.take_calls(operation))
        };
        for (operation, calls) in OPERATIONS.into_iter().zip(calls) {
            let kinds = KINDS.into_iter().filter(|kind| kind.is_of(operation));
            for (kind, call) in kinds.flat_map(|kind| (0..calls).map(move |call| (kind, call))) {
                disturbed(&store, flow, operation, call, kind).await;
            }
        }
    }
}

/// Runs a flow while one call of the store fails, and then again.
async fn disturbed(
    store: &Arc<dyn Store>,
    flow: Flow,
    operation: Operation,
    call: usize,
    kind: Kind,
) {
    let world = World::new(store).await;
    let passes = std::iter::repeat_with(|| Fault::None).take(call);
    world.store.plan(operation, passes.chain([kind.fault()]));
    let came = world.run(flow).await;
    world.store.clear();
    let what = format!("{kind:?} of {operation:?} {call}");
    let may_come_later = match (operation, kind) {
        (_, Kind::Delayed) | (Operation::Commit, Kind::AnswerLost) => false,
        // An end expects nothing, and only a store that is out of its mind contradicts it.
        (_, Kind::Conflict) => matches!(flow, Flow::Withdraw | Flow::EndGrant),
        _ => true,
    };
    holds(
        came == Came::Granted || came == Came::Later && may_come_later,
        flow,
        &what,
        &came,
    );
    if came == Came::Later {
        let again = world.run(flow).await;
        holds(
            again == Came::Granted,
            flow,
            &format!("{what}, and a retry"),
            &again,
        );
    }
}

fn holds(holds: bool, flow: Flow, what: &str, came: &Came) {
    require!(
        "what the server answered is there; and if it could not answer, nothing is spent",
        holds,
        "{flow:?} came to {came:?}, after {what}"
    );
}

/// What a client or a user wants.
#[derive(Clone, Copy, Debug)]
enum Flow {
    Approve,
    Redeem,
    Refresh,
    ClientCredentials,
    Validate,
    Introspect,
    Revoke,
    Withdraw,
    EndGrant,
}

const FLOWS: [Flow; 9] = [
    Flow::Approve,
    Flow::Redeem,
    Flow::Refresh,
    Flow::ClientCredentials,
    Flow::Validate,
    Flow::Introspect,
    Flow::Revoke,
    Flow::Withdraw,
    Flow::EndGrant,
];

const OPERATIONS: [Operation; 4] = [
    Operation::Load,
    Operation::Commit,
    Operation::List,
    Operation::Prune,
];

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Unavailable,
    Lost,
    AnswerLost,
    Conflict,
    Delayed,
}

const KINDS: [Kind; 5] = [
    Kind::Unavailable,
    Kind::Lost,
    Kind::AnswerLost,
    Kind::Conflict,
    Kind::Delayed,
];

impl Kind {
    /// Whether it is something else than being unavailable.
    fn is_of(self, operation: Operation) -> bool {
        operation == Operation::Commit || !matches!(self, Self::Lost | Self::Conflict)
    }

    fn fault(self) -> Fault {
        match self {
            Self::Unavailable => Fault::Unavailable,
            Self::Lost => Fault::Lost,
            Self::AnswerLost => Fault::AnswerLost,
            Self::Conflict => Fault::Conflict,
            Self::Delayed => Fault::delay(20),
        }
    }
}

/// What came of it.
#[derive(Debug, PartialEq)]
enum Came {
    /// As it should, and all that was answered is there.
    Granted,
    /// The server cannot answer now.
    Later,
    /// Anything else: a denial, or an answer that is not true.
    Wrong(String),
}

/// A server, and something for every flow to work on.
struct World {
    store: Arc<Faulty<Arc<dyn Store>>>,
    server: AuthorizationServer,
    browser: Browser,
    user: Subject,
    /// Not decided.
    pending: Interaction,
    /// Not redeemed.
    code: String,
    tokens: TokenResponse,
    /// That of the tokens.
    grant: GrantId,
}

impl World {
    async fn new(store: &Arc<dyn Store>) -> Self {
        let store = Arc::new(Faulty::new(Arc::clone(store)));
        let server = server(Arc::clone(&store) as _);
        let browser = Browser::new(&mut sure(server.random()));
        let user = sure(Subject::new(format!(
            "{:032x}",
            u128::from_be_bytes(random())
        )));
        let approved = async || {
            let pending = pend(&server, &browser).await;
            sure(approve(&server, &browser, &user, &pending).await)
        };
        let tokens = sure(sure(server.token(&exchange(&approved().await)).await));
        let by = OwnedBy::Subject(user.to_arc());
        let grant = sure(server.grants(by, None, 1).await).grants.remove(0).id;
        let code = approved().await;
        let pending = pend(&server, &browser).await;
        for operation in OPERATIONS {
            store.take_calls(operation);
        }
        Self {
            store,
            server,
            browser,
            user,
            pending,
            code,
            tokens,
            grant,
        }
    }

    async fn run(&self, flow: Flow) -> Came {
        let server = &self.server;
        let answer = match flow {
            Flow::Approve => self.approve().await,
            Flow::Redeem => self.issue(&exchange(&self.code)).await,
            Flow::Refresh => self.issue(&refresh(self.refresh_token())).await,
            Flow::ClientCredentials => {
                let request = presented(&[("grant_type", "client_credentials")]);
                self.issue(&request).await
            }
            Flow::Validate => server
                .validate(&self.tokens.access_token)
                .await
                .map(|found| is(found.as_ref() == Some(&self.tokens.token), &found)),
            Flow::Introspect => self
                .introspect(&self.tokens.access_token)
                .await
                .map(|is_active| is(is_active, &"it is inactive")),
            Flow::Revoke => {
                let request = presented(&[("token", self.refresh_token().expose())]);
                let answer = server.revoke(&request).await;
                self.ended(answer.map(|answer| answer.err().map(|denial| format!("{denial:?}"))))
                    .await
            }
            Flow::Withdraw => {
                let answer = server.withdraw(&self.user, &client_id()).await;
                self.ended(answer.map(|_| None)).await
            }
            Flow::EndGrant => {
                let answer = server.end_grant(self.grant).await;
                self.ended(answer.map(|()| None)).await
            }
        };
        answer.unwrap_or_else(|fault| {
            if fault.refusal().code == ErrorCode::TEMPORARILY_UNAVAILABLE {
                Came::Later
            } else {
                Came::Wrong(format!("{fault:?}"))
            }
        })
    }

    async fn approve(&self) -> Result<Came, ServerFault> {
        let code = match approve(&self.server, &self.browser, &self.user, &self.pending).await {
            Ok(code) => code,
            Err(Denied::Fault(fault)) => return Err(fault),
            Err(Denied::Answer(denial)) => return Ok(Came::Wrong(denial)),
        };
        self.store.clear();
        let tokens = self.server.token(&exchange(&code)).await?;
        Ok(is(tokens.is_ok(), &tokens))
    }

    /// Asks for tokens, and looks whether they are there.
    async fn issue(&self, request: &Presented) -> Result<Came, ServerFault> {
        let tokens = match self.server.token(request).await? {
            Ok(tokens) => tokens,
            Err(denial) => return Ok(Came::Wrong(format!("{denial:?}"))),
        };
        self.store.clear();
        for token in [Some(&tokens.access_token), tokens.refresh_token.as_ref()] {
            if let Some(token) = token
                && !self.introspect(token).await?
            {
                return Ok(Came::Wrong("a token that is not there".to_owned()));
            }
        }
        Ok(Came::Granted)
    }

    /// Looks whether the grant has ended, if that was answered.
    async fn ended(
        &self,
        answer: Result<Option<String>, ServerFault>,
    ) -> Result<Came, ServerFault> {
        if let Some(denial) = answer? {
            return Ok(Came::Wrong(denial));
        }
        self.store.clear();
        for token in [&self.tokens.access_token, self.refresh_token()] {
            if self.introspect(token).await? {
                return Ok(Came::Wrong("a token that is still there".to_owned()));
            }
        }
        Ok(Came::Granted)
    }

    async fn introspect(&self, token: &Secret) -> Result<bool, ServerFault> {
        let request = presented(&[("token", token.expose())]);
        let answer = self.server.introspect(&request).await?;
        Ok(answer.is_ok_and(|answer| answer != IntrospectionResponse::Inactive))
    }

    fn refresh_token(&self) -> &Secret {
        sure(self.tokens.refresh_token.as_ref().ok_or("no refresh token"))
    }
}

fn is(so: bool, instead: &dyn std::fmt::Debug) -> Came {
    if so {
        Came::Granted
    } else {
        Came::Wrong(format!("{instead:?}"))
    }
}

/// What the checks rely on and is no matter of the store.
fn sure<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("the server failed where nothing was wrong: {error:?}"))
}

const REDIRECT_URI: &str = "https://client.example/callback";
const SECRET: &str = "secret";
/// The verifier and its challenge of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client_id() -> ClientId {
    sure(ClientId::new("client"))
}

fn server(store: Arc<dyn Store>) -> AuthorizationServer {
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
    AuthorizationServer::builder(
        sure(Issuer::new("https://login.example")),
        store,
        Arc::new(clients),
        Arc::new(StandingClock),
        Arc::new(HashEntropy),
    )
    .build()
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

async fn pend(server: &AuthorizationServer, browser: &Browser) -> Interaction {
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

#[derive(Debug)]
enum Denied {
    Fault(ServerFault),
    Answer(String),
}

/// Approves as the user, and gives the code.
async fn approve(
    server: &AuthorizationServer,
    browser: &Browser,
    user: &Subject,
    pending: &Interaction,
) -> Result<String, Denied> {
    let verdict = Verdict::Approve(Approval::new(user.clone()));
    let settled = server
        .settle(&pending.handle, Some(browser), &verdict)
        .await
        .map_err(Denied::Fault)?
        .map_err(|denial| Denied::Answer(format!("{denial:?}")))?;
    let mut params = settled.response.params();
    let code = params.find(|(name, _)| *name == "code");
    code.map(|(_, code)| code.to_owned())
        .ok_or_else(|| Denied::Answer("an approval without a code".to_owned()))
}

fn exchange(code: &str) -> Presented {
    presented(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ])
}

fn refresh(token: &Secret) -> Presented {
    presented(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", token.expose()),
    ])
}

fn presented(params: &[(&str, &str)]) -> Presented {
    Presented {
        authorization: Some(Authorization::Basic {
            client_id: client_id().to_string(),
            secret: Secret::new(SECRET),
        }),
        params: params.iter().copied().collect(),
    }
}

//! What is told to whom: no secret in an event, a line of tracing or any Debug output, and nothing in an error that is not a
//! constant text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::{
    fmt::{Debug, Write},
    io,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    Fixture, OPERATOR_SECRET,
    clients::{APP, OPEN, OWN, PAGE, PLAIN, POST, TYPIST, WEB, client_secret, redirect_uri},
    faulty::FROM_THE_FUTURE,
    flow::{
        CHALLENGE, STATE, VERIFIER, answered, approve, authorization_request, basic, browser,
        code_in, exchange, from, pairs, refresh_token, remembered,
    },
    policy, subject,
    users::{PASSWORD, Users},
};
use oauth_core::{
    authorize::{AuthorizationDenial, InteractionDenial, UnprovenDenial, Verdict},
    client::{ClientDenial, ClientRequest},
    error::{ErrorCode, Fault as ServerFault, Refusal},
    grant::{CodeDenial, PasswordDenial, PasswordGrant, RefreshDenial, TokenDenial},
    operator_secret::OperatorSecret,
    pkce::InvalidChallenge,
    random::{EntropyError, Random},
    server::AuthorizeAnswer,
    store::{Commit, Key, Listing, Outcome, OwnedBy, Page, Store, StoreError, Stored},
    time::Timestamp,
    token::{IntrospectionDenial, PresentedToken, RevocationDenial, TokenResponse},
};
use oauth_storage_conformance::{Fault, Faulty, Operation};
use oauth_storage_memory::MemoryStore;
use tracing_subscriber::fmt::MakeWriter;

/// Where the lines of tracing go.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What was said, and what must not have been.
#[derive(Default)]
struct Heard {
    said: String,
    secrets: Vec<(&'static str, String)>,
}

impl Heard {
    fn debug(&mut self, value: &impl Debug) {
        writeln!(self.said, "{value:?} {value:#?}").unwrap();
    }

    fn secret(&mut self, what: &'static str, secret: impl Into<String>) {
        self.secrets.push((what, secret.into()));
    }

    fn tokens(&mut self, tokens: &TokenResponse) {
        self.debug(tokens);
        self.secret("access token", tokens.access_token.expose());
        self.secret("refresh token", refresh_token(tokens).expose());
    }
}

/// A store, and the `Debug` output of everything that came by.
struct Overheard<S> {
    store: S,
    said: Mutex<String>,
}

impl<S> Overheard<S> {
    fn hear<T: Debug>(&self, what: T) -> T {
        writeln!(self.said.lock().unwrap(), "{what:?}").unwrap();
        what
    }
}

#[async_trait]
impl<S: Store> Store for Overheard<S> {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.store.load(key).await.map(|found| self.hear(found))
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.store.commit(self.hear(commit)).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.store.list(listing).await.map(|page| self.hear(page))
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.store.prune(before, limit).await
    }
}

/// 7636-4.4-b, 9700-4.9.3-a: a whole flow, with everything that can go wrong.
#[tokio::test]
async fn secrets_are_told_to_nobody() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(lines.clone())
        .finish();
    // With one dispatcher alone, `tracing` asks the thread that comes first to a callsite whether anybody listens, and remembers its
    // no. The other tests of this file may be that thread.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let guard = tracing::subscriber::set_default(subscriber);
    let kept = MemoryStore::default();
    let store = Arc::new(Overheard {
        store: Faulty::new(kept.clone()),
        said: Mutex::default(),
    });
    let fixture = Fixture::over(kept, Arc::clone(&store) as _, |_| {});
    let (store, overheard) = (&store.store, &store.said);
    let mut heard = Heard::default();
    heard.secret("state", STATE);
    heard.secret("verifier", VERIFIER);
    heard.secret("challenge", CHALLENGE);
    heard.secret("cookie", browser(1).cookie().expose());
    for client in [WEB, POST] {
        heard.secret("client secret", client_secret(client));
    }
    heard.debug(&browser(1));
    heard.debug(&common::clients::all());

    for (client, changes) in [
        (WEB, vec![]),
        (POST, vec![]),
        (APP, vec![]),
        (
            PLAIN,
            vec![
                ("code_challenge", VERIFIER),
                ("code_challenge_method", "plain"),
            ],
        ),
    ] {
        let interaction = fixture.pend(client, &changes).await;
        heard.debug(&interaction.pending);
        for verdict in [remembered("alice"), remembered("alice"), Verdict::Deny] {
            let settled = fixture.settle(&interaction, verdict).await;
            heard.debug(&settled);
            if let Ok(settled) = settled {
                heard.secret("code", code_in(&settled.response));
            }
        }
        let handle = fixture.pend(client, &changes).await.handle;
        let cookie = browser(1);
        heard.debug(
            &fixture
                .server
                .settle_remembered(&handle, Some(&cookie), &subject("alice"))
                .await,
        );
        heard.debug(&fixture.server.settle(&handle, None, &Verdict::Deny).await);
        let code = fixture.code_for(client, "alice", &changes).await;
        heard.secret("code", &code);
        let other_code = fixture.code_for(client, "alice", &changes).await;
        heard.secret("code", &other_code);

        let uri = redirect_uri(client);
        let request = from(client, &exchange(&code, &uri));
        heard.debug(&request);
        let wrong = from(client, &exchange(&code, "https://wrong.example"));
        heard.debug(&fixture.server.token(&wrong).await);
        let tokens = fixture.token(&request).await.unwrap();
        heard.tokens(&tokens);
        let next = fixture
            .refresh(client, refresh_token(&tokens), &[])
            .await
            .unwrap();
        heard.tokens(&next);
        heard.debug(&fixture.refresh(client, refresh_token(&tokens), &[]).await);
        let last = fixture
            .refresh(client, refresh_token(&next), &[])
            .await
            .unwrap();
        heard.tokens(&last);
        for token in [&last.access_token, refresh_token(&last)] {
            let request = from(client, &[("token", token.expose())]);
            heard.debug(&fixture.server.introspect(&request).await);
            heard.debug(
                &fixture
                    .server
                    .validate(&PresentedToken::bearer(token.clone()))
                    .await,
            );
            heard.debug(
                &fixture
                    .revoke(if client == WEB { POST } else { WEB }, token)
                    .await,
            );
        }
        heard.debug(&fixture.refresh(client, refresh_token(&tokens), &[]).await);
        heard.debug(&fixture.token(&request).await);
        let tokens = fixture.redeem(client, &other_code).await.unwrap();
        heard.tokens(&tokens);
        heard.debug(
            &fixture
                .server
                .revoke(&from(client, &[("token", refresh_token(&tokens).expose())]))
                .await,
        );
    }
    dangerous(&fixture, &mut heard).await;
    for step in [Fault::Unavailable, Fault::AnswerLost, Fault::Lost] {
        let code = fixture.code(WEB).await;
        heard.secret("code", &code);
        store.plan(Operation::Commit, [step]);
        heard.debug(
            &fixture
                .try_token(&from(WEB, &exchange(&code, &redirect_uri(WEB))))
                .await,
        );
    }
    for load in [Fault::Unavailable, FROM_THE_FUTURE] {
        let code = fixture.code(WEB).await;
        heard.secret("code", &code);
        store.plan(Operation::Load, [load]);
        let fault = fixture
            .try_token(&from(WEB, &exchange(&code, &redirect_uri(WEB))))
            .await
            .unwrap_err();
        writeln!(heard.said, "{fault} {fault:?}").unwrap();
    }
    let always = std::iter::repeat_with(|| Fault::Conflict).take(100);
    store.plan(Operation::Commit, always);
    heard.debug(
        &fixture
            .try_token(&from(WEB, &[("grant_type", "client_credentials")]))
            .await,
    );
    let wrong = ClientRequest::new(
        pairs(&[("token", "guessed token"), ("password", "guessed password")])
            .into_iter()
            .collect(),
    )
    .authorization(basic(WEB, "guessed secret"));
    for guess in ["guessed secret", "guessed token", "guessed password"] {
        heard.secret("guess", guess);
    }
    heard.debug(&wrong);
    heard.debug(&fixture.server.token(&wrong).await);
    heard.debug(&fixture.server.introspect(&wrong).await);
    heard.debug(&fixture.server.revoke(&wrong).await);
    let answer = fixture
        .authorize(
            common::flow::changed(authorization_request(WEB), &[("scope", "x")]),
            &browser(1),
        )
        .await;
    heard.debug(&answer);
    heard.debug(&approve("alice"));
    heard.debug(&fixture.server.sealer().await);
    heard.debug(
        &fixture
            .server
            .grants(OwnedBy::Subject("alice".into()), None, 99)
            .await,
    );
    heard.debug(&fixture.server.connections(&subject("alice")).await);
    heard.debug(&fixture.server);
    heard.debug(&policy());

    drop(guard);
    let events = fixture.events.take();
    assert!(events.len() > 80, "{}", events.len());
    let traced = String::from_utf8(std::mem::take(&mut *lines.0.lock().unwrap())).unwrap();
    assert_eq!(
        traced
            .lines()
            .filter(|line| line.contains("oauth_core::event"))
            .count(),
        events.len()
    );
    heard.debug(&events);
    heard.said.push_str(&traced);
    heard.said.push_str(&overheard.lock().unwrap());
    let bytes = format!("{OPERATOR_SECRET:?}");
    heard.secret("operator secret", bytes.trim_matches(['[', ']']).to_owned());
    heard.secret("operator secret", URL_SAFE_NO_PAD.encode(OPERATOR_SECRET));
    let hex = OperatorSecret::from_bytes(OPERATOR_SECRET).expose_hex();
    heard.secret("operator secret", hex.to_string());
    for (what, secret) in &heard.secrets {
        assert!(secret.len() >= 8, "{what}");
        if let Some(at) = heard.said.find(secret.as_str()) {
            panic!("a {what}: {}", &heard.said[at.saturating_sub(200)..at + 20]);
        }
        // Nor as a quoted text.
        let quoted = format!("{secret:?}");
        assert!(!heard.said.contains(quoted.trim_matches('"')), "a {what}");
    }
}

/// What the dangerous grants hand out and are told.
async fn dangerous(fixture: &Fixture, heard: &mut Heard) {
    let interaction = fixture.pend(PAGE, &[("response_type", "token")]).await;
    heard.debug(&interaction.pending);
    for _ in 0..2 {
        let settled = fixture
            .settle(&interaction, Verdict::Approve(approve("alice")))
            .await;
        heard.debug(&settled);
        let params = answered(&settled.unwrap().response);
        heard.secret("implicit token", &params["access_token"]);
    }

    let grant = PasswordGrant::new(Arc::new(Users::default()));
    heard.debug(&grant);
    let typing = fixture.beside_built(common::clients::all(), 8, |builder| builder.grant(grant));
    heard.secret("password", PASSWORD);
    heard.secret("password", "guessed p\u{e4}ssword");
    for password in ["guessed p\u{e4}ssword", PASSWORD] {
        let request = from(
            TYPIST,
            &[
                ("grant_type", "password"),
                ("username", "alice"),
                ("password", password),
            ],
        );
        heard.debug(&request);
        let answer = typing.server.token(&request).await;
        heard.debug(&answer);
        if let Ok(tokens) = answer {
            heard.tokens(&tokens);
        }
    }

    heard.secret("client secret", client_secret(OWN));
    let ticket = fixture.server.own_code_ticket(&from(OWN, &[])).await;
    let ticket = ticket.unwrap();
    heard.secret("ticket", &ticket);
    for _ in 0..2 {
        let answer = fixture.server.own_code(&ticket).await;
        heard.debug(&answer);
        if let Ok(code) = answer {
            heard.secret("code", code.code.expose());
            let exchange = [
                ("grant_type", "authorization_code"),
                ("code", code.code.expose()),
            ];
            heard.tokens(&fixture.token(&from(OWN, &exchange)).await.unwrap());
        }
    }
    let named = ClientRequest::new(pairs(&[("client_id", OPEN)]).into_iter().collect());
    let answer = fixture.server.token_without_authentication(&named).await;
    let tokens = answer.unwrap();
    heard.debug(&tokens);
    heard.secret("access token", tokens.access_token.expose());
    heard.debug(
        &fixture
            .server
            .inspect(&PresentedToken::bearer(tokens.access_token.clone()))
            .await,
    );
    heard.debug(
        &fixture
            .server
            .revoke_grant(None, &tokens.access_token)
            .await,
    );
}

/// 6749-4.1.2.1-g: every error and description keeps to the grammar, for every reason there is.
#[test]
fn errors_keep_to_their_grammar() {
    use AuthorizationDenial as A;
    use ClientDenial as C;
    let clients = [
        C::Missing,
        C::SeveralMethods,
        C::TwoClients,
        C::Malformed,
        C::Unknown,
        C::WrongMethod,
        C::WrongSecret,
        C::WrongProof,
        C::ReplayedProof,
        C::Public,
        C::OtherProfile,
    ];
    let codes = [
        CodeDenial::Unknown,
        CodeDenial::WrongClient,
        CodeDenial::WrongRedirectUri,
        CodeDenial::MissingRedirectUri,
        CodeDenial::MissingVerifier,
        CodeDenial::WrongVerifier,
        CodeDenial::UnexpectedVerifier,
        CodeDenial::Target,
        CodeDenial::Expired,
        CodeDenial::Replayed,
    ];
    let refreshes = [
        RefreshDenial::Unknown,
        RefreshDenial::Forged,
        RefreshDenial::WrongClient,
        RefreshDenial::Expired,
        RefreshDenial::Idle,
        RefreshDenial::Scope,
        RefreshDenial::Target,
        RefreshDenial::Reused,
        RefreshDenial::LateRetry,
        RefreshDenial::NoSecret,
        RefreshDenial::Unproven,
    ];
    let authorizations = [
        A::Repeated,
        A::MissingResponseType,
        A::UnsupportedResponseType,
        A::UnsupportedResponseMode,
        A::State,
        A::UnauthorizedClient,
        A::RequestObject,
        A::RequestUri,
        A::Scope,
        A::Target,
        A::MissingChallenge,
        A::Challenge(InvalidChallenge::Method),
        A::Challenge(InvalidChallenge::Value),
        A::Declined,
    ];
    let tokens = [
        TokenDenial::Repeated,
        TokenDenial::Missing("code"),
        TokenDenial::Missing("grant_type"),
        TokenDenial::Missing("refresh_token"),
        TokenDenial::Missing("other"),
        TokenDenial::Malformed("code_verifier"),
        TokenDenial::Malformed("other"),
        TokenDenial::UnsupportedGrantType,
        TokenDenial::UnauthorizedClient,
        TokenDenial::Scope,
        TokenDenial::Target,
        TokenDenial::Password(PasswordDenial::Wrong),
        TokenDenial::Password(PasswordDenial::Throttled),
        TokenDenial::Ticket,
    ];
    let faults = [
        ServerFault::Contention,
        ServerFault::Entropy(EntropyError),
        ServerFault::WrongClient {
            asked: "\"A\"".parse().unwrap(),
            returned: "\"a\"".parse().unwrap(),
        },
        ServerFault::Extension("\"no\u{e9}\"".into()),
        ServerFault::Store(StoreError::unavailable("\"no\"")),
        ServerFault::Store(StoreError::unknown("\"no\"")),
        ServerFault::Store(StoreError::unreadable("\"no\"")),
    ];
    let mut refusals: Vec<Refusal> = Vec::new();
    refusals.extend(clients.map(ClientDenial::refusal));
    refusals.extend(clients.map(|denial| TokenDenial::from(denial).refusal()));
    refusals.extend(codes.map(|denial| TokenDenial::Code(denial).refusal()));
    refusals.extend(refreshes.map(|denial| TokenDenial::Refresh(denial).refusal()));
    refusals.extend(authorizations.map(AuthorizationDenial::refusal));
    refusals.extend(tokens.map(TokenDenial::refusal));
    refusals.extend(
        [IntrospectionDenial::Repeated, IntrospectionDenial::Missing]
            .map(IntrospectionDenial::refusal),
    );
    refusals.extend(
        [
            RevocationDenial::Repeated,
            RevocationDenial::Missing,
            RevocationDenial::WrongClient,
        ]
        .map(RevocationDenial::refusal),
    );
    refusals.extend(faults.iter().map(ServerFault::refusal));
    for refusal in refusals {
        for text in [refusal.code.as_str(), refusal.description] {
            let fits = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(!text.is_empty() && text.bytes().all(fits), "{text:?}");
        }
    }
    // Nobody learns from an answer which codes, tokens and clients there are.
    let same = |refusals: &[Refusal]| refusals.windows(2).all(|pair| pair[0] == pair[1]);
    assert!(same(
        &[
            C::Unknown,
            C::WrongMethod,
            C::WrongSecret,
            C::WrongProof,
            C::ReplayedProof
        ]
        .map(C::refusal)
    ));
    assert!(same(
        &[
            CodeDenial::Unknown,
            CodeDenial::WrongClient,
            CodeDenial::Expired,
            CodeDenial::Replayed
        ]
        .map(CodeDenial::refusal)
    ));
    assert!(same(
        &[
            RefreshDenial::Unknown,
            RefreshDenial::Forged,
            RefreshDenial::WrongClient,
            RefreshDenial::Expired,
            RefreshDenial::Idle,
            RefreshDenial::Reused,
            RefreshDenial::LateRetry,
            RefreshDenial::NoSecret,
            RefreshDenial::Unproven
        ]
        .map(RefreshDenial::refusal)
    ));
    assert_eq!(faults[0].refusal().code, ErrorCode::TEMPORARILY_UNAVAILABLE);
}

/// 6749-3.1.2.4-b: what cannot be told to a client is told to the person, in words.
#[test]
fn people_are_told_too() {
    use InteractionDenial as I;
    use UnprovenDenial as U;
    let unproven = [
        U::MissingClient,
        U::Repeated,
        U::UnknownClient,
        U::OtherProfile,
        U::MissingRedirectUri,
        U::WrongRedirectUri,
    ];
    let interaction = [
        I::Forged,
        I::WrongBrowser,
        I::Expired,
        I::AlreadyDecided,
        I::ClientGone,
        I::Widened,
        I::Nothing,
        I::TooLarge,
        I::NotRemembered,
    ];
    let texts = unproven
        .map(U::description)
        .into_iter()
        .chain(interaction.map(I::description));
    for text in texts {
        assert!(text.ends_with('.') && text.len() > 20);
    }
}

/// 6749-10.10-a, 6749-10.10-b: what is handed out is made of 256 bits that the seed alone decides.
#[tokio::test]
async fn every_credential_is_its_own() {
    let fixture = common::Fixture::new();
    let mut all = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let code = fixture.code(WEB).await;
        let tokens = fixture.redeem(WEB, &code).await.unwrap();
        let next = fixture
            .refresh(WEB, refresh_token(&tokens), &[])
            .await
            .unwrap();
        for (prefix, text) in [
            ("oauth_ac_", code.as_str()),
            ("oauth_at_", tokens.access_token.expose()),
            ("oauth_rt_", refresh_token(&tokens).expose()),
            ("oauth_at_", next.access_token.expose()),
            ("oauth_rt_", refresh_token(&next).expose()),
        ] {
            let bits = URL_SAFE_NO_PAD
                .decode(text.strip_prefix(prefix).unwrap())
                .unwrap();
            // Behind the grant's id; the number and the tag of a refresh token count for nothing.
            let secret = match (prefix, bits.len()) {
                ("oauth_ac_", 48) => &bits[16..],
                ("oauth_at_", 32) => &bits[..],
                ("oauth_rt_", 68) => &bits[20..52],
                other => panic!("{other:?}"),
            };
            assert!(
                all.insert(secret.to_vec()),
                "never twice, whatever its kind"
            );
        }
    }
    let browsers = (0..9).map(|seed| Random::from_seed([seed; 32]));
    for mut random in browsers {
        let cookie = oauth_core::authorize::Browser::new(&mut random);
        assert!(all.insert(URL_SAFE_NO_PAD.decode(cookie.cookie().expose()).unwrap()));
    }
}

/// A code and a successor are derived from what their holder has, but nobody can tell them beforehand from that alone.
#[tokio::test]
async fn what_is_derived_is_salted() {
    let (ours, theirs) = (common::Fixture::new(), common::Fixture::new());
    let (one, two) = (ours.tokens(WEB).await, theirs.tokens(WEB).await);
    assert_eq!(refresh_token(&one).expose(), refresh_token(&two).expose());
    let (our_handle, their_handle) = (ours.pend(WEB, &[]).await, theirs.pend(WEB, &[]).await);
    assert_eq!(our_handle.handle, their_handle.handle);
    // From here on, their randomness is another.
    theirs.server.random().unwrap();
    let yes = || Verdict::Approve(approve("alice"));
    let our_code = code_in(&ours.settle(&our_handle, yes()).await.unwrap().response);
    let their_code = code_in(&theirs.settle(&their_handle, yes()).await.unwrap().response);
    assert_ne!(our_code, their_code);
    let one = ours.refresh(WEB, refresh_token(&one), &[]).await.unwrap();
    let two = theirs.refresh(WEB, refresh_token(&two), &[]).await.unwrap();
    assert_ne!(refresh_token(&one).expose(), refresh_token(&two).expose());
}

/// Whoever reads the store and the handle, but has no cookie, cannot tell the code.
#[tokio::test]
async fn a_code_is_derived_from_the_cookie() {
    let mut codes = Vec::new();
    for seed in [1, 1, 2] {
        let fixture = common::Fixture::new();
        let params = authorization_request(WEB);
        let cookie = browser(seed);
        let AuthorizeAnswer::Interact(pending) = fixture.authorize(params, &cookie).await else {
            panic!();
        };
        let yes = Verdict::Approve(approve("alice"));
        let settled = fixture.server.settle(&pending.handle, Some(&cookie), &yes);
        codes.push(code_in(&settled.await.unwrap().response));
    }
    assert_eq!(codes[0], codes[1]);
    assert_ne!(codes[0], codes[2]);
}

//! A store that fails: the answer is the one that was prepared if the commit landed, and "later" if not; nothing is spent twice.
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
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use common::{
    Answered, Fixture, SeededEntropy, TestClock,
    clients::{self, APP, STRANGER, WEB},
    faulty::{FROM_THE_FUTURE, FaultyStore, faulty},
    flow::{
        answered, approve, authorization_request, browser, changed, code_in, from, refresh_token,
        remembered,
    },
    issuer, seconds, secret, subject,
};
use oauth_core::{
    AuthorizationServer,
    authorize::{Interaction, InteractionDenial, Verdict},
    error::Error,
    operator_secret::OperatorSecret,
    random::{Entropy, EntropyError},
    server::AuthorizeAnswer,
    store::{OwnedBy, StaticClients},
    token::TokenResponse,
    types::{GrantId, Secret},
};
use oauth_storage_conformance::{Fault, Faulty, Operation as Call};
use oauth_storage_memory::MemoryStore;

/// Everything that commits, and declining, which does not.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Redeem,
    Replay,
    Refresh,
    Retry,
    /// With another scope, so that there is another access token.
    RetryOtherwise,
    Reuse,
    ClientCredentials,
    RevokeAccess,
    RevokeRefresh,
    Approve,
    ApproveAndRemember,
    ApproveAgain,
    Deny,
    Withdraw,
    EndGrant,
}

use Operation as O;

const COMMITTING: [Operation; 14] = [
    O::Redeem,
    O::Replay,
    O::Refresh,
    O::Retry,
    O::RetryOtherwise,
    O::Reuse,
    O::ClientCredentials,
    O::RevokeAccess,
    O::RevokeRefresh,
    O::Approve,
    O::ApproveAndRemember,
    O::ApproveAgain,
    O::Withdraw,
    O::EndGrant,
];

/// What an operation came to, with the secret that a repetition has to give again.
#[derive(Clone, Debug, PartialEq)]
enum Came {
    To(String),
    Denied,
    Later,
}

/// A server with something to do every operation on.
struct World {
    fixture: Fixture,
    store: Arc<FaultyStore>,
    /// Spent, and its tokens live.
    spent_code: String,
    tokens: TokenResponse,
    /// Unspent, and of another grant.
    code: String,
    /// Used; the second one is the one to use.
    used: Secret,
    second: TokenResponse,
    /// Used, and its successor too.
    reused: Secret,
    third: TokenResponse,
    pending: Interaction,
    grant: GrantId,
}

impl World {
    async fn new() -> Self {
        let (fixture, store) = faulty();
        let old = fixture.tokens_for(WEB, "carol", &[]).await;
        let next = fixture
            .refresh(WEB, refresh_token(&old), &[])
            .await
            .unwrap();
        let third = fixture
            .refresh(WEB, refresh_token(&next), &[])
            .await
            .unwrap();
        // The grace of these is over.
        fixture.clock.advance(seconds(30));
        let spent_code = fixture.code(WEB).await;
        let tokens = fixture.redeem(WEB, &spent_code).await.unwrap();
        let page = fixture
            .server
            .grants(OwnedBy::Subject("alice".into()), None, 9);
        let grant = page.await.unwrap().grants[0].id;
        let code = fixture.code(WEB).await;
        let wide = [("scope", "read write")];
        let first = fixture.tokens_for(WEB, "bob", &wide).await;
        let second = fixture
            .refresh(WEB, refresh_token(&first), &[])
            .await
            .unwrap();
        let interaction = fixture.pend(WEB, &[]).await;
        fixture
            .settle(&interaction, remembered("dora"))
            .await
            .unwrap();
        let pending = fixture.pend(WEB, &[]).await;
        store.take_calls(Call::Commit);
        Self {
            fixture,
            store,
            spent_code,
            tokens,
            code,
            used: refresh_token(&first).clone(),
            second,
            reused: refresh_token(&old).clone(),
            third,
            pending,
            grant,
        }
    }

    async fn run(&self, operation: Operation) -> Came {
        let redeem = |code: &str| {
            from(
                WEB,
                &common::flow::exchange(code, &clients::redirect_uri(WEB)),
            )
        };
        let refresh = |token: &Secret| {
            from(
                WEB,
                &[
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token.expose()),
                ],
            )
        };
        let narrower = |token: &Secret| {
            from(
                WEB,
                &[
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token.expose()),
                    ("scope", "read"),
                ],
            )
        };
        let (server, alice) = (&self.fixture.server, subject("alice"));
        let settle = async |verdict: Verdict| {
            let answer = server
                .settle(&self.pending.handle, Some(&browser(1)), &verdict)
                .await;
            came(answer, |settled| settled.response.location())
        };
        let revoke = async |token: &Secret| {
            let request = from(WEB, &[("token", token.expose())]);
            came(server.revoke(&request).await, |()| String::new())
        };
        let token = async |request| {
            came(server.token(&request).await, |response| {
                match response.refresh_token {
                    Some(token) => token.expose().to_owned(),
                    None => String::new(),
                }
            })
        };
        match operation {
            O::Redeem => token(redeem(&self.code)).await,
            O::Replay => token(redeem(&self.spent_code)).await,
            O::Refresh => token(refresh(refresh_token(&self.tokens))).await,
            O::Retry => token(refresh(&self.used)).await,
            O::RetryOtherwise => token(narrower(&self.used)).await,
            O::Reuse => token(refresh(&self.reused)).await,
            O::ClientCredentials => token(from(WEB, &[("grant_type", "client_credentials")])).await,
            O::RevokeAccess => revoke(&self.tokens.access_token).await,
            O::RevokeRefresh => revoke(refresh_token(&self.tokens)).await,
            O::Approve => settle(Verdict::Approve(approve("alice"))).await,
            O::ApproveAndRemember => settle(remembered("alice")).await,
            O::ApproveAgain => settle(Verdict::ApproveRemembered(subject("dora").into())).await,
            O::Deny => settle(Verdict::Deny).await,
            O::Withdraw => {
                let client = WEB.parse().unwrap();
                let answer = server.withdraw(&subject("dora"), &client).await;
                came::<_, Infallible>(answer.map_err(Error::from), |_| String::new())
            }
            O::EndGrant => {
                let answer = server.end_grant(self.grant).await;
                came::<_, Infallible>(answer.map_err(Error::from), |()| alice.to_string())
            }
        }
    }
}

fn came<T, D>(answer: Result<T, Error<D>>, secret: impl FnOnce(T) -> String) -> Came {
    match answer {
        Ok(answer) => Came::To(secret(answer)),
        Err(Error::Denied(_)) => Came::Denied,
        Err(Error::Fault(fault)) => {
            assert_eq!(fault.refusal().code.as_str(), "temporarily_unavailable");
            Came::Later
        }
    }
}

/// How many records are left when an operation succeeds, and what it comes to.
async fn undisturbed(operation: Operation) -> (usize, Came) {
    let world = World::new().await;
    let came = world.run(operation).await;
    assert_eq!(
        came == Came::Denied,
        matches!(operation, O::Replay | O::Reuse),
        "{operation:?}"
    );
    (world.fixture.records(), came)
}

#[tokio::test]
async fn the_prepared_answer_is_given_if_the_commit_landed() {
    for operation in COMMITTING {
        let (records, came) = undisturbed(operation).await;
        let world = World::new().await;
        world.store.plan(Call::Commit, [Fault::AnswerLost]);
        assert_eq!(world.run(operation).await, came, "{operation:?}");
        assert_eq!(world.fixture.records(), records, "{operation:?}");
    }
}

/// Nothing was done, and nothing is spent: the same request works afterwards.
#[tokio::test]
async fn later_is_the_answer_if_the_commit_did_not_land() {
    for operation in COMMITTING {
        let (records, came) = undisturbed(operation).await;
        for step in [Fault::Unavailable, Fault::Lost] {
            let world = World::new().await;
            let before = world.fixture.records();
            // A retry writes nothing, and what it relies on can be looked at again.
            let expected = match (operation, &step) {
                (O::Retry, Fault::Lost) => came.clone(),
                _ => Came::Later,
            };
            world.store.plan(Call::Commit, [step]);
            assert_eq!(world.run(operation).await, expected, "{operation:?}");
            assert_eq!(world.fixture.records(), before, "{operation:?}");
            assert_eq!(
                kind(&world.run(operation).await),
                kind(&came),
                "{operation:?}"
            );
            assert_eq!(world.fixture.records(), records, "{operation:?}");
        }
    }
}

/// What a load says can fail too, and so can a body that a newer version wrote; neither is a denial.
#[tokio::test]
async fn later_is_the_answer_if_a_record_cannot_be_read() {
    for operation in COMMITTING.into_iter().chain([O::Deny]) {
        for is_newer in [false, true] {
            for at in 0..3 {
                let world = World::new().await;
                let before = world.fixture.records();
                let passes = std::iter::repeat_with(|| Fault::None).take(at);
                let fault = if is_newer {
                    FROM_THE_FUTURE
                } else {
                    Fault::Unavailable
                };
                world.store.plan(Call::Load, passes.chain([fault]));
                if world.run(operation).await == Came::Later {
                    assert_eq!(world.fixture.records(), before, "{operation:?}");
                } else {
                    // It did not load so much, or there was no such record.
                    assert!(
                        at > 0
                            || is_newer
                            || [O::ClientCredentials, O::EndGrant].contains(&operation),
                        "{operation:?}"
                    );
                }
            }
        }
    }
}

/// The commit landed, and then nobody could be asked: the client is told to come back, and what it then gets is what it would
/// have got, as far as that is safe.
#[tokio::test]
async fn coming_back_spends_nothing_twice() {
    for operation in COMMITTING {
        let (records, came) = undisturbed(operation).await;
        let world = World::new().await;
        // The witness is the last thing that is loaded. Whatever comes before it passes.
        let loads = match operation {
            O::ClientCredentials | O::EndGrant => 0,
            // The access token that it may have got already.
            O::Retry | O::RetryOtherwise => 2,
            _ => 1,
        };
        world.store.plan(Call::Commit, [Fault::AnswerLost]);
        world.store.plan(
            Call::Load,
            std::iter::repeat_with(|| Fault::None)
                .take(loads)
                .chain([Fault::Unavailable]),
        );
        assert_eq!(world.run(operation).await, Came::Later, "{operation:?}");
        if operation != O::Withdraw {
            assert_eq!(world.fixture.records(), records, "{operation:?}: it landed");
        }
        let again = world.run(operation).await;
        match operation {
            // It is a replay: nobody can tell who has the tokens.
            O::Redeem => {
                assert_eq!(again, Came::Denied);
                assert!(!world.fixture.is_active(&secret(&text(&came))).await);
            }
            _ => assert_eq!(again, came, "{operation:?}"),
        }
    }
}

fn kind(came: &Came) -> Came {
    match came {
        Came::To(_) => Came::To(String::new()),
        other => other.clone(),
    }
}

fn text(came: &Came) -> String {
    match came {
        Came::To(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn contention_is_given_up() {
    for operation in COMMITTING {
        let world = World::new().await;
        let before = world.fixture.records();
        let always = std::iter::repeat_with(|| Fault::Conflict).take(100);
        world.store.plan(Call::Commit, always);
        assert_eq!(world.run(operation).await, Came::Later, "{operation:?}");
        assert!(
            (1..=16).contains(&world.store.take_calls(Call::Commit)),
            "{operation:?}"
        );
        assert_eq!(world.fixture.records(), before);
    }
}

/// A few conflicts are nobody's business.
#[tokio::test]
async fn a_conflict_is_tried_again() {
    for operation in COMMITTING {
        if operation == O::EndGrant {
            continue; // It expects nothing, and has no conflicts.
        }
        let (records, came) = undisturbed(operation).await;
        let world = World::new().await;
        world
            .store
            .plan(Call::Commit, (0..5).map(|_| Fault::Conflict));
        assert_eq!(
            kind(&world.run(operation).await),
            kind(&came),
            "{operation:?}"
        );
        assert_eq!(world.fixture.records(), records, "{operation:?}");
    }
}

/// The tokens that a lost answer leaves behind are the ones that are given when the client comes back.
#[tokio::test]
async fn what_was_not_lost_is_alive() {
    let world = World::new().await;
    let alive = [
        (&world.tokens, true),
        (&world.second, true),
        (&world.third, true),
    ];
    for (tokens, expected) in alive {
        assert_eq!(
            world.fixture.is_active(refresh_token(tokens)).await,
            expected
        );
    }
    world.store.plan(Call::Commit, [Fault::AnswerLost]);
    world.run(O::Reuse).await;
    assert!(
        !world.fixture.is_active(refresh_token(&world.third)).await,
        "the end landed"
    );
    assert!(world.fixture.is_active(refresh_token(&world.second)).await);
}

/// What somebody else wrote under the same key is no sign that the own commit landed.
#[tokio::test]
async fn the_commit_of_another_is_not_taken_for_the_own() {
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let interaction = fixture.pend(WEB, &[]).await;
    let handle = interaction.handle.clone();
    store.plan(
        Call::Commit,
        [
            Fault::after(async move {
                let yes = Verdict::Approve(approve("alice"));
                let same = browser(1);
                let answer = others.server.settle(&handle, Some(&same), &yes);
                answer.await.unwrap();
            }),
            Fault::Lost,
        ],
    );
    let (handle, cookie) = (&interaction.handle, browser(1));
    let bob = Verdict::Approve(approve("bob"));
    let answer = fixture.server.settle(handle, Some(&cookie), &bob).await;
    let fault = answer.fault();
    assert_eq!(fault.refusal().code.as_str(), "temporarily_unavailable");
    let denial = fixture.settle(&interaction, bob).await;
    assert_eq!(denial.unwrap_err(), InteractionDenial::AlreadyDecided);
}

/// Withdrawing is several commits. What was ended until one fails stays ended, and asking again ends the rest.
#[tokio::test]
async fn a_withdrawal_can_be_asked_for_again() {
    for failing in 0..4 {
        let (fixture, store) = faulty();
        let interaction = fixture.pend(WEB, &[]).await;
        let settled = fixture
            .settle(&interaction, remembered("alice"))
            .await
            .unwrap();
        let mut all = vec![
            fixture
                .redeem(WEB, &code_in(&settled.response))
                .await
                .unwrap(),
        ];
        all.push(fixture.tokens(WEB).await);
        all.push(fixture.tokens(WEB).await);
        let steps = std::iter::repeat_with(|| Fault::None).take(failing);
        store.plan(Call::Commit, steps.chain([Fault::Unavailable]));
        let (alice, client) = (subject("alice"), WEB.parse().unwrap());
        fixture.server.withdraw(&alice, &client).await.unwrap_err();
        let mut alive = 0;
        for tokens in &all {
            alive += usize::from(fixture.is_active(refresh_token(tokens)).await);
        }
        assert_eq!(alive, (4 - failing).min(3), "the consent goes first");
        assert_eq!(
            fixture.server.withdraw(&alice, &client).await.unwrap(),
            alive
        );
        for tokens in &all {
            assert!(!fixture.is_active(refresh_token(tokens)).await);
        }
    }
}

/// 6749-4.1.2.1-f, 9700-4.11.2-b: told through the redirect, to clients that may be told so.
#[tokio::test]
async fn a_fault_of_the_authorization_endpoint_is_told_to_the_client() {
    let memory = MemoryStore::default();
    let store = Arc::new(Faulty::new(memory.clone()));
    // One that has to ask its store for the secret.
    let fixture = Fixture::built(memory, Arc::clone(&store) as _, |builder| {
        builder.dangerous_secret_in_store()
    });
    // The first load is of the list of namespaces, and its failure fails no request.
    store.plan(Call::Load, [Fault::Unavailable, Fault::Unavailable]);
    let AuthorizeAnswer::Respond(response) = fixture
        .authorize(authorization_request(WEB), &browser(1))
        .await
    else {
        panic!();
    };
    let answer = answered(&response);
    assert_eq!(answer["error"], "temporarily_unavailable");
    assert_eq!(
        (&*answer["state"], &*answer["iss"]),
        (common::flow::STATE, common::ISSUER)
    );

    store.plan(Call::Load, [Fault::Unavailable]);
    let params = authorization_request(STRANGER).into_iter().collect();
    let fault = fixture
        .server
        .authorize(params, &browser(1))
        .await
        .unwrap_err();
    assert_eq!(fault.refusal().code.as_str(), "temporarily_unavailable");

    // An invalid request needs no store to be told so.
    store.plan(Call::Load, [Fault::Unavailable]);
    let request = changed(authorization_request(WEB), &[("scope", "unknown")]);
    let AuthorizeAnswer::Respond(response) = fixture.authorize(request, &browser(1)).await else {
        panic!();
    };
    assert_eq!(answered(&response)["error"], "invalid_scope");
}

/// The first process generates the secret that is dangerously kept in the store. All others then
/// load that one, even if an answer is lost.
#[tokio::test]
async fn servers_over_one_store_have_one_secret() {
    for step in [Fault::None, Fault::AnswerLost, Fault::Conflict] {
        let memory = MemoryStore::default();
        let store = Arc::new(Faulty::new(memory.clone()));
        let fixture = Fixture::built(memory, Arc::clone(&store) as _, |builder| {
            builder.dangerous_secret_in_store()
        });
        let other = fixture.beside_built(clients::all(), 1, |builder| {
            builder.dangerous_secret_in_store()
        });
        let theirs = Arc::new(std::sync::Mutex::new(None));
        let (slot, server) = (Arc::clone(&theirs), other.server.clone());
        let race = Fault::after(async move {
            let sealer = server.sealer().await.unwrap();
            *slot.lock().unwrap() = Some(sealer.seal("p", b"v"));
        });
        store.plan(Call::Commit, [race, Fault::None, step]);
        let ours = fixture.server.sealer().await.unwrap();
        let theirs = theirs.lock().unwrap().take().unwrap();
        assert_eq!(ours.open("p", &theirs).as_deref(), Some(b"v".as_slice()));
        assert_eq!(fixture.records(), 1);
    }
}

/// Randomness that can run dry.
struct Well {
    inner: SeededEntropy,
    dry: AtomicBool,
}

impl Entropy for Well {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        if self.dry.load(Ordering::SeqCst) {
            return Err(EntropyError);
        }
        self.inner.fill(buffer)
    }
}

/// Without randomness there are no tokens.
#[tokio::test]
async fn no_randomness_is_a_fault() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(APP).await;
    let code = fixture.code(APP).await;
    let well = Arc::new(Well {
        inner: SeededEntropy::from_seed(9),
        dry: AtomicBool::new(true),
    });
    let server = AuthorizationServer::builder(
        issuer(),
        Arc::new(fixture.store.clone()),
        Arc::new(clients::all().into_iter().collect::<StaticClients>()),
        Arc::new(TestClock::default()),
        Arc::clone(&well) as Arc<dyn Entropy>,
    )
    .operator_secret(OperatorSecret::from_bytes(common::OPERATOR_SECRET))
    .build()
    .unwrap();
    let records = fixture.records();
    let redeem = from(
        APP,
        &common::flow::exchange(&code, &clients::redirect_uri(APP)),
    );
    let refresh = from(
        APP,
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token(&tokens).expose()),
        ],
    );
    for request in [&redeem, &refresh] {
        let fault = server.token(request).await.fault();
        assert_eq!(fault.refusal().code.as_str(), "server_error");
    }
    let params = authorization_request(WEB).into_iter().collect();
    let Ok(AuthorizeAnswer::Respond(response)) = server.authorize(params, &browser(1)).await else {
        panic!();
    };
    assert_eq!(answered(&response)["error"], "server_error");
    assert_eq!(fixture.records(), records);
    well.dry.store(false, Ordering::SeqCst);
    for request in [&redeem, &refresh] {
        server.token(request).await.unwrap();
    }
}

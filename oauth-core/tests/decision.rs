//! The steps of a decision: it loads in rounds, signs and commits, and looks for its commit if the
//! outcome is unknown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers included"
)]

mod common;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use common::{
    Answered, Fixture,
    clients::{self, WEB},
    faulty::{FaultyStore, faulty},
    flow::{from, refresh_token},
    scope, secret,
};
use oauth_core::{
    AuthorizationServer,
    client::{Client, ClientAuthentication, ClientSecrets},
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Error, Fault as ServerFault},
    event::Event,
    grant::{Grant, GrantDecision, GrantRequest, GrantType, NewGrant, TokenDenial, open_grant},
    server::Builder,
    sign::{Signer, SigningInput},
    store::{Key, Kind, Record, Role},
    time::Timestamp,
    token::TokenResponse,
    types::{Secret, SecretDigest},
};
use oauth_storage_conformance::{Fault, Faulty, Operation};
use oauth_storage_memory::MemoryStore;

const KIND: Kind = Kind::extension("round");

fn key(rules: &Rules, number: usize) -> Key {
    Key::new(&rules.realm, KIND, &[&number.to_be_bytes()])
}

/// Asks for one more record in each round, then writes down how many there were.
struct Rounds {
    more: usize,
}

impl Decide for Rounds {
    type Answer = Vec<bool>;
    type Denial = TokenDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        vec![key(rules, 0)]
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<Vec<bool>, TokenDenial>, ServerFault> {
        for number in 0..found.len() {
            if let Some((own, _)) = found.entry(number) {
                assert_eq!(*own, key(context.rules, number));
            }
        }
        if found.len() <= self.more {
            return Ok(Step::Load(vec![key(context.rules, found.len())]));
        }
        let there = (0..found.len()).map(|number| found.get(number).is_some());
        let record = Record {
            key: key(context.rules, found.len()),
            role: Role::Single,
            owner: None,
            forget_at: Timestamp::MAX,
            body: Box::new([1]),
        };
        let commit = context.commit().create(record);
        Ok(Decision::grant(commit, there.collect()).into())
    }
}

/// A server that has looked up the namespaces in the store, as it does before its first request.
async fn warm() -> (Fixture, Arc<Faulty<MemoryStore>>) {
    let (fixture, store) = faulty();
    fixture.server.sealer().await.unwrap();
    store.take_calls(Operation::Load);
    (fixture, store)
}

/// The records come in the order in which they were asked for, and the rounds are bounded.
#[tokio::test]
async fn a_decision_asks_for_records_a_few_times_at_most() {
    let (fixture, store) = warm().await;
    let mut expected = vec![false];
    for more in 0..4 {
        store.take_calls(Operation::Load);
        let there = fixture.server.run(&Rounds { more }).await.outcome();
        assert_eq!(there.unwrap(), expected);
        assert_eq!(store.take_calls(Operation::Load), more + 1);
        // The one that was written then is the next that is asked for.
        expected.push(true);
    }
    let records = fixture.records();
    for more in [4, 5, usize::MAX] {
        let fault = fixture.server.run(&Rounds { more }).await.fault();
        assert!(matches!(fault, ServerFault::TooManyRounds), "{fault:?}");
        assert_eq!(fault.refusal().code.as_str(), "server_error");
        assert!(store.take_calls(Operation::Load) <= 5);
        assert_eq!(fixture.records(), records);
    }
    // A conflict begins again with the first round.
    let (fixture, store) = warm().await;
    store.plan(Operation::Commit, [Fault::Conflict]);
    let there = fixture.server.run(&Rounds { more: 3 }).await.outcome();
    assert_eq!(there.unwrap(), [false; 4]);
    assert_eq!(store.take_calls(Operation::Load), 8);
}

/// A grant whose tokens are signed.
struct Signed;

const SIGNED: &str = "urn:example:signed";

#[async_trait]
impl Grant for Signed {
    fn grant_type(&self) -> GrantType {
        GrantType::new(SIGNED)
    }

    async fn resolve<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        Ok(Box::new(ToSign {
            client: request.client(),
            denied: request.params().get("denied").is_some(),
        }))
    }
}

struct ToSign<'a> {
    client: &'a Client,
    denied: bool,
}

impl Decide for ToSign<'_> {
    type Answer = TokenResponse;
    type Denial = TokenDenial;

    fn needs(&self, _: &Rules) -> Vec<Key> {
        Vec::new()
    }

    fn decide(
        &self,
        _: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<TokenResponse, TokenDenial>, ServerFault> {
        if self.denied {
            let denied = Decision::deny(TokenDenial::Scope);
            return Ok(denied.sign(SigningInput::new("token", *b"denied")).into());
        }
        let new = NewGrant::new(self.client, None, scope("read"));
        let (response, commit) = open_grant(new, context).unwrap();
        let token = response.access_token.expose().as_bytes().to_vec();
        let decision = Decision::grant(commit, response);
        Ok(decision
            .sign(SigningInput::new("token", token))
            .sign(SigningInput::new("other", *b"more"))
            .into())
    }

    fn attach(&self, answer: &mut TokenResponse, signed: Vec<Vec<u8>>) -> Result<(), ServerFault> {
        let [token, other] = signed.try_into().unwrap();
        assert_eq!(other, b"other(more)");
        answer.access_token = secret(std::str::from_utf8(&token).unwrap());
        Ok(())
    }
}

/// Signs by writing down what it is for, and remembers what it has signed. It can be away.
#[derive(Default)]
struct Pen {
    signed: Mutex<Vec<SigningInput>>,
    away: AtomicBool,
}

#[async_trait]
impl Signer for Pen {
    async fn sign(&self, input: &SigningInput) -> Result<Vec<u8>, ServerFault> {
        if self.away.load(Ordering::SeqCst) {
            return Err(ServerFault::Extension("the key is away".into()));
        }
        self.signed.lock().unwrap().push(input.clone());
        let payload = std::str::from_utf8(&input.payload).unwrap();
        Ok(format!("{}({payload})", input.purpose).into_bytes())
    }
}

fn signing(signer: Option<Arc<Pen>>) -> (Fixture, Arc<FaultyStore>) {
    let memory = MemoryStore::default();
    let store = Arc::new(Faulty::new(memory.clone()));
    let secrets = ClientSecrets::new(SecretDigest::of(&clients::client_secret(WEB)));
    let client = Client::confidential(
        WEB.parse().unwrap(),
        ClientAuthentication::SecretBasic(secrets),
    )
    .scope(scope("read"))
    .grant_types([GrantType::new(SIGNED)])
    .build()
    .unwrap();
    let build = |builder: Builder| match signer {
        Some(signer) => builder.grant(Signed).signer(signer),
        None => builder.grant(Signed),
    };
    let fixture = Fixture::built_for(vec![client], memory, Arc::clone(&store) as _, build);
    (fixture, store)
}

/// Messages are signed before the commit, and again after a conflict.
#[tokio::test]
async fn an_answer_is_signed_before_anything_is_spent() {
    let request = from(WEB, &[("grant_type", SIGNED)]);
    let pen = Arc::new(Pen::default());
    let (fixture, store) = signing(Some(Arc::clone(&pen)));
    store.plan(Operation::Commit, [Fault::Conflict]);
    let answer = fixture.token(&request).await.unwrap();
    let signed = std::mem::take(&mut *pen.signed.lock().unwrap());
    let purposes: Vec<_> = signed.iter().map(|input| input.purpose).collect();
    assert_eq!(purposes, ["token", "other", "token", "other"]);
    assert_ne!(signed[0], signed[2], "what was decided anew");
    let last = String::from_utf8(signed[2].payload.clone()).unwrap();
    assert_eq!(answer.access_token.expose(), format!("token({last})"));
    assert!(fixture.is_valid(&secret(&last)).await);
    let records = fixture.records();

    // Nothing is signed for a denial.
    let denied = from(WEB, &[("grant_type", SIGNED), ("denied", "yes")]);
    let denial = fixture.token(&denied).await;
    assert_eq!(denial.unwrap_err(), TokenDenial::Scope);
    assert!(pen.signed.lock().unwrap().is_empty());

    // What cannot be signed is not committed.
    store.take_calls(Operation::Commit);
    pen.away.store(true, Ordering::SeqCst);
    let fault = fixture.try_token(&request).await.fault();
    assert!(matches!(fault, ServerFault::Extension(_)), "{fault:?}");
    let (without, store_without) = signing(None);
    let fault = without.try_token(&request).await.fault();
    assert!(matches!(fault, ServerFault::NoSigner), "{fault:?}");
    assert_eq!(fault.refusal().code.as_str(), "server_error");
    for store in [&store, &store_without] {
        assert_eq!(store.take_calls(Operation::Commit), 0);
    }
    assert_eq!((fixture.records(), without.records()), (records, 0));
}

/// What others do between a commit whose answer is lost and the look whether it has happened.
#[derive(Clone, Copy, Debug)]
enum Others {
    DoNothing,
    RevokeTheAccessToken,
    UseTheSuccessor,
    DoBoth,
    EndTheGrant,
}

/// A refresh, or its retry, whose commit has an unknown outcome. The client gets the answer if the
/// commit was applied and its refresh token is the current one, or its access token can be used.
/// Otherwise it is told to try again.
#[tokio::test]
async fn a_refresh_is_looked_for_if_nobody_can_tell() {
    use Others as O;
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Asked {
        Refresh,
        Retry,
        RetryOtherwise,
    }
    let rows = [
        (Asked::Refresh, O::DoNothing, true),
        (Asked::Refresh, O::RevokeTheAccessToken, true),
        (Asked::Refresh, O::UseTheSuccessor, true),
        (Asked::Refresh, O::DoBoth, false),
        (Asked::Refresh, O::EndTheGrant, false),
        (Asked::Retry, O::DoNothing, true),
        (Asked::Retry, O::UseTheSuccessor, false),
        (Asked::Retry, O::EndTheGrant, false),
        (Asked::RetryOtherwise, O::DoNothing, true),
        (Asked::RetryOtherwise, O::UseTheSuccessor, true),
        (Asked::RetryOtherwise, O::EndTheGrant, false),
    ];
    for (asked, others, is_given) in rows {
        for is_lost in [false, true] {
            let (fixture, store) = faulty();
            let second_process = fixture.beside(clients::all(), |_| {});
            let wide = [("scope", "read write")];
            let first = fixture.tokens_for(WEB, "alice", &wide).await;
            let successor = match asked {
                Asked::Refresh => None,
                Asked::Retry | Asked::RetryOtherwise => {
                    let answer = fixture.refresh(WEB, refresh_token(&first), &[]).await;
                    Some(answer.unwrap())
                }
            };
            let server = second_process.server.clone();
            let presented = refresh_token(&first).clone();
            let meanwhile = Fault::after(do_meanwhile(server, others, presented));
            let loads = match asked {
                Asked::Refresh => 1,
                Asked::Retry | Asked::RetryOtherwise => 2,
            };
            let passes = std::iter::repeat_with(|| Fault::None).take(loads);
            store.plan(Operation::Load, passes.chain([meanwhile]));
            let fault = if is_lost {
                Fault::Lost
            } else {
                Fault::AnswerLost
            };
            store.plan(Operation::Commit, [fault]);
            let mut params = vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh_token(&first).expose()),
            ];
            if asked == Asked::RetryOtherwise {
                params.push(("scope", "read"));
            }
            let answer = fixture.try_token(&from(WEB, &params)).await;
            // A retry that was to write nothing is as good without its commit.
            let is_given = is_given && (!is_lost || asked == Asked::Retry);
            let what = format!("{asked:?} {others:?} {is_lost}");
            match answer {
                Ok(answer) => {
                    assert!(is_given, "{what}");
                    if let Some(successor) = &successor {
                        assert_eq!(
                            refresh_token(&answer).expose(),
                            refresh_token(successor).expose()
                        );
                    }
                    let revoked = matches!(others, O::RevokeTheAccessToken | O::DoBoth);
                    assert_eq!(
                        fixture.is_valid(&answer.access_token).await,
                        !revoked,
                        "{what}"
                    );
                    assert!(matches!(fixture.events.last(), Event::TokenIssued { .. }));
                }
                Err(Error::Fault(fault)) => {
                    assert!(!is_given, "{what}");
                    assert_eq!(fault.refusal().code.as_str(), "temporarily_unavailable");
                }
                Err(Error::Denied(denial)) => panic!("{what}: {denial:?}"),
            }
        }
    }
}

/// What another process does that got the same answer by retrying.
async fn do_meanwhile(server: AuthorizationServer, others: Others, presented: Secret) {
    let request = |token: &Secret| {
        let token = token.expose();
        from(
            WEB,
            &[("grant_type", "refresh_token"), ("refresh_token", token)],
        )
    };
    if matches!(others, Others::DoNothing) {
        return;
    }
    let answer = server.token(&request(&presented)).await.unwrap();
    let revoke = |token: &Secret| from(WEB, &[("token", token.expose())]);
    if matches!(others, Others::RevokeTheAccessToken | Others::DoBoth) {
        server.revoke(&revoke(&answer.access_token)).await.unwrap();
    }
    if matches!(others, Others::UseTheSuccessor | Others::DoBoth) {
        server
            .token(&request(refresh_token(&answer)))
            .await
            .unwrap();
    }
    if matches!(others, Others::EndTheGrant) {
        server
            .revoke(&revoke(refresh_token(&answer)))
            .await
            .unwrap();
    }
}

//! Races: one by one, with somebody else in the middle of an operation, and sixty-four at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::{sync::Arc, time::Duration};

use common::{
    Answered, Fixture, SeededEntropy, TestClock,
    clients::{self, WEB, redirect_uri},
    faulty::{FaultyStore, faulty},
    flow::{approve, browser, code_in, exchange, from, refresh_token, remembered},
    issuer, policy, subject,
};
use oauth_core::{
    AuthorizationServer,
    authorize::{InteractionDenial, Verdict},
    client::ClientRequest,
    event::Event,
    grant::{CodeDenial, RefreshDenial, TokenDenial},
    operator_secret::OperatorSecret,
    store::{OwnedBy, StaticClients},
    token::TokenResponse,
    types::Secret,
};
use oauth_storage_conformance::{Fault, Faulty, Operation};
use oauth_storage_memory::MemoryStore;

/// What happens between the load and the commit of what is looked at. `others` is another process over the same store.
fn meanwhile<F>(store: &FaultyStore, others: &Fixture, what: impl FnOnce(AuthorizationServer) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    store.plan(
        Operation::Commit,
        [Fault::after(what(others.server.clone()))],
    );
}

fn redeem(code: &str) -> ClientRequest {
    from(WEB, &exchange(code, &redirect_uri(WEB)))
}

fn refresh(token: &Secret) -> ClientRequest {
    from(
        WEB,
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", token.expose()),
        ],
    )
}

fn revoke(token: &Secret) -> ClientRequest {
    from(WEB, &[("token", token.expose())])
}

async fn withdraw(server: AuthorizationServer) {
    server
        .withdraw(&subject("alice"), &WEB.parse().unwrap())
        .await
        .unwrap();
}

async fn is_alive(fixture: &Fixture, tokens: &TokenResponse) -> bool {
    fixture.is_active(refresh_token(tokens)).await
}

#[tokio::test]
async fn the_loser_of_a_race_for_a_code_ends_the_family() {
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let code = fixture.code(WEB).await;
    let request = redeem(&code);
    let (sender, winner) = std::sync::mpsc::channel();
    let theirs = request.clone();
    meanwhile(&store, &others, |server| async move {
        sender.send(server.token(&theirs).await.unwrap()).unwrap();
    });
    let answer = fixture.token(&request).await;
    assert_eq!(answer.unwrap_err(), TokenDenial::Code(CodeDenial::Replayed));
    assert!(!is_alive(&fixture, &winner.recv().unwrap()).await);
}

#[tokio::test]
async fn the_loser_of_a_race_for_a_refresh_token_is_a_retry() {
    for grace in [Duration::from_secs(30), Duration::ZERO] {
        let store = MemoryStore::default();
        let seen = Arc::new(Faulty::new(store.clone()));
        let fixture = Fixture::over(store, Arc::clone(&seen) as _, |policy| {
            policy.refresh_grace = grace;
        });
        let others = fixture.beside(clients::all(), |policy| policy.refresh_grace = grace);
        let tokens = fixture.tokens(WEB).await;
        let request = refresh(refresh_token(&tokens));
        let (sender, winner) = std::sync::mpsc::channel();
        let theirs = request.clone();
        meanwhile(&seen, &others, |server| async move {
            sender.send(server.token(&theirs).await.unwrap()).unwrap();
        });
        let answer = fixture.token(&request).await;
        let winner = winner.recv().unwrap();
        if grace.is_zero() {
            assert_eq!(
                answer.unwrap_err(),
                TokenDenial::Refresh(RefreshDenial::Reused)
            );
            assert!(!is_alive(&fixture, &winner).await);
        } else {
            assert_eq!(
                refresh_token(&answer.unwrap()).expose(),
                refresh_token(&winner).expose()
            );
            assert!(is_alive(&fixture, &winner).await);
        }
    }
}

/// The guard of a retry: if the successor is used between its load and its commit, the answer has
/// arrived, and the retry would be of no use.
#[tokio::test]
async fn a_retry_fails_when_the_successor_is_used_meanwhile() {
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let first = fixture.tokens(WEB).await;
    let second = fixture
        .refresh(WEB, refresh_token(&first), &[])
        .await
        .unwrap();
    let theirs = refresh(refresh_token(&second));
    let (sender, third) = std::sync::mpsc::channel();
    meanwhile(&store, &others, |server| async move {
        sender.send(server.token(&theirs).await.unwrap()).unwrap();
    });
    let answer = fixture.refresh(WEB, refresh_token(&first), &[]).await;
    assert_eq!(
        answer.unwrap_err(),
        TokenDenial::Refresh(RefreshDenial::LateRetry)
    );
    assert!(is_alive(&fixture, &third.recv().unwrap()).await);
}

/// Whatever would put into a family that ends meanwhile puts nothing.
#[tokio::test]
async fn nothing_joins_a_family_that_ends_meanwhile() {
    #[derive(Clone, Copy, Debug)]
    enum End {
        Withdrawn,
        Revoked,
        Replayed,
    }
    #[derive(Clone, Copy, Debug)]
    enum Joining {
        Refresh,
        Retry,
    }
    for joining in [Joining::Refresh, Joining::Retry] {
        for end in [End::Withdrawn, End::Revoked, End::Replayed] {
            let (fixture, store) = faulty();
            let others = fixture.beside(clients::all(), |_| {});
            let code = fixture.code(WEB).await;
            let first = fixture.redeem(WEB, &code).await.unwrap();
            let second = fixture
                .refresh(WEB, refresh_token(&first), &[])
                .await
                .unwrap();
            let presented = match joining {
                Joining::Refresh => &second,
                Joining::Retry => &first,
            };
            let last = refresh_token(&second).clone();
            meanwhile(&store, &others, |server| async move {
                match end {
                    End::Withdrawn => withdraw(server).await,
                    End::Revoked => server.revoke(&revoke(&last)).await.unwrap(),
                    End::Replayed => {
                        server.token(&redeem(&code)).await.denied();
                    }
                }
            });
            let answer = fixture.token(&refresh(refresh_token(presented))).await;
            assert_eq!(
                answer.unwrap_err(),
                TokenDenial::Refresh(RefreshDenial::Unknown),
                "{joining:?} {end:?}"
            );
            for tokens in [&first, &second] {
                assert!(
                    !is_alive(&fixture, tokens).await
                        && !fixture.is_valid(&tokens.access_token).await
                );
            }
        }
    }
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let code = fixture.code(WEB).await;
    meanwhile(&store, &others, withdraw);
    let answer = fixture.redeem(WEB, &code).await;
    assert_eq!(answer.unwrap_err(), TokenDenial::Code(CodeDenial::Unknown));
}

/// The guard of a remembered consent: what was withdrawn meanwhile gives nothing.
#[tokio::test]
async fn a_consent_that_is_withdrawn_meanwhile_answers_nothing() {
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let interaction = fixture.pend(WEB, &[]).await;
    fixture
        .settle(&interaction, remembered("alice"))
        .await
        .unwrap();
    let handle = fixture.pend(WEB, &[]).await.handle;
    meanwhile(&store, &others, withdraw);
    let (browser, alice) = (browser(1), subject("alice"));
    let answer = fixture
        .server
        .settle_remembered(&handle, Some(&browser), &alice)
        .await;
    assert!(answer.unwrap().is_none());
    let grants = fixture
        .server
        .grants(OwnedBy::Subject("alice".into()), None, 9)
        .await;
    assert!(grants.unwrap().grants.is_empty());
}

/// Also if the user is asked: what they allow after the withdrawal is new, and is all there is.
#[tokio::test]
async fn a_consent_that_is_withdrawn_meanwhile_is_not_added_to() {
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let interaction = fixture.pend(WEB, &[("scope", "read write")]).await;
    fixture
        .settle(&interaction, remembered("alice"))
        .await
        .unwrap();
    let interaction = fixture.pend(WEB, &[("scope", "admin")]).await;
    meanwhile(&store, &others, withdraw);
    let settled = fixture
        .settle(&interaction, remembered("alice"))
        .await
        .unwrap();
    fixture
        .redeem(WEB, &code_in(&settled.response))
        .await
        .unwrap();
    let [connection] = fixture
        .server
        .connections(&subject("alice"))
        .await
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(connection.scope.as_str(), "admin");
}

#[tokio::test]
async fn one_of_two_decisions_counts() {
    for (first, second) in [
        (
            Verdict::Approve(approve("bob")),
            Verdict::Approve(approve("alice")),
        ),
        (remembered("alice"), Verdict::Approve(approve("alice"))),
        (Verdict::Approve(approve("alice")), remembered("alice")),
    ] {
        let (fixture, store) = faulty();
        let others = fixture.beside(clients::all(), |_| {});
        let interaction = fixture.pend(WEB, &[]).await;
        let handle = interaction.handle.clone();
        meanwhile(&store, &others, |server| async move {
            server
                .settle(&handle, Some(&browser(1)), &first)
                .await
                .unwrap();
        });
        let answer = fixture.settle(&interaction, second).await;
        assert_eq!(answer.unwrap_err(), InteractionDenial::AlreadyDecided);
    }
    // Declining leaves nothing that an approval could meet.
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let interaction = fixture.pend(WEB, &[]).await;
    let handle = interaction.handle.clone();
    meanwhile(&store, &others, |server| async move {
        let (cookie, no) = (browser(1), Verdict::Deny);
        let answer = server.settle(&handle, Some(&cookie), &no);
        answer.await.unwrap();
    });
    let yes = Verdict::Approve(approve("alice"));
    let settled = fixture.settle(&interaction, yes).await.unwrap();
    let code = code_in(&settled.response);
    fixture.redeem(WEB, &code).await.unwrap();
}

/// Time passes in a race, too: whoever decides again does so by the clock as it is then.
#[tokio::test]
async fn a_handle_that_expires_meanwhile_is_not_decided() {
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let interaction = fixture.pend(WEB, &[]).await;
    fixture
        .settle(&interaction, remembered("alice"))
        .await
        .unwrap();
    let interaction = fixture.pend(WEB, &[]).await;
    let (handle, clock) = (interaction.handle.clone(), Arc::clone(&fixture.clock));
    let expires_at = interaction.pending.expires_at();
    meanwhile(&store, &others, |server| async move {
        let (cookie, yes) = (browser(1), Verdict::Approve(approve("bob")));
        let answer = server.settle(&handle, Some(&cookie), &yes);
        answer.await.unwrap();
        clock.set(expires_at);
    });
    let (browser, alice) = (browser(1), subject("alice"));
    let answer = fixture
        .server
        .settle_remembered(&interaction.handle, Some(&browser), &alice)
        .await;
    let reason = InteractionDenial::Expired;
    assert_eq!(answer.denied(), reason);
    assert_eq!(fixture.events.last(), Event::InteractionRefused { reason });
}

/// A double click that overtakes itself.
#[tokio::test]
async fn two_clicks_at_once_get_one_answer() {
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let interaction = fixture.pend(WEB, &[]).await;
    let (sender, theirs) = std::sync::mpsc::channel();
    let (handle, yes) = (
        interaction.handle.clone(),
        Verdict::Approve(approve("alice")),
    );
    let same = yes.clone();
    meanwhile(&store, &others, |server| async move {
        let settled = server
            .settle(&handle, Some(&browser(1)), &same)
            .await
            .unwrap();
        sender.send(settled.response.location()).unwrap();
    });
    let ours = fixture.settle(&interaction, yes).await.unwrap();
    assert_eq!(ours.response.location(), theirs.recv().unwrap());
    assert_eq!(ours.grant, None);
}

/// What is gone by the time is as good as revoked.
#[tokio::test]
async fn a_token_that_goes_meanwhile_is_revoked() {
    let (fixture, store) = faulty();
    let others = fixture.beside(clients::all(), |_| {});
    let tokens = fixture.tokens(WEB).await;
    meanwhile(&store, &others, withdraw);
    assert_eq!(fixture.revoke(WEB, &tokens.access_token).await, Ok(()));
    assert!(!fixture.is_valid(&tokens.access_token).await);
}

const CROWD: usize = 64;

/// A server over a memory store, for many threads.
fn crowded(seed: u64, grace: Duration) -> Fixture {
    let store = MemoryStore::default();
    let clock = Arc::new(TestClock::default());
    let events = Arc::default();
    let mut policy = policy();
    policy.refresh_grace = grace;
    let server = AuthorizationServer::builder(
        issuer(),
        Arc::new(store.clone()),
        Arc::new(clients::all().into_iter().collect::<StaticClients>()),
        Arc::clone(&clock) as _,
        Arc::new(SeededEntropy::from_seed(seed)),
    )
    .operator_secret(OperatorSecret::from_bytes(common::OPERATOR_SECRET))
    .policy(policy)
    .build()
    .unwrap();
    Fixture {
        server,
        store,
        clock,
        events,
    }
}

/// Sends the same request so many times at once.
async fn all_at_once(
    fixture: &Fixture,
    request: &ClientRequest,
) -> Vec<Result<TokenResponse, TokenDenial>> {
    let barrier = Arc::new(tokio::sync::Barrier::new(CROWD));
    let tasks: Vec<_> = (0..CROWD)
        .map(|_| {
            let (server, request) = (fixture.server.clone(), request.clone());
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                server.token(&request).await.outcome()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

const SEEDS: u64 = 100;

/// 6749-4.1.2-e, v21-4.1.3-b: also when they arrive concurrently.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_is_redeemed_once_by_a_crowd() {
    for seed in 0..SEEDS {
        let fixture = crowded(seed, Duration::ZERO);
        let code = fixture.code(WEB).await;
        let answers = all_at_once(&fixture, &redeem(&code)).await;
        let (granted, denied): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        let [winner] = granted.try_into().unwrap();
        let winner = winner.unwrap();
        for denial in denied {
            let denial = denial.unwrap_err();
            // Those who come after the first loser find nothing.
            assert!(matches!(
                denial,
                TokenDenial::Code(CodeDenial::Replayed | CodeDenial::Unknown)
            ));
            assert_eq!(denial.refusal().code.as_str(), "invalid_grant");
        }
        assert!(!is_alive(&fixture, &winner).await);
        assert!(!fixture.is_valid(&winner.access_token).await);
        // The closed grant.
        assert_eq!(fixture.records(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refresh_token_is_used_once_by_a_crowd() {
    for seed in 0..SEEDS {
        let fixture = crowded(seed, Duration::ZERO);
        let tokens = fixture.tokens(WEB).await;
        let answers = all_at_once(&fixture, &refresh(refresh_token(&tokens))).await;
        let mut granted = 0;
        for answer in answers {
            match answer {
                Ok(answer) => {
                    granted += 1;
                    assert!(!is_alive(&fixture, &answer).await);
                }
                Err(denial) => assert!(matches!(
                    denial,
                    TokenDenial::Refresh(RefreshDenial::Reused | RefreshDenial::Unknown)
                )),
            }
        }
        assert_eq!(granted, 1);
        assert!(!fixture.is_valid(&tokens.access_token).await);
        assert_eq!(fixture.records(), 1);
    }
}

/// With grace a crowd gets one refresh token and one access token, and nothing forks.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_within_grace_gets_one_pair_of_tokens() {
    for seed in 0..SEEDS {
        let fixture = crowded(seed, Duration::from_secs(30));
        let tokens = fixture.tokens(WEB).await;
        let before = fixture.records();
        let answers = all_at_once(&fixture, &refresh(refresh_token(&tokens))).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        let pair = |answer: &TokenResponse| {
            let access_token = answer.access_token.expose().to_owned();
            (access_token, refresh_token(answer).expose().to_owned())
        };
        for answer in &answers {
            assert_eq!(pair(answer), pair(&answers[0]));
        }
        assert_eq!(fixture.records(), before + 1);
        assert!(fixture.is_valid(&answers[0].access_token).await);
        let successor = refresh_token(&answers[0]);
        fixture.refresh(WEB, successor, &[]).await.unwrap();
    }
}

/// Sixty-four clicks on one button.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handle_is_decided_once_by_a_crowd() {
    for seed in 0..SEEDS {
        let fixture = crowded(seed, Duration::ZERO);
        let interaction = fixture.pend(WEB, &[]).await;
        let barrier = Arc::new(tokio::sync::Barrier::new(CROWD));
        let tasks: Vec<_> = (0..CROWD)
            .map(|n| {
                let (server, handle) = (fixture.server.clone(), interaction.handle.clone());
                let barrier = Arc::clone(&barrier);
                let verdict = if n % 2 == 0 {
                    Verdict::Approve(approve("alice"))
                } else {
                    Verdict::Deny
                };
                tokio::spawn(async move {
                    barrier.wait().await;
                    server
                        .settle(&handle, Some(&browser(1)), &verdict)
                        .await
                        .outcome()
                })
            })
            .collect();
        let (mut approved, mut declined) = (Vec::new(), Vec::new());
        for (n, task) in tasks.into_iter().enumerate() {
            match task.await.unwrap() {
                Ok(settled) if n % 2 == 0 => approved.push(settled.response.location()),
                Ok(settled) => declined.push(settled.response.location()),
                // Who declines after the approval.
                Err(denial) => {
                    assert_eq!((n % 2, denial), (1, InteractionDenial::AlreadyDecided));
                }
            }
        }
        assert_eq!(approved.len(), CROWD / 2);
        for locations in [&mut approved, &mut declined] {
            locations.dedup();
            assert!(locations.len() <= 1);
        }
        assert!(!declined.contains(&approved[0]));
        assert_eq!(fixture.records(), 1);
        let no = fixture.settle(&interaction, Verdict::Deny).await;
        assert_eq!(no.unwrap_err(), InteractionDenial::AlreadyDecided);
    }
}

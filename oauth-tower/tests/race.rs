//! Many clients at once, each on a connection of its own, over each store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use common::{
    Fixture, Setup,
    call::{Answer, Pairs, changed, form_of, pairs},
    clients::{APP, WEB},
    flow::{Tokens, exchange},
    socket::{Connection, serve, written},
};
use oauth_core::store::Store;
use oauth_storage_memory::MemoryStore;
use oauth_storage_sqlite::SqliteStore;
use tokio::sync::Barrier;

const MANY: usize = 64;
const ROUNDS: usize = 4;

/// A server over a store, on a socket.
struct Arena {
    fixture: Fixture,
    address: SocketAddr,
}

impl Arena {
    async fn over(store: Arc<dyn Store>, grace: Duration) -> Self {
        let mut setup = Setup {
            store,
            ..Setup::default()
        };
        setup.policy.refresh_grace = grace;
        let fixture = setup.build();
        let address = serve(fixture.service.clone()).await;
        Self { fixture, address }
    }

    /// Sends all requests at the same moment.
    async fn at_once(&self, client: &str, requests: Vec<(&'static str, Pairs)>) -> Vec<Answer> {
        let barrier = Arc::new(Barrier::new(requests.len()));
        let mut runners = Vec::new();
        for (uri, params) in requests {
            let bytes = written(form_of(client, uri, &params)).await;
            let mut connection = Connection::open(self.address).await;
            let barrier = barrier.clone();
            runners.push(tokio::spawn(async move {
                barrier.wait().await;
                assert!(connection.send(&bytes).await);
                connection.answer().await
            }));
        }
        let mut answers = Vec::new();
        for runner in runners {
            answers.push(runner.await.unwrap());
        }
        answers
    }

    async fn refreshes_at_once(&self, token: &str) -> Vec<Answer> {
        self.at_once(WEB, vec![("/token", refresh(token)); MANY])
            .await
    }
}

fn refresh(token: &str) -> Pairs {
    pairs(&[("grant_type", "refresh_token"), ("refresh_token", token)])
}

fn granted(answers: &[Answer]) -> Vec<&Answer> {
    answers
        .iter()
        .filter(|answer| {
            if answer.status != 200 {
                answer.assert_denied(400, "invalid_grant", "who does not win");
            }
            answer.status == 200
        })
        .collect()
}

/// 6749-4.1.2-e, 6749-4.1.2-f, v21-4.1.3-b
async fn one_of_many_redemptions_wins_and_the_others_end_the_family(store: Arc<dyn Store>) {
    let arena = Arena::over(store, Duration::from_secs(30)).await;
    for client in [WEB, APP] {
        for _ in 0..ROUNDS {
            let code = arena.fixture.code(client).await;
            let answers = arena
                .at_once(client, vec![("/token", exchange(client, &code)); MANY])
                .await;
            let granted = granted(&answers);
            assert_eq!(granted.len(), 1);
            assert!(
                !arena
                    .fixture
                    .is_active(&granted[0].member("access_token"))
                    .await
            );
            assert!(
                !arena
                    .fixture
                    .is_active(&granted[0].member("refresh_token"))
                    .await
            );
        }
    }
}

/// Whoever has only the code can neither win nor do harm.
async fn wrong_redemptions_in_a_race_change_nothing(store: Arc<dyn Store>) {
    let arena = Arena::over(store, Duration::from_secs(30)).await;
    let code = arena.fixture.code(WEB).await;
    let right = exchange(WEB, &code);
    let wrong = changed(right.clone(), &[("code_verifier", &"A".repeat(43))]);
    let mut requests = vec![("/token", wrong); MANY - 1];
    requests.insert(MANY / 2, ("/token", right));
    let answers = arena.at_once(WEB, requests).await;
    let granted = granted(&answers);
    assert_eq!(granted.len(), 1);
    assert!(
        arena
            .fixture
            .is_active(&granted[0].member("access_token"))
            .await,
        "v21-7.5.2-a"
    );
}

async fn many_refreshes_within_the_grace_get_one_successor(store: Arc<dyn Store>) {
    let arena = Arena::over(store, Duration::from_secs(30)).await;
    let mut token = arena.fixture.tokens(WEB).await.refresh;
    for _ in 0..ROUNDS {
        let answers = arena.refreshes_at_once(&token).await;
        assert_eq!(granted(&answers).len(), MANY, "a retry is no reuse");
        let of = |name| {
            answers
                .iter()
                .map(|answer| answer.member(name))
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(of("refresh_token").len(), 1, "nothing forks");
        assert_eq!(of("access_token").len(), 1, "a retry makes no tokens");
        token = of("refresh_token").pop_first().unwrap();
        assert!(arena.fixture.is_active(&token).await);
    }
}

/// 9700-4.14.2-c, v21-4.3.1-b
async fn without_grace_one_refresh_wins_and_the_others_end_the_family(store: Arc<dyn Store>) {
    let arena = Arena::over(store, Duration::ZERO).await;
    for _ in 0..ROUNDS {
        let Tokens { access, refresh } = arena.fixture.tokens(WEB).await;
        let answers = arena.refreshes_at_once(&refresh).await;
        let granted = granted(&answers);
        assert_eq!(granted.len(), 1);
        for token in [
            access,
            granted[0].member("access_token"),
            granted[0].member("refresh_token"),
        ] {
            assert!(!arena.fixture.is_active(&token).await);
        }
    }
}

/// 7009-2.1-g, 7009-2.1-h: whatever was on its way when a token was revoked, nothing of it lives.
async fn nothing_revoked_comes_back(store: Arc<dyn Store>) {
    let arena = Arena::over(store, Duration::from_secs(30)).await;
    for _ in 0..ROUNDS {
        let tokens = arena.fixture.tokens(WEB).await;
        let revoke = pairs(&[("token", &tokens.refresh)]);
        let mut requests = vec![("/token", refresh(&tokens.refresh)); MANY - 1];
        requests.insert(MANY / 2, ("/revoke", revoke));
        let answers = arena.at_once(WEB, requests).await;
        assert!(!arena.fixture.is_active(&tokens.access).await);
        assert!(!arena.fixture.is_active(&tokens.refresh).await);
        for answer in granted(&answers)
            .iter()
            .filter(|answer| !answer.body.is_empty())
        {
            assert!(
                !arena
                    .fixture
                    .is_active(&answer.member("access_token"))
                    .await
            );
            assert!(
                !arena
                    .fixture
                    .is_active(&answer.member("refresh_token"))
                    .await
            );
        }
    }
}

/// What has nothing to do with each other gets on with each other.
async fn different_codes_do_not_disturb_each_other(store: Arc<dyn Store>) {
    let arena = Arena::over(store, Duration::from_secs(30)).await;
    let mut requests = Vec::new();
    for _ in 0..MANY {
        let code = arena.fixture.code(WEB).await;
        requests.push(("/token", exchange(WEB, &code)));
    }
    let answers = arena.at_once(WEB, requests).await;
    assert_eq!(granted(&answers).len(), MANY);
    for answer in answers {
        assert!(
            arena
                .fixture
                .is_active(&answer.member("access_token"))
                .await
        );
    }
}

macro_rules! over_each_store {
    ($($test:ident)*) => {
        mod memory {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    super::$test(Arc::new(MemoryStore::default())).await;
                }
            )*
        }

        mod sqlite {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    let directory = tempfile::tempdir().unwrap();
                    let store = SqliteStore::open(directory.path().join("oauth.db")).unwrap();
                    super::$test(Arc::new(store)).await;
                }
            )*
        }
    };
}

over_each_store! {
    one_of_many_redemptions_wins_and_the_others_end_the_family
    wrong_redemptions_in_a_race_change_nothing
    many_refreshes_within_the_grace_get_one_successor
    without_grace_one_refresh_wins_and_the_others_end_the_family
    nothing_revoked_comes_back
    different_codes_do_not_disturb_each_other
}

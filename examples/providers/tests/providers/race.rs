//! Twenty redemptions at once, in each dialect: one wins, and the others end what it won.

use std::sync::Arc;

use tokio::{sync::Barrier, task::JoinSet};

use super::{
    applications::{ALL, Everydo, Proauth, Provider},
    place::{CONFIG, start},
    wire::send,
};

const MANY: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_twenty_redemptions_wins() {
    for provider in ALL {
        race(provider, "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_twenty_redemptions_wins_in_a_file() {
    for provider in ALL {
        race(provider, "store = \"sqlite:records.db\"\n").await;
    }
}

async fn race(provider: Provider, first: &str) {
    let server = start(provider.name(), &format!("{first}{CONFIG}")).await;
    let code = provider.code(&server).await;
    let barrier = Arc::new(Barrier::new(MANY));
    let mut requests = JoinSet::new();
    for _ in 0..MANY {
        let request = provider.redeem(&server, "1", &code);
        let barrier = Arc::clone(&barrier);
        requests.spawn(async move {
            barrier.wait().await;
            send(request).await
        });
    }
    let answers = requests.join_all().await;
    let (winners, losers): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 200);
    let [winner] = winners.as_slice() else {
        panic!("{provider:?}: {answers:?}")
    };
    for loser in losers {
        assert_eq!(
            loser.error(),
            (400, "invalid_grant".to_owned()),
            "{provider:?}"
        );
    }
    let token = winner.text("access_token");
    let answer = send(provider.call(&server, &token)).await;
    assert_eq!(
        answer.error(),
        (401, "invalid_token".to_owned()),
        "{provider:?}"
    );
    if [Proauth, Everydo].contains(&provider) {
        let refresh = winner.text("refresh_token");
        let request = match provider {
            Proauth => super::proauth::refresh(&server, &refresh, None),
            _ => super::everydo::refresh(&server, "refresh_token", &refresh),
        };
        assert_eq!(
            send(request).await.error(),
            (400, "invalid_grant".to_owned())
        );
    }
}

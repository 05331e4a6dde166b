//! OC and WO, in two processes.

use http::Request;

use super::{
    applications::Everydo,
    place::{CONFIG, Running, run},
    wire::{bearer, empty, get, post, send},
};

async fn wo(oc: &Running) -> Running {
    run(
        &["everydo", "--wo", "--authorization-server", &oc.base],
        None,
    )
    .await
}

fn own(server: &Running, token: &str) -> Request<Vec<u8>> {
    Everydo.call(server, token)
}

#[tokio::test]
async fn wo_serves_whom_oc_knows() {
    let oc = run(&["everydo", "--oc"], Some(CONFIG)).await;
    let wo = wo(&oc).await;
    let tokens = Everydo.tokens(&oc).await;
    let token = tokens.text("access_token");
    for request in [own(&wo, &token), bearer(&wo.url("/api/v1/me"), &token)] {
        let answer = send(request).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, Everydo.served())
        );
    }
    let answer = send(own(&wo, "x")).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
    let answer = get(&wo.url("/api/v1/me")).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
    // Two different tokens are one too many.
    let request = Request::get(wo.url("/api/v1/me")).header("access_token", &token);
    let answer = send(empty(request.header("authorization", "Bearer x"))).await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
    // A refresh token is no access token.
    let answer = send(own(&wo, &tokens.text("refresh_token"))).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
    // The API is not at OC.
    let answer = send(own(&oc, &token)).await;
    assert_eq!(answer.status, 404);
}

/// What ends at OC has ended at WO with the next request.
#[tokio::test]
async fn wo_asks_each_time() {
    let oc = run(&["everydo", "--oc"], Some(CONFIG)).await;
    let wo = wo(&oc).await;
    let code = Everydo.code(&oc).await;
    let answer = send(Everydo.redeem(&oc, "1", &code)).await;
    let token = answer.text("access_token");
    assert_eq!(send(own(&wo, &token)).await.status, 200);
    send(Everydo.redeem(&oc, "1", &code)).await;
    let answer = send(own(&wo, &token)).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
}

/// A strict client's token is taken as `Authorization: Bearer`, and nowhere else, as in one process.
#[tokio::test]
async fn wo_takes_a_strict_clients_token_as_bearer_only() {
    let oc = run(&["everydo", "--oc"], Some(CONFIG)).await;
    let wo = wo(&oc).await;
    let fields = [
        ("client_id", "strict"),
        ("client_secret", "the secret of strict"),
        ("grant_type", "client_credentials"),
    ];
    let token = post(&oc.url("/strict/token"), &fields)
        .await
        .text("access_token");
    let answer = send(bearer(&wo.url("/api/v1/me"), &token)).await;
    assert_eq!(answer.body, r#"{"uid":null,"client_id":"strict"}"#);
    let answer = send(own(&wo, &token)).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
}

/// Without OC nothing is known against a token.
#[tokio::test]
async fn wo_without_oc_cannot_tell() {
    let mut oc = run(&["everydo", "--oc"], Some(CONFIG)).await;
    let wo = wo(&oc).await;
    let token = Everydo.tokens(&oc).await.text("access_token");
    oc.interrupt().await;
    assert!(oc.ended().await.success());
    let answer = send(own(&wo, &token)).await;
    assert_eq!(answer.error(), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
}

//! What a client learns of its tokens' ends, and for whom a token speaks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included"
)]

mod common;

use std::time::Duration;

use common::{
    Fixture,
    clients::{self, BRIEF, LEGACY, MACHINE, WEB},
    flow::{from, refresh_token},
    millis, seconds, secret,
};
use oauth_core::{server::Ended, token::TokenResponse, types::Secret};

const DAYS: u64 = 24 * 3600;

/// Access and refresh token, of a pair by either of the two.
async fn ended(fixture: &Fixture, client: &str, token: &Secret) -> (bool, bool) {
    let all = clients::all();
    let client = all.iter().find(|own| own.id().as_str() == client).unwrap();
    let Ended {
        access_token,
        refresh_token,
        ..
    } = fixture.server.ended(client, token).await.unwrap();
    (access_token, refresh_token)
}

async fn both_ways(fixture: &Fixture, client: &str, tokens: &TokenResponse) -> [(bool, bool); 2] {
    [
        ended(fixture, client, &tokens.access_token).await,
        ended(fixture, client, refresh_token(tokens)).await,
    ]
}

#[tokio::test]
async fn each_token_of_a_pair_tells_of_both() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    let rows = [
        ("fresh", Duration::ZERO, (false, false)),
        ("nearly", seconds(3600) - millis(1), (false, false)),
        ("the access token", millis(1), (true, false)),
        (
            "not yet",
            seconds(30 * DAYS - 3600) - millis(1),
            (true, false),
        ),
        ("the grant", millis(1), (true, true)),
    ];
    for (what, later, expected) in rows {
        fixture.clock.advance(later);
        let told = both_ways(&fixture, WEB, &tokens).await;
        assert_eq!(told, [expected; 2], "{what}");
        for token in [&tokens.access_token, refresh_token(&tokens)] {
            assert_eq!(ended(&fixture, LEGACY, token).await, (true, true), "{what}");
        }
    }
}

#[tokio::test]
async fn what_was_used_revoked_or_never_there_has_ended() {
    let fixture = Fixture::new();
    let first = fixture.tokens(WEB).await;
    let second = fixture.refresh(WEB, refresh_token(&first), &[]).await;
    let second = second.unwrap();
    assert_eq!(
        ended(&fixture, WEB, refresh_token(&first)).await,
        (false, true),
        "used"
    );
    assert_eq!(both_ways(&fixture, WEB, &second).await, [(false, false); 2]);
    fixture.revoke(WEB, refresh_token(&second)).await.unwrap();
    for tokens in [&first, &second] {
        assert_eq!(both_ways(&fixture, WEB, tokens).await, [(true, true); 2]);
    }
    assert_eq!(ended(&fixture, WEB, &secret("x")).await, (true, true));
    let request = from(MACHINE, &[("grant_type", "client_credentials")]);
    let alone = fixture.token(&request).await.unwrap().access_token;
    assert_eq!(ended(&fixture, MACHINE, &alone).await, (false, true));
    let brief = fixture.tokens(BRIEF).await.access_token;
    assert_eq!(ended(&fixture, BRIEF, &brief).await, (false, true));
}

#[tokio::test]
async fn a_refresh_token_that_is_not_used_has_ended() {
    let fixture = Fixture::with(|policy| policy.refresh_token_idle = Some(seconds(60)));
    let tokens = fixture.tokens(WEB).await;
    fixture.clock.advance(seconds(60) - millis(1));
    assert_eq!(both_ways(&fixture, WEB, &tokens).await, [(false, false); 2]);
    fixture.clock.advance(millis(1));
    assert_eq!(both_ways(&fixture, WEB, &tokens).await, [(false, true); 2]);
}

#[tokio::test]
async fn a_token_speaks_for_its_client_as_long_as_it_can_be_used() {
    let fixture = Fixture::new();
    let first = fixture.tokens(WEB).await;
    let second = fixture.refresh(WEB, refresh_token(&first), &[]).await;
    let second = second.unwrap();
    let holder = async |token: &Secret| {
        let client = fixture.server.holder(token).await.unwrap();
        client.map(|client| client.id().as_str().to_owned())
    };
    for token in [
        &first.access_token,
        &second.access_token,
        refresh_token(&second),
    ] {
        assert_eq!(holder(token).await.as_deref(), Some(WEB));
    }
    for token in [refresh_token(&first), &secret("x")] {
        assert_eq!(holder(token).await, None);
    }
    fixture.clock.advance(seconds(3600));
    assert_eq!(holder(&second.access_token).await, None);
    fixture.clock.advance(seconds(30 * DAYS));
    assert_eq!(holder(refresh_token(&second)).await, None);
}

//! How long a grant lives: it counts from the approval, is set by the redemption, and is never
//! longer than the current policy allows.

use std::time::Duration;

use oauth_core::{
    grant::{CodeDenial, RefreshDenial, TokenDenial},
    policy::Policy,
    server::Ended,
    store::OwnedBy,
    time::Clock,
    token::IntrospectionResponse,
};

use crate::{
    common::{
        Fixture,
        clients::{self, BRIEF, WEB},
        flow::refresh_token,
        millis, seconds,
    },
    refused,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Its full lifetime counts from the approval and is set by the redemption.
#[tokio::test]
async fn the_redemption_sets_a_lifetime_from_the_approval() {
    let fixture = Fixture::new();
    let expires_at = async || {
        let page = fixture.server.grants(OwnedBy::Client(WEB.into()), None, 9);
        page.await.unwrap().grants[0].expires_at
    };
    let approved_at = fixture.clock.now();
    let code = fixture.code(WEB).await;
    assert_eq!(expires_at().await, approved_at + seconds(60));
    fixture.clock.advance(seconds(59));
    // By then the operator has decided otherwise.
    let generous = fixture.beside(clients::all(), |policy| {
        policy.refresh_token_lifetime = DAY * 90;
    });
    let tokens = generous.redeem(WEB, &code).await.unwrap();
    assert_eq!(expires_at().await, approved_at + DAY * 90);
    assert_eq!(tokens.grant_expires_at, Some(approved_at + DAY * 90));
    // Without refresh tokens it ends with its access token.
    let code = fixture.code(BRIEF).await;
    fixture.clock.advance(seconds(59));
    let tokens = fixture.redeem(BRIEF, &code).await.unwrap();
    let page = fixture
        .server
        .grants(OwnedBy::Client(BRIEF.into()), None, 9);
    let grant = &page.await.unwrap().grants[0];
    assert_eq!(grant.expires_at, tokens.token.expires_at);
    assert_eq!(tokens.grant_expires_at, None);
}

/// If the operator shortens a lifetime, running codes end at the earlier of the two; a longer one prolongs nothing.
#[tokio::test]
async fn a_running_code_ends_at_the_earlier_of_two_lifetimes() {
    for (later, end) in [(10, 10), (60, 60), (3600, 60)] {
        for (after, is_good) in [(seconds(end) - millis(1), true), (seconds(end), false)] {
            let fixture = Fixture::new();
            let code = fixture.code(WEB).await;
            let changed = fixture.beside(clients::all(), |policy| {
                policy.code_lifetime = seconds(later);
            });
            fixture.clock.advance(after);
            let answer = changed.redeem(WEB, &code).await;
            if is_good {
                answer.unwrap();
            } else {
                let denial = answer.unwrap_err();
                assert_eq!(denial, TokenDenial::Code(CodeDenial::Expired));
            }
        }
    }
}

/// And so do running grants, wherever they are asked about.
#[tokio::test]
async fn a_running_grant_ends_at_the_earlier_of_two_lifetimes() {
    let all = clients::all();
    let web = all.iter().find(|own| own.id().as_str() == WEB).unwrap();
    for (later, end) in [(2, 2), (30, 30), (90, 30)] {
        for (after, is_good) in [(DAY * end - millis(1), true), (DAY * end, false)] {
            let fixture = Fixture::new();
            let granted_at = fixture.clock.now();
            let tokens = fixture.tokens(WEB).await;
            let change = |policy: &mut Policy| policy.refresh_token_lifetime = DAY * later;
            let changed = fixture.beside(clients::all(), change);
            fixture.clock.advance(after);
            let token = refresh_token(&tokens);
            let active = changed.introspect(WEB, token).await;
            assert_eq!(active != IntrospectionResponse::Inactive, is_good);
            let holder = changed.server.holder(token).await.unwrap();
            assert_eq!(holder.is_some(), is_good);
            let Ended { refresh_token, .. } = changed.server.ended(web, token).await.unwrap();
            assert_eq!(!refresh_token, is_good);
            let answer = changed.refresh(WEB, token, &[]).await;
            if is_good {
                let answer = answer.unwrap();
                assert_eq!(answer.grant_expires_at, Some(granted_at + DAY * end));
                // A retry tells the same.
                let retry = changed.refresh(WEB, token, &[]).await.unwrap();
                assert_eq!(retry.grant_expires_at, answer.grant_expires_at);
            } else {
                assert_eq!(refused(answer), RefreshDenial::Expired);
            }
        }
    }
}

/// A token that was not used for too long does not speak for its client either.
#[tokio::test]
async fn an_idle_token_is_no_proof() {
    let fixture = Fixture::with(|policy| policy.refresh_token_idle = Some(seconds(100)));
    let tokens = fixture.tokens(WEB).await;
    let token = refresh_token(&tokens);
    fixture.clock.advance(seconds(100) - millis(1));
    assert!(fixture.server.holder(token).await.unwrap().is_some());
    fixture.clock.advance(millis(1));
    assert!(fixture.server.holder(token).await.unwrap().is_none());
}

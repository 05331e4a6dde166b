//! A client that acts for itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::sync::Arc;

use common::{
    CALENDAR, Fixture, MAIL,
    clients::{APP, BRIEF, INSPECTOR, MACHINE, ODD, POST, WEB},
    flow::{from, wire},
    millis, scope, seconds,
};
use oauth_core::{
    client::ClientRequest,
    event::Event,
    grant::TokenDenial,
    token::{IntrospectionResponse, PresentedToken},
};

fn ask(client: &str, params: &[(&str, &str)]) -> ClientRequest {
    let mut all = vec![("grant_type", "client_credentials")];
    all.extend(params);
    from(client, &all)
}

/// 6749-4.4.3-a, 8707-2.2-a, 9700-2.3-a
#[tokio::test]
async fn a_client_gets_a_token_for_itself() {
    let fixture = Fixture::new();
    for (id, client, params, granted, audience) in [
        (
            "6749-3.3-e",
            MACHINE,
            &[][..],
            "read",
            "https://default.example",
        ),
        (
            "6749-3.3-e",
            MACHINE,
            &[("scope", "")],
            "read",
            "https://default.example",
        ),
        (
            "6749-4.4.2-a",
            WEB,
            &[("scope", "admin read")],
            "admin read",
            "https://default.example",
        ),
        (
            "8707-2.2-a",
            MACHINE,
            &[("scope", "read write"), ("resource", CALENDAR)],
            "read",
            "calendar",
        ),
        (
            "9700-2.3-a",
            MACHINE,
            &[("scope", "read write"), ("resource", MAIL)],
            "read write",
            MAIL,
        ),
    ] {
        let tokens = fixture.token(&ask(client, params)).await.unwrap();
        assert!(tokens.refresh_token.is_none(), "{id}");
        assert_eq!(tokens.token.scope, scope(granted), "{id}");
        assert_eq!(tokens.token.audience, [audience], "{id}");
        assert_eq!(tokens.token.client_id.as_str(), client);
        fixture.clock.advance(seconds(3600) - millis(1));
        assert_eq!(
            fixture
                .server
                .validate(&PresentedToken::bearer(tokens.access_token.clone()))
                .await
                .unwrap(),
            Some(tokens.token)
        );
        fixture.clock.advance(millis(1));
        assert!(!fixture.is_valid(&tokens.access_token).await);
    }
}

#[tokio::test]
async fn a_refused_client_gets_nothing() {
    let fixture = Fixture::new();
    let basic = |client: &str, secret: &str| {
        ask(APP, &[]).authorization(common::flow::basic(client, secret))
    };
    let public = |client| {
        ClientRequest::new(
            ask(APP, &[])
                .params
                .iter()
                .filter(|(name, _)| *name != "client_id")
                .chain([("client_id", client)])
                .collect(),
        )
    };
    for (id, request, error) in [
        ("6749-4.4-a", ask(APP, &[]), "unauthorized_client"),
        ("6749-2.3-a", basic(APP, ""), "invalid_client"),
        ("6749-2.3-a", basic(APP, "5ecret of app"), "invalid_client"),
        ("6749-4.4.2-a 6749-2.2-b", public(MACHINE), "invalid_client"),
        ("6749-5.2-e", ask(BRIEF, &[]), "unauthorized_client"),
        ("6749-5.2-e", ask(POST, &[]), "unauthorized_client"),
        ("6749-5.2-e", ask(INSPECTOR, &[]), "unauthorized_client"),
        ("6749-5.2-e", ask(ODD, &[]), "unauthorized_client"),
        (
            "6749-5.2-f",
            ask(MACHINE, &[("scope", "admin")]),
            "invalid_scope",
        ),
        (
            "6749-5.2-f",
            ask(MACHINE, &[("scope", "read  write")]),
            "invalid_scope",
        ),
        (
            "8707-2.2-c",
            ask(MACHINE, &[("resource", "https://unknown.example")]),
            "invalid_target",
        ),
        (
            "6749-3.2-d",
            ask(MACHINE, &[("scope", "read"), ("scope", "read")]),
            "invalid_request",
        ),
    ] {
        let answer = fixture.token(&request).await;
        assert_eq!(wire(&answer), error, "{id}");
        assert!(
            matches!(fixture.events.last(), Event::TokenDenied { reason, .. } if Err(reason) == answer.map(|_| ()))
        );
    }
    assert_eq!(fixture.records(), 0);
}

/// 9700-4.15.1-a, v21-7.4-a: a client named like a user gets no user's token.
#[tokio::test]
async fn a_token_for_itself_names_no_user() {
    let fixture = Fixture::new();
    let own = fixture.token(&ask(WEB, &[])).await.unwrap();
    let user = fixture.tokens_for(WEB, WEB, &[]).await;
    assert_eq!(own.token.subject, None);
    assert_eq!(user.token.subject.as_ref().unwrap().as_str(), WEB);
    for (token, is_user) in [(&own.access_token, false), (&user.access_token, true)] {
        match fixture.introspect(WEB, token).await {
            IntrospectionResponse::Active(token) => assert_eq!(token.subject.is_some(), is_user),
            IntrospectionResponse::Inactive => panic!(),
        }
    }
}

/// Nothing that a user grants or withdraws has to do with it.
#[tokio::test]
async fn a_token_for_itself_belongs_to_no_grant() {
    let fixture = Fixture::new();
    let own = fixture.token(&ask(WEB, &[])).await.unwrap();
    let all = oauth_core::store::OwnedBy::Client(Arc::from(WEB));
    assert!(
        fixture
            .server
            .grants(all.clone(), None, 10)
            .await
            .unwrap()
            .grants
            .is_empty()
    );
    assert_eq!(fixture.server.end_all(&all).await.unwrap(), 0);
    assert!(fixture.is_valid(&own.access_token).await);
    fixture.revoke(WEB, &own.access_token).await.unwrap();
    assert!(!fixture.is_valid(&own.access_token).await);
    let denial = fixture
        .refresh(WEB, &own.access_token, &[])
        .await
        .unwrap_err();
    assert!(matches!(denial, TokenDenial::Refresh(_)));
}

/// A record is forgotten ten minutes after it may be, so that one clock among several that is fast prunes nothing that is live by
/// the others: neither when asked to nor beside another commit.
#[tokio::test]
async fn what_may_be_forgotten_is_kept_for_another_ten_minutes() {
    let fixture = Fixture::new();
    let issue = || async {
        let token = fixture.server.token(&ask(MACHINE, &[])).await;
        token.unwrap().expires_in
    };
    let lifetime = issue().await;
    fixture
        .clock
        .advance(lifetime + seconds(10 * 60) - millis(1));
    assert_eq!(fixture.server.prune(100).await.unwrap(), 0);
    issue().await;
    assert_eq!(fixture.records(), 2);
    fixture.clock.advance(millis(1));
    issue().await;
    assert_eq!(fixture.records(), 2, "the first is gone");
    fixture
        .clock
        .advance(lifetime + seconds(10 * 60) - millis(1));
    assert_eq!(fixture.server.prune(100).await.unwrap(), 1);
}

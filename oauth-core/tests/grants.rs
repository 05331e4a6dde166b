//! What was granted: listed, withdrawn, ended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::collections::BTreeSet;

use common::{
    Answered, CALENDAR, Fixture, MAIL,
    clients::{self, APP, ODD, ODD_LIFETIMES, POST, WEB},
    flow::{approve, browser, refresh_token, remembered, wire},
    millis, resource, scope, seconds, subject,
};
use oauth_core::{
    authorize::{InteractionDenial, Verdict},
    event::Event,
    operator_secret::OperatorSecret,
    store::{Key, OwnedBy, Store as _},
    time::Clock,
    token::{PresentedToken, TokenResponse},
    types::GrantId,
};

fn of_user(user: &str) -> OwnedBy {
    OwnedBy::Subject(user.into())
}

fn of_client(client: &str) -> OwnedBy {
    OwnedBy::Client(client.into())
}

async fn is_alive(fixture: &Fixture, tokens: &TokenResponse) -> bool {
    let refresh = fixture.is_active(refresh_token(tokens)).await;
    assert_eq!(fixture.is_valid(&tokens.access_token).await, refresh);
    refresh
}

async fn ids(fixture: &Fixture, by: OwnedBy) -> BTreeSet<GrantId> {
    let page = fixture.server.grants(by, None, 100).await.unwrap();
    page.grants.into_iter().map(|grant| grant.id).collect()
}

async fn is_remembered(fixture: &Fixture, client: &str, user: &str) -> bool {
    let handle = fixture.pend(client, &[]).await.handle;
    let (browser, subject) = (browser(1), subject(user));
    let answer = fixture
        .server
        .settle_remembered(&handle, Some(&browser), &subject)
        .await;
    answer.unwrap().is_some()
}

async fn remember(fixture: &Fixture, client: &str, user: &str) {
    let interaction = fixture.pend(client, &[]).await;
    fixture
        .settle(&interaction, remembered(user))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_grant_is_described() {
    let fixture = Fixture::new();
    let granted_at = fixture.clock.now();
    let request = [
        ("scope", "read write"),
        ("resource", MAIL),
        ("+resource", CALENDAR),
    ];
    fixture.tokens_for(ODD, "alice", &request).await;
    let [grant] = fixture
        .server
        .grants(of_user("alice"), None, 10)
        .await
        .unwrap()
        .grants
        .try_into()
        .unwrap();
    assert_eq!(grant.client_id.as_str(), ODD);
    assert_eq!(grant.subject, Some(subject("alice")));
    assert_eq!(grant.scope, scope("read write"));
    assert_eq!(grant.resources, [resource(CALENDAR), resource(MAIL)]);
    assert_eq!(grant.granted_at, granted_at);
    assert_eq!(
        grant.expires_at,
        granted_at + ODD_LIFETIMES.refresh_token.unwrap()
    );
    // It is listed until then, to the millisecond.
    fixture
        .clock
        .advance(ODD_LIFETIMES.refresh_token.unwrap() - millis(1));
    assert_eq!(ids(&fixture, of_client(ODD)).await.len(), 1);
    fixture.clock.advance(millis(1));
    assert!(ids(&fixture, of_client(ODD)).await.is_empty());
}

#[tokio::test]
async fn grants_are_listed_a_page_at_a_time() {
    let fixture = Fixture::new();
    for _ in 0..5 {
        fixture.tokens_for(WEB, "alice", &[]).await;
        fixture.tokens_for(WEB, "bob", &[]).await;
    }
    fixture.tokens_for(APP, "alice", &[]).await;
    for (by, expected) in [
        (of_user("alice"), 6),
        (of_user("bob"), 5),
        (of_user("Alice"), 0),
        (of_client(WEB), 10),
        (of_client(APP), 1),
        (of_client("alice"), 0),
    ] {
        for limit in [0, 1, 2, 5, 100] {
            let (mut after, mut seen) = (None, BTreeSet::new());
            loop {
                let page = fixture
                    .server
                    .grants(by.clone(), after, limit)
                    .await
                    .unwrap();
                assert!(page.grants.len() <= limit.max(1));
                for grant in page.grants {
                    assert!(seen.insert(grant.id), "listed once");
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen.len(), expected, "{by:?} {limit}");
        }
    }
}

#[tokio::test]
async fn connections_are_grants_and_memories_together() {
    let fixture = Fixture::new();
    let since = fixture.clock.now();
    fixture.tokens_for(WEB, "alice", &[("scope", "read")]).await;
    fixture.clock.advance(seconds(1));
    fixture
        .tokens_for(WEB, "alice", &[("scope", "write")])
        .await;
    fixture
        .tokens_for(APP, "alice", &[("scope", "write")])
        .await;
    fixture.tokens_for(APP, "bob", &[]).await;
    remember(&fixture, POST, "alice").await;
    let connections = fixture.server.connections(&subject("alice")).await.unwrap();
    let seen: Vec<_> = connections
        .iter()
        .map(|c| {
            (
                c.client_id.as_str(),
                c.scope.as_str(),
                c.since == since,
                c.remembered,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (APP, "write", false, false),
            (POST, "read", false, true),
            (WEB, "read write", true, false)
        ]
    );
    // A year later, nothing is left.
    fixture.clock.advance(seconds(365 * 24 * 3600));
    assert!(
        fixture
            .server
            .connections(&subject("alice"))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_withdrawal_ends_what_a_user_gave_to_a_client() {
    let fixture = Fixture::new();
    for user in ["alice", "bob"] {
        remember(&fixture, WEB, user).await;
        remember(&fixture, POST, user).await;
    }
    let one = fixture.tokens_for(WEB, "alice", &[]).await;
    let two = fixture
        .tokens_for(WEB, "alice", &[("scope", "write")])
        .await;
    let code = fixture.code_for(WEB, "alice", &[]).await;
    let others = [
        (WEB, fixture.tokens_for(WEB, "bob", &[]).await),
        (POST, fixture.tokens_for(POST, "alice", &[]).await),
        (APP, fixture.tokens_for(APP, "alice", &[]).await),
    ];
    let ended = fixture
        .server
        .withdraw(&subject("alice"), &WEB.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(ended, 4);
    assert!(matches!(
        fixture.events.last(),
        Event::Withdrawn { grants: 4, .. }
    ));
    for tokens in [one, two] {
        assert!(!is_alive(&fixture, &tokens).await);
        assert_eq!(
            wire(&fixture.refresh(WEB, refresh_token(&tokens), &[]).await),
            "invalid_grant"
        );
    }
    assert_eq!(wire(&fixture.redeem(WEB, &code).await), "invalid_grant");
    assert!(!is_remembered(&fixture, WEB, "alice").await);
    let left = fixture.server.connections(&subject("alice")).await.unwrap();
    assert_eq!(
        left.iter()
            .map(|c| c.client_id.as_str())
            .collect::<Vec<_>>(),
        [APP, POST]
    );
    for (client, tokens) in others {
        assert!(is_alive(&fixture, &tokens).await, "{client}");
    }
    assert!(
        is_remembered(&fixture, WEB, "bob").await && is_remembered(&fixture, POST, "alice").await
    );
    // Twice is no different, and the user may begin again.
    assert_eq!(
        fixture
            .server
            .withdraw(&subject("alice"), &WEB.parse().unwrap())
            .await
            .unwrap(),
        0
    );
    assert!(is_alive(&fixture, &fixture.tokens_for(WEB, "alice", &[]).await).await);
}

/// A double click after the withdrawal comes too late, and the code of the first is worth nothing now.
#[tokio::test]
async fn a_withdrawn_decision_is_not_made_again_by_its_repetition() {
    let fixture = Fixture::new();
    let interaction = fixture.pend(WEB, &[]).await;
    let yes = Verdict::Approve(approve("alice"));
    let settled = fixture.settle(&interaction, yes.clone()).await.unwrap();
    fixture
        .server
        .withdraw(&subject("alice"), &WEB.parse().unwrap())
        .await
        .unwrap();
    let again = fixture.settle(&interaction, yes).await.unwrap_err();
    assert_eq!(again, InteractionDenial::AlreadyDecided);
    let code = common::flow::code_in(&settled.response);
    assert_eq!(wire(&fixture.redeem(WEB, &code).await), "invalid_grant");
    assert!(ids(&fixture, of_user("alice")).await.is_empty());
}

#[tokio::test]
async fn one_grant_ends_alone() {
    let fixture = Fixture::new();
    let one = fixture.tokens(WEB).await;
    let id = *ids(&fixture, of_user("alice")).await.first().unwrap();
    let two = fixture.tokens(WEB).await;
    fixture.server.end_grant(id).await.unwrap();
    assert_eq!(fixture.events.last(), Event::GrantEnded { grant: id });
    assert!(!is_alive(&fixture, &one).await && is_alive(&fixture, &two).await);
    assert!(!ids(&fixture, of_user("alice")).await.contains(&id));
    for nothing in [id, GrantId::from_bytes([7; 16])] {
        fixture.server.end_grant(nothing).await.unwrap();
    }
    assert!(is_alive(&fixture, &two).await);
}

/// More than a page of grants, so that the walk through the pages is walked.
#[tokio::test]
async fn a_deleted_user_or_client_leaves_nothing() {
    for (of, gone) in [
        (of_user("alice"), vec![(WEB, "alice"), (POST, "alice")]),
        (of_client(WEB), vec![(WEB, "alice"), (WEB, "bob")]),
    ] {
        let fixture = Fixture::new();
        let all = [(WEB, "alice"), (WEB, "bob"), (POST, "alice"), (POST, "bob")];
        let mut tokens = Vec::new();
        for (client, user) in all {
            remember(&fixture, client, user).await;
            for _ in 0..60 {
                tokens.push((client, user, fixture.tokens_for(client, user, &[]).await));
            }
        }
        assert_eq!(fixture.server.end_all(&of).await.unwrap(), 2 * 61);
        assert!(matches!(
            fixture.events.last(),
            Event::AllEnded { grants: 122, .. }
        ));
        for (client, user, tokens) in tokens {
            assert_eq!(
                is_alive(&fixture, &tokens).await,
                !gone.contains(&(client, user)),
                "{client} {user}"
            );
        }
        for (client, user) in all {
            assert_eq!(
                is_remembered(&fixture, client, user).await,
                !gone.contains(&(client, user))
            );
        }
        assert_eq!(fixture.server.end_all(&of).await.unwrap(), 0);
        assert!(ids(&fixture, of).await.is_empty());
    }
}

/// Two issuers over one store are strangers to each other.
#[tokio::test]
async fn a_realm_keeps_its_own() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    remember(&fixture, WEB, "alice").await;
    let handle = fixture.pend(WEB, &[]).await.handle;
    let other = oauth_core::AuthorizationServer::builder(
        common::issuer(),
        std::sync::Arc::new(fixture.store.clone()),
        std::sync::Arc::new(
            clients::all()
                .into_iter()
                .collect::<oauth_core::store::StaticClients>(),
        ),
        std::sync::Arc::clone(&fixture.clock) as std::sync::Arc<dyn Clock>,
        std::sync::Arc::new(common::SeededEntropy::from_seed(2)),
    )
    .operator_secret(OperatorSecret::from_bytes(common::OPERATOR_SECRET))
    .realm(oauth_core::store::Realm::new("other"))
    .build()
    .unwrap();
    assert!(
        other
            .validate(&PresentedToken::bearer(tokens.access_token.clone()))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        other
            .connections(&subject("alice"))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(other.end_all(&of_user("alice")).await.unwrap(), 0);
    assert!(
        other
            .interaction(&handle, Some(&browser(1)))
            .await
            .outcome()
            .is_err()
    );
    assert!(is_alive(&fixture, &tokens).await);
}

/// Growth is bounded: what is over goes, with every commit and when it is asked.
#[tokio::test]
async fn a_store_does_not_grow_without_end() {
    let fixture = Fixture::new();
    let mut most = 0;
    for day in 0..200 {
        fixture.clock.advance(seconds(24 * 3600));
        let tokens = fixture.tokens(WEB).await;
        fixture
            .refresh(WEB, refresh_token(&tokens), &[])
            .await
            .unwrap();
        if day == 60 {
            most = fixture.records();
        }
        assert!(day <= 60 || fixture.records() <= most + 10, "{day}");
    }
    fixture.clock.advance(seconds(40 * 24 * 3600));
    fixture.server.prune(10_000).await.unwrap();
    assert_eq!(fixture.records(), 0);
}

/// The mark that a grant has ended outlives every interaction that was pending then, and not the month that the grant could
/// have lived.
#[tokio::test]
async fn an_ended_grant_is_forgotten_once_no_interaction_is_as_old() {
    for way in [
        "replay",
        "reuse",
        "revocation",
        "end_grant",
        "withdraw",
        "end_all",
    ] {
        let fixture = Fixture::with(|policy| policy.interaction_lifetime = seconds(1000));
        let code = fixture.code(WEB).await;
        let tokens = fixture.redeem(WEB, &code).await.unwrap();
        let granted = ids(&fixture, of_client(WEB)).await;
        let id = *granted.first().unwrap();
        fixture.clock.advance(seconds(60));
        match way {
            "replay" => drop(fixture.redeem(WEB, &code).await.unwrap_err()),
            "reuse" => {
                let token = refresh_token(&tokens);
                fixture.refresh(WEB, token, &[]).await.unwrap();
                fixture.clock.advance(seconds(31));
                fixture.refresh(WEB, token, &[]).await.unwrap_err();
            }
            "revocation" => fixture.revoke(WEB, refresh_token(&tokens)).await.unwrap(),
            "end_grant" => fixture.server.end_grant(id).await.unwrap(),
            "withdraw" => {
                let client = WEB.parse().unwrap();
                let withdrawn = fixture.server.withdraw(&subject("alice"), &client).await;
                assert_eq!(withdrawn.unwrap(), 1);
            }
            _ => assert_eq!(fixture.server.end_all(&of_client(WEB)).await.unwrap(), 1),
        }
        let key = Key::of_grant(&fixture.server.rules().realm, id);
        let anchor = fixture.store.load(&key).await.unwrap().unwrap();
        assert!(anchor.closed, "{way}");
        assert_eq!(
            anchor.forget_at,
            fixture.clock.now() + seconds(1000),
            "{way}"
        );
    }
}

//! Introspection: which caller learns what about which token.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use common::{
    Answered, CALENDAR, Fixture, MAIL,
    clients::{
        APP, BRIEF, CALENDAR_SERVER, INSPECTOR, LEGACY, MACHINE, MAIL_SERVER, NATIVE, ODD,
        ODD_LIFETIMES, POST, WEB,
    },
    flow::{from, refresh_token},
    millis, scope, seconds, secret, subject,
};
use oauth_core::{
    client::ClientDenial,
    event::Event,
    time::Clock,
    token::{
        ActiveToken, IntrospectionDenial, IntrospectionResponse as R, PresentedToken, TokenState,
        TokenType, TokenUse,
    },
};

/// 7662-2.2-e, 7662-4-e, 7662-4-g, 7662-2.2-g, 7662-5-a: `1` is told, `0` is told that it is inactive and nothing else.
#[tokio::test]
async fn a_caller_is_told_what_is_its_business() {
    let fixture = Fixture::new();
    let mail = [("resource", MAIL)];
    let both = [("resource", MAIL), ("+resource", CALENDAR)];
    let plain = fixture.tokens(WEB).await;
    let for_mail = fixture.tokens_for(WEB, "alice", &mail).await;
    let for_both = fixture.tokens_for(WEB, "alice", &both).await;
    let of_app = fixture.tokens_for(APP, "alice", &mail).await;
    let own = from(
        MACHINE,
        &[("grant_type", "client_credentials"), ("resource", CALENDAR)],
    );
    let of_machine = fixture.token(&own).await.unwrap();
    let tokens = [
        ("without a resource", &plain.access_token),
        ("for mail", &for_mail.access_token),
        ("for both", &for_both.access_token),
        ("for mail, of another client", &of_app.access_token),
        ("for the calendar, of a machine", &of_machine.access_token),
        ("to refresh", refresh_token(&for_mail)),
        ("to refresh, of another client", refresh_token(&of_app)),
    ];
    for (caller, told) in [
        (WEB, "1110010"),
        (INSPECTOR, "1111111"),
        (MAIL_SERVER, "0111000"),
        (CALENDAR_SERVER, "0010100"),
        (MACHINE, "0000100"),
        (LEGACY, "0000000"),
        (POST, "0000000"),
        (BRIEF, "0000000"),
    ] {
        for ((what, token), told) in tokens.iter().zip(told.chars()) {
            let answer = fixture.introspect(caller, token).await;
            let active = answer != R::Inactive;
            assert_eq!(active, told == '1', "{what}, asked by {caller}");
            assert_eq!(
                fixture.events.last(),
                Event::Introspected {
                    caller: caller.parse().unwrap(),
                    active
                }
            );
        }
    }
}

#[tokio::test]
async fn an_active_token_is_described() {
    let fixture = Fixture::new();
    let issued_at = fixture.clock.now();
    let request = [("scope", "read write"), ("resource", CALENDAR)];
    let tokens = fixture.tokens_for(ODD, "alice", &request).await;
    let about = |token_use, granted, audience, expires_at| {
        let client_id = ODD.parse().unwrap();
        let mut token =
            ActiveToken::new(token_use, client_id, scope(granted), issued_at, expires_at);
        token.subject = Some(common::subject("alice"));
        token.audience = audience;
        R::Active(Box::new(token))
    };
    for hint in ["access_token", "refresh_token", "foo"] {
        for (token, expected) in [
            (
                &tokens.access_token,
                about(
                    TokenUse::Access(TokenType::Bearer),
                    "read",
                    vec!["calendar".into()],
                    issued_at + ODD_LIFETIMES.access_token.unwrap(),
                ),
            ),
            (
                refresh_token(&tokens),
                about(
                    TokenUse::Refresh,
                    "read write",
                    vec![],
                    issued_at + ODD_LIFETIMES.refresh_token_idle.unwrap(),
                ),
            ),
        ] {
            // 7662-2.1-c
            let request = from(ODD, &[("token", token.expose()), ("token_type_hint", hint)]);
            let answer = fixture.server.introspect(&request).await.unwrap();
            assert_eq!(answer, expected, "{hint}");
        }
    }
}

/// 7662-4-a, 7662-4-c, 7662-2.3-c, 7662-2.1-e: what is over is inactive, and that is no error.
#[tokio::test]
async fn what_is_over_is_inactive() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    let revoked = fixture.tokens(WEB).await;
    fixture.revoke(WEB, refresh_token(&revoked)).await.unwrap();
    for token in [
        &revoked.access_token,
        refresh_token(&revoked),
        &common::secret("nothing"),
        &common::secret("\u{e9}"),
    ] {
        for caller in [WEB, INSPECTOR] {
            assert_eq!(fixture.introspect(caller, token).await, R::Inactive);
        }
    }
    fixture.clock.advance(seconds(3600) - millis(1));
    assert!(fixture.is_active(&tokens.access_token).await);
    fixture.clock.advance(millis(1));
    assert!(!fixture.is_active(&tokens.access_token).await);
    fixture
        .clock
        .advance(seconds(30 * 24 * 3600 - 3600) - millis(1));
    assert!(fixture.is_active(refresh_token(&tokens)).await);
    fixture.clock.advance(millis(1));
    assert!(!fixture.is_active(refresh_token(&tokens)).await);
}

/// A used refresh token is inactive, though a retry may still get its answer again.
#[tokio::test]
async fn a_used_refresh_token_is_inactive() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    let next = fixture
        .refresh(WEB, refresh_token(&tokens), &[])
        .await
        .unwrap();
    assert!(!fixture.is_active(refresh_token(&tokens)).await);
    assert!(fixture.is_active(refresh_token(&next)).await);
    // Looking changes nothing.
    fixture
        .refresh(WEB, refresh_token(&tokens), &[])
        .await
        .unwrap();
}

/// 7662-2.1-b, 7662-2.1-d, 7662-4-f: who only names itself could be anybody.
#[tokio::test]
async fn a_caller_authenticates_and_names_a_token() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(APP).await;
    let token = tokens.access_token.expose();
    let public = IntrospectionDenial::Client(ClientDenial::Public);
    for (id, client, params, denial, code) in [
        (
            "7662-4-f",
            APP,
            vec![("token", token)],
            public,
            "invalid_client",
        ),
        (
            "7662-4-f",
            NATIVE,
            vec![("token", token)],
            public,
            "invalid_client",
        ),
        ("7662-2.1-d", NATIVE, vec![], public, "invalid_client"),
        (
            "7662-2.1-b",
            WEB,
            vec![],
            IntrospectionDenial::Missing,
            "invalid_request",
        ),
        (
            "7662-2.1-b",
            WEB,
            vec![("token", "")],
            IntrospectionDenial::Missing,
            "invalid_request",
        ),
        (
            "7662-2.1-b",
            WEB,
            vec![("token", token), ("token", token)],
            IntrospectionDenial::Repeated,
            "invalid_request",
        ),
    ] {
        let answer = fixture
            .server
            .introspect(&from(client, &params))
            .await
            .outcome();
        assert_eq!(answer, Err(denial), "{id}");
        assert_eq!(denial.refusal().code.as_str(), code, "{id}");
        let expected = Event::IntrospectionDenied {
            client_id: client.parse().ok(),
            reason: denial,
        };
        assert_eq!(fixture.events.last(), expected, "{id}");
    }
}

/// A host can tell a token that has expired from one that was never there, and from none that was taken back.
#[tokio::test]
async fn what_is_known_of_a_token() {
    #[derive(Debug, PartialEq)]
    enum Known {
        Valid,
        Expired,
        Unknown,
    }
    use Known::{Expired, Unknown, Valid};
    let fixture = Fixture::new();
    let inspect = async |token: &oauth_core::types::Secret| {
        let state = fixture
            .server
            .inspect(&PresentedToken::bearer(token.clone()))
            .await
            .unwrap();
        let valid = fixture
            .server
            .validate(&PresentedToken::bearer(token.clone()))
            .await
            .unwrap();
        match state {
            TokenState::Valid(known) => {
                assert_eq!(valid.as_ref(), Some(&known));
                (Valid, Some(known))
            }
            TokenState::Expired(known) => {
                assert_eq!(valid, None);
                (Expired, Some(known))
            }
            TokenState::Unknown => {
                assert_eq!(valid, None);
                (Unknown, None)
            }
        }
    };
    let code = fixture.code(WEB).await;
    let live = fixture.tokens(WEB).await;
    let revoked = fixture.tokens(WEB).await;
    fixture.revoke(WEB, &revoked.access_token).await.unwrap();
    let ended = fixture.tokens_for(WEB, "bob", &[]).await;
    let withdrawn = fixture
        .server
        .withdraw(&subject("bob"), &WEB.parse().unwrap())
        .await;
    assert_eq!(withdrawn.unwrap(), 1);
    let mut altered = live.access_token.expose().to_owned();
    altered.replace_range(20..21, if &altered[20..21] == "A" { "B" } else { "A" });
    let lifetime = seconds(3600);
    for (wait, expected) in [
        (seconds(0), Valid),
        (lifetime - millis(1), Valid),
        (millis(1), Expired),
        (seconds(300), Expired),
    ] {
        fixture.clock.advance(wait);
        let (known, token) = inspect(&live.access_token).await;
        assert_eq!(known, expected, "{wait:?}");
        assert_eq!(token.as_ref(), Some(&live.token));
        for token in [
            &revoked.access_token,
            &ended.access_token,
            refresh_token(&live),
            &secret(&code),
            &secret(&altered),
            &secret(""),
        ] {
            assert_eq!(inspect(token).await.0, Unknown);
        }
    }
    // What ends an expired one is what ends the rest of its grant.
    fixture.revoke(WEB, refresh_token(&live)).await.unwrap();
    assert_eq!(inspect(&live.access_token).await.0, Unknown);
    // And what was forgotten is unknown.
    let forgotten = fixture.tokens(WEB).await;
    fixture.clock.advance(lifetime + seconds(601));
    fixture.server.prune(100).await.unwrap();
    assert_eq!(inspect(&forgotten.access_token).await.0, Unknown);
}

/// What a host asks for a client is what that would be told itself.
#[tokio::test]
async fn a_host_is_told_what_its_client_would_be() {
    let fixture = Fixture::new();
    let tokens = fixture
        .tokens_for(WEB, "alice", &[("resource", MAIL)])
        .await;
    fixture.events.take();
    for client in common::clients::all() {
        if !client.is_confidential() || client.profile().is_some() {
            continue;
        }
        let id = client.id().as_str();
        for token in [&tokens.access_token, refresh_token(&tokens), &secret("x")] {
            let expected = fixture.introspect(id, token).await;
            let told = fixture.events.last();
            let answer = fixture.server.introspect_for(&client, token).await;
            assert_eq!(answer.unwrap(), expected, "{id}");
            assert_eq!(fixture.events.last(), told);
            assert_eq!(fixture.events.take().len(), 2, "{id}");
        }
    }
}

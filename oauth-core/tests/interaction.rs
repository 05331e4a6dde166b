//! What waits for a user: bound to its browser, decided once, and remembered where that is safe.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::time::Duration;

use common::{
    Answered, CALENDAR, Fixture, MAIL,
    clients::{self, APP, NATIVE, POST, WEB, redirect_uri},
    flow::{
        answered, approve, authorization_request, browser, changed, code_in, narrowed, remembered,
        wire,
    },
    millis, scope, seconds, subject,
};
use oauth_core::{
    authorize::{InteractionDenial as D, Settled, Verdict},
    client::Client,
    event::Event,
    server::AuthorizeAnswer,
};

const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

fn yes(user: &str) -> Verdict {
    Verdict::Approve(approve(user))
}

/// What the host asks before it asks the user.
async fn ask_memory(fixture: &Fixture, handle: &str, user: &str) -> Result<Option<Settled>, D> {
    fixture
        .server
        .settle_remembered(handle, Some(&browser(1)), &subject(user))
        .await
        .outcome()
}

/// Whether a request of a client, with changes, is answered from memory.
async fn is_remembered(fixture: &Fixture, client: &str, changes: &[(&str, &str)]) -> bool {
    let handle = fixture.pend(client, changes).await.handle;
    let settled = ask_memory(fixture, &handle, "alice").await.unwrap();
    if let Some(settled) = &settled {
        assert!(matches!(
            fixture.events.last(),
            Event::Approved {
                remembered: true,
                ..
            }
        ));
        let code = code_in(&settled.response);
        assert_eq!(wire(&fixture.redeem(client, &code).await), "ok");
    }
    settled.is_some()
}

/// 6749-10.12-a: a handle is of no use without the cookie of its browser.
#[tokio::test]
async fn a_handle_works_in_its_own_browser_only() {
    let fixture = Fixture::new();
    let interaction = fixture.pend(WEB, &[]).await;
    let records = fixture.records();
    let mut altered = interaction.handle.clone().into_bytes();
    altered[60] ^= 1;
    let altered = String::from_utf8(altered).unwrap();
    let rows = [
        (interaction.handle.as_str(), None, D::WrongBrowser),
        (
            interaction.handle.as_str(),
            Some(browser(2)),
            D::WrongBrowser,
        ),
        (altered.as_str(), Some(browser(1)), D::Forged),
        ("", Some(browser(1)), D::Forged),
        ("%", Some(browser(1)), D::Forged),
    ];
    for (handle, browser, expected) in rows {
        let (server, browser) = (&fixture.server, browser.as_ref());
        assert_eq!(server.interaction(handle, browser).await.denied(), expected);
        for verdict in [yes("alice"), Verdict::Deny] {
            let denial = server.settle(handle, browser, &verdict).await.denied();
            assert_eq!(denial, expected);
            assert_eq!(
                fixture.events.last(),
                Event::InteractionRefused { reason: expected }
            );
        }
        let denial = server
            .settle_remembered(handle, browser, &subject("alice"))
            .await
            .denied();
        assert_eq!(denial, expected);
        assert_eq!(
            fixture.events.last(),
            Event::InteractionRefused { reason: expected }
        );
    }
    assert_eq!(fixture.records(), records);
    // None of that has hurt it.
    fixture.settle(&interaction, yes("alice")).await.unwrap();
}

#[tokio::test]
async fn a_handle_lives_for_half_an_hour() {
    for (after, result) in [
        (HALF_AN_HOUR - millis(1), Ok(())),
        (HALF_AN_HOUR, Err(D::Expired)),
    ] {
        let fixture = Fixture::new();
        let interaction = fixture.pend(WEB, &[]).await;
        fixture.clock.advance(after);
        let shown = fixture
            .server
            .interaction(&interaction.handle, Some(&browser(1)))
            .await
            .outcome();
        assert_eq!(shown.map(|_| ()), result);
        assert_eq!(
            ask_memory(&fixture, &interaction.handle, "alice")
                .await
                .map(|_| ()),
            result
        );
        assert_eq!(
            fixture.settle(&interaction, yes("alice")).await.map(|_| ()),
            result
        );
    }
}

/// What a decision after the decision is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Again {
    /// The same answer.
    Same,
    /// A decision like a first one: declining leaves nothing behind.
    New,
    /// Decided already.
    TooLate,
}

/// A double click gets the same redirect, in whichever process it ends up; anything else is too late.
#[tokio::test]
async fn a_handle_is_decided_once() {
    let partly = narrowed("alice", "read");
    let wider = remembered("alice");
    let rows: &[(&str, Verdict, Verdict, Duration, Again)] = &[
        (
            "the same at once",
            yes("alice"),
            yes("alice"),
            millis(0),
            Again::Same,
        ),
        (
            "the same in time",
            yes("alice"),
            yes("alice"),
            millis(29_999),
            Again::Same,
        ),
        (
            "the same too late",
            yes("alice"),
            yes("alice"),
            millis(30_000),
            Again::TooLate,
        ),
        (
            "no twice",
            Verdict::Deny,
            Verdict::Deny,
            millis(29_999),
            Again::Same,
        ),
        (
            "no twice, later",
            Verdict::Deny,
            Verdict::Deny,
            millis(30_000),
            Again::Same,
        ),
        (
            "no after yes",
            yes("alice"),
            Verdict::Deny,
            millis(0),
            Again::TooLate,
        ),
        (
            "no after yes, later",
            yes("alice"),
            Verdict::Deny,
            millis(30_000),
            Again::TooLate,
        ),
        (
            "yes after no",
            Verdict::Deny,
            yes("alice"),
            millis(0),
            Again::New,
        ),
        (
            "yes after no, later",
            Verdict::Deny,
            yes("alice"),
            millis(30_000),
            Again::New,
        ),
        (
            "another user",
            yes("alice"),
            yes("bob"),
            millis(0),
            Again::TooLate,
        ),
        (
            "less after all",
            yes("alice"),
            partly.clone(),
            millis(0),
            Again::TooLate,
        ),
        (
            "all after less",
            partly,
            yes("alice"),
            millis(0),
            Again::TooLate,
        ),
        (
            "remembered after all",
            yes("alice"),
            wider,
            millis(0),
            Again::TooLate,
        ),
        (
            "from memory after all",
            yes("alice"),
            Verdict::ApproveRemembered(subject("alice").into()),
            millis(0),
            Again::TooLate,
        ),
    ];
    for (what, first, second, after, expected) in rows {
        let fixture = Fixture::new();
        let interaction = fixture.pend(WEB, &[("scope", "read write")]).await;
        let mut settled = fixture.settle(&interaction, first.clone()).await.unwrap();
        assert_eq!(settled.grant.is_some(), !matches!(first, Verdict::Deny));
        fixture.clock.advance(*after);
        let other_process = fixture.beside(clients::all(), |_| {});
        if *expected == Again::New {
            let first = settled.response.location();
            let now = other_process.settle(&interaction, second.clone()).await;
            settled = now.unwrap();
            assert_ne!(settled.response.location(), first, "{what}");
            assert!(settled.grant.is_some(), "{what}");
        }
        let records = fixture.records();
        for process in [&other_process, &fixture] {
            match process.settle(&interaction, second.clone()).await {
                Ok(again) => {
                    assert_ne!(*expected, Again::TooLate, "{what}");
                    assert_eq!(
                        again.response.location(),
                        settled.response.location(),
                        "{what}"
                    );
                    assert_eq!(again.grant, None);
                }
                Err(denial) => assert_eq!(
                    (*expected, denial),
                    (Again::TooLate, D::AlreadyDecided),
                    "{what}"
                ),
            }
        }
        assert_eq!(
            fixture.records(),
            records,
            "{what}: nothing more was written"
        );
        if let Some(code) = answered(&settled.response).get("code") {
            assert_eq!(wire(&fixture.redeem(WEB, code).await), "ok", "{what}");
        }
    }
}

/// One cookie serves many requests, and each has its own code.
#[tokio::test]
async fn pending_requests_of_one_browser_do_not_mix() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.pend(WEB, &[]).await, fixture.pend(WEB, &[]).await);
    assert_ne!(one.handle, two.handle);
    let first = fixture.settle(&one, yes("alice")).await.unwrap();
    let second = fixture.settle(&two, yes("alice")).await.unwrap();
    assert_ne!(code_in(&first.response), code_in(&second.response));
    assert_ne!(first.grant, second.grant);
}

/// 6749-3.3-c: the user may allow less, and never more.
#[tokio::test]
async fn a_user_may_allow_less() {
    let fixture = Fixture::new();
    for (asked, allowed, granted) in [
        ("read write", "read", Ok("read")),
        ("read write", "write read", Ok("read write")),
        ("read", "read write", Err(D::Widened)),
        ("read", "admin", Err(D::Widened)),
        ("read", "", Err(D::Nothing)),
    ] {
        let interaction = fixture.pend(WEB, &[("scope", asked)]).await;
        let records = fixture.records();
        match (
            fixture
                .settle(&interaction, narrowed("alice", allowed))
                .await,
            granted,
        ) {
            (Ok(settled), Ok(granted)) => {
                let tokens = fixture
                    .redeem(WEB, &code_in(&settled.response))
                    .await
                    .unwrap();
                assert_eq!(tokens.token.scope, scope(granted));
            }
            (Err(denial), Err(expected)) => {
                assert_eq!(denial, expected);
                assert_eq!(fixture.records(), records);
                fixture.settle(&interaction, yes("alice")).await.unwrap();
            }
            other => panic!("{asked} {allowed}: {other:?}"),
        }
    }
}

/// Anonymous visitors fill no table.
#[tokio::test]
async fn nothing_is_written_before_a_decision() {
    let fixture = Fixture::new();
    fixture.pend(WEB, &[]).await;
    assert_eq!(fixture.records(), 0);
    for seed in 0..50 {
        let request = changed(authorization_request(APP), &[("scope", "read write")]);
        let AuthorizeAnswer::Interact(interaction) =
            fixture.authorize(request, &browser(seed)).await
        else {
            panic!();
        };
        let cookie = browser(seed);
        fixture
            .server
            .interaction(&interaction.handle, Some(&cookie))
            .await
            .unwrap();
        let silent = fixture
            .server
            .settle_remembered(&interaction.handle, Some(&cookie), &subject("a"))
            .await;
        assert!(silent.unwrap().is_none());
    }
    assert_eq!(fixture.records(), 0);
    let interaction = fixture.pend(WEB, &[]).await;
    fixture.settle(&interaction, Verdict::Deny).await.unwrap();
    assert_eq!(fixture.records(), 0);
    fixture.settle(&interaction, yes("alice")).await.unwrap();
    assert_eq!(fixture.records(), 1, "the grant");
}

/// A registration that changes while a user thinks is the one that counts.
#[tokio::test]
async fn a_client_that_is_gone_gets_nothing() {
    let fixture = Fixture::new();
    let interaction = fixture.pend(APP, &[("scope", "read write")]).await;
    let app = || Client::public(APP.parse().unwrap());
    let rows = [
        vec![],
        vec![
            app()
                .scope(scope("read write"))
                .redirect_uri("com.example.app:/other")
                .build()
                .unwrap(),
        ],
        vec![
            app()
                .scope(scope("read"))
                .redirect_uri(redirect_uri(APP))
                .build()
                .unwrap(),
        ],
    ];
    for clients in rows {
        let later = fixture.beside(clients, |_| {});
        assert_eq!(
            later.settle(&interaction, yes("alice")).await.unwrap_err(),
            D::ClientGone
        );
        assert_eq!(
            later.settle(&interaction, Verdict::Deny).await.unwrap_err(),
            D::ClientGone
        );
    }
    fixture.settle(&interaction, yes("alice")).await.unwrap();
}

/// 6749-10.2-b, 8252-8.6-a: anybody can pose as a public client, so its users are asked every time.
#[tokio::test]
async fn consent_is_remembered_for_confidential_clients_only() {
    for (client, by_policy, expected) in [
        (WEB, false, true),
        (POST, false, true),
        (APP, false, false),
        (NATIVE, false, false),
        (APP, true, true),
    ] {
        let fixture = Fixture::with(|policy| policy.remember_public_clients = by_policy);
        assert!(!is_remembered(&fixture, client, &[]).await, "{client}");
        let interaction = fixture.pend(client, &[]).await;
        fixture
            .settle(&interaction, remembered("alice"))
            .await
            .unwrap();
        let [connection] = fixture
            .server
            .connections(&subject("alice"))
            .await
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(connection.remembered, expected, "{client}");
        assert_eq!(
            is_remembered(&fixture, client, &[]).await,
            expected,
            "{client}"
        );
        // Saying so does not help: the policy is asked again.
        let interaction = fixture.pend(client, &[]).await;
        let verdict = Verdict::ApproveRemembered(subject("alice").into());
        assert_eq!(
            fixture.settle(&interaction, verdict).await.is_ok(),
            expected,
            "{client}"
        );
        // Nor does a consent from when the policy was another.
        let now = fixture.beside(clients::all(), |_| {});
        assert_eq!(
            is_remembered(&now, client, &[]).await,
            expected && !by_policy,
            "{client}"
        );
    }
}

#[tokio::test]
async fn consent_answers_no_more_than_it_was_given_for() {
    type Changes = &'static [(&'static str, &'static str)];
    let rows: &[(&str, &[Changes], Changes, bool)] = &[
        (
            "the same",
            &[&[("scope", "read write")]],
            &[("scope", "write read")],
            true,
        ),
        (
            "less",
            &[&[("scope", "read write")]],
            &[("scope", "read")],
            true,
        ),
        (
            "more",
            &[&[("scope", "read")]],
            &[("scope", "read write")],
            false,
        ),
        (
            "the sum of two",
            &[&[("scope", "read")], &[("scope", "write")]],
            &[("scope", "read write")],
            true,
        ),
        (
            "at a resource server",
            &[&[("resource", MAIL)]],
            &[("resource", MAIL)],
            true,
        ),
        (
            "at another",
            &[&[("resource", MAIL)]],
            &[("resource", CALENDAR)],
            false,
        ),
        (
            "at one of two",
            &[&[("resource", MAIL), ("+resource", CALENDAR)]],
            &[("resource", CALENDAR)],
            true,
        ),
        (
            "at two, one by one",
            &[&[("resource", MAIL)], &[("resource", CALENDAR)]],
            &[("resource", MAIL), ("+resource", CALENDAR)],
            true,
        ),
        (
            "at one resource server, asked for the default audience",
            &[&[("resource", MAIL)]],
            &[],
            false,
        ),
        (
            "for the default audience, asked for a resource server",
            &[&[]],
            &[("resource", MAIL)],
            false,
        ),
        (
            "reading here and writing there is not writing here",
            &[
                &[("scope", "read"), ("resource", CALENDAR)],
                &[("scope", "read write"), ("resource", MAIL)],
            ],
            &[("scope", "read write"), ("resource", CALENDAR)],
            false,
        ),
    ];
    for (what, given, asked, expected) in rows {
        let fixture = Fixture::new();
        for changes in *given {
            let interaction = fixture.pend(WEB, changes).await;
            fixture
                .settle(&interaction, remembered("alice"))
                .await
                .unwrap();
        }
        assert_eq!(
            is_remembered(&fixture, WEB, asked).await,
            *expected,
            "{what}"
        );
        let other_client = fixture.pend(POST, &[]).await;
        assert!(
            ask_memory(&fixture, &other_client.handle, "alice")
                .await
                .unwrap()
                .is_none()
        );
        let other_user = fixture.pend(WEB, asked).await;
        assert!(
            ask_memory(&fixture, &other_user.handle, "bob")
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn consent_that_was_narrowed_or_not_to_be_remembered_is_not_more() {
    let fixture = Fixture::new();
    let interaction = fixture.pend(WEB, &[]).await;
    fixture.settle(&interaction, yes("alice")).await.unwrap();
    assert!(!is_remembered(&fixture, WEB, &[]).await);
    let interaction = fixture.pend(WEB, &[("scope", "read write")]).await;
    let partly = approve("alice").only(scope("read")).remembered();
    fixture
        .settle(&interaction, Verdict::Approve(partly))
        .await
        .unwrap();
    assert!(is_remembered(&fixture, WEB, &[("scope", "read")]).await);
    assert!(!is_remembered(&fixture, WEB, &[("scope", "read write")]).await);
}

#[tokio::test]
async fn consent_ends_to_the_millisecond_and_begins_anew_after_that() {
    let fixture = Fixture::with(|policy| policy.consent_lifetime = seconds(100));
    let interaction = fixture.pend(WEB, &[("scope", "write")]).await;
    fixture
        .settle(&interaction, remembered("alice"))
        .await
        .unwrap();
    fixture.clock.advance(millis(99_999));
    assert!(is_remembered(&fixture, WEB, &[("scope", "write")]).await);
    fixture.clock.advance(millis(1));
    assert!(!is_remembered(&fixture, WEB, &[("scope", "write")]).await);
    let interaction = fixture.pend(WEB, &[("scope", "read")]).await;
    fixture
        .settle(&interaction, remembered("alice"))
        .await
        .unwrap();
    assert!(is_remembered(&fixture, WEB, &[("scope", "read")]).await);
    assert!(
        !is_remembered(&fixture, WEB, &[("scope", "write")]).await,
        "what had ended did not come back"
    );
}

/// A repetition is answered by whom the first answer came from: memory answers its own double click too.
#[tokio::test]
async fn an_answer_from_memory_is_repeated_as_well() {
    let fixture = Fixture::new();
    let interaction = fixture.pend(WEB, &[]).await;
    fixture
        .settle(&interaction, remembered("alice"))
        .await
        .unwrap();
    let handle = fixture.pend(WEB, &[]).await.handle;
    let first = ask_memory(&fixture, &handle, "alice")
        .await
        .unwrap()
        .unwrap();
    let second = ask_memory(&fixture, &handle, "alice")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.response.location(), second.response.location());
    fixture.clock.advance(seconds(30));
    assert!(
        ask_memory(&fixture, &handle, "alice")
            .await
            .unwrap()
            .is_none()
    );
}

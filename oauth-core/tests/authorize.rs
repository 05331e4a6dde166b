//! The authorization endpoint: what is refused, where that is told, and what a good request becomes.
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
    CALENDAR, Fixture, ISSUER, MAIL,
    clients::{APP, LEGACY, MACHINE, NATIVE, PLAIN, STRANGER, WEB, redirect_uri},
    flow::{
        CHALLENGE, STATE, VERIFIER, answered, approve, authorization_request, browser, changed,
    },
    scope, seconds,
};
use oauth_core::{
    authorize::{AuthorizationResponse, ResponseMode, UnprovenDenial, Verdict},
    event::Event,
    server::AuthorizeAnswer,
};

const NOT_ASCII: &str = "caf\u{e9}";

#[tokio::test]
async fn an_error_stays_here_until_client_and_address_are_proven() {
    use UnprovenDenial as D;
    type Row = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        D,
    );
    let rows: &[Row] = &[
        (
            "6749-4.1.2.1-a",
            WEB,
            &[("-client_id", "")],
            D::MissingClient,
        ),
        (
            "6749-4.1.2.1-a",
            WEB,
            &[("client_id", "")],
            D::MissingClient,
        ),
        (
            "6749-4.1.2.1-a",
            WEB,
            &[("client_id", "nobody")],
            D::UnknownClient,
        ),
        (
            "6749-4.1.2.1-a",
            WEB,
            &[("client_id", NOT_ASCII)],
            D::UnknownClient,
        ),
        ("6749-3.1-g", WEB, &[("+client_id", WEB)], D::Repeated),
        ("6749-3.1-g", WEB, &[("+client_id", "")], D::Repeated),
        (
            "6749-3.1-g",
            WEB,
            &[("+redirect_uri", "https://evil.example/")],
            D::Repeated,
        ),
        (
            "6749-3.1.2.4-a",
            WEB,
            &[("redirect_uri", "https://evil.example/")],
            D::WrongRedirectUri,
        ),
        (
            "6749-3.1.2.4-a",
            WEB,
            &[("redirect_uri", "/cb")],
            D::WrongRedirectUri,
        ),
        (
            "6749-3.1.2.4-a",
            WEB,
            &[("redirect_uri", "javascript:alert(1)")],
            D::WrongRedirectUri,
        ),
        (
            "6749-10.14-a",
            WEB,
            &[(
                "redirect_uri",
                "https://web.example/cb?own=1\r\nSet-Cookie: a=b",
            )],
            D::WrongRedirectUri,
        ),
        (
            "6749-3.1.2.4-a",
            NATIVE,
            &[("-redirect_uri", "")],
            D::MissingRedirectUri,
        ),
        (
            "8252-8.4-d",
            NATIVE,
            &[("redirect_uri", "http://127.0.0.1:51004/other")],
            D::WrongRedirectUri,
        ),
        (
            "8252-8.4-d",
            NATIVE,
            &[("redirect_uri", "http://localhost:51004/cb")],
            D::WrongRedirectUri,
        ),
        (
            "8252-8.4-d",
            APP,
            &[("redirect_uri", "com.example.app:/cb/")],
            D::WrongRedirectUri,
        ),
    ];
    let fixture = Fixture::new();
    for (id, client, changes, expected) in rows {
        // Everything else is wrong too, and that must not come first.
        let wrong = changed(authorization_request(client), &[("response_type", "x")]);
        for base in [authorization_request(client), wrong] {
            match fixture.authorize(changed(base, changes), &browser(1)).await {
                AuthorizeAnswer::Unproven(denial) => {
                    assert_eq!(denial, *expected, "{id} {changes:?}");
                }
                other => panic!("{id} {changes:?}: {other:?}"),
            }
            assert!(
                matches!(fixture.events.last(), Event::AuthorizationUnproven { reason, .. } if reason == *expected)
            );
        }
    }
    assert_eq!(fixture.records(), 0);
}

#[tokio::test]
async fn an_error_is_told_to_a_proven_client() {
    type Row = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static str,
        &'static str,
    );
    let rows: &[Row] = &[
        (
            "6749-3.1.1-a",
            WEB,
            &[("-response_type", "")],
            "invalid_request",
            "response_type",
        ),
        (
            "6749-3.1.1-a",
            WEB,
            &[("response_type", "")],
            "invalid_request",
            "response_type",
        ),
        (
            "6749-3.1.1-b",
            WEB,
            &[("response_type", "coder")],
            "unsupported_response_type",
            "",
        ),
        (
            "v21-10.1-a",
            WEB,
            &[("response_type", "token")],
            "unsupported_response_type",
            "",
        ),
        (
            "9700-2.1.2-a",
            APP,
            &[("response_type", "token")],
            "unsupported_response_type",
            "",
        ),
        (
            "6749-3.1.1-c",
            WEB,
            &[("response_type", "code token")],
            "unsupported_response_type",
            "",
        ),
        (
            "6749-3.1.1-c",
            WEB,
            &[("response_type", "token code")],
            "unsupported_response_type",
            "",
        ),
        (
            "6749-3.1-g",
            WEB,
            &[("+scope", "read")],
            "invalid_request",
            "repeated",
        ),
        (
            "6749-3.1-g",
            WEB,
            &[("+response_type", "code")],
            "invalid_request",
            "repeated",
        ),
        (
            "6749-3.1-g",
            WEB,
            &[("foo", "1"), ("+foo", "2")],
            "invalid_request",
            "repeated",
        ),
        ("6749-4.1.2.1-d", MACHINE, &[], "unauthorized_client", ""),
        (
            "6749-4.1.2.1-e",
            WEB,
            &[("scope", "read unknown")],
            "invalid_scope",
            "",
        ),
        (
            "6749-4.1.2.1-e",
            NATIVE,
            &[("scope", "read write")],
            "invalid_scope",
            "",
        ),
        (
            "6749-4.1.2.1-e",
            WEB,
            &[("scope", "READ")],
            "invalid_scope",
            "",
        ),
        (
            "6749-4.1.2.1-e",
            WEB,
            &[("scope", "read\"")],
            "invalid_scope",
            "",
        ),
        (
            "6749-4.1.2.1-e",
            WEB,
            &[("scope", NOT_ASCII)],
            "invalid_scope",
            "",
        ),
        (
            "7636-4.4.1-a",
            APP,
            &[("-code_challenge", ""), ("-code_challenge_method", "")],
            "invalid_request",
            "",
        ),
        (
            "7636-4.4.1-c",
            APP,
            &[("-code_challenge", ""), ("-code_challenge_method", "")],
            "invalid_request",
            "code challenge required",
        ),
        (
            "8252-8.1-b",
            NATIVE,
            &[("-code_challenge", "")],
            "invalid_request",
            "code challenge required",
        ),
        (
            "v21-4.1.2.1-a",
            APP,
            &[("code_challenge", "")],
            "invalid_request",
            "code challenge required",
        ),
        (
            "v21-4.1.1-a",
            WEB,
            &[("-code_challenge", "")],
            "invalid_request",
            "code challenge required",
        ),
        (
            "v21-4.1.1-a",
            LEGACY,
            &[("-code_challenge", "")],
            "invalid_request",
            "code challenge required",
        ),
        (
            "7636-4.4.1-b",
            WEB,
            &[("code_challenge_method", "plain")],
            "invalid_request",
            "",
        ),
        (
            "7636-4.4.1-b",
            LEGACY,
            &[("code_challenge_method", "plain")],
            "invalid_request",
            "",
        ),
        (
            "7636-4.4.1-b",
            WEB,
            &[("-code_challenge_method", "")],
            "invalid_request",
            "",
        ),
        (
            "7636-4.4.1-b",
            PLAIN,
            &[("code_challenge_method", "S512")],
            "invalid_request",
            "",
        ),
        (
            "7636-4.4.1-c",
            WEB,
            &[("code_challenge_method", "S512")],
            "invalid_request",
            "transform algorithm not supported",
        ),
        (
            "7636-4.4.1-c",
            WEB,
            &[("code_challenge", "short")],
            "invalid_request",
            "code_challenge is not",
        ),
        (
            "8707-2.1-a",
            WEB,
            &[("resource", "https://unknown.example")],
            "invalid_target",
            "",
        ),
        (
            "8707-2.1-a",
            WEB,
            &[("resource", MAIL), ("+resource", "https://unknown.example")],
            "invalid_target",
            "",
        ),
        (
            "8707-2.1-a",
            WEB,
            &[("resource", "https://mail.example#f")],
            "invalid_target",
            "",
        ),
        (
            "8707-2.1-a",
            WEB,
            &[("resource", "mail")],
            "invalid_target",
            "",
        ),
        (
            "9101-7",
            WEB,
            &[("request", "e30")],
            "request_not_supported",
            "",
        ),
        (
            "9101-7",
            WEB,
            &[("request_uri", "urn:x")],
            "request_uri_not_supported",
            "",
        ),
        (
            "response mode",
            WEB,
            &[("response_mode", "fragment")],
            "invalid_request",
            "response modes",
        ),
    ];
    let fixture = Fixture::new();
    for (id, client, changes, code, text) in rows {
        let request = changed(authorization_request(client), changes);
        let AuthorizeAnswer::Respond(response) = fixture.authorize(request, &browser(1)).await
        else {
            panic!("{id} {changes:?}");
        };
        // 6749-4.1.2.1-b
        assert_eq!(response.redirect_uri().as_str(), redirect_uri(client));
        let answer = answered(&response);
        assert_eq!(answer["error"], *code, "{id} {changes:?}");
        assert!(
            answer["error_description"].contains(text),
            "{id} {answer:?}"
        );
        assert_eq!(answer["state"], STATE, "{id}");
        // 9207-2-b
        assert_eq!(answer["iss"], ISSUER, "{id}");
        assert_eq!(answer.len(), 4, "{id} {answer:?}");
        assert!(
            matches!(fixture.events.last(), Event::AuthorizationRefused { client_id, .. } if client_id.as_str() == *client)
        );
    }
    assert_eq!(fixture.records(), 0);
}

/// 6749-10.14-a, 6749-4.1.2.1-g: what cannot be a state is not sent back, nor is a state that stands there twice.
#[tokio::test]
async fn a_state_outside_its_grammar_is_refused_and_not_reflected() {
    let fixture = Fixture::new();
    let rows: [&[(&str, &str)]; 4] = [
        &[("state", "a\r\nSet-Cookie: b")],
        &[("state", NOT_ASCII)],
        &[("state", "\u{7f}")],
        &[("+state", "other")],
    ];
    for changes in rows {
        let request = changed(authorization_request(WEB), changes);
        let AuthorizeAnswer::Respond(response) = fixture.authorize(request, &browser(1)).await
        else {
            panic!("{changes:?}");
        };
        let answer = answered(&response);
        assert_eq!(answer["error"], "invalid_request");
        assert!(!answer.contains_key("state"), "{changes:?}");
        assert!(response.location().is_ascii() && !response.location().contains(['\r', '\n']));
    }
}

/// 9700-4.11.2-a, 9700-4.11.2-b: nobody vouches for an address that a client registered for itself.
#[tokio::test]
async fn an_error_for_a_client_that_registered_itself_is_not_redirected() {
    let fixture = Fixture::new();
    for changes in [[("scope", "unknown")], [("response_type", "token")]] {
        let request = changed(authorization_request(STRANGER), &changes);
        match fixture.authorize(request, &browser(1)).await {
            AuthorizeAnswer::Refuse(refused) => {
                assert!(!refused.trusted);
                // The page may link to it, and the client then learns what happened.
                assert_eq!(
                    refused.response.redirect_uri().as_str(),
                    redirect_uri(STRANGER)
                );
                assert!(answered(&refused.response).contains_key("error"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fixture.records(), 0);
}

/// 6749-3.1-a, 6749-10.2-a: a good request waits for a user, and the host can say who asks, for what and for how long.
#[tokio::test]
async fn a_good_request_waits_for_somebody_to_decide() {
    type Changes = &'static [(&'static str, &'static str)];
    let fixture = Fixture::new();
    let rows: &[(&str, &str, Changes, &str)] = &[
        ("6749-3.1-a", WEB, &[], "read"),
        (
            "6749-3.1-a",
            WEB,
            &[("scope", "write read read")],
            "read write",
        ),
        (
            "6749-3.1-f",
            WEB,
            &[("foo", "bar"), ("prompt", "x")],
            "read",
        ),
        ("6749-3.3-e", WEB, &[("-scope", "")], "read"),
        ("6749-3.3-e", APP, &[("scope", "")], "admin read write"),
        (
            "8252-8.1-a",
            NATIVE,
            &[("redirect_uri", "http://127.0.0.1:51004/cb")],
            "read",
        ),
        ("7636-4.2-a", APP, &[("code_challenge", CHALLENGE)], "read"),
        (
            "7636-5-a",
            LEGACY,
            &[("-code_challenge", ""), ("-code_challenge_method", "")],
            "read",
        ),
        (
            "dangerous_plain_pkce",
            PLAIN,
            &[
                ("code_challenge", VERIFIER),
                ("code_challenge_method", "plain"),
            ],
            "read",
        ),
        ("6749-3.1.2.3-a", WEB, &[("-redirect_uri", "")], "read"),
    ];
    for (id, client, changes, expected) in rows {
        let interaction = fixture.pend(client, changes).await;
        let pending = &interaction.pending;
        assert_eq!(pending.client().id().as_str(), *client, "{id}");
        assert_eq!(pending.scope(), &scope(expected), "{id}");
        let policy = &fixture.server.rules().policy;
        assert_eq!(
            policy.refresh_token_lifetime(pending.client()),
            seconds(30 * 24 * 3600)
        );
        let shown = fixture
            .server
            .interaction(&interaction.handle, Some(&browser(1)))
            .await
            .unwrap();
        assert_eq!(shown.scope(), pending.scope());
        assert_eq!(shown.resources(), pending.resources());
        assert_eq!(shown.redirect_uri(), pending.redirect_uri());
    }
    assert_eq!(
        fixture.server.metadata().code_challenge_methods_supported,
        ["S256"],
        "9700-2.1.1-d"
    );
    // Nothing is written before a decision.
    assert_eq!(fixture.records(), 0);
}

#[tokio::test]
async fn resources_of_a_request_are_kept_each_once() {
    let fixture = Fixture::new();
    let changes = [
        ("resource", MAIL),
        ("+resource", CALENDAR),
        ("+resource", MAIL),
    ];
    let interaction = fixture.pend(WEB, &changes).await;
    let kept: Vec<_> = interaction
        .pending
        .resources()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(kept, [CALENDAR, MAIL]);
}

/// 6749-4.1.2-a, 6749-4.1.2-b, 9207-2-a, 9207-2.3-a, 9207-2.3-b, 6749-4.1.2.1-c
#[tokio::test]
async fn a_decision_goes_back_to_the_client() {
    let fixture = Fixture::new();
    let metadata = fixture.server.metadata();
    assert!(metadata.authorization_response_iss_parameter_supported);
    for (mode, expected) in [
        ("", ResponseMode::Query),
        ("query", ResponseMode::Query),
        ("form_post", ResponseMode::FormPost),
    ] {
        for verdict in [Verdict::Approve(approve("alice")), Verdict::Deny] {
            let denied = matches!(verdict, Verdict::Deny);
            let interaction = fixture.pend(WEB, &[("response_mode", mode)]).await;
            let response = fixture
                .settle(&interaction, verdict)
                .await
                .unwrap()
                .response;
            assert_eq!(response.mode(), expected);
            let answer = answered(&response);
            assert_eq!(answer["state"], STATE);
            assert_eq!(answer["iss"], metadata.issuer);
            if denied {
                assert_eq!(answer["error"], "access_denied");
                assert_eq!(answer.len(), 4);
            } else {
                assert!(answer["code"].len() >= 43);
                assert_eq!(answer.len(), 3);
            }
            assert_eq!(
                decoded(&response),
                response
                    .params()
                    .map(|(n, v)| (n.into(), v.into()))
                    .collect::<Vec<_>>()
            );
        }
    }
}

/// The parameters after the registered ones in the query of a response's location.
fn decoded(response: &AuthorizationResponse) -> Vec<(String, String)> {
    let location = response.location();
    assert!(!location.contains('#'));
    let query = location
        .strip_prefix("https://web.example/cb?own=1&")
        .unwrap();
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// Without a state in the request there is none in the answer, and an empty one is none.
#[tokio::test]
async fn no_state_is_made_up() {
    let fixture = Fixture::new();
    for changes in [[("-state", "")], [("state", "")]] {
        let interaction = fixture.pend(WEB, &changes).await;
        let settled = fixture.settle(&interaction, Verdict::Deny).await.unwrap();
        assert!(!answered(&settled.response).contains_key("state"));
    }
}

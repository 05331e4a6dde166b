//! Access tokens from the authorization endpoint: who gets one, how it travels, and what ends it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use common::{
    Answered, CALENDAR, Fixture, ISSUER, MAIL,
    clients::{
        self, APP, BRIEF, HYBRID, INSPECTOR, LEGACY, MACHINE, OWN, PAGE, STRANGER, TYPIST, WEB,
        redirect_uri,
    },
    faulty::faulty,
    flow::{
        STATE, answered, approve, authorization_request, browser, changed, from, narrowed,
        remembered, wire,
    },
    scope, seconds, secret, subject,
};
use oauth_core::{
    authorize::{
        AuthorizationResponse, InteractionDenial, ResponseMode, Settled, UnprovenDenial, Verdict,
    },
    client::{Client, Lifetimes},
    event::Event,
    server::AuthorizeAnswer,
    store::OwnedBy,
    token::{IntrospectionResponse, PresentedToken, RevocationDenial},
    types::Secret,
};
use oauth_storage_conformance::{Fault, Operation};

type Changes = &'static [(&'static str, &'static str)];

const TOKEN: (&str, &str) = ("response_type", "token");

fn yes() -> Verdict {
    Verdict::Approve(approve("alice"))
}

/// The parameters of a response out of its fragment, whose rest has to be the address as it was registered.
fn in_fragment(response: &AuthorizationResponse, client: &str) -> BTreeMap<String, String> {
    let location = response.location();
    let (before, fragment) = location.split_once('#').unwrap();
    assert_eq!(before, redirect_uri(client));
    let parsed = form_urlencoded::parse(fragment.as_bytes()).into_owned();
    let params: Vec<_> = parsed.collect();
    assert_eq!(params.len(), answered(response).len(), "none twice");
    params.into_iter().collect()
}

async fn settled(fixture: &Fixture, client: &str, changes: &[(&str, &str)]) -> Settled {
    let interaction = fixture.pend(client, &[&[TOKEN], changes].concat()).await;
    fixture.settle(&interaction, yes()).await.unwrap()
}

fn token_in(response: &AuthorizationResponse) -> Secret {
    secret(&answered(response)["access_token"])
}

async fn token(fixture: &Fixture, client: &str) -> Secret {
    token_in(&settled(fixture, client, &[]).await.response)
}

/// Where an answer is told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Where {
    Query,
    Fragment,
    Form,
}

/// Nobody gets a token from the authorization endpoint who was not dangerously allowed it, and those who were get nothing else
/// by it.
#[tokio::test]
async fn it_is_off_unless_dangerously_allowed() {
    use Where::{Form, Fragment, Query};
    let unsupported = "unsupported_response_type";
    let rows: &[(&str, &str, Changes, &str, Where)] = &[
        ("v21-10.1-a", WEB, &[TOKEN], unsupported, Query),
        ("9700-2.1.2-a", APP, &[TOKEN], unsupported, Query),
        ("9700-2.1.2-a", LEGACY, &[TOKEN], unsupported, Query),
        ("9700-2.1.2-a", BRIEF, &[TOKEN], unsupported, Query),
        ("9700-2.1.2-a", MACHINE, &[TOKEN], unsupported, Query),
        (
            "9700-2.1.2-a",
            WEB,
            &[TOKEN, ("response_mode", "fragment")],
            unsupported,
            Query,
        ),
        (
            "9700-2.1.2-a",
            WEB,
            &[TOKEN, ("response_mode", "form_post")],
            unsupported,
            Form,
        ),
        (
            "9700-2.1.2-a",
            WEB,
            &[("response_mode", "fragment")],
            "invalid_request",
            Query,
        ),
        (
            "6749-3.1.1-c",
            HYBRID,
            &[("response_type", "token code")],
            unsupported,
            Query,
        ),
        (
            "6749-3.1.1-c",
            HYBRID,
            &[("response_type", "code token")],
            unsupported,
            Query,
        ),
        (
            "6749-3.1.1-b",
            HYBRID,
            &[("response_type", "id_token token")],
            unsupported,
            Query,
        ),
        (
            "6749-3.1.1-b",
            HYBRID,
            &[("response_type", "Token")],
            unsupported,
            Query,
        ),
        (
            "6749-3.1.1-b",
            HYBRID,
            &[("response_type", "token ")],
            unsupported,
            Query,
        ),
        (
            "6749-3.1.1-a",
            PAGE,
            &[("-response_type", "")],
            "invalid_request",
            Query,
        ),
        (
            "both at once",
            HYBRID,
            &[("+response_type", "token")],
            "invalid_request",
            Query,
        ),
        ("no codes", PAGE, &[], "unauthorized_client", Query),
        (
            "never in a query",
            PAGE,
            &[TOKEN, ("response_mode", "query")],
            "invalid_request",
            Fragment,
        ),
        (
            "codes stay where they were",
            HYBRID,
            &[("response_mode", "fragment")],
            "invalid_request",
            Query,
        ),
        (
            "PKCE stays for codes",
            HYBRID,
            &[("-code_challenge", ""), ("-code_challenge_method", "")],
            "invalid_request",
            Query,
        ),
        (
            "beyond reach",
            PAGE,
            &[TOKEN, ("scope", "read admin")],
            "invalid_scope",
            Fragment,
        ),
        (
            "unknown",
            PAGE,
            &[TOKEN, ("resource", "https://other.example")],
            "invalid_target",
            Fragment,
        ),
        (
            "told in the form",
            PAGE,
            &[TOKEN, ("scope", "admin"), ("response_mode", "form_post")],
            "invalid_scope",
            Form,
        ),
        (
            "request objects",
            PAGE,
            &[TOKEN, ("request", "x")],
            "request_not_supported",
            Fragment,
        ),
    ];
    for (id, client, changes, error, told) in rows {
        let fixture = Fixture::new();
        let request = changed(authorization_request(client), changes);
        let answer = fixture.authorize(request, &browser(1)).await;
        let AuthorizeAnswer::Respond(response) = answer else {
            panic!("{id} {client} {changes:?}: {answer:?}");
        };
        let params = answered(&response);
        assert_eq!(params["error"], *error, "{id} {client} {changes:?}");
        assert_eq!((&*params["state"], &*params["iss"]), (STATE, ISSUER));
        let mode = match told {
            Query => ResponseMode::Query,
            Fragment => ResponseMode::Fragment,
            Form => ResponseMode::FormPost,
        };
        assert_eq!(response.mode(), mode, "{id} {client} {changes:?}");
        if *told == Fragment {
            assert_eq!(in_fragment(&response, client), params);
        } else {
            assert!(!response.location().contains('#'));
        }
        assert_eq!(fixture.records(), 0);
    }
}

/// 6749-4.2-a: there is no sending a token, or an error, to an address that is not registered.
#[tokio::test]
async fn a_token_goes_to_a_registered_address_only() {
    use UnprovenDenial as D;
    let rows: [(&str, &str, D); 6] = [
        (PAGE, "https://page.example/cb", D::WrongRedirectUri),
        (PAGE, "https://page.example/cb?own=2", D::WrongRedirectUri),
        (PAGE, "https://page.example/cb?own=1#", D::WrongRedirectUri),
        (PAGE, "https://page.example/cb?own=1/", D::WrongRedirectUri),
        (PAGE, "http://page.example/cb?own=1", D::WrongRedirectUri),
        (HYBRID, "https://evil.example/", D::WrongRedirectUri),
    ];
    for (client, uri, expected) in rows {
        let fixture = Fixture::new();
        let request = changed(
            authorization_request(client),
            &[TOKEN, ("redirect_uri", uri)],
        );
        let answer = fixture.authorize(request, &browser(1)).await;
        assert!(
            matches!(answer, AuthorizeAnswer::Unproven(denial) if denial == expected),
            "{uri}"
        );
    }
    // The only one may be left out.
    let fixture = Fixture::new();
    let response = settled(&fixture, PAGE, &[("-redirect_uri", "")])
        .await
        .response;
    assert!(in_fragment(&response, PAGE).contains_key("access_token"));
}

/// 6749-4.2.2-a: an access token, and nothing that gives another one.
#[tokio::test]
async fn the_answer_is_a_token_and_no_more() {
    for client in [PAGE, HYBRID] {
        let fixture = Fixture::new();
        let settled = settled(&fixture, client, &[]).await;
        assert_eq!(settled.response.mode(), ResponseMode::Fragment);
        let params = in_fragment(&settled.response, client);
        let names: Vec<&str> = params.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "access_token",
                "expires_in",
                "iss",
                "scope",
                "state",
                "token_type"
            ]
        );
        assert_eq!(params["token_type"], "Bearer");
        assert_eq!(params["expires_in"], "3600");
        assert_eq!(params["scope"], "read");
        assert_eq!(params["state"], STATE);
        assert_eq!(params["iss"], ISSUER);
        // What an answer to a request without a state has is no state.
        let stateless = self::settled(&fixture, client, &[("-state", "")]).await;
        assert!(!in_fragment(&stateless.response, client).contains_key("state"));

        let token = token_in(&settled.response);
        let known = fixture
            .server
            .validate(&PresentedToken::bearer(token.clone()))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(known.client_id.as_str(), client);
        assert_eq!(known.subject, Some(subject("alice")));
        assert_eq!(known.audience, ["https://default.example"]);
        let page = fixture
            .server
            .grants(OwnedBy::Subject("alice".into()), None, 9)
            .await
            .unwrap();
        assert!(
            page.grants
                .iter()
                .any(|grant| Some(grant.id) == settled.grant)
        );
        // It is neither a code nor a refresh token.
        for (grant_type, name) in [
            ("authorization_code", "code"),
            ("refresh_token", "refresh_token"),
        ] {
            let request = [("grant_type", grant_type), (name, token.expose())];
            let answer = fixture.token(&from(client, &request)).await;
            let expected = match client {
                PAGE => "unauthorized_client",
                _ => "invalid_grant",
            };
            assert_eq!(wire(&answer), expected, "{client}");
        }
        assert!(fixture.is_valid(&token).await);
    }
}

#[tokio::test]
async fn a_form_carries_it_too() {
    let fixture = Fixture::new();
    let mode = [("response_mode", "form_post")];
    let response = settled(&fixture, PAGE, &mode).await.response;
    assert_eq!(response.mode(), ResponseMode::FormPost);
    assert!(fixture.is_valid(&token_in(&response)).await);
    let response = settled(&fixture, PAGE, &[("response_mode", "fragment")]);
    assert_eq!(response.await.response.mode(), ResponseMode::Fragment);
}

/// An error of a client that registered itself, and the user's refusal, are told where a token would be.
#[tokio::test]
async fn a_refusal_is_told_in_the_fragment() {
    let fixture = Fixture::new();
    let interaction = fixture.pend(PAGE, &[TOKEN]).await;
    let settled = fixture.settle(&interaction, Verdict::Deny).await.unwrap();
    let params = in_fragment(&settled.response, PAGE);
    assert_eq!(params["error"], "access_denied");
    assert_eq!(settled.grant, None);
    // Who has declined may change their mind, and who has approved may not.
    let again = fixture.settle(&interaction, yes()).await.unwrap();
    assert!(fixture.is_valid(&token_in(&again.response)).await);
    let no = fixture.settle(&interaction, Verdict::Deny).await;
    assert_eq!(no.unwrap_err(), InteractionDenial::AlreadyDecided);
    let answer = fixture
        .authorize(
            changed(authorization_request(STRANGER), &[TOKEN]),
            &browser(1),
        )
        .await;
    assert!(matches!(answer, AuthorizeAnswer::Refuse(_)), "{answer:?}");
}

/// 6749-3.3-d: what is granted is said whenever it is less than what was asked, even if it is nothing.
#[tokio::test]
async fn the_granted_scope_is_said() {
    let rows: [(Changes, Verdict, &str, &[&str]); 5] = [
        (
            &[("scope", "read write")],
            yes(),
            "read write",
            &["https://default.example"],
        ),
        (
            &[("scope", "read write")],
            narrowed("alice", "write"),
            "write",
            &["https://default.example"],
        ),
        (
            &[("scope", "read write admin"), ("resource", MAIL)],
            yes(),
            "read write",
            &[MAIL],
        ),
        (
            &[("scope", "write"), ("resource", CALENDAR)],
            yes(),
            "",
            &["calendar"],
        ),
        (
            &[("-scope", "")],
            yes(),
            "admin read write",
            &["https://default.example"],
        ),
    ];
    for (changes, verdict, granted, audience) in rows {
        let fixture = Fixture::new();
        let interaction = fixture.pend(HYBRID, &[&[TOKEN], changes].concat()).await;
        // Also when it is said again.
        for _ in 0..2 {
            let settled = fixture.settle(&interaction, verdict.clone()).await.unwrap();
            let params = in_fragment(&settled.response, HYBRID);
            assert_eq!(params["scope"], granted, "{changes:?}");
            let token = token_in(&settled.response);
            let known = fixture
                .server
                .validate(&PresentedToken::bearer(token.clone()))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(known.scope.as_str(), granted);
            assert_eq!(known.audience, audience);
        }
    }
    let fixture = Fixture::new();
    let interaction = fixture.pend(PAGE, &[TOKEN]).await;
    let widened = fixture.settle(&interaction, narrowed("alice", "read write"));
    assert_eq!(widened.await.unwrap_err(), InteractionDenial::Widened);
    let nothing = Verdict::Approve(approve("alice").only(scope("")));
    let nothing = fixture.settle(&interaction, nothing).await.unwrap_err();
    assert_eq!(nothing, InteractionDenial::Nothing);
}

/// A double click gets the same token, in whichever process it ends up, with the time that is left to it; anything else gets
/// nothing.
#[tokio::test]
async fn a_double_click_gets_the_same_token() {
    let fixture = Fixture::new();
    let other = fixture.beside(clients::all(), |_| {});
    let interaction = fixture.pend(PAGE, &[TOKEN]).await;
    let first = fixture.settle(&interaction, yes()).await.unwrap();
    let token = token_in(&first.response);
    let records = fixture.records();
    for (at, expires_in) in [(0, "3600"), (10, "3590"), (29, "3571")] {
        let now = fixture.clock_at(at);
        for server in [&fixture, &other] {
            let again = server.settle(&interaction, yes()).await.unwrap();
            assert_eq!(again.grant, None);
            let params = in_fragment(&again.response, PAGE);
            assert_eq!(params["access_token"], token.expose(), "{now}");
            let mut expected = answered(&first.response);
            expected.insert("expires_in".into(), expires_in.into());
            assert_eq!(params, expected);
        }
        for verdict in [
            Verdict::Deny,
            Verdict::Approve(approve("bob")),
            remembered("alice"),
            Verdict::ApproveRemembered(subject("alice").into()),
        ] {
            let denial = fixture.settle(&interaction, verdict).await.unwrap_err();
            assert_eq!(denial, InteractionDenial::AlreadyDecided);
        }
        let foreign = fixture
            .server
            .settle(&interaction.handle, Some(&browser(2)), &yes())
            .await
            .outcome();
        assert_eq!(foreign.unwrap_err(), InteractionDenial::WrongBrowser);
    }
    fixture.clock_at(30);
    for server in [&fixture, &other] {
        let denial = server.settle(&interaction, yes()).await.unwrap_err();
        assert_eq!(denial, InteractionDenial::AlreadyDecided);
    }
    assert_eq!(fixture.records(), records);
    assert!(fixture.is_valid(&token).await);
    // A repetition is not another token: one was issued, once.
    let told = fixture.events.take();
    let issued = told.iter().filter(|event| {
        matches!(event, Event::TokenIssued { client_id, grant_type: None, subject: Some(user), .. }
            if client_id.as_str() == PAGE && *user == subject("alice"))
    });
    assert_eq!(issued.count(), 1);
    let approved = |event: &&Event| matches!(event, Event::Approved { grant: Some(_), .. });
    assert_eq!(told.iter().filter(approved).count(), 1);
}

/// A repetition revives nothing: an expired token is not issued again, and a withdrawn grant stays
/// withdrawn.
#[tokio::test]
async fn a_double_click_revives_nothing() {
    let lifetimes = Lifetimes::new().with_access_token(seconds(10));
    let brief = page(|builder| builder.lifetimes(lifetimes));
    let fixture = Fixture::new().beside(vec![brief], |_| {});
    let interaction = fixture.pend(PAGE, &[TOKEN]).await;
    let first = fixture.settle(&interaction, yes()).await.unwrap();
    assert_eq!(answered(&first.response)["expires_in"], "10");
    fixture.clock.advance(seconds(9));
    let again = fixture.settle(&interaction, yes()).await.unwrap();
    assert_eq!(answered(&again.response)["expires_in"], "1");
    fixture.clock.advance(seconds(1));
    let denial = fixture.settle(&interaction, yes()).await.unwrap_err();
    assert_eq!(denial, InteractionDenial::AlreadyDecided);

    let fixture = Fixture::new();
    let interaction = fixture.pend(PAGE, &[TOKEN]).await;
    let first = fixture.settle(&interaction, yes()).await.unwrap();
    let ended = fixture
        .server
        .withdraw(&subject("alice"), &PAGE.parse().unwrap())
        .await;
    assert_eq!(ended.unwrap(), 1);
    if let Ok(again) = fixture.settle(&interaction, yes()).await {
        assert_eq!(
            token_in(&again.response).expose(),
            token_in(&first.response).expose()
        );
    }
    assert!(!fixture.is_valid(&token_in(&first.response)).await);
    assert!(!fixture.is_active(&token_in(&first.response)).await);
}

/// Whatever ends a grant ends its implicit token, and no other.
#[tokio::test]
async fn it_ends_with_its_grant() {
    for client in [PAGE, HYBRID] {
        for how in 0..7 {
            let fixture = Fixture::new();
            let server = &fixture.server;
            let settled = settled(&fixture, client, &[]).await;
            let token = token_in(&settled.response);
            let other = fixture.pend(client, &[TOKEN]).await;
            let other = fixture
                .settle(&other, Verdict::Approve(approve("bob")))
                .await
                .unwrap();
            let other = token_in(&other.response);
            let id = client.parse().unwrap();
            let mut is_other_alive = true;
            match how {
                0 => assert_eq!(server.withdraw(&subject("alice"), &id).await.unwrap(), 1),
                1 => server.end_grant(settled.grant.unwrap()).await.unwrap(),
                2 => {
                    let of = OwnedBy::Subject("alice".into());
                    assert_eq!(server.end_all(&of).await.unwrap(), 1);
                }
                3 => {
                    let of = OwnedBy::Client(client.into());
                    assert_eq!(server.end_all(&of).await.unwrap(), 2);
                    is_other_alive = false;
                }
                4 => fixture.revoke(client, &token).await.unwrap(),
                5 => server.revoke_grant(None, &token).await.unwrap(),
                _ => {
                    fixture.clock.advance(seconds(3600));
                    is_other_alive = false;
                }
            }
            assert!(!fixture.is_valid(&token).await, "{client} {how}");
            assert!(!fixture.is_active(&token).await, "{client} {how}");
            assert_eq!(fixture.is_valid(&other).await, is_other_alive, "{how}");
        }
    }
}

/// No other client can revoke it or see it, and a client that only names itself is told nothing.
#[tokio::test]
async fn it_is_its_clients_own() {
    let fixture = Fixture::new();
    let token = token(&fixture, PAGE).await;
    for other in [WEB, HYBRID, APP, OWN, TYPIST] {
        assert_eq!(
            fixture.revoke(other, &token).await,
            Err(RevocationDenial::WrongClient)
        );
    }
    for other in [WEB, HYBRID] {
        assert_eq!(
            fixture.introspect(other, &token).await,
            IntrospectionResponse::Inactive
        );
    }
    let named = from(PAGE, &[("token", token.expose())]);
    assert!(fixture.server.introspect(&named).await.outcome().is_err());
    assert!(matches!(
        fixture.introspect(INSPECTOR, &token).await,
        IntrospectionResponse::Active(token) if token.subject == Some(subject("alice"))
    ));
}

/// A remembered consent is for a client that will prove to be it, which nobody does who is handed a token (RFC 6749 §10.2).
#[tokio::test]
async fn it_takes_a_user_each_time() {
    let ask = async |fixture: &Fixture, client, changes: &[(&str, &str)]| {
        let handle = fixture.pend(client, changes).await.handle;
        let cookie = browser(1);
        let answer = fixture
            .server
            .settle_remembered(&handle, Some(&cookie), &subject("alice"))
            .await;
        answer.unwrap()
    };
    for by_code in [true, false] {
        let fixture = Fixture::new();
        let changes: &[_] = if by_code { &[] } else { &[TOKEN] };
        let interaction = fixture.pend(HYBRID, changes).await;
        let policy = &fixture.server.rules().policy;
        assert_eq!(interaction.pending.can_be_remembered(policy), by_code);
        fixture
            .settle(&interaction, remembered("alice"))
            .await
            .unwrap();
        assert!(ask(&fixture, HYBRID, &[TOKEN]).await.is_none());
        assert_eq!(ask(&fixture, HYBRID, &[]).await.is_some(), by_code);
        let direct = fixture.pend(HYBRID, &[TOKEN]).await;
        let verdict = Verdict::ApproveRemembered(subject("alice").into());
        assert_eq!(
            fixture.settle(&direct, verdict).await.unwrap_err(),
            InteractionDenial::NotRemembered
        );
    }
    // Unless the operator takes names for proofs.
    for client in [PAGE, HYBRID] {
        let fixture = Fixture::with(|policy| policy.remember_public_clients = true);
        let interaction = fixture.pend(client, &[TOKEN]).await;
        fixture
            .settle(&interaction, remembered("alice"))
            .await
            .unwrap();
        let settled = ask(&fixture, client, &[TOKEN]).await.unwrap();
        let token = token_in(&settled.response);
        assert!(fixture.is_valid(&token).await);
        assert!(matches!(
            fixture.events.last(),
            Event::TokenIssued {
                grant_type: None,
                ..
            }
        ));
        let withdrawn = fixture
            .server
            .withdraw(&subject("alice"), &client.parse().unwrap())
            .await;
        assert_eq!(withdrawn.unwrap(), 2);
        assert!(!fixture.is_valid(&token).await);
        assert!(ask(&fixture, client, &[TOKEN]).await.is_none());
    }
}

/// What is taken away from a client is taken away from the requests that wait for a user, too.
#[tokio::test]
async fn a_client_that_lost_it_gets_none() {
    let fixture = Fixture::new();
    let interaction = fixture.pend(PAGE, &[TOKEN]).await;
    let records = fixture.records();
    let strict = Client::public(PAGE.parse().unwrap())
        .redirect_uri(redirect_uri(PAGE))
        .scope(scope("read write"))
        .build()
        .unwrap();
    let later = fixture.beside(vec![strict], |_| {});
    for verdict in [yes(), Verdict::Deny] {
        let denial = later.settle(&interaction, verdict).await.unwrap_err();
        assert_eq!(denial, InteractionDenial::ClientGone);
    }
    let shown = later
        .server
        .interaction(&interaction.handle, Some(&browser(1)))
        .await;
    assert_eq!(shown.denied(), InteractionDenial::ClientGone);
    assert_eq!(fixture.records(), records);
    // Nor after it was given, within the grace.
    fixture.settle(&interaction, yes()).await.unwrap();
    let again = later.settle(&interaction, yes()).await.unwrap_err();
    assert_eq!(again, InteractionDenial::ClientGone);
}

/// Metadata tell of none of it.
#[test]
fn the_metadata_know_codes_only() {
    let fixture = Fixture::new();
    let metadata = fixture.server.metadata();
    assert_eq!(metadata.response_types_supported, ["code"]);
    assert_eq!(metadata.response_modes_supported, ["query", "form_post"]);
}

/// Sixty-four clicks at once are one grant and one token.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_of_clicks_is_one_token() {
    let fixture = Fixture::new();
    let interaction = fixture.pend(PAGE, &[TOKEN]).await;
    let barrier = Arc::new(tokio::sync::Barrier::new(64));
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (server, handle) = (fixture.server.clone(), interaction.handle.clone());
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                let settled = server.settle(&handle, Some(&browser(1)), &yes()).await;
                let settled = settled.unwrap();
                let token = token_in(&settled.response).expose().to_owned();
                (token, settled.grant.is_some())
            })
        })
        .collect();
    let mut tokens = BTreeSet::new();
    let mut grants = 0;
    for task in tasks {
        let (token, is_first) = task.await.unwrap();
        tokens.insert(token);
        grants += usize::from(is_first);
    }
    assert_eq!((tokens.len(), grants), (1, 1));
    assert!(fixture.is_valid(&secret(tokens.first().unwrap())).await);
}

/// A lost answer is found again, and a lost commit leaves nothing.
#[tokio::test]
async fn a_token_that_was_answered_was_kept() {
    let (fixture, store) = faulty();
    let interaction = fixture.pend(PAGE, &[TOKEN]).await;
    let records = fixture.records();
    store.plan(Operation::Commit, [Fault::Lost]);
    let fault = fixture
        .server
        .settle(&interaction.handle, Some(&browser(1)), &yes())
        .await;
    assert!(fault.is_err());
    assert_eq!(fixture.records(), records);
    store.plan(Operation::Commit, [Fault::AnswerLost]);
    let settled = fixture.settle(&interaction, yes()).await.unwrap();
    assert!(fixture.is_valid(&token_in(&settled.response)).await);
    let other = fixture.pend(PAGE, &[TOKEN]).await;
    store.plan(Operation::Commit, [Fault::Conflict]);
    let settled = fixture.settle(&other, yes()).await.unwrap();
    assert!(fixture.is_valid(&token_in(&settled.response)).await);
}

/// A server of another issuer, or of another realm, takes neither the handle nor the token.
#[tokio::test]
async fn it_stays_in_its_realm() {
    let fixture = Fixture::new();
    let interaction = fixture.pend(PAGE, &[TOKEN]).await;
    let token = token(&fixture, PAGE).await;
    let other = fixture.beside_built(clients::all(), 7, |builder| {
        builder.realm(oauth_core::store::Realm::new("other"))
    });
    let denial = other.settle(&interaction, yes()).await.unwrap_err();
    assert_eq!(denial, InteractionDenial::Forged);
    assert!(!other.is_valid(&token).await);
}

fn page(
    change: impl FnOnce(oauth_core::client::ClientBuilder) -> oauth_core::client::ClientBuilder,
) -> Client {
    let builder = Client::public(PAGE.parse().unwrap())
        .redirect_uri(redirect_uri(PAGE))
        .scope(scope("read write"))
        .grant_types([])
        .dangerous_implicit();
    change(builder).build().unwrap()
}

impl Fixture {
    /// Sets the clock to so many seconds after the beginning.
    fn clock_at(&self, after: u64) -> u64 {
        let beginning = common::TestClock::default();
        let now = oauth_core::time::Clock::now(&beginning) + seconds(after);
        self.clock.set(now);
        after
    }
}

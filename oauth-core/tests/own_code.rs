//! What clients get for themselves in unusual ways: codes by a ticket, and tokens for a name.
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

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    Answered, Fixture,
    clients::{
        self, APP, INSPECTOR, MACHINE, OPEN, OWN, OWN_TOO, PAGE, TYPIST, WEB, client_secret,
    },
    faulty::faulty,
    flow::{basic, from, pairs, refresh_token, wire},
    millis, seconds, secret,
};
use oauth_core::{
    authorize::InteractionDenial,
    client::{Client, ClientAuthentication, ClientDenial, ClientRequest, ClientSecrets},
    event::Event,
    grant::{CodeDenial, GrantType, OwnCode, TokenDenial},
    store::{OwnedBy, Realm},
    token::{IntrospectionResponse, TokenResponse},
    types::{Params, Secret, SecretDigest},
};
use oauth_storage_conformance::{Fault, Operation};

async fn ticket(fixture: &Fixture, client: &str) -> String {
    let answer = fixture.server.own_code_ticket(&from(client, &[])).await;
    answer.unwrap()
}

async fn collect(fixture: &Fixture, ticket: &str) -> Result<OwnCode, TokenDenial> {
    fixture.server.own_code(ticket).await.outcome()
}

async fn code(fixture: &Fixture, client: &str) -> Secret {
    let ticket = ticket(fixture, client).await;
    collect(fixture, &ticket).await.unwrap().code
}

async fn redeem(
    fixture: &Fixture,
    client: &str,
    code: &Secret,
) -> Result<TokenResponse, TokenDenial> {
    redeem_with(fixture, client, code, &[]).await
}

async fn redeem_with(
    fixture: &Fixture,
    client: &str,
    code: &Secret,
    more: &[(&str, &str)],
) -> Result<TokenResponse, TokenDenial> {
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
    ];
    fixture
        .token(&from(client, &[&exchange, more].concat()))
        .await
}

/// A ticket is for a client that was allowed it and has authenticated.
#[tokio::test]
async fn a_ticket_takes_the_clients_credentials() {
    use ClientDenial as C;
    let named = |client: &str, more: &[(&str, &str)]| {
        ClientRequest::new(
            pairs(&[&[("client_id", client)], more].concat())
                .into_iter()
                .collect(),
        )
    };
    let right = client_secret(OWN);
    let with = |authorization| ClientRequest::new(Params::default()).authorization(authorization);
    let unauthorized = TokenDenial::UnauthorizedClient;
    let rows = [
        ("strict", from(WEB, &[]), unauthorized),
        ("strict, for itself", from(MACHINE, &[]), unauthorized),
        ("strict and public", from(APP, &[]), unauthorized),
        ("other dangers", from(PAGE, &[]), unauthorized),
        ("other dangers", from(TYPIST, &[]), unauthorized),
        ("other dangers", from(OPEN, &[]), unauthorized),
        (
            "only named",
            named(OWN, &[]),
            TokenDenial::Client(C::WrongMethod),
        ),
        (
            "not its method",
            named(OWN, &[("client_secret", &right)]),
            TokenDenial::Client(C::WrongMethod),
        ),
        (
            "wrong secret",
            with(basic(OWN, "guess")),
            TokenDenial::Client(C::WrongSecret),
        ),
        (
            "another's secret",
            with(basic(OWN, &client_secret(OWN_TOO))),
            TokenDenial::Client(C::WrongSecret),
        ),
        (
            "nobody",
            with(basic("nobody", &right)),
            TokenDenial::Client(C::Unknown),
        ),
        (
            "nothing",
            ClientRequest::new(Params::default()),
            TokenDenial::Client(C::Missing),
        ),
        (
            "twice",
            from(OWN, &[("client_id", OWN), ("client_id", OWN)]),
            TokenDenial::Repeated,
        ),
    ];
    let fixture = Fixture::new();
    for (what, request, expected) in rows {
        let answer = fixture.server.own_code_ticket(&request).await.outcome();
        assert_eq!(answer.unwrap_err(), expected, "{what}");
        assert!(matches!(
            fixture.events.last(),
            Event::TokenDenied { grant_type: None, reason, .. } if reason == expected
        ));
        assert_eq!(fixture.records(), 0, "{what}");
    }
    // A good one writes nothing either: what is not collected leaves no trace.
    for _ in 0..9 {
        let ticket = ticket(&fixture, OWN).await;
        assert_eq!(fixture.records(), 0);
        let content = URL_SAFE_NO_PAD.decode(&ticket).unwrap();
        let holds = |text: &str| {
            content
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        assert!(holds(OWN) && !holds(&right) && !ticket.contains(&right));
    }
}

/// What is not a ticket, or not one any more, gives nothing and harms nothing.
#[tokio::test]
async fn a_ticket_cannot_be_made_or_altered() {
    let fixture = Fixture::new();
    let good = ticket(&fixture, OWN).await;
    let records = fixture.records();
    let handle = fixture.pend(WEB, &[]).await.handle;
    let sealed = fixture.server.sealer().await.unwrap();
    let mut junk = vec![
        String::new(),
        "%".into(),
        "AAAA".into(),
        handle,
        sealed.seal("ticket", b"x"),
        sealed.seal("own code", b"x"),
        good.clone() + "=",
        good.clone() + "A",
        good[1..].to_owned(),
    ];
    // A ticket's content, sealed by the same server for anything else.
    let content = &URL_SAFE_NO_PAD.decode(&good).unwrap()[32..];
    junk.extend(
        ["interaction", "", "own", "own code "].map(|purpose| sealed.seal(purpose, content)),
    );
    assert_eq!(sealed.seal("own code", content), good);
    for at in 0..good.len() {
        let mut altered = good.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        junk.push(String::from_utf8(altered).unwrap());
    }
    for junk in junk.iter().filter(|junk| **junk != good) {
        assert_eq!(
            collect(&fixture, junk).await.unwrap_err(),
            TokenDenial::Ticket,
            "{junk}"
        );
        assert!(matches!(
            fixture.events.last(),
            Event::TokenDenied {
                client_id: None,
                reason: TokenDenial::Ticket,
                ..
            }
        ));
    }
    assert_eq!(fixture.records(), records);
    let code = collect(&fixture, &good).await.unwrap();
    assert!(redeem(&fixture, OWN, &code.code).await.is_ok());
    // A ticket is no interaction.
    let fresh = ticket(&fixture, OWN).await;
    let shown = fixture
        .server
        .interaction(&fresh, Some(&common::flow::browser(1)))
        .await
        .outcome();
    assert_eq!(shown.err(), Some(InteractionDenial::Forged));
}

#[tokio::test]
async fn a_ticket_lives_a_minute_and_works_once() {
    for (after, is_good) in [
        (seconds(0), true),
        (seconds(60) - millis(1), true),
        (seconds(60), false),
        (seconds(100_000), false),
    ] {
        let fixture = Fixture::new();
        let ticket = ticket(&fixture, OWN).await;
        fixture.clock.advance(after);
        let answer = collect(&fixture, &ticket).await;
        assert_eq!(answer.is_ok(), is_good, "{after:?}");
        if let Ok(code) = answer {
            assert_eq!(code.expires_in, seconds(60));
            assert_eq!(
                fixture.events.last(),
                Event::OwnCodeIssued {
                    client_id: OWN.parse().unwrap()
                }
            );
            // In whichever process, and however long after.
            let other = fixture.beside(clients::all(), |_| {});
            for wait in [0, 1, 59, 60, 600, 700, 100_000] {
                fixture.clock.advance(seconds(wait));
                for server in [&fixture, &other] {
                    // Makes the store forget what it can.
                    server.server.prune(99).await.unwrap();
                    let answer = collect(server, &ticket).await;
                    assert_eq!(answer.unwrap_err(), TokenDenial::Ticket, "{wait}");
                }
            }
        }
    }
}

/// Whoever has a code of a client's own has nothing without that client's credentials, and spends nothing.
#[tokio::test]
async fn a_code_is_redeemed_by_its_client_only() {
    let fixture = Fixture::new();
    let code = code(&fixture, OWN).await;
    let records = fixture.records();
    let denied = |denial| Err(TokenDenial::Code(denial));
    for other in [OWN_TOO, WEB, APP] {
        let answer = redeem(&fixture, other, &code).await;
        assert_eq!(
            answer.map(|_| ()),
            denied(CodeDenial::WrongClient),
            "{other}"
        );
    }
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
    ];
    for (what, authorization, more) in [
        ("nobody", None, None),
        ("only named", None, Some(("client_id", OWN))),
        ("wrong secret", Some(basic(OWN, "guess")), None),
    ] {
        let params: Params = exchange.into_iter().chain(more).collect();
        let request = ClientRequest::new(params).authorization(authorization);
        assert_eq!(
            wire(&fixture.token(&request).await),
            "invalid_client",
            "{what}"
        );
    }
    let rows: [(&[(&str, &str)], _); 3] = [
        (
            &[("redirect_uri", "https://own.example/cb")],
            denied(CodeDenial::WrongRedirectUri),
        ),
        (
            &[("code_verifier", common::flow::VERIFIER)],
            denied(CodeDenial::UnexpectedVerifier),
        ),
        (&[("resource", common::MAIL)], denied(CodeDenial::Target)),
    ];
    for (more, expected) in rows {
        let answer = redeem_with(&fixture, OWN, &code, more).await;
        assert_eq!(answer.map(|_| ()), expected, "{more:?}");
    }
    assert_eq!(fixture.records(), records);
    assert!(redeem(&fixture, OWN, &code).await.is_ok());
    // It lives like any other code.
    for (after, expected) in [(60_000 - 1, "ok"), (60_000, "invalid_grant")] {
        let code = self::code(&fixture, OWN).await;
        fixture.clock.advance(millis(after));
        assert_eq!(wire(&redeem(&fixture, OWN, &code).await), expected);
    }
}

/// The tokens are the client's own: no user, none but the default scope, listed and ended by client.
#[tokio::test]
async fn the_tokens_are_the_clients() {
    for client in [OWN, OWN_TOO] {
        let fixture = Fixture::new();
        let code = code(&fixture, client).await;
        let listed = async || {
            let by = OwnedBy::Client(client.into());
            fixture.server.grants(by, None, 9).await.unwrap().grants
        };
        assert_eq!(listed().await.len(), 1);
        let issued = redeem(&fixture, client, &code).await.unwrap();
        assert_eq!(issued.token.subject, None);
        let expected = if client == OWN { "read" } else { "" };
        assert_eq!(issued.token.scope.as_str(), expected);
        assert_eq!(issued.refresh_token.is_some(), client == OWN);
        let mut all = vec![issued.access_token.clone()];
        if client == OWN {
            let next = fixture.refresh(client, refresh_token(&issued), &[]).await;
            let next = next.unwrap();
            assert_eq!(next.token.subject, None);
            all.extend([next.access_token.clone(), refresh_token(&next).clone()]);
        }
        for token in &all {
            for caller in [INSPECTOR, client] {
                let IntrospectionResponse::Active(active) = fixture.introspect(caller, token).await
                else {
                    panic!("inactive");
                };
                assert_eq!(
                    (&active.subject, active.client_id.as_str()),
                    (&None, client)
                );
            }
        }
        let grants = listed().await;
        assert_eq!((grants.len(), &grants[0].subject), (1, &None));
        // Another client's end is not its own, and a user of that name neither.
        for of in [OwnedBy::Client(WEB.into()), OwnedBy::Subject(client.into())] {
            assert_eq!(fixture.server.end_all(&of).await.unwrap(), 0);
        }
        assert!(fixture.is_valid(&issued.access_token).await);
        let of = OwnedBy::Client(client.into());
        assert_eq!(fixture.server.end_all(&of).await.unwrap(), 1);
        for token in &all {
            assert!(!fixture.is_active(token).await);
        }
        assert!(listed().await.is_empty());
    }
}

/// A code that waits ends with its client's grants as well, and a replay ends what it gave.
#[tokio::test]
async fn a_replay_ends_the_family() {
    let fixture = Fixture::new();
    let code = code(&fixture, OWN).await;
    let of = OwnedBy::Client(OWN.into());
    assert_eq!(fixture.server.end_all(&of).await.unwrap(), 1);
    assert_eq!(
        redeem(&fixture, OWN, &code).await.unwrap_err(),
        TokenDenial::Code(CodeDenial::Unknown)
    );

    let code = self::code(&fixture, OWN).await;
    let other = self::code(&fixture, OWN).await;
    let issued = redeem(&fixture, OWN, &code).await.unwrap();
    let bystander = redeem(&fixture, OWN, &other).await.unwrap();
    // A thief without the credentials ends nothing.
    assert!(redeem(&fixture, OWN_TOO, &code).await.is_err());
    assert!(fixture.is_valid(&issued.access_token).await);
    assert_eq!(
        redeem(&fixture, OWN, &code).await.unwrap_err(),
        TokenDenial::Code(CodeDenial::Replayed)
    );
    assert!(!fixture.is_valid(&issued.access_token).await);
    assert!(!fixture.is_active(refresh_token(&issued)).await);
    assert!(fixture.is_valid(&bystander.access_token).await);
}

/// Sixty-four at once with one ticket: one code. Sixty-four at once with that: no token that lives, or one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_with_one_ticket_gets_one_code() {
    for _ in 0..10 {
        let fixture = Fixture::new();
        let ticket = ticket(&fixture, OWN).await;
        let barrier = Arc::new(tokio::sync::Barrier::new(64));
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let (server, ticket) = (fixture.server.clone(), ticket.clone());
                let barrier = Arc::clone(&barrier);
                tokio::spawn(async move {
                    barrier.wait().await;
                    server.own_code(&ticket).await.outcome()
                })
            })
            .collect();
        let mut codes = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(code) => codes.push(code.code),
                Err(denial) => assert_eq!(denial, TokenDenial::Ticket),
            }
        }
        assert_eq!(codes.len(), 1);
        let by = OwnedBy::Client(OWN.into());
        let page = fixture.server.grants(by, None, 99).await.unwrap();
        assert_eq!(page.grants.len(), 1);
        let barrier = Arc::new(tokio::sync::Barrier::new(64));
        let exchange = [
            ("grant_type", "authorization_code"),
            ("code", codes[0].expose()),
        ];
        let request = from(OWN, &exchange);
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let (server, request) = (fixture.server.clone(), request.clone());
                let barrier = Arc::clone(&barrier);
                tokio::spawn(async move {
                    barrier.wait().await;
                    server.token(&request).await.outcome()
                })
            })
            .collect();
        let mut issued = Vec::new();
        for task in tasks {
            issued.extend(task.await.unwrap());
        }
        // The others were replays.
        assert_eq!(issued.len(), 1);
        assert!(!fixture.is_valid(&issued[0].access_token).await);
    }
}

/// A client that was deleted, or may not have codes any more, gets none for a ticket it still has; and the ticket is of no use in
/// another realm.
#[tokio::test]
async fn a_ticket_is_checked_when_it_is_collected() {
    let fixture = Fixture::new();
    let ticket = ticket(&fixture, OWN).await;
    let records = fixture.records();
    let strict = Client::confidential(
        OWN.parse().unwrap(),
        ClientAuthentication::SecretBasic(ClientSecrets::new(SecretDigest::of(&client_secret(
            OWN,
        )))),
    )
    .grant_types([GrantType::CLIENT_CREDENTIALS])
    .build()
    .unwrap();
    let realm = Realm::new("other");
    let rows = [
        (fixture.beside(Vec::new(), |_| {}), TokenDenial::Ticket),
        (
            fixture.beside(vec![strict], |_| {}),
            TokenDenial::UnauthorizedClient,
        ),
        (
            fixture.beside_built(clients::all(), 3, |builder| builder.realm(realm)),
            TokenDenial::Ticket,
        ),
    ];
    for (later, expected) in rows {
        assert_eq!(collect(&later, &ticket).await.unwrap_err(), expected);
    }
    assert_eq!(fixture.records(), records);
    assert!(collect(&fixture, &ticket).await.is_ok());
}

/// A lost answer is found again, and a lost commit leaves the ticket as good as it was.
#[tokio::test]
async fn a_code_that_was_answered_was_kept() {
    let (fixture, store) = faulty();
    let ticket = ticket(&fixture, OWN).await;
    for step in [Fault::Lost, Fault::Unavailable] {
        store.plan(Operation::Commit, [step]);
        assert!(fixture.server.own_code(&ticket).await.is_err());
    }
    store.plan(Operation::Commit, [Fault::Conflict, Fault::AnswerLost]);
    let code = collect(&fixture, &ticket).await.unwrap().code;
    assert!(redeem(&fixture, OWN, &code).await.is_ok());
}

/// A token for a name: for those only who were allowed it, and no more than their scope.
#[tokio::test]
async fn a_name_gets_a_token_only_where_dangerously_allowed() {
    type Row = (
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static str,
    );
    let rows: &[Row] = &[
        ("open", &[("client_id", OPEN)], "ok"),
        (
            "in reach",
            &[("client_id", OPEN), ("scope", "read write")],
            "ok",
        ),
        (
            "beyond reach",
            &[("client_id", OPEN), ("scope", "admin")],
            "invalid_scope",
        ),
        (
            "unknown resource",
            &[("client_id", OPEN), ("resource", "https://other.example")],
            "invalid_target",
        ),
        (
            "twice",
            &[("client_id", OPEN), ("client_id", OPEN)],
            "invalid_request",
        ),
        ("nobody", &[("client_id", "nobody")], "invalid_client"),
        ("no name", &[], "invalid_client"),
        (
            "a bad name",
            &[("client_id", "caf\u{e9}")],
            "invalid_client",
        ),
        ("strict", &[("client_id", WEB)], "unauthorized_client"),
        ("strict", &[("client_id", MACHINE)], "unauthorized_client"),
        (
            "strict and public",
            &[("client_id", APP)],
            "unauthorized_client",
        ),
        (
            "other dangers",
            &[("client_id", PAGE)],
            "unauthorized_client",
        ),
        (
            "other dangers",
            &[("client_id", OWN)],
            "unauthorized_client",
        ),
        (
            "other dangers",
            &[("client_id", TYPIST)],
            "unauthorized_client",
        ),
    ];
    let fixture = Fixture::new();
    for (what, params, expected) in rows {
        let params: Params = pairs(params).into_iter().collect();
        let records = fixture.records();
        let answer = fixture
            .server
            .token_without_authentication(&ClientRequest::new(params))
            .await;
        let answer = answer.outcome();
        assert_eq!(wire(&answer), *expected, "{what}");
        match answer {
            Ok(issued) => {
                assert!(issued.refresh_token.is_none() && issued.grant_expires_at.is_none());
                assert_eq!(issued.token.subject, None);
                assert_eq!(issued.token.client_id.as_str(), OPEN);
                assert!(fixture.is_valid(&issued.access_token).await);
                assert!(matches!(
                    fixture.events.last(),
                    Event::TokenIssued {
                        grant_type: None,
                        subject: None,
                        ..
                    }
                ));
            }
            Err(reason) => {
                assert_eq!(fixture.records(), records, "{what}");
                assert!(matches!(
                    fixture.events.last(),
                    Event::TokenDenied { grant_type: None, reason: told, .. } if told == reason
                ));
            }
        }
    }
    // It opens no other endpoint.
    let named = ClientRequest::new(
        pairs(&[("client_id", OPEN), ("grant_type", "client_credentials")])
            .into_iter()
            .collect(),
    );
    assert_eq!(wire(&fixture.token(&named).await), "invalid_client");
    let authenticated = from(OPEN, &[("grant_type", "client_credentials")]);
    assert_eq!(
        wire(&fixture.token(&authenticated).await),
        "unauthorized_client"
    );
    let token = secret("x");
    assert_eq!(
        fixture.introspect(OPEN, &token).await,
        IntrospectionResponse::Inactive
    );
}

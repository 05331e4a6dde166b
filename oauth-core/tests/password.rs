//! The password grant: whom it serves, what it asks the authenticator, and what it gives.
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
    Answered, Fixture,
    clients::{APP, KEYPAD, OPEN, OWN, PAGE, TYPIST, WEB, client_secret},
    flow::{Pairs, basic, changed, from, pairs, refresh_token, wire},
    seconds, subject,
    users::{PASSWORD, Users},
};
use oauth_core::{
    client::{
        Authorization, Client, ClientAuthentication, ClientAuthenticationMethod, ClientDenial,
        ClientRequest, OneTimeMark, Proof, RequestContext,
    },
    error::Error,
    event::Event,
    grant::{GrantType, PasswordDenial, PasswordGrant, TokenDenial},
    store::OwnedBy,
    time::Timestamp,
    token::{IntrospectionResponse, TokenResponse},
    types::ClientId,
};
use oauth_storage_conformance::{Fault, Faulty, Operation};
use oauth_storage_memory::MemoryStore;
use std::sync::Arc;

fn fixture() -> (Fixture, Users) {
    let users = Users::default();
    let grant = PasswordGrant::new(Arc::new(users.clone()));
    (Fixture::making(|builder| builder.grant(grant)), users)
}

/// A good request.
fn request() -> Pairs {
    pairs(&[
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", PASSWORD),
    ])
}

fn by(client: &str, params: &Pairs) -> ClientRequest {
    let params: Vec<_> = params
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    from(client, &params)
}

async fn tokens(fixture: &Fixture, client: &str) -> TokenResponse {
    fixture.token(&by(client, &request())).await.unwrap()
}

/// Whom it serves, and whether the authenticator was asked: only about requests with nothing else against them, so that nobody
/// can try passwords, or have users locked out, who could not get a token anyway.
#[tokio::test]
async fn the_authenticator_is_asked_last() {
    type Row = (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static str,
        bool,
    );
    let rows: &[Row] = &[
        ("6749-4.3.2-a", TYPIST, &[], "ok", true),
        ("6749-4.3.2-a", KEYPAD, &[], "ok", true),
        ("6749-4.3.2-a", TYPIST, &[("username", "bob")], "ok", true),
        (
            "6749-4.3.2-a wrong password",
            TYPIST,
            &[("password", "p\u{e4}ss")],
            "invalid_grant",
            true,
        ),
        (
            "6749-4.3.2-a unknown user",
            TYPIST,
            &[("username", "nobody")],
            "invalid_grant",
            true,
        ),
        (
            "6749-4.3.2-a names are bytes",
            TYPIST,
            &[("username", "Alice")],
            "invalid_grant",
            true,
        ),
        (
            "6749-4.3.2-a throttled",
            TYPIST,
            &[("username", "throttled")],
            "invalid_grant",
            true,
        ),
        ("in reach", TYPIST, &[("scope", "write read")], "ok", true),
        (
            "beyond reach",
            TYPIST,
            &[("scope", "read admin")],
            "invalid_scope",
            false,
        ),
        (
            "no scope",
            TYPIST,
            &[("scope", "\"")],
            "invalid_scope",
            false,
        ),
        (
            "beyond reach",
            KEYPAD,
            &[("scope", "write")],
            "invalid_scope",
            false,
        ),
        (
            "a known resource",
            TYPIST,
            &[("resource", common::MAIL)],
            "ok",
            true,
        ),
        (
            "an unknown resource",
            TYPIST,
            &[("resource", "https://other.example")],
            "invalid_target",
            false,
        ),
        (
            "no name",
            TYPIST,
            &[("-username", "")],
            "invalid_request",
            false,
        ),
        (
            "blank name",
            TYPIST,
            &[("username", "")],
            "invalid_request",
            false,
        ),
        (
            "no password",
            TYPIST,
            &[("-password", "")],
            "invalid_request",
            false,
        ),
        (
            "blank password",
            TYPIST,
            &[("password", "")],
            "invalid_request",
            false,
        ),
        (
            "two names",
            TYPIST,
            &[("+username", "bob")],
            "invalid_request",
            false,
        ),
        (
            "two passwords",
            TYPIST,
            &[("+password", "other")],
            "invalid_request",
            false,
        ),
        ("9700-2.4-a", WEB, &[], "unauthorized_client", false),
        ("9700-2.4-a", APP, &[], "unauthorized_client", false),
        ("9700-2.4-a", PAGE, &[], "unauthorized_client", false),
        ("9700-2.4-a", OWN, &[], "unauthorized_client", false),
        ("9700-2.4-a", OPEN, &[], "unauthorized_client", false),
        (
            "another grant",
            TYPIST,
            &[("grant_type", "client_credentials")],
            "unauthorized_client",
            false,
        ),
        (
            "grants are named exactly",
            TYPIST,
            &[("grant_type", "Password")],
            "unsupported_grant_type",
            false,
        ),
    ];
    for (id, client, changes, expected, is_asked) in rows {
        let (fixture, users) = fixture();
        let params = changed(request(), changes);
        let answer = fixture.token(&by(client, &params)).await;
        assert_eq!(wire(&answer), *expected, "{id} {client} {changes:?}");
        let asked = users.take_asked();
        let name = params.iter().find(|(name, _)| name == "username");
        let once = name.map(|(_, name)| format!("{client} {name}"));
        let expected: Vec<_> = is_asked.then_some(once).flatten().into_iter().collect();
        assert_eq!(asked, expected, "{id} {client} {changes:?}");
        if let Err(reason) = answer {
            assert_eq!(fixture.records(), 0, "{id}");
            assert!(
                matches!(fixture.events.last(), Event::TokenDenied { reason: told, .. } if told == reason)
            );
        }
    }
}

/// 6749-4.3.2-a: a client that has credentials has to show them, and the right ones, before anybody is asked about a password.
#[tokio::test]
async fn a_client_with_credentials_authenticates() {
    let named = |client: &str| changed(request(), &[("client_id", client)]);
    let presented = |authorization: Option<Authorization>, params: Pairs| {
        ClientRequest::new(params.into_iter().collect()).authorization(authorization)
    };
    let right = client_secret(TYPIST);
    let rows = [
        ("only named", None, named(TYPIST)),
        ("nobody", None, request()),
        ("unknown", None, named("nobody")),
        ("wrong secret", Some(basic(TYPIST, "guess")), request()),
        (
            "wrong method",
            None,
            changed(named(TYPIST), &[("client_secret", &right)]),
        ),
        ("public", Some(basic(KEYPAD, "")), request()),
        ("unreadable", Some(Authorization::Malformed), request()),
    ];
    for (what, authorization, params) in rows {
        let (fixture, users) = fixture();
        let answer = fixture.token(&presented(authorization, params)).await;
        assert_eq!(wire(&answer), "invalid_client", "{what}");
        assert_eq!(users.take_asked(), [""; 0], "{what}");
        assert_eq!(fixture.records(), 0, "{what}");
    }
}

/// A password that is wrong and a user who does not exist get the same answer, to the letter.
#[tokio::test]
async fn nobody_learns_which_users_there_are() {
    let (fixture, _) = fixture();
    let mut refusals = Vec::new();
    for changes in [
        [("username", "alice"), ("password", "wrong")],
        [("username", "nobody"), ("password", PASSWORD)],
        [("username", "nobody"), ("password", "wrong")],
    ] {
        let denial = fixture
            .token(&by(TYPIST, &changed(request(), &changes)))
            .await
            .unwrap_err();
        assert_eq!(denial, TokenDenial::Password(PasswordDenial::Wrong));
        refusals.push(denial.refusal());
    }
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]));
    let throttled = fixture
        .token(&by(
            TYPIST,
            &changed(request(), &[("username", "throttled")]),
        ))
        .await;
    assert_eq!(
        throttled.unwrap_err(),
        TokenDenial::Password(PasswordDenial::Throttled)
    );
}

/// 9700-2.4-a: a server that was given no authenticator does not know the grant, whatever its clients were allowed.
#[tokio::test]
async fn it_is_off_by_default() {
    let fixture = Fixture::new();
    for client in [TYPIST, KEYPAD, WEB] {
        let answer = fixture.token(&by(client, &request())).await;
        assert_eq!(wire(&answer), "unsupported_grant_type", "{client}");
    }
    assert!(
        Client::confidential(TYPIST.parse().unwrap(), ClientAuthentication::None)
            .grant_types([GrantType::PASSWORD])
            .build()
            .is_err()
    );
}

/// The tokens are the user's, like those of any other grant: narrowed, listed, refreshed, and ended.
#[tokio::test]
async fn the_tokens_are_a_grant_of_the_user() {
    let (fixture, _) = fixture();
    let issued = tokens(&fixture, TYPIST).await;
    assert_eq!(issued.token.subject, Some(subject("alice")));
    assert_eq!(issued.token.scope.as_str(), "read");
    assert_eq!(issued.token.audience, ["https://default.example"]);
    assert!(matches!(
        fixture.events.last(),
        Event::TokenIssued { grant_type: Some(grant_type), subject: Some(of), .. }
            if grant_type == GrantType::PASSWORD && of == subject("alice")
    ));
    let IntrospectionResponse::Active(token) = fixture
        .introspect(common::clients::INSPECTOR, &issued.access_token)
        .await
    else {
        panic!("inactive")
    };
    assert_eq!(token.subject, Some(subject("alice")));
    for by in [
        OwnedBy::Subject("alice".into()),
        OwnedBy::Client(TYPIST.into()),
    ] {
        let page = fixture.server.grants(by, None, 9).await.unwrap();
        assert_eq!(page.grants.len(), 1);
        assert_eq!(Some(page.grants[0].expires_at), issued.grant_expires_at);
    }
    // The end only ever comes nearer.
    fixture.clock.advance(seconds(1000));
    let next = fixture
        .refresh(TYPIST, refresh_token(&issued), &[])
        .await
        .unwrap();
    assert_eq!(next.grant_expires_at, issued.grant_expires_at);
    assert_eq!(next.token.subject, Some(subject("alice")));
    // A retry, and then a reuse.
    let retried = fixture
        .refresh(TYPIST, refresh_token(&issued), &[])
        .await
        .unwrap();
    assert_eq!(
        refresh_token(&retried).expose(),
        refresh_token(&next).expose()
    );
    let widened = fixture
        .refresh(TYPIST, refresh_token(&next), &[("scope", "read write")])
        .await;
    assert_eq!(wire(&widened), "invalid_scope");
    fixture.clock.advance(seconds(30));
    let reused = fixture.refresh(TYPIST, refresh_token(&issued), &[]).await;
    assert_eq!(wire(&reused), "invalid_grant");
    for token in [&issued, &next, &retried] {
        assert!(!fixture.is_valid(&token.access_token).await);
    }
    assert_eq!(
        wire(&fixture.refresh(TYPIST, refresh_token(&next), &[]).await),
        "invalid_grant"
    );
}

/// Without refresh tokens there is nothing but the access token, and still it ends with its grant.
#[tokio::test]
async fn everything_of_a_user_ends_at_once() {
    for client in [TYPIST, KEYPAD] {
        for withdraws in [false, true] {
            let (fixture, _) = fixture();
            let issued = tokens(&fixture, client).await;
            assert_eq!(issued.refresh_token.is_some(), client == TYPIST);
            assert_eq!(issued.grant_expires_at.is_some(), client == TYPIST);
            let bob = changed(request(), &[("username", "bob")]);
            let other = fixture.token(&by(client, &bob)).await.unwrap();
            let server = &fixture.server;
            let ended = if withdraws {
                server
                    .withdraw(&subject("alice"), &client.parse().unwrap())
                    .await
            } else {
                server.end_all(&OwnedBy::Subject("alice".into())).await
            };
            assert_eq!(ended.unwrap(), 1);
            assert!(!fixture.is_valid(&issued.access_token).await);
            assert!(fixture.is_valid(&other.access_token).await);
            if let Some(token) = &issued.refresh_token {
                assert_eq!(
                    wire(&fixture.refresh(client, token, &[]).await),
                    "invalid_grant"
                );
            }
        }
    }
}

/// An authenticator that cannot tell is a fault and no denial, and a lost answer issues nothing twice.
#[tokio::test]
async fn what_breaks_is_told_as_broken() {
    let users = Users::default();
    let grant = PasswordGrant::new(Arc::new(users.clone()));
    let store = MemoryStore::default();
    let faulty = Arc::new(Faulty::new(store.clone()));
    let seen = Arc::clone(&faulty);
    let fixture = Fixture::built(store, seen, |builder| builder.grant(grant));
    let broken = changed(request(), &[("username", "broken")]);
    let fault = fixture.try_token(&by(TYPIST, &broken)).await.fault();
    assert_eq!(fault.refusal().code.as_str(), "server_error");
    assert_eq!(
        (fixture.records(), faulty.take_calls(Operation::Commit)),
        (0, 0)
    );
    users.take_asked();
    for step in [Fault::Conflict, Fault::AnswerLost] {
        faulty.plan(Operation::Commit, [step]);
        let issued = tokens(&fixture, TYPIST).await;
        assert!(fixture.is_valid(&issued.access_token).await);
        assert_eq!(users.take_asked(), ["typist alice"], "once");
    }
    let page = fixture
        .server
        .grants(OwnedBy::Subject("alice".into()), None, 9);
    assert_eq!(page.await.unwrap().grants.len(), 2);
}

/// A proof in a parameter `proof`, of use once.
struct Once;

#[async_trait::async_trait]
impl ClientAuthenticationMethod for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn claim(&self, request: &ClientRequest) -> Option<ClientId> {
        request.params.get("proof").map(|_| id())
    }

    async fn verify(
        &self,
        request: &ClientRequest,
        context: &RequestContext<'_>,
    ) -> Result<Proof, Error<ClientDenial>> {
        let proof = request.params.get("proof").unwrap().as_bytes();
        let until = Timestamp::MAX;
        Ok(Proof::new().mark(OneTimeMark::new(context.namespace(), &[proof], until)))
    }
}

fn id() -> ClientId {
    "careful".parse().unwrap()
}

/// Whoever has a copy of a client's proof cannot try passwords with it.
#[tokio::test]
async fn a_replayed_proof_asks_nobody() {
    let users = Users::default();
    let grant = PasswordGrant::new(Arc::new(users.clone()));
    let method = ClientAuthentication::Method("once".into());
    let client = Client::confidential(id(), method)
        .grant_types([])
        .dangerous_password()
        .build()
        .unwrap();
    let fixture = Fixture::new().beside_built(vec![client], 2, |builder| {
        builder.grant(grant).client_authentication(Once)
    });
    let rows = [
        ("first", PASSWORD, "ok", 1),
        ("first", PASSWORD, "invalid_client", 0),
        ("first", "guess", "invalid_client", 0),
        ("second", "guess", "invalid_grant", 1),
        ("second", PASSWORD, "invalid_client", 0),
        ("third", PASSWORD, "ok", 1),
    ];
    for (proof, password, expected, asked) in rows {
        let params = changed(request(), &[("proof", proof), ("password", password)]);
        let answer = fixture
            .token(&ClientRequest::new(params.into_iter().collect()))
            .await;
        assert_eq!(wire(&answer), expected, "{proof} {password}");
        assert_eq!(users.take_asked().len(), asked, "{proof} {password}");
    }
}

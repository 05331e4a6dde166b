//! Profiles: servers over one store that confine their clients to themselves.
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
    Answered, Fixture,
    clients::{self, APP, HYBRID, OLD, OPEN, OWN, PAGE, PROFILE, TYPIST, WEB, redirect_uri},
    flow::{
        approve, authorization_request, browser, changed, code_in, exchange, from, pairs,
        refresh_token, remembered, wire,
    },
    secret, subject,
    users::{PASSWORD, Users},
};
use oauth_core::{
    AuthorizationServer,
    authorize::{InteractionDenial, UnprovenDenial, Verdict},
    client::{Client, ClientDenial, ClientRequest},
    error::ErrorCode,
    event::Event,
    grant::{CodeDenial, PasswordGrant, RefreshDenial, TokenDenial},
    server::AuthorizeAnswer,
    store::OwnedBy,
    token::{IntrospectionDenial, PresentedToken, RevocationDenial, TokenResponse, TokenState},
    types::{Params, Secret},
};

const TOKEN: (&str, &str) = ("response_type", "token");
const DENIED: TokenDenial = TokenDenial::Client(ClientDenial::OtherProfile);

/// A strict server and one of a profile, over one store and one set of clients, and what both share.
struct Both {
    strict: Fixture,
    old: Fixture,
    users: Users,
}

impl Both {
    fn new() -> Self {
        let users = Users::default();
        let grant = || PasswordGrant::new(Arc::new(users.clone()));
        let strict = Fixture::making(|builder| builder.grant(grant()));
        let old = strict.beside_built(clients::all(), 5, |builder| {
            builder.grant(grant()).profile(PROFILE)
        });
        Self { strict, old, users }
    }

    /// Each server with clients that it does not serve, and the server that does.
    fn strangers(&self) -> Vec<(&Fixture, &'static str, &Fixture)> {
        let (strict, old) = (&self.strict, &self.old);
        let mut strangers = vec![(strict, OLD, old)];
        strangers.extend([WEB, APP, HYBRID].map(|client| (old, client, strict)));
        strangers
    }
}

/// Every endpoint says what is wrong, and none does anything.
#[tokio::test]
async fn every_endpoint_refuses_clients_of_another_profile() {
    let both = Both::new();
    let grants: [&[(&str, &str)]; 5] = [
        &[("grant_type", "client_credentials")],
        &[
            ("grant_type", "password"),
            ("username", "alice"),
            ("password", PASSWORD),
        ],
        &[("grant_type", "authorization_code"), ("code", "x")],
        &[("grant_type", "refresh_token"), ("refresh_token", "x")],
        &[("grant_type", "none")],
    ];
    let strict = [WEB, APP, PAGE, HYBRID, TYPIST, OWN, OPEN];
    let rows = strict
        .map(|client| (&both.old, client))
        .into_iter()
        .chain([(&both.strict, OLD)]);
    for (fixture, client) in rows {
        let server = &fixture.server;
        for grant in grants {
            let answer = fixture.token(&from(client, grant)).await;
            assert_eq!(answer.unwrap_err(), DENIED, "{client} {grant:?}");
            assert!(matches!(
                fixture.events.last(),
                Event::TokenDenied { client_id: Some(id), reason, .. }
                    if id.as_str() == client && reason == DENIED
            ));
        }
        for response_type in ["code", "token"] {
            let request = changed(
                authorization_request(client),
                &[("response_type", response_type)],
            );
            let answer = fixture.authorize(request, &browser(1)).await;
            assert!(
                matches!(
                    answer,
                    AuthorizeAnswer::Unproven(UnprovenDenial::OtherProfile)
                ),
                "{client} {answer:?}"
            );
        }
        let named: Params = pairs(&[("client_id", client)]).into_iter().collect();
        let answer = server
            .token_without_authentication(&ClientRequest::new(named))
            .await
            .outcome();
        assert_eq!(answer.unwrap_err(), DENIED);
        let request = from(client, &[("token", "x")]);
        let answer = server.own_code_ticket(&request).await.outcome();
        assert_eq!(answer.unwrap_err(), DENIED);
        let denial = ClientDenial::OtherProfile;
        assert_eq!(
            server.introspect(&request).await.outcome(),
            Err(IntrospectionDenial::Client(denial))
        );
        assert_eq!(
            server.revoke(&request).await.outcome(),
            Err(RevocationDenial::Client(denial))
        );
        let answer = server.authenticate_client(&request).await.outcome();
        assert_eq!(answer.unwrap_err(), denial);
        assert_eq!(both.strict.records(), 0, "{client}");
        assert_eq!(both.users.take_asked(), [""; 0], "{client}");
    }
    assert_eq!(DENIED.refusal().code, ErrorCode::UNAUTHORIZED_CLIENT);
}

/// A code or refresh token that comes to another profile's server is of no use there, and as good as before where it belongs.
#[tokio::test]
async fn codes_and_refresh_tokens_stay_at_home() {
    let both = Both::new();
    for (there, client, home) in both.strangers() {
        let other = if client == OLD { WEB } else { OLD };
        let code = home.code(client).await;
        assert_eq!(there.redeem(client, &code).await.unwrap_err(), DENIED);
        let uri = redirect_uri(client);
        let by_other = there.token(&from(other, &exchange(&code, &uri))).await;
        let denied = TokenDenial::Code(CodeDenial::WrongClient);
        assert_eq!(by_other.unwrap_err(), denied);
        let tokens = home.redeem(client, &code).await.unwrap();
        // A replay there is none either.
        assert_eq!(there.redeem(client, &code).await.unwrap_err(), DENIED);
        let token = refresh_token(&tokens);
        assert_eq!(there.refresh(client, token, &[]).await.unwrap_err(), DENIED);
        let denied = TokenDenial::Refresh(RefreshDenial::WrongClient);
        assert_eq!(there.refresh(other, token, &[]).await.unwrap_err(), denied);
        let next = home.refresh(client, token, &[]).await.unwrap();
        there.clock.advance(common::seconds(60));
        assert_eq!(there.refresh(client, token, &[]).await.unwrap_err(), DENIED);
        assert!(home.is_valid(&next.access_token).await, "{client}");
        assert!(
            home.refresh(client, refresh_token(&next), &[])
                .await
                .is_ok()
        );
    }
}

/// A request that waits for a user under one profile cannot be carried on under another, and is not decided by the attempt.
#[tokio::test]
async fn an_interaction_stays_at_home() {
    let both = Both::new();
    let cookie = browser(1);
    for (there, client, home) in both.strangers() {
        let interaction = home.pend(client, &[]).await;
        home.settle(&interaction, remembered("alice"))
            .await
            .unwrap();
        let records = home.records();
        let interaction = home.pend(client, &[]).await;
        let handle = &interaction.handle;
        let gone = InteractionDenial::ClientGone;
        let shown = there.server.interaction(handle, Some(&cookie)).await;
        assert_eq!(shown.denied(), gone, "{client}");
        for verdict in [
            Verdict::Approve(approve("alice")),
            Verdict::ApproveRemembered(subject("alice").into()),
            Verdict::Deny,
        ] {
            let denial = there.settle(&interaction, verdict).await.unwrap_err();
            assert_eq!(denial, gone, "{client}");
        }
        let asked = there
            .server
            .settle_remembered(handle, Some(&cookie), &subject("alice"))
            .await;
        assert_eq!(asked.denied(), gone);
        assert_eq!(home.records(), records);
        let verdict = Verdict::Approve(approve("alice"));
        let settled = home.settle(&interaction, verdict.clone()).await.unwrap();
        // Nor is the answer repeated there.
        assert_eq!(there.settle(&interaction, verdict).await.unwrap_err(), gone);
        assert!(
            home.redeem(client, &code_in(&settled.response))
                .await
                .is_ok()
        );
    }
}

#[tokio::test]
async fn a_ticket_stays_at_home() {
    let both = Both::new();
    let (strict, old) = (&both.strict, &both.old);
    for (there, client, home) in [(strict, OLD, old), (old, OWN, strict)] {
        let ticket = home.server.own_code_ticket(&from(client, &[])).await;
        let ticket = ticket.unwrap();
        let answer = there.server.own_code(&ticket).await.outcome();
        assert_eq!(answer.unwrap_err(), TokenDenial::Ticket);
        let code = home.server.own_code(&ticket).await.unwrap().code;
        let request = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
        ];
        let answer = there.token(&from(client, &request)).await;
        assert_eq!(answer.unwrap_err(), DENIED);
        assert!(home.token(&from(client, &request)).await.is_ok());
    }
}

/// Nobody ends another profile's grant, neither its own client nor whoever holds a token of it.
#[tokio::test]
async fn a_token_is_revoked_at_home() {
    let both = Both::new();
    for (there, client, home) in both.strangers() {
        let tokens = home.tokens(client).await;
        let other = if client == OLD { WEB } else { OLD };
        for token in [&tokens.access_token, refresh_token(&tokens)] {
            assert_eq!(
                there.revoke(client, token).await,
                Err(RevocationDenial::Client(ClientDenial::OtherProfile))
            );
            assert_eq!(
                there.revoke(other, token).await,
                Err(RevocationDenial::WrongClient)
            );
            assert_eq!(
                there.server.revoke_grant(None, token).await.outcome(),
                Ok(())
            );
        }
        assert!(home.is_valid(&tokens.access_token).await, "{client}");
        let next = home.refresh(client, refresh_token(&tokens), &[]).await;
        let next = next.unwrap();
        let ended = home.server.revoke_grant(None, &next.access_token).await;
        assert_eq!(ended.outcome(), Ok(()));
        for token in [&tokens, &next] {
            assert!(!home.is_valid(&token.access_token).await);
        }
    }
}

/// Every token says of which profile its client is, however it was got, so that whoever takes tokens in other ways than the
/// standard's can refuse those of strict clients.
#[tokio::test]
async fn tokens_know_their_profile() {
    let both = Both::new();
    let implicit = async |fixture: &Fixture, client| {
        let interaction = fixture.pend(client, &[TOKEN]).await;
        let verdict = Verdict::Approve(approve("alice"));
        let settled = fixture.settle(&interaction, verdict).await.unwrap();
        secret(&common::flow::answered(&settled.response)["access_token"])
    };
    let named = async |server: &AuthorizationServer, client| {
        let params: Params = pairs(&[("client_id", client)]).into_iter().collect();
        let answer = server
            .token_without_authentication(&ClientRequest::new(params))
            .await;
        answer.unwrap().access_token
    };
    let own = async |fixture: &Fixture, client| {
        let ticket = fixture.server.own_code_ticket(&from(client, &[])).await;
        let code = fixture.server.own_code(&ticket.unwrap()).await;
        let code = code.unwrap().code;
        let request = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
        ];
        fixture.token(&from(client, &request)).await.unwrap()
    };
    let typed = async |fixture: &Fixture, client| {
        let request = [
            ("grant_type", "password"),
            ("username", "alice"),
            ("password", PASSWORD),
        ];
        fixture.token(&from(client, &request)).await.unwrap()
    };
    let machine = [("grant_type", "client_credentials")];
    let (strict, old) = (&both.strict, &both.old);
    let rows = [
        (strict, None, [WEB, PAGE, OPEN, OWN, TYPIST, WEB]),
        (old, Some(PROFILE), [OLD; 6]),
    ];
    for (home, profile, [web, page, open, self_served, typist, alone]) in rows {
        let granted = home.tokens(web).await;
        let next = home.refresh(web, refresh_token(&granted), &[]).await;
        let coded = own(home, self_served).await;
        let typed = typed(home, typist).await;
        let retyped = home.refresh(typist, refresh_token(&typed), &[]).await;
        let all: Vec<Secret> = [
            granted,
            next.unwrap(),
            coded,
            typed,
            retyped.unwrap(),
            home.token(&from(alone, &machine)).await.unwrap(),
        ]
        .into_iter()
        .map(|response: TokenResponse| {
            assert_eq!(response.token.profile.as_deref(), profile);
            response.access_token
        })
        .chain([implicit(home, page).await, named(&home.server, open).await])
        .collect();
        for token in &all {
            for server in [strict, old] {
                let TokenState::Valid(known) = server
                    .server
                    .inspect(&PresentedToken::bearer(token.clone()))
                    .await
                    .unwrap()
                else {
                    panic!("not valid");
                };
                assert_eq!(known.profile.as_deref(), profile);
            }
        }
    }
}

/// Users have one set of connections, and the operator one set of grants, whichever server is asked.
#[tokio::test]
async fn grants_are_shared() {
    let both = Both::new();
    let strict = both.strict.tokens(WEB).await;
    let old = both.old.tokens(OLD).await;
    for fixture in [&both.strict, &both.old] {
        let connections = fixture.server.connections(&subject("alice")).await;
        let connections = connections.unwrap();
        let clients: Vec<_> = connections.iter().map(|c| c.client_id.as_str()).collect();
        assert_eq!(clients, [OLD, WEB]);
    }
    let ended = both
        .strict
        .server
        .withdraw(&subject("alice"), &OLD.parse().unwrap())
        .await;
    assert_eq!(ended.unwrap(), 1);
    assert!(!both.old.is_valid(&old.access_token).await);
    let of = OwnedBy::Subject("alice".into());
    assert_eq!(both.old.server.end_all(&of).await.unwrap(), 1);
    assert!(!both.strict.is_valid(&strict.access_token).await);
}

/// Profiles are told apart to the byte, and an empty one is not none.
#[tokio::test]
async fn a_profile_is_its_name() {
    let fixture = Fixture::new();
    let names = [None, Some(""), Some("a"), Some("A"), Some("a ")];
    let client = |profile: Option<&'static str>| -> Client {
        let builder = Client::public(APP.parse().unwrap()).redirect_uri(redirect_uri(APP));
        match profile {
            Some(profile) => builder.profile(profile),
            None => builder,
        }
        .build()
        .unwrap()
    };
    for of_server in names {
        for of_client in names {
            let server =
                fixture.beside_built(vec![client(of_client)], 9, |builder| match of_server {
                    Some(profile) => builder.profile(profile),
                    None => builder,
                });
            let answer = server
                .token(&from(APP, &[("grant_type", "client_credentials")]))
                .await;
            let expected = if of_server == of_client {
                TokenDenial::UnauthorizedClient
            } else {
                DENIED
            };
            assert_eq!(answer.unwrap_err(), expected, "{of_server:?} {of_client:?}");
        }
    }
}

/// 9700-2.4-a, 9700-2.1.2-a: the metadata of a strict server are the same whatever dangers it knows of, and whatever other
/// profiles there are.
#[test]
fn metadata_tell_of_no_danger() {
    let both = Both::new();
    let plain = Fixture::new();
    let metadata = plain.server.metadata();
    for fixture in [&both.strict, &both.old] {
        assert_eq!(fixture.server.metadata(), metadata);
    }
    assert_eq!(
        metadata.grant_types_supported,
        ["authorization_code", "refresh_token", "client_credentials"]
    );
    assert_eq!(metadata.response_types_supported, ["code"]);
}

/// A strict client is served as ever beside a profile, and has gained nothing.
#[tokio::test]
async fn a_strict_client_stays_strict() {
    let both = Both::new();
    let fixture = &both.strict;
    let request = [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", PASSWORD),
    ];
    for client in [WEB, APP] {
        let answer = fixture.token(&from(client, &request)).await;
        assert_eq!(wire(&answer), "unauthorized_client");
        let unauthorized = TokenDenial::UnauthorizedClient;
        let answer = fixture.server.own_code_ticket(&from(client, &[])).await;
        assert_eq!(answer.denied(), unauthorized);
        let named: Params = pairs(&[("client_id", client)]).into_iter().collect();
        let answer = fixture
            .server
            .token_without_authentication(&ClientRequest::new(named))
            .await;
        assert_eq!(answer.denied(), unauthorized);
        let request = changed(authorization_request(client), &[TOKEN]);
        let AuthorizeAnswer::Respond(response) = fixture.authorize(request, &browser(1)).await
        else {
            panic!("not refused");
        };
        let params = common::flow::answered(&response);
        assert_eq!(params["error"], "unsupported_response_type");
        assert_eq!(
            params["error_description"],
            "the only response_type served here is code"
        );
        let request = changed(
            authorization_request(client),
            &[("-code_challenge", ""), ("-code_challenge_method", "")],
        );
        let answer = fixture.authorize(request, &browser(1)).await;
        assert!(matches!(answer, AuthorizeAnswer::Respond(_)));
    }
    assert_eq!(fixture.records(), 0);
}

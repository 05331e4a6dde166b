//! The introspection endpoint (RFC 7662).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use common::{
    ALICE, CALENDAR, Fixture, ISSUER, MAIL, Setup,
    call::{FORM, encoded, form, form_of, pairs, request, with},
    clients::{APP, EVERYTHING, INSPECTOR, MACHINE, MAIL_SERVER, POST, WEB, basic, client_secret},
};
use http::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use oauth_core::{
    client::Client,
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Error, Fault},
    grant::{Grant, GrantDecision, GrantRequest, GrantType, TokenDenial},
    store::Key,
    time::Timestamp,
    token::{Issuance, PresentedToken, TokenResponse, issue},
    types::{Actor, Authentication, Confirmation, HostData, Secret},
};
use oauth_tower::bearer::{Introspection, TokenVerifier};
use serde_json::{Value, json};

const BOTH: [(&str, &str); 3] = [
    ("scope", "read write"),
    ("resource", MAIL),
    ("+resource", CALENDAR),
];

/// 7662-2.1-a, 7662-2.2-a, 7662-2.2-b, 7662-2.2-c, 7662-2.2-d, v21-7.4-a, 9700-4.15.1-a
#[tokio::test]
async fn an_active_token_is_described() {
    let fixture = Fixture::new();
    let begun = 1_800_000_000;
    let tokens = fixture.tokens_with(WEB, &BOTH).await;
    assert_eq!(
        fixture.inspect(&tokens.access).await,
        json!({
            "active": true, "client_id": WEB, "sub": ALICE, "scope": "read write", "token_type": "Bearer",
            "aud": ["the calendar", MAIL], "iat": begun, "exp": begun + 3600, "iss": ISSUER,
        })
    );
    // Nobody takes a refresh token for an access token: it has no token type and no audience.
    assert_eq!(
        fixture.inspect(&tokens.refresh).await,
        json!({
            "active": true, "client_id": WEB, "sub": ALICE, "scope": "read write", "iat": begun,
            "exp": begun + 30 * 24 * 60 * 60, "iss": ISSUER,
        })
    );
    // A client that acts for itself is not its own user.
    let machine = fixture
        .call(MACHINE, "/token", &[("grant_type", "client_credentials")])
        .await;
    assert_eq!(
        fixture.inspect(&machine.member("access_token")).await,
        json!({
            "active": true, "client_id": MACHINE, "scope": "read", "token_type": "Bearer",
            "aud": "https://api.example/", "iat": begun, "exp": begun + 3600, "iss": ISSUER,
        })
    );
    let answer = fixture
        .call(INSPECTOR, "/introspect", &[("token", &tokens.access)])
        .await;
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// Issues a token with everything that a token can say, bound as asked.
struct Everything;

struct Issue {
    client: Arc<Client>,
    binding: Option<Confirmation>,
    data: HostData,
}

#[async_trait]
impl Grant for Everything {
    fn grant_type(&self) -> GrantType {
        GrantType::new(EVERYTHING)
    }

    async fn read<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        Ok(Box::new(Issue {
            client: Arc::clone(request.client()),
            binding: match request.params().get("binding") {
                Some("key") => Some(Confirmation::Jwk([0xfb; 32])),
                Some("certificate") => Some(Confirmation::Certificate([0xfb; 32])),
                _ => None,
            },
            data: request.required("data")?.parse().unwrap(),
        }))
    }
}

impl Decide for Issue {
    type Answer = TokenResponse;
    type Denial = TokenDenial;

    fn needs(&self, _: &Rules) -> Vec<Key> {
        Vec::new()
    }

    fn decide(
        &self,
        _: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<TokenResponse, TokenDenial>, Fault> {
        let subject = ALICE.parse().unwrap();
        let authentication = Authentication::new(Timestamp::from_unix_seconds(1_700_000_000))
            .methods(["pwd", "otp"])
            .class("2")
            .session("not told");
        let details = r#"[{"type":"payment","amount":1}]"#.parse().unwrap();
        let mut actor = Actor::new("helper");
        actor.issuer = Some("https://other.example".into());
        actor.actor = Some(Box::new(Actor::new("first")));
        let scope = common::scope("read");
        let mut issuance = Issuance::new(&self.client, &scope, &[]);
        issuance.subject = Some(&subject);
        issuance.confirmation = self.binding;
        issuance.authentication = Some(&authentication);
        issuance.authorization_details = Some(&details);
        issuance.actor = Some(&actor);
        issuance.data = Some(&self.data);
        let (response, token) = issue(&issuance, context);
        Ok(Decision::grant(context.commit().create(token), response).into())
    }
}

/// A server with that grant.
fn with_everything() -> Fixture {
    let setup = Setup {
        grant: Some(Box::new(|builder| builder.grant(Everything))),
        ..Setup::default()
    };
    setup.build()
}

/// 9449-6.2-a, 8705-3.2-a, 9470-6.2-a, 9396-9.2-a, 8693-4.1-a
#[tokio::test]
async fn a_token_is_described_with_all_it_says() {
    const DIGEST: &str = "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s";
    let fixture = with_everything();
    // What the server itself tells of the token that is bound to nothing.
    let mut own = None;
    for (binding, token_type, cnf) in [
        ("none", "Bearer", None),
        ("key", "DPoP", Some(json!({"jkt": DIGEST}))),
        ("certificate", "Bearer", Some(json!({"x5t#S256": DIGEST}))),
    ] {
        let asked = [
            ("grant_type", EVERYTHING),
            ("binding", binding),
            ("data", r#"{"tenant":"north","level":3}"#),
        ];
        let token = fixture.call(MACHINE, "/token", &asked).await;
        let token = token.member("access_token");
        let mut expected = json!({
            "active": true, "client_id": MACHINE, "sub": ALICE, "scope": "read",
            "token_type": token_type, "aud": "https://api.example/", "iss": ISSUER,
            "iat": 1_800_000_000, "exp": 1_800_003_600,
            "auth_time": 1_700_000_000, "acr": "2", "amr": ["pwd", "otp"],
            "authorization_details": [{"type": "payment", "amount": 1}],
            "act": {"sub": "helper", "iss": "https://other.example", "act": {"sub": "first"}},
            "tenant": "north", "level": 3,
        });
        if let Some(cnf) = cnf {
            expected["cnf"] = cnf;
        }
        assert_eq!(fixture.inspect(&token).await, expected, "{binding}");

        // An API elsewhere reads what the server itself would tell it.
        let inspector = INSPECTOR.parse().unwrap();
        let secret = Secret::new(client_secret(INSPECTOR));
        let endpoint = format!("{ISSUER}/introspect");
        let service = fixture.service.clone();
        let elsewhere = Introspection::new(service, &endpoint, &inspector, &secret)
            .unwrap()
            .clock(fixture.clock.clone());
        let shown = PresentedToken::bearer(Secret::new(token));
        let told = elsewhere.verify(&shown).await.unwrap().unwrap();
        let mut told = told.dangerous_get().clone();
        assert_eq!(told.confirmation.take().is_some(), binding != "none");
        if binding == "none" {
            own = fixture.server.validate(&shown).await.unwrap();
        }
        let mut own = own.clone().unwrap();
        // The session is the host's own business.
        own.authentication.as_mut().unwrap().session = None;
        assert_eq!(told, own, "{binding}");
    }
}

/// 7662-2.2: a host adds members, and overwrites none.
#[tokio::test]
async fn data_of_the_host_never_overwrites_a_member() {
    let fixture = with_everything();
    let data = json!({
        "active": false, "client_id": "x", "scope": "admin", "token_type": "Bearer", "exp": 1, "iat": 1,
        "nbf": 1, "sub": "mallory", "aud": "x", "iss": "x", "jti": "x", "username": "x", "cnf": {}, "auth_time": 1,
        "acr": "x", "amr": ["x"], "authorization_details": [], "act": {"sub": "x"},
    });
    let call = async |binding: &str, data: &Value| {
        let asked = [
            ("grant_type", EVERYTHING),
            ("binding", binding),
            ("data", &data.to_string()),
        ];
        let token = fixture.call(MACHINE, "/token", &asked).await;
        let answer = fixture
            .call(
                INSPECTOR,
                "/introspect",
                &[("token", &token.member("access_token"))],
            )
            .await;
        answer.text().to_owned()
    };
    for binding in ["none", "key"] {
        let plain = call(binding, &json!({})).await;
        // The text: a member that is there twice would be lost in a map.
        assert_eq!(call(binding, &data).await, plain, "{binding}");
        let mut more = data.clone();
        more["tenant"] = "north".into();
        let told = call(binding, &more).await;
        let expected = format!("{},\"tenant\":\"north\"}}", &plain[..plain.len() - 1]);
        assert_eq!(told, expected, "{binding}");
    }
}

/// 7662-2.1-c
#[tokio::test]
async fn a_hint_hides_nothing() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    for hint in ["access_token", "refresh_token", "other", ""] {
        for token in [&tokens.access, &tokens.refresh] {
            let asked = [("token", token.as_str()), ("token_type_hint", hint)];
            let answer = fixture.call(INSPECTOR, "/introspect", &asked).await;
            assert_eq!(answer.json()["active"], true, "{hint}");
        }
    }
}

/// 7662-2.2-e, 7662-2.2-f, 7662-2.2-g, 7662-2.3-c, 7662-4-e, 7662-4-g, 7662-5-a, 6749-10.3-a, 7662-2.1-e
#[tokio::test]
async fn what_a_caller_may_not_know_is_inactive_and_nothing_more() {
    let fixture = Fixture::new();
    let everywhere = fixture.tokens_with(WEB, &BOTH).await;
    let calendar = fixture.tokens_with(WEB, &[("resource", CALENDAR)]).await;
    let default = fixture.tokens(WEB).await;
    let code = fixture.code(WEB).await;
    let mut altered = default.access.clone();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'B' } else { 'A' });
    let upper = default.access.to_uppercase();
    for (row, caller, token, is_told) in [
        ("its own", WEB, &everywhere.access, true),
        ("its own", WEB, &everywhere.refresh, true),
        ("every token", INSPECTOR, &everywhere.access, true),
        ("7662-4-e", MAIL_SERVER, &everywhere.access, true),
        ("7662-4-e", MAIL_SERVER, &calendar.access, false),
        ("7662-4-e", MAIL_SERVER, &default.access, false),
        ("7662-5-a", MAIL_SERVER, &everywhere.refresh, false),
        ("7662-4-g", POST, &everywhere.access, false),
        ("7662-4-g", POST, &everywhere.refresh, false),
        ("7662-4-g", MACHINE, &everywhere.access, false),
        ("6749-10.3-a", INSPECTOR, &altered, false),
        ("6749-10.3-a", INSPECTOR, &upper, false),
        ("7662-2.3-c", INSPECTOR, &"unknown".to_owned(), false),
        ("7662-2.1-e", INSPECTOR, &"\u{e9}\"".to_owned(), false),
        ("a code is no token", INSPECTOR, &code, false),
    ] {
        let answer = fixture
            .call(caller, "/introspect", &[("token", token)])
            .await;
        assert_eq!(answer.status, 200, "{row}");
        if is_told {
            assert_eq!(answer.json()["active"], true, "{row}: {caller}");
        } else {
            assert_eq!(
                answer.text(),
                "{\"active\":false}",
                "7662-2.2-f {row}: {caller}"
            );
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
}

/// 7662-4-a, 7662-4-c
#[tokio::test]
async fn a_token_ends_when_it_says() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    fixture.clock.advance(Duration::from_millis(3_599_999));
    assert!(fixture.is_active(&tokens.access).await);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(
        fixture.inspect(&tokens.access).await,
        json!({"active": false}),
        "7662-4-a"
    );
    assert!(fixture.is_active(&tokens.refresh).await);
    fixture.refresh(WEB, &tokens.refresh, &[]).await;
    assert_eq!(
        fixture.inspect(&tokens.refresh).await,
        json!({"active": false}),
        "used"
    );
}

/// 7662-2.1-b, 7662-2.1-d, 7662-2.3-a, 7662-4-f
#[tokio::test]
async fn nobody_is_told_who_does_not_prove_to_be_a_client() {
    let fixture = Fixture::new();
    let token = fixture.tokens(APP).await.access;
    let asked = pairs(&[("token", &token)]);
    let by = |authorization: &str, params| {
        with(form("/introspect", params), AUTHORIZATION, authorization)
    };
    let good = basic(INSPECTOR, &client_secret(INSPECTOR));
    for (row, request, status, error) in [
        (
            "7662-2.1-d",
            form("/introspect", &asked),
            401,
            "invalid_client",
        ),
        (
            "7662-2.1-d",
            by(&format!("Bearer {token}"), &asked),
            401,
            "invalid_client",
        ),
        (
            "7662-4-f",
            form_of(APP, "/introspect", &asked),
            401,
            "invalid_client",
        ),
        (
            "7662-4-f",
            form(
                "/introspect",
                &pairs(&[("token", &token), ("client_id", INSPECTOR)]),
            ),
            401,
            "invalid_client",
        ),
        (
            "7662-2.3-a",
            by(&basic(INSPECTOR, "wrong"), &asked),
            401,
            "invalid_client",
        ),
        ("7662-2.1-b", by(&good, &pairs(&[])), 400, "invalid_request"),
        (
            "7662-2.1-b",
            by(&good, &pairs(&[("token", "")])),
            400,
            "invalid_request",
        ),
        (
            "repeated",
            by(&good, &pairs(&[("token", &token), ("token", &token)])),
            400,
            "invalid_request",
        ),
    ] {
        fixture
            .send(request)
            .await
            .assert_denied(status, error, row);
    }
    let uri = format!("/introspect?{}", encoded(&asked));
    for method in [Method::GET, Method::PUT, Method::OPTIONS] {
        let asked = with(request(method, &uri, encoded(&asked)), AUTHORIZATION, &good);
        let answer = fixture.send(with(asked, CONTENT_TYPE, FORM)).await;
        answer.assert_denied(405, "invalid_request", "7662-2.1-a");
        assert_eq!(answer.header("allow"), "POST");
    }
    fixture.store.breaks(true);
    let answer = fixture
        .call(INSPECTOR, "/introspect", &[("token", &token)])
        .await;
    answer.assert_denied(
        503,
        "temporarily_unavailable",
        "nobody knows, which is not inactive",
    );
}

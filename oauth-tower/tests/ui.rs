//! The ready pages tell with the tokens how and when the user signed in.
#![cfg(feature = "ui")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests panic"
)]

mod common;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use common::{
    ALICE, Fixture, Setup,
    call::{Answer, encoded, form, get, pairs, with},
    clients::{self, WEB},
    flow::ask,
};
use http::{
    Request,
    header::{COOKIE, LOCATION},
};
use http_body_util::Full;
use oauth_core::{
    store::StaticClients,
    types::{Secret, Subject},
};
use oauth_tower::{
    BoxError, OAuth, OAuthService,
    ui::{Accounts, Ui},
};
use serde_json::json;
use tower::ServiceExt;

/// Everybody's password is their name.
struct Names;

#[async_trait]
impl Accounts for Names {
    async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
    ) -> Result<Option<Subject>, BoxError> {
        Ok((password.expose() == username)
            .then(|| Subject::new(username))
            .transpose()?)
    }
}

/// A browser at the pages.
struct Visitor {
    service: OAuthService,
    cookies: Vec<String>,
}

impl Visitor {
    async fn send(&mut self, request: Request<Full<bytes::Bytes>>) -> Answer {
        let request = with(request, COOKIE, &self.cookies.join("; "));
        let answer = Answer::read(self.service.clone().oneshot(request).await.unwrap()).await;
        self.cookies.extend(answer.cookie());
        answer
    }

    async fn authorize(&mut self) -> Answer {
        let uri = format!("/authorize?{}", encoded(&ask(WEB)));
        self.send(get(&uri)).await
    }
}

fn handle(answer: &Answer) -> String {
    let location = answer.headers[LOCATION].to_str().unwrap();
    location.split_once("interaction=").unwrap().1.to_owned()
}

#[tokio::test]
async fn tokens_tell_when_the_user_signed_in_and_how() {
    let fixture = Fixture::new();
    let clients: StaticClients = clients::all().into_iter().collect();
    let ui = Ui::new(fixture.server.clone(), Names, Arc::new(clients));
    let mut alice = Visitor {
        service: OAuth::new(fixture.server.clone(), ui).service(),
        cookies: Vec::new(),
    };
    let signed_in = 1_800_000_000;
    let handle = handle(&alice.authorize().await);
    let login = pairs(&[
        ("interaction", &handle),
        ("username", ALICE),
        ("password", ALICE),
    ]);
    alice.send(form("/login", &login)).await;
    // Allowing takes a while, and is no sign-in.
    fixture.clock.advance(Duration::from_secs(600));
    let decision = pairs(&[
        ("interaction", &handle),
        ("subject", ALICE),
        ("decision", "approve"),
        ("scope:read", "on"),
        ("remember", "on"),
    ]);
    let allowed = alice.send(form("/consent", &decision)).await;
    let of_this_sign_in = async |returned: &Answer| {
        let code = returned.to_client().get("code").unwrap().to_owned();
        let tokens = fixture.redeem(WEB, &code, &[]).await;
        for name in ["access_token", "refresh_token"] {
            let told = fixture.inspect(&tokens.member(name)).await;
            assert_eq!(told["auth_time"], signed_in, "{name}: {told}");
            assert_eq!(told["amr"], json!(["pwd"]), "{name}: {told}");
        }
    };
    of_this_sign_in(&allowed).await;
    // What is remembered is allowed in the same session.
    fixture.clock.advance(Duration::from_secs(600));
    let remembered = alice.authorize().await;
    of_this_sign_in(&remembered).await;
}

/// A shorter lifetime ends the sessions that are open, too.
#[tokio::test]
async fn a_session_lives_as_long_as_the_operator_says_now() {
    let fixture = Fixture::new();
    let serve = |hours: u64| {
        let clients: StaticClients = clients::all().into_iter().collect();
        let ui = Ui::new(fixture.server.clone(), Names, Arc::new(clients))
            .session_lifetime(Duration::from_secs(hours * 60 * 60));
        OAuth::new(fixture.server.clone(), ui).service()
    };
    let mut alice = Visitor {
        service: serve(12),
        cookies: Vec::new(),
    };
    let handle = handle(&alice.authorize().await);
    let login = pairs(&[
        ("interaction", &handle),
        ("username", ALICE),
        ("password", ALICE),
    ]);
    alice.send(form("/login", &login)).await;
    for (hours, lifetime, is_signed_in) in
        [(0, 12, true), (1, 12, true), (1, 2, false), (0, 3, true)]
    {
        fixture.clock.advance(Duration::from_secs(hours * 60 * 60));
        alice.service = serve(lifetime);
        let answer = alice.send(get("/connections")).await;
        assert_eq!(answer.status == 200, is_signed_in, "{answer:?}");
    }
}

/// Cookies know no ports. Issuers on one host share the browser's cookie, and each has a session of its own.
#[tokio::test]
async fn signing_in_at_one_issuer_signs_nobody_out_at_another() {
    let serve = |issuer| {
        let setup = Setup {
            issuer,
            ..Setup::default()
        };
        let fixture = setup.build();
        let clients: StaticClients = clients::all().into_iter().collect();
        let ui = Ui::new(fixture.server.clone(), Names, Arc::new(clients));
        OAuth::new(fixture.server.clone(), ui).service()
    };
    let one = serve("https://login.example");
    let two = serve("https://login.example:8443");
    let mut alice = Visitor {
        service: one.clone(),
        cookies: Vec::new(),
    };
    for (service, user) in [(&one, ALICE), (&two, "alicia")] {
        alice.service = service.clone();
        let handle = handle(&alice.authorize().await);
        let login = pairs(&[
            ("interaction", &handle),
            ("username", user),
            ("password", user),
        ]);
        alice.send(form("/login", &login)).await;
    }
    let names: std::collections::BTreeSet<&str> = alice
        .cookies
        .iter()
        .filter_map(|cookie| Some(cookie.split_once('=')?.0))
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for service in [&one, &two] {
        alice.service = service.clone();
        assert_eq!(alice.send(get("/connections")).await.status, 200);
    }
}

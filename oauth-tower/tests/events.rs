//! What the audit log and the traces say: everything that happened and why, and no secret.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::{
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use common::{
    Does, Fixture,
    call::{Answer, changed, encode, form, form_of, get, pairs, raw_form, request, with},
    clients::{APP, INSPECTOR, POST, STRANGER, WEB, basic, client_secret},
    flow::{STATE, VERIFIER, ask, exchange},
    yes,
};
use http::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

/// All that is traced, as text.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Vec<u8>>>);

impl io::Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Traces {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A fixture, and all the secrets that it has seen.
struct Watched {
    fixture: Fixture,
    secrets: Vec<String>,
    /// Everything that the audit log said.
    log: Vec<String>,
}

impl Watched {
    /// Sends a request, of which just this event comes.
    async fn step(
        &mut self,
        request: http::Request<http_body_util::Full<bytes::Bytes>>,
        says: &[&str],
    ) -> Answer {
        let answer = self.fixture.send(request).await;
        let events = self.fixture.events.take();
        for says in says {
            assert!(
                events.iter().any(|event| event.contains(says)),
                "{says}: {events:?} {answer:?}"
            );
        }
        self.log.extend(events);
        answer
    }

    fn keep(&mut self, secret: &str) -> String {
        self.secrets.push(secret.to_owned());
        secret.to_owned()
    }
}

/// 9700-4.9.3-a
#[tokio::test]
async fn a_whole_flow_leaves_reasons_and_no_secrets() {
    let traces = Traces::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(traces.clone())
        .finish();
    // With one dispatcher alone, `tracing` asks the thread that comes first to a callsite whether anybody listens, and remembers its
    // no. The other tests of this file may be that thread.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut watched = Watched {
        fixture: Fixture::new(),
        secrets: Vec::new(),
        log: Vec::new(),
    };
    for client in [WEB, POST, APP] {
        walk(&mut watched, client).await;
    }
    stumble(&mut watched).await;

    let traces = String::from_utf8(traces.0.lock().unwrap().clone()).unwrap();
    for endpoint in ["authorize", "token", "revoke", "introspect", "metadata"] {
        assert!(
            traces.contains(&format!("oauth{{endpoint=\"{endpoint}\"}}")),
            "{endpoint}"
        );
    }
    for reason in [
        "WrongSecret",
        "Replayed",
        "Approved",
        "MissingChallenge",
        "a percent escape is malformed",
        // Why the store failed, for who has to mend it.
        "broken by the test",
    ] {
        assert!(traces.contains(reason), "{reason}");
    }
    let log = watched.log.join("\n");
    assert!(log.contains("alice"), "who");
    for secret in &watched.secrets {
        assert!(secret.len() > 8, "{secret} would be found anywhere");
        let encoded = encode(secret);
        let quoted = format!("{secret:?}");
        for form in [secret.as_str(), &encoded, quoted.trim_matches('"')] {
            for (name, text) in [("events", &log), ("traces", &traces)] {
                if let Some(at) = text.find(form) {
                    let line = text[..at].lines().last().unwrap_or_default();
                    panic!("{form} is in the {name}, after {line}");
                }
            }
        }
    }
}

/// The flow as it should go.
async fn walk(watched: &mut Watched, client: &str) {
    watched.fixture.host.does(Does::Ask);
    let visit = |changes| {
        get(&format!(
            "/authorize?{}",
            common::call::encoded(&changed(ask(client), changes))
        ))
    };
    let page = watched
        .step(visit(&[]), &["AuthorizationPending", client])
        .await;
    watched.keep(page.text());
    let cookie = page.cookie().unwrap();
    watched.keep(cookie.split_once('=').unwrap().1);
    for secret in [
        VERIFIER,
        STATE,
        &client_secret(client),
        &basic(client, &client_secret(client))["Basic ".len()..],
    ] {
        watched.keep(secret);
    }

    watched.fixture.host.does(Does::Deny);
    watched.step(visit(&[]), &["Declined"]).await;
    watched.fixture.host.does(Does::Approve(yes()));
    let answer = watched.step(visit(&[]), &["Approved", "alice"]).await;
    watched.keep(answer.cookie().unwrap().split_once('=').unwrap().1);
    let code = watched.keep(answer.to_client().get("code").unwrap());
    let posted = watched
        .step(visit(&[("response_mode", "form_post")]), &["Approved"])
        .await;
    watched.keep(posted.to_client().get("code").unwrap());

    let redeem = form_of(client, "/token", &exchange(client, &code));
    let tokens = watched
        .step(
            redeem,
            &["TokenIssued", "authorization_code", "alice", "read"],
        )
        .await;
    let access = watched.keep(&tokens.member("access_token"));
    let refresh = watched.keep(&tokens.member("refresh_token"));
    let again = pairs(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]);
    let next = watched
        .step(
            form_of(client, "/token", &again),
            &["TokenIssued", "refresh_token"],
        )
        .await;
    watched.keep(&next.member("access_token"));
    watched.keep(&next.member("refresh_token"));
    let inspect = form_of(INSPECTOR, "/introspect", &pairs(&[("token", &access)]));
    watched
        .step(inspect, &["Introspected", "active: true"])
        .await;
    let revoke = form_of(client, "/revoke", &pairs(&[("token", &access)]));
    watched.step(revoke, &["Revoked", "family: false"]).await;
    let revoke = form_of(client, "/revoke", &pairs(&[("token", &refresh)]));
    watched.step(revoke, &["Revoked", "family: true"]).await;
    watched
        .step(get("/.well-known/oauth-authorization-server"), &[])
        .await;

    let code = watched.fixture.code(client).await;
    watched.keep(&code);
    let redeem = || form_of(client, "/token", &exchange(client, &code));
    let tokens = watched.step(redeem(), &["TokenIssued"]).await;
    watched.keep(&tokens.member("access_token"));
    watched.step(redeem(), &["TokenDenied", "Replayed"]).await;
}

/// What goes wrong, with secrets in every place that they do not belong to.
async fn stumble(watched: &mut Watched) {
    let wrong = watched.keep("a-wrong-secret-that-was-guessed");
    let basic_wrong = basic(WEB, &wrong);
    watched.keep(basic_wrong.strip_prefix("Basic ").unwrap());
    let token = watched.keep("a-token-that-is-none-of-ours");
    let grant = pairs(&[("grant_type", "client_credentials"), ("token", &token)]);
    let by = |uri: &str, authorization: &str| with(form(uri, &grant), AUTHORIZATION, authorization);
    for _ in 0..12 {
        for (uri, event) in [
            ("/token", "TokenDenied"),
            ("/revoke", "RevocationDenied"),
            ("/introspect", "IntrospectionDenied"),
        ] {
            let answer = watched.step(by(uri, &basic_wrong), &[]).await;
            let last = watched.log.last().unwrap();
            assert!(
                answer.status == 429 || (last.contains(event) && last.contains("WrongSecret")),
                "{last}"
            );
        }
    }
    let bearer = format!("Bearer {token}");
    watched.step(by("/token", &bearer), &["Malformed"]).await;
    watched
        .step(by("/introspect", &format!("Basic {token}")), &["Malformed"])
        .await;
    let odd = basic("nobody", &wrong);
    watched.step(by("/revoke", &odd), &["Unknown"]).await;
    watched.keep(&STANDARD.encode(format!("nobody:{wrong}")));
    // In the wrong parameter, the address, the cookie, a broken form, and a body of another kind.
    let misplaced = [
        ("code_verifier", token.as_str()),
        ("redirect_uri", &token),
        ("scope", &token),
        ("resource", &token),
        ("grant_type", &token),
        ("code", &token),
        ("refresh_token", &token),
    ];
    for misplaced in misplaced {
        let params = changed(exchange(POST, "x"), &[misplaced]);
        watched
            .step(form_of(POST, "/token", &params), &["TokenDenied"])
            .await;
    }
    for name in [
        "redirect_uri",
        "scope",
        "resource",
        "state",
        "response_type",
        "code_challenge",
        "request",
    ] {
        let params = changed(ask(WEB), &[("state", "x"), (name, &token)]);
        let visit = get(&format!("/authorize?{}", common::call::encoded(&params)));
        watched
            .step(
                with(
                    visit,
                    http::header::COOKIE,
                    &format!("__Host-oauth-browser={token}"),
                ),
                &[],
            )
            .await;
    }
    let none = [("-code_challenge", ""), ("-code_challenge_method", "")];
    let visit = get(&format!(
        "/authorize?{}",
        common::call::encoded(&changed(ask(STRANGER), &none))
    ));
    watched
        .step(visit, &["AuthorizationRefused", "MissingChallenge"])
        .await;
    // A client id is no secret, and is what an operator looks for.
    watched
        .fixture
        .send(get("/authorize?client_id=nobody"))
        .await;
    assert!(watched.fixture.events.take()[0].contains("AuthorizationUnproven"));
    for uri in ["/token", "/authorize"] {
        watched
            .step(raw_form(uri, format!("token={token}&x=%zz")), &[])
            .await;
        let json = request(Method::POST, uri, format!("{{\"token\": \"{token}\"}}"));
        watched
            .step(with(json, CONTENT_TYPE, "application/json"), &[])
            .await;
        watched
            .step(get(&format!("{uri}?token={token}&x=%zz")), &[])
            .await;
    }
    watched.fixture.store.breaks(true);
    watched
        .step(form_of(POST, "/token", &exchange(POST, &token)), &[])
        .await;
    watched
        .step(form_of(POST, "/revoke", &pairs(&[("token", &token)])), &[])
        .await;
    watched.fixture.store.breaks(false);
    let handle = format!("{token}.{wrong}");
    let headers = http::HeaderMap::new();
    assert!(
        watched
            .fixture
            .host
            .interactions
            .deny(&handle, &headers)
            .await
            .is_err()
    );
    assert!(watched.fixture.events.take()[0].contains("Forged"));
}

/// Also what never came as far as a decision is an event, with its reason.
#[tokio::test]
async fn what_is_not_looked_at_is_told_too() {
    let fixture = Fixture::new();
    let json = request(Method::POST, "/token", "{}");
    for (request, expected) in [
        (
            with(json, CONTENT_TYPE, "application/json"),
            "Unreadable { reason: \"the request body has to be application/x-www-form-urlencoded\" }",
        ),
        (
            get("/revoke"),
            "Unreadable { reason: \"the method is not POST\" }",
        ),
        (
            raw_form("/introspect", "a=%zz"),
            "Unreadable { reason: \"a percent escape is malformed\" }",
        ),
        (
            get("/authorize?a=%zz"),
            "Unreadable { reason: \"a percent escape is malformed\" }",
        ),
        (
            raw_form("/authorize", "a=%ff"),
            "Unreadable { reason: \"the parameters are not UTF-8 text\" }",
        ),
    ] {
        fixture.send(request).await;
        assert_eq!(fixture.events.take(), [expected]);
    }
    let wrong = || {
        with(
            raw_form("/token", "grant_type=x"),
            AUTHORIZATION,
            &basic(WEB, "wrong"),
        )
    };
    for _ in 0..11 {
        fixture.send(wrong()).await;
    }
    fixture.events.take();
    assert_eq!(fixture.send(wrong()).await.status, 429);
    assert_eq!(
        fixture.events.take(),
        [format!(
            "Throttled {{ client_id: Some(ClientId({WEB:?})) }}"
        )]
    );
}

//! Tokens checked by introspection (RFC 7662), with a server that answers what it is told to and a clock that is set by hand.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};
use oauth_core::{
    time::Timestamp,
    token::PresentedToken,
    types::{ClientId, Confirmation, Secret},
};
use oauth_tower::{
    BoxError,
    bearer::{BearerLayer, Introspection, InvalidEndpoint, TokenVerifier},
};
use serde_json::{Value, json};
use tower::util::BoxCloneSyncService;

use crate::support::{Hands, get, scope, send};

const NOW: u64 = 1_700_000_000;
/// 32 bytes of 0xfb.
const DIGEST: &str = "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s";

type Client = BoxCloneSyncService<Request<Full<Bytes>>, Response<Full<Bytes>>, BoxError>;

/// An authorization server that answers every question alike, and remembers the questions.
#[derive(Clone)]
struct Fake {
    answer: Arc<Mutex<Reply>>,
    asked: Arc<Mutex<Vec<(Parts, String)>>>,
    clock: Arc<Hands>,
}

#[derive(Clone)]
enum Reply {
    Json(Value),
    Raw(u16, &'static str, Bytes),
    Gone,
    Never,
}

impl Fake {
    fn new(answer: Value) -> Self {
        Self {
            answer: Arc::new(Mutex::new(Reply::Json(answer))),
            asked: Arc::default(),
            clock: Arc::new(Hands::at(NOW)),
        }
    }

    fn answers(&self, reply: Reply) {
        *self.answer.lock().unwrap() = reply;
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn client(&self) -> Client {
        let fake = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Full<Bytes>>| {
            let fake = fake.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let body = String::from_utf8(body.to_vec())?;
                fake.asked.lock().unwrap().push((parts, body));
                let reply = fake.answer.lock().unwrap().clone();
                let (status, content_type, body) = match reply {
                    Reply::Json(value) => (200, "application/json", value.to_string().into()),
                    Reply::Raw(status, content_type, body) => (status, content_type, body),
                    Reply::Gone => return Err("connection refused".into()),
                    Reply::Never => std::future::pending().await,
                };
                let response = Response::builder()
                    .status(status)
                    .header("content-type", content_type);
                Ok(response.body(Full::from(body))?)
            }
        }))
    }

    fn verifier(&self) -> Introspection<Client> {
        let (id, secret) = (
            ClientId::new("odd api:+%41").unwrap(),
            Secret::new("s3 c:r+t"),
        );
        Introspection::new(
            self.client(),
            "https://login.example/introspect",
            &id,
            &secret,
        )
        .unwrap()
        .clock(self.clock.clone())
    }
}

fn active(more: Value) -> Value {
    let mut answer = json!({"active": true, "token_type": "Bearer", "client_id": "app"});
    let Value::Object(more) = more else { panic!() };
    answer.as_object_mut().unwrap().extend(more);
    answer
}

fn presented(token: &str) -> PresentedToken {
    PresentedToken::bearer(Secret::new(token))
}

fn shown() -> PresentedToken {
    presented("the-token")
}

/// 7662-2.1-a, and RFC 6749 §2.3.1 for the credentials.
#[tokio::test]
async fn the_question_is_as_the_server_wants_it() {
    let fake = Fake::new(active(json!({})));
    fake.verifier()
        .verify(&presented("a+b/c~d=="))
        .await
        .unwrap()
        .unwrap();
    let (parts, body) = fake.asked.lock().unwrap().pop().unwrap();
    assert_eq!(parts.method, "POST");
    assert_eq!(parts.uri, "https://login.example/introspect");
    assert_eq!(
        body,
        "token=a%2Bb%2Fc%7Ed%3D%3D&token_type_hint=access_token"
    );
    assert_eq!(
        parts.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(parts.headers["accept"], "application/json");
    let authorization = &parts.headers["authorization"];
    assert!(authorization.is_sensitive());
    let credentials = authorization
        .to_str()
        .unwrap()
        .strip_prefix("Basic ")
        .unwrap();
    assert_eq!(
        STANDARD.decode(credentials).unwrap(),
        b"odd+api%3A%2B%2541:s3+c%3Ar%2Bt"
    );
}

#[tokio::test]
async fn an_active_answer_is_read_with_all_it_says() {
    let fake = Fake::new(active(json!({
        "scope": "write read", "sub": "alice", "aud": ["https://a", "https://b"], "username": "Alice",
        "iat": NOW - 10, "nbf": NOW, "exp": NOW + 60, "token_type": "bearer", "extension": {"x": 1},
    })));
    let token = fake.verifier().verify(&shown()).await.unwrap().unwrap();
    let token = token.prove(&shown()).unwrap();
    assert_eq!(token.client_id.as_str(), "app");
    assert_eq!(token.subject.unwrap().as_str(), "alice");
    assert_eq!(token.scope, scope("read write"));
    assert_eq!(token.audience, ["https://a", "https://b"]);
    assert_eq!(token.issued_at.as_unix_seconds(), NOW - 10);
    assert_eq!(token.expires_at.as_unix_seconds(), NOW + 60);

    fake.answers(Reply::Json(active(
        json!({"aud": "https://a", "sub": null, "exp": null}),
    )));
    let token = fake.verifier().verify(&shown()).await.unwrap().unwrap();
    let token = token.prove(&shown()).unwrap();
    assert_eq!((token.subject, token.scope.as_str()), (None, ""));
    assert_eq!(token.audience, ["https://a"]);
    assert_eq!(token.issued_at, Timestamp::default());
    assert_eq!(token.expires_at, Timestamp::MAX);
}

/// A binding is told, and the layer lets nobody through with it who has proven nothing.
#[tokio::test]
async fn a_bound_token_is_never_taken_for_a_bearer_token() {
    for (cnf, token_type, expected) in [
        (
            json!({"jkt": DIGEST}),
            "DPoP",
            Confirmation::Jwk([0xfb; 32]),
        ),
        (
            json!({"jkt": DIGEST}),
            "Bearer",
            Confirmation::Jwk([0xfb; 32]),
        ),
        (
            json!({"x5t#S256": DIGEST}),
            "Bearer",
            Confirmation::Certificate([0xfb; 32]),
        ),
    ] {
        let fake = Fake::new(active(json!({"cnf": cnf, "token_type": token_type})));
        let verifier = fake.verifier();
        // The second time from the cache.
        for _ in 0..2 {
            let token = verifier
                .verify(&presented("secret"))
                .await
                .unwrap()
                .unwrap();
            let token = token.dangerous_get().clone();
            assert_eq!(token.confirmation, Some(expected));
        }
        assert_eq!(fake.asked(), 1);
        let layer = BearerLayer::new(fake.verifier());
        let answer = send(&layer, get("/", &[("authorization", "Bearer x")])).await;
        assert_eq!(answer.status, 401);
        assert!(answer.challenge().unwrap().contains("\"invalid_token\""));
    }
}

/// RFC 9470 §6.2, RFC 9396 §9.2, RFC 8693 §4.1, and what RFC 7662 §2.2 leaves to the server.
#[tokio::test]
async fn how_the_user_signed_in_and_whatever_else_is_told() {
    let fake = Fake::new(active(json!({
        "auth_time": NOW - 5, "acr": "2", "amr": ["pwd", "otp"],
        "authorization_details": [{"type": "payment", "amount": 1}],
        "act": {"sub": "helper", "iss": "https://other", "act": {"sub": "first"}},
        "jti": "x", "username": "Alice", "iss": "https://login.example", "tenant": {"id": 7}, "flag": null,
    })));
    let token = fake
        .verifier()
        .verify(&presented("secret"))
        .await
        .unwrap()
        .unwrap();
    let token = token.dangerous_get().clone();
    let authentication = token.authentication.unwrap();
    assert_eq!(authentication.time.as_unix_seconds(), NOW - 5);
    assert_eq!(authentication.class.as_deref(), Some("2"));
    assert_eq!(authentication.methods, ["pwd", "otp"]);
    assert_eq!(
        token.authorization_details.unwrap().as_str(),
        r#"[{"amount":1,"type":"payment"}]"#
    );
    let actor = token.actor.unwrap();
    assert_eq!(
        (actor.subject.as_str(), actor.issuer.as_deref()),
        ("helper", Some("https://other"))
    );
    assert_eq!(actor.actor().unwrap().subject, "first");
    let data: Value = token.data.unwrap().to().unwrap();
    assert_eq!(data, json!({"tenant": {"id": 7}, "flag": null}));

    // Without a time it was long ago, so nobody takes it for a recent one.
    fake.answers(Reply::Json(active(json!({"acr": "2"}))));
    let token = fake
        .verifier()
        .verify(&presented("secret"))
        .await
        .unwrap()
        .unwrap();
    let token = token.dangerous_get().clone();
    assert_eq!(token.authentication.unwrap().time, Timestamp::default());
    assert_eq!((token.actor, token.data), (None, None));
    // What is too much is left out; the token is what it is.
    fake.answers(Reply::Json(active(json!({"much": "x".repeat(1024)}))));
    let token = fake
        .verifier()
        .verify(&presented("secret"))
        .await
        .unwrap()
        .unwrap();
    let token = token.dangerous_get().clone();
    assert_eq!((token.authentication, token.data), (None, None));
}

/// 6749-7-a, v21-5.2-a: what is no access token that can be used by showing it, now, is not valid.
#[tokio::test]
async fn an_answer_that_gives_no_access() {
    for (row, answer) in [
        ("inactive", json!({"active": false})),
        (
            "inactive whatever else",
            json!({"active": false, "token_type": "Bearer", "client_id": "app"}),
        ),
        (
            "a refresh token",
            json!({"active": true, "client_id": "app"}),
        ),
        ("a refresh token", active(json!({"token_type": null}))),
        ("another type", active(json!({"token_type": "N_A"}))),
        ("DPoP without a key", active(json!({"token_type": "DPoP"}))),
        (
            "DPoP with a certificate",
            active(json!({"token_type": "DPoP", "cnf": {"x5t#S256": DIGEST}})),
        ),
        (
            "a binding that is none",
            active(json!({"cnf": {"x5t#S256": "x"}})),
        ),
        ("a binding that is none", active(json!({"cnf": {}}))),
        ("a binding that is none", active(json!({"cnf": "jkt"}))),
        ("a binding that is none", active(json!({"cnf": []}))),
        (
            "a padded digest",
            active(json!({"cnf": {"jkt": format!("{DIGEST}=")}})),
        ),
        ("an unknown binding", active(json!({"cnf": {"kid": "x"}}))),
        (
            "an unknown binding too",
            active(json!({"cnf": {"jkt": DIGEST, "kid": "x"}})),
        ),
        ("over", active(json!({"exp": NOW}))),
        ("long over", active(json!({"exp": 0}))),
        ("not yet", active(json!({"nbf": NOW + 1}))),
    ] {
        let fake = Fake::new(answer);
        assert_eq!(
            fake.verifier().verify(&shown()).await.unwrap(),
            None,
            "{row}"
        );
    }
}

/// What cannot be relied on says nothing about the token: 503 and never 401.
#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_relied_on() {
    let raw =
        |status, content_type, body: &'static str| Reply::Raw(status, content_type, body.into());
    let json = "application/json";
    let good = r#"{"active":true,"token_type":"Bearer","client_id":"app"}"#;
    for (row, reply) in [
        ("no server", Reply::Gone),
        ("no answer", Reply::Never),
        (
            "7662-2.3-a: our credentials",
            raw(401, json, r#"{"error":"invalid_client"}"#),
        ),
        ("its answer to us", raw(401, json, r#"{"active":false}"#)),
        ("forbidden", raw(403, json, r#"{"active":false}"#)),
        ("elsewhere", raw(302, json, good)),
        ("created", raw(201, json, good)),
        ("throttled", raw(429, json, "{}")),
        ("broken", raw(500, json, good)),
        ("a page", raw(200, "text/html", good)),
        (
            "a signed answer",
            raw(200, "application/token-introspection+jwt", good),
        ),
        ("nothing", raw(200, json, "")),
        ("not JSON", raw(200, json, "active")),
        ("not an object", raw(200, json, "true")),
        (
            "no active",
            raw(200, json, r#"{"token_type":"Bearer","client_id":"app"}"#),
        ),
        (
            "7662-2.2-b: not boolean",
            raw(
                200,
                json,
                r#"{"active":"true","token_type":"Bearer","client_id":"app"}"#,
            ),
        ),
        ("not boolean", raw(200, json, r#"{"active":"false"}"#)),
        ("not boolean", raw(200, json, r#"{"active":0}"#)),
        (
            "twice",
            raw(
                200,
                json,
                r#"{"active":false,"active":true,"token_type":"Bearer","client_id":"app"}"#,
            ),
        ),
        (
            "a binding, and none",
            raw(
                200,
                json,
                r#"{"active":true,"token_type":"Bearer","client_id":"app","cnf":{"kid":"x"},"cnf":null}"#,
            ),
        ),
        ("more", raw(200, json, r#"{"active":false}{}"#)),
        (
            "no client",
            raw(200, json, r#"{"active":true,"token_type":"Bearer"}"#),
        ),
        (
            "7662-2.2-c",
            Reply::Json(active(json!({"exp": "1900000000"}))),
        ),
        ("7662-2.2-c", Reply::Json(active(json!({"exp": -1})))),
        (
            "7662-2.2-d",
            Reply::Json(active(json!({"scope": ["read"]}))),
        ),
        (
            "7662-2.2-d",
            Reply::Json(active(json!({"scope": "read  write"}))),
        ),
        (
            "a strange audience",
            Reply::Json(active(json!({"aud": [1]}))),
        ),
        ("a strange user", Reply::Json(active(json!({"sub": ""})))),
        ("a strange actor", Reply::Json(active(json!({"act": {}})))),
        (
            "strange methods",
            Reply::Json(active(json!({"amr": "pwd"}))),
        ),
        (
            "strange details",
            Reply::Json(active(json!({"authorization_details": {"type": "a"}}))),
        ),
        (
            "too long",
            Reply::Json(active(json!({"x": "x".repeat(16 * 1024)}))),
        ),
    ] {
        let fake = Fake::new(json!({}));
        fake.answers(reply);
        let verifier = Arc::new(fake.verifier());
        let error = verifier.verify(&shown()).await.expect_err(row);
        let text = format!("{error} {error:?}");
        assert!(
            !text.contains("the-token") && !text.contains("s3"),
            "{text}"
        );
        let answer = send(
            &BearerLayer::new(verifier),
            get("/", &[("authorization", "Bearer the-token")]),
        )
        .await;
        assert_eq!(answer.status, 503, "{row}");
        assert_eq!(answer.challenge(), None, "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_is_five_seconds_or_what_is_set() {
    let fake = Fake::new(json!({}));
    fake.answers(Reply::Never);
    for (verifier, seconds) in [
        (fake.verifier(), 5),
        (fake.verifier().timeout(Duration::from_secs(2)), 2),
    ] {
        let before = tokio::time::Instant::now();
        verifier.verify(&shown()).await.unwrap_err();
        assert_eq!(before.elapsed(), Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn the_size_limit_holds_at_its_edge() {
    let answer = active(json!({}));
    let length = answer.to_string().len();
    let fake = Fake::new(answer);
    assert!(fake.verifier().limit(length).verify(&shown()).await.is_ok());
    assert!(
        fake.verifier()
            .limit(length - 1)
            .verify(&shown())
            .await
            .is_err()
    );
}

/// 7662-4-h, 7662-4-c: an active answer is believed for five seconds, and never past its end.
#[tokio::test]
async fn active_answers_are_remembered_for_a_moment() {
    let moment = Duration::from_millis(1);
    let fake = Fake::new(active(json!({"exp": NOW + 60})));
    let verifier = fake.verifier();
    let first = verifier.verify(&shown()).await.unwrap();
    fake.answers(Reply::Json(json!({"active": false})));
    fake.clock.advance(Duration::from_millis(4999));
    assert_eq!(verifier.verify(&shown()).await.unwrap(), first);
    assert_eq!(fake.asked(), 1);
    // Looking does not prolong it.
    fake.clock.advance(moment);
    assert_eq!(verifier.verify(&shown()).await.unwrap(), None);
    assert_eq!(fake.asked(), 2);

    let fake = Fake::new(active(json!({"exp": NOW + 3})));
    let verifier = fake.verifier();
    assert!(verifier.verify(&shown()).await.unwrap().is_some());
    fake.clock.advance(Duration::from_millis(2999));
    assert!(verifier.verify(&shown()).await.unwrap().is_some());
    assert_eq!(fake.asked(), 1);
    fake.clock.advance(moment);
    assert_eq!(verifier.verify(&shown()).await.unwrap(), None);
    assert_eq!(fake.asked(), 2);
}

#[tokio::test]
async fn only_the_same_token_is_remembered_and_only_if_it_is_active() {
    let fake = Fake::new(active(json!({})));
    let verifier = fake.verifier();
    for text in ["a", "b", "a", "b"] {
        verifier.verify(&presented(text)).await.unwrap();
    }
    assert_eq!(fake.asked(), 2);
    for reply in [Reply::Json(json!({"active": false})), Reply::Gone] {
        let before = fake.asked();
        fake.answers(reply);
        let _ = verifier.verify(&presented("c")).await;
        let _ = verifier.verify(&presented("c")).await;
        assert_eq!(fake.asked(), before + 2);
    }
}

#[tokio::test]
async fn the_cache_can_be_longer_off_and_small() {
    let ask = async |verifier: &Introspection<Client>, texts: &[&str]| {
        for &text in texts {
            verifier.verify(&presented(text)).await.unwrap();
        }
    };
    let fake = Fake::new(active(json!({})));
    ask(
        &fake.verifier().cache_lifetime(Duration::ZERO),
        &["a", "a", "a"],
    )
    .await;
    assert_eq!(fake.asked(), 3);

    let fake = Fake::new(active(json!({})));
    let longer = fake.verifier().cache_lifetime(Duration::from_secs(60));
    ask(&longer, &["a"]).await;
    fake.clock.advance(Duration::from_secs(59));
    ask(&longer, &["a"]).await;
    assert_eq!(fake.asked(), 1);
    // A clock that was set back makes nothing last longer.
    fake.clock.set(NOW - 1);
    ask(&longer, &["a"]).await;
    assert_eq!(fake.asked(), 2);

    let fake = Fake::new(active(json!({})));
    let small = fake
        .verifier()
        .cache_capacity(NonZeroUsize::new(2).unwrap());
    ask(&small, &["a", "b", "a", "c", "a", "b"]).await;
    assert_eq!(
        fake.asked(),
        4,
        "a, b, c, and b again, which was the least recently used"
    );
}

/// The time while the question was on its way counts: what is answered may be as old as the question.
#[tokio::test]
async fn an_answer_is_as_old_as_its_question() {
    let fake = Fake::new(active(json!({"exp": NOW + 60})));
    let clock = Arc::clone(&fake.clock);
    let inner = fake.client();
    let slow = tower::service_fn(move |request: Request<Full<Bytes>>| {
        clock.advance(Duration::from_secs(4));
        tower::ServiceExt::oneshot(inner.clone(), request)
    });
    let id = "api".parse().unwrap();
    let verifier = Introspection::new(
        slow,
        "https://login.example/i",
        &id,
        &Secret::new("the-secret"),
    )
    .unwrap()
    .clock(fake.clock.clone());
    verifier.verify(&shown()).await.unwrap().unwrap();
    fake.clock.advance(Duration::from_secs(1));
    verifier.verify(&shown()).await.unwrap().unwrap();
    assert_eq!(fake.asked(), 2);
    // And what expired meanwhile has expired.
    fake.answers(Reply::Json(active(json!({"exp": NOW + 12}))));
    assert_eq!(verifier.verify(&presented("other")).await.unwrap(), None);
}

/// 9700-4.9.3-a: neither the token nor the API's own secret can be printed.
#[test]
fn nothing_secret_is_shown() {
    let shown = format!("{:?}", Fake::new(json!({})).verifier());
    assert_eq!(
        shown,
        "Introspection { endpoint: https://login.example/introspect, .. }"
    );
}

#[test]
fn nothing_is_asked_in_the_clear() {
    let (id, secret) = ("api".parse().unwrap(), Secret::new("the-secret"));
    let client = || Fake::new(json!({})).client();
    let plain = "http://login.example/introspect";
    let refused = Introspection::new(client(), plain, &id, &secret).unwrap_err();
    assert_eq!(refused, InvalidEndpoint::Http);
    assert!(Introspection::dangerous_plain_http(client(), plain, &id, &secret).is_ok());
}

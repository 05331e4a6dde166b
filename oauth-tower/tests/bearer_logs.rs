//! What the bearer layer writes to the log. A test of its own, since whether a line is written is settled once for a process.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail as its test does")]

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use http::{Request, Response};
use oauth_core::{
    time::Timestamp,
    token::{AccessToken, PresentedToken},
    types::{Scope, Secret},
};
use oauth_tower::bearer::{BearerLayer, Introspection, TokenVerifier, Unavailable, UnprovenToken};
use tower::{Layer, ServiceExt};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Known;

#[async_trait]
impl TokenVerifier for Known {
    async fn verify(
        &self,
        presented: &PresentedToken,
    ) -> Result<Option<UnprovenToken>, Unavailable> {
        let (client, end) = ("app".parse().unwrap(), Timestamp::MAX);
        let mut token = AccessToken::new(client, Scope::EMPTY, end, end);
        match presented.token.expose() {
            "scopeless" => Ok(Some(UnprovenToken::new(token))),
            "theirs" => {
                token.audience.push("https://other".into());
                Ok(Some(UnprovenToken::new(token)))
            }
            "unlucky" => Err(Unavailable::new(io::Error::other(Away))),
            _ => Ok(None),
        }
    }
}

/// An error with a cause.
#[derive(Debug, thiserror::Error)]
#[error("the database is away")]
struct Away;

async fn send(layer: &BearerLayer, target: &str, authorization: Option<&str>) {
    let mut request = Request::get(target);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let request = request.body(String::new()).unwrap();
    let api = tower::service_fn(|_| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let response = layer.layer(api).oneshot(request).await.unwrap();
    assert!(!response.status().is_success());
}

/// 9700-4.9.3-a: reasons, but no tokens and no secrets.
#[tokio::test]
async fn the_log_has_reasons_and_no_secrets() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();

    let layer = BearerLayer::new(Known)
        .dangerous_query_token()
        .scope("write".parse().unwrap());
    for token in ["scopeless", "stranger", "theirs", "unlucky", "bad!one"] {
        send(&layer, "/", Some(&format!("Bearer {token}"))).await;
    }
    send(&layer, "/?access_token=stranger", None).await;
    let away = tower::service_fn(|_| async {
        Err::<Response<String>, _>(io::Error::other("connection refused"))
    });
    let (id, secret) = ("api".parse().unwrap(), Secret::new("hunter2"));
    let asking = Introspection::new(away, "https://login.example/i", &id, &secret).unwrap();
    send(&BearerLayer::new(asking), "/", Some("Bearer stranger")).await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for reason in [
        "the access token does not have the required scope",
        "the access token is not valid",
        "the access token is for another audience",
        "audience=[\"https://other\"]",
        "the access token is not a b64token",
        "the database is away",
        "the authorization server cannot be asked: connection refused",
    ] {
        assert!(log.contains(reason), "{reason} is not in {log}");
    }
    for secret in [
        "scopeless",
        "stranger",
        "theirs",
        "unlucky",
        "bad!one",
        "hunter2",
    ] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

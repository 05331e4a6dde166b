//! What is written to the log.

use std::{
    io,
    sync::{Arc, Mutex},
};

use oauth_core::types::Secret;
use oauth_tower::bearer::{BearerLayer, Introspection};

use crate::support::{Known, get, request, scope, send};

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

/// 9700-4.9.3-a: reasons, but no tokens and no secrets.
#[tokio::test]
async fn the_log_has_reasons_and_no_secrets() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let layer = BearerLayer::new(Known::default())
        .dangerous_query_token()
        .scope(scope("write"));
    for value in [
        "Bearer reader",
        "Bearer nobody",
        "Bearer theirs",
        "Bearer unlucky",
        "Bearer bad!token",
    ] {
        send(&layer, get("/", &[("authorization", value)])).await;
    }
    send(&layer, get("/?access_token=nobody", &[])).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = "access_token=nobody";
    send(&layer.form_body(), request("POST", "/", &form, body)).await;
    let away = tower::service_fn(|_| async {
        Err::<http::Response<String>, _>(io::Error::other("connection refused"))
    });
    let (id, secret) = ("api".parse().unwrap(), Secret::new("hunter2"));
    let asking = Introspection::new(away, "https://login.example/i", &id, &secret).unwrap();
    send(
        &BearerLayer::new(asking),
        get("/", &[("authorization", "Bearer nobody")]),
    )
    .await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for reason in [
        "the access token does not have the required scope",
        "the access token is not valid",
        "the access token is for another resource server",
        "the access token is not a b64token",
        "the database is away",
        "the authorization server cannot be asked: connection refused",
    ] {
        assert!(log.contains(reason), "{reason} is not in {log}");
    }
    for secret in [
        "reader",
        "nobody",
        "theirs",
        "unlucky",
        "bad!token",
        "hunter2",
    ] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

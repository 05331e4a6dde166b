//! 知晓云, by its document.

use http::{Request, header::CONTENT_TYPE};

use super::{
    applications::{Minapp, ask_for_own_code, is_hex, multipart, own_code, secret},
    place::{CONFIG, start},
    wire::{form, get, send},
};

/// The samples of the document, byte for byte but for code and token.
#[tokio::test]
async fn the_samples_are_answered_as_they_stand() {
    let server = start("minapp", CONFIG).await;
    let answer = own_code(&server, "1").await;
    let code = answer.text("code");
    assert!(is_hex(&code), "{code}");
    assert_eq!(
        answer.body,
        format!(r#"{{"code":"{code}","expires_in":600}}"#)
    );
    let answer = send(Minapp.redeem(&server, "1", &code)).await;
    let token = answer.text("access_token");
    assert!(is_hex(&token), "{token}");
    assert_eq!(
        answer.body,
        format!(r#"{{"access_token":"{token}","expires_in":31535999}}"#)
    );
    let answer = send(Minapp.call(&server, &token)).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, Minapp.served())
    );
    let answer = get(&server.url("/oserve/v1.3/cloud-function")).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
    // A code is used once, and its replay ends what it gave.
    let answer = send(Minapp.redeem(&server, "1", &code)).await;
    assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
    let answer = send(Minapp.call(&server, &token)).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
}

#[tokio::test]
async fn what_passes_between_the_hops_is_used_once() {
    let server = start("minapp", CONFIG).await;
    let first = send(ask_for_own_code(&server, "1", &secret("1"))).await;
    let second = get(&server.url(first.location())).await;
    let answer = get(&server.url(second.location())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = get(&server.url(second.location())).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.json()["error"].is_string());
}

#[tokio::test]
async fn a_token_request_comes_in_each_of_its_shapes() {
    let server = start("minapp", CONFIG).await;
    let secret = secret("1");
    for (shape, path) in [
        ("form", "/api/oauth2/access_token"),
        ("json", "/api/oauth2/access_token/"),
        ("untyped", "/api/oauth2/access_token/"),
        ("multipart", "/api/oauth2/access_token"),
    ] {
        let code = own_code(&server, "1").await.text("code");
        let fields = [
            ("client_id", "1"),
            ("client_secret", secret.as_str()),
            ("code", code.as_str()),
            ("grant_type", "authorization_code"),
        ];
        let request = Request::post(server.url(path));
        let json = || {
            let members: serde_json::Map<_, _> = fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).into()))
                .collect();
            serde_json::Value::from(members).to_string().into_bytes()
        };
        let request = match shape {
            "form" => form(request, &fields),
            "json" => request
                .header(CONTENT_TYPE, "application/json")
                .body(json())
                .unwrap(),
            "untyped" => request.body(json()).unwrap(),
            _ => multipart(request, &fields),
        };
        let answer = send(request).await;
        assert_eq!(answer.status, 200, "{shape}: {answer:?}");
    }
}

#[tokio::test]
async fn errors_come_at_once() {
    let server = start("minapp", CONFIG).await;
    let answer = send(ask_for_own_code(&server, "1", "x")).await;
    assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    let answer = send(ask_for_own_code(&server, "nobody", "x")).await;
    assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    let request = Request::post(server.url("/api/oauth2/hydrogen/openapi/authorize"));
    let secret = secret("1");
    let fields = [("client_id", "1"), ("client_secret", secret.as_str())];
    let answer = send(form(request, &fields)).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert!(answer.json()["error"].is_string());
    let answer = send(Minapp.redeem(&server, "1", "0".repeat(40).as_str())).await;
    assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
}

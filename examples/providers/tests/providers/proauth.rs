//! The in-house platform, by its document.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{Request, header::AUTHORIZATION};

use super::{
    applications::{Proauth, client_token, secret, sign},
    place::{CONFIG, Running, start},
    wire::{ALICE, bearer, decide, empty, get, param, send},
};

/// The request that exchanges a refresh token.
pub(crate) fn refresh(server: &Running, token: &str, scope: Option<&str>) -> Request<Vec<u8>> {
    let mut path = format!("/oauth2/token?grant_type=refresh_token&refresh_token={token}");
    if let Some(scope) = scope {
        path += &format!("&scope={scope}");
    }
    let proof = format!("Client {}", client_token("1", &secret("1")));
    empty(Request::post(server.url(&path)).header("Authencation", proof))
}

fn is_upper(token: &str) -> bool {
    token
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

/// The sample of the document, byte for byte but for the tokens.
#[tokio::test]
async fn the_sample_is_answered_as_it_stands() {
    let server = start("proauth", CONFIG).await;
    let url = Proauth
        .authorize(&server, "1")
        .replace("user:read%20role:read", "all:all");
    let returned = decide(&server, &url, ALICE, "approve").await;
    let code = param(&returned, "code").expect("a code");
    assert!(is_upper(&code), "{code}");
    let answer = send(Proauth.redeem(&server, "1", &code)).await;
    let (token, refresh_token) = (answer.text("access_token"), answer.text("refresh_token"));
    assert!(
        token.starts_with("RES_") && is_upper(&token) && token.len() >= 4 + 26,
        "{token}"
    );
    assert!(
        is_upper(&refresh_token) && refresh_token.len() >= 26,
        "{refresh_token}"
    );
    assert_eq!(
        answer
            .body
            .replace(&token, "RES_PGX0OUW0R6J14OQUBG")
            .replace(&refresh_token, "8HRFHV2IUQ6UQXPIKWLWVA"),
        r#"{"access_token":"RES_PGX0OUW0R6J14OQUBG","expires_in":7200,"refresh_token":"8HRFHV2IUQ6UQXPIKWLWVA","scope":"all:all","token_type":"Bearer"}"#
    );
    for path in ["/api/user", "/api/roles"] {
        let answer = send(bearer(&server.url(path), &token)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let answer = send(refresh(&server, &refresh_token, Some("all:all"))).await;
    assert_eq!(answer.text("scope"), "all:all");
}

#[tokio::test]
async fn an_application_gets_uses_and_refreshes_a_token() {
    let server = start("proauth", CONFIG).await;
    let answer = Proauth.tokens(&server).await;
    assert_eq!(answer.text("scope"), "role:read user:read");
    let (token, first) = (answer.text("access_token"), answer.text("refresh_token"));
    let answer = send(Proauth.call(&server, &token)).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, Proauth.served())
    );
    let answer = send(bearer(&server.url("/api/roles"), &token)).await;
    assert_eq!(answer.error(), (403, "insufficient_scope".to_owned()));
    let answer = send(bearer(&server.url("/api/user"), "RES_X")).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
    let answer = get(&server.url("/api/user")).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));

    let answer = send(refresh(&server, &first, Some("all:all"))).await;
    assert_eq!(answer.error(), (400, "invalid_scope".to_owned()));
    let answer = send(refresh(&server, &first, Some("role:read"))).await;
    assert_eq!(answer.text("scope"), "role:read");
    let answer = send(bearer(
        &server.url("/api/user"),
        &answer.text("access_token"),
    ))
    .await;
    assert_eq!(answer.error(), (403, "insufficient_scope".to_owned()));
}

#[tokio::test]
async fn a_client_proves_itself_in_its_ways_and_no_other() {
    let server = start("proauth", CONFIG).await;
    let code = Proauth.code(&server).await;
    let secret = &secret("1");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let path = format!(
        "/oauth2/token?redirect_uri=http://app.example/cb&grant_type=authorization_code&code={code}"
    );
    let request = |headers: &[(&str, &str)]| {
        let request = Request::post(server.url(&path));
        empty(headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        }))
    };
    let claims = |id: &str, time: &str, nonce: &str| {
        format!(r#"{{"id":{id},"time":{time},"nonce":{nonce}}}"#)
    };
    let (id, time) = ("\"1\"", &format!("\"{now}\""));
    for (what, proof) in [
        ("no proof", String::new()),
        ("another secret", sign(&claims(id, time, "\"a\""), "x")),
        (
            "another client",
            sign(&claims("\"2\"", time, "\"b\""), secret),
        ),
        (
            "too old",
            sign(&claims(id, &format!("\"{}\"", now - 301), "\"c\""), secret),
        ),
        (
            "too new",
            sign(&claims(id, &format!("\"{}\"", now + 90), "\"d\""), secret),
        ),
        (
            "a number",
            sign(&claims(id, &now.to_string(), "\"e\""), secret),
        ),
        ("a number too", sign(&claims("1", time, "\"f\""), secret)),
        ("no nonce", sign(&claims(id, time, "\"\""), secret)),
    ] {
        let proof = format!("Client {proof}");
        let answer = send(request(&[("Authencation", &proof)])).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "{what}");
    }
    let token = client_token("1", secret);
    let other = client_token("1", secret);
    let [token, other] = [token, other].map(|token| format!("Client {token}"));
    let answer = send(request(&[
        ("Authencation", &token),
        (AUTHORIZATION.as_str(), &other),
    ]))
    .await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
    // None of these has spent the code. The same proof in both headers is one, and good once.
    let answer = send(request(&[
        ("Authencation", &token),
        (AUTHORIZATION.as_str(), &token),
    ]))
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = send(request(&[("Authencation", &token)])).await;
    assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    for name in ["Authencation", AUTHORIZATION.as_str()] {
        let code = Proauth.code(&server).await;
        let path = path.replace(path.rsplit('=').next().unwrap(), &code);
        let proof = client_token("1", secret);
        let answer = send(empty(Request::post(server.url(&path)).header(name, proof))).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn tokens_are_asked_about_and_ended() {
    let server = start("proauth", CONFIG).await;
    let answer = Proauth.tokens(&server).await;
    let (token, refresh_token) = (answer.text("access_token"), answer.text("refresh_token"));
    let url = server.url(&format!("/oauth2/expire?access_token={token}"));
    let answer = send(bearer(&url, &token)).await;
    assert_eq!(
        answer.body,
        r#"{"is_access_expired":false,"is_refresh_expired":false}"#
    );
    let proof = format!("Client {}", client_token("1", &secret("1")));
    let request = Request::delete(server.url(&format!("/oauth2/token?access_token={token}")));
    let answer = send(empty(request.header("Authencation", proof))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = send(Proauth.call(&server, &token)).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
    let answer = send(refresh(&server, &refresh_token, None)).await;
    assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
}

//! 留园网, by its document.

use http::{Request, header::AUTHORIZATION};

use super::{
    applications::{Liuyuan, basic, secret},
    place::{CONFIG, start},
    wire::{ALICE, decide, form, get, param, send},
};

#[tokio::test]
async fn an_application_gets_and_uses_a_token() {
    let config = CONFIG.replace("[policy]", "[policy]\naccess_token_lifetime = 777");
    let server = start("liuyuan", &config).await;
    let answer = Liuyuan.tokens(&server).await;
    let token = answer.text("access_token");
    assert_eq!(
        answer.body,
        format!(r#"{{"access_token":"{token}","expires_in":777}}"#)
    );
    let answer = send(Liuyuan.call(&server, &token)).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"username":"alice"}"#)
    );
    // The same pair may stand in the body too.
    let code = Liuyuan.code(&server).await;
    let request = Request::post(server.url("/index.php?app=token"))
        .header(AUTHORIZATION, basic("1", &secret("1")));
    let secret = secret("1");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("client_id", "1"),
        ("client_secret", secret.as_str()),
    ];
    let answer = send(form(request, &fields)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_call_needs_the_credentials_of_the_tokens_client() {
    let server = start("liuyuan", CONFIG).await;
    let token = Liuyuan.tokens(&server).await.text("access_token");
    let url = server.url("/index.php?app=user&act=userinfo");
    let [own, other] = ["1", "2"].map(|id| basic(id, &secret(id)));
    for (url, authorization, token, status, error) in [
        (&url, other.as_str(), token.as_str(), 401, "invalid_token"),
        (&url, &basic("1", "x"), &token, 401, "invalid_client"),
        (&url, &basic("nobody", "x"), &token, 401, "invalid_client"),
        (&url, &own, "x", 401, "invalid_token"),
        (&url, &own, "", 401, "invalid_token"),
        (
            &url.replace("&act=userinfo", ""),
            &own,
            &token,
            400,
            "invalid_request",
        ),
    ] {
        let request = Request::post(url).header(AUTHORIZATION, authorization);
        let answer = send(form(request, &[("token", token)])).await;
        assert_eq!(
            answer.error(),
            (status, error.to_owned()),
            "{authorization} {token}"
        );
    }
    let answer = send(form(Request::post(&url), &[("token", &token)])).await;
    assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    // In the address it is not seen.
    let request = Request::post(format!("{url}&token={token}")).header(AUTHORIZATION, own);
    let answer = send(form(request, &[])).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
}

#[tokio::test]
async fn errors_are_shown_and_refusals_redirected() {
    let server = start("liuyuan", CONFIG).await;
    let url = Liuyuan.authorize(&server, "1");
    for (url, error) in [
        (url.replace("&state=xyz", ""), "invalid_request"),
        (url.replace("&response_type=code", ""), "invalid_request"),
        (url.replace("=code", "=token"), "unsupported_response_type"),
        (
            format!("{url}&redirect_uri=http://evil.example/"),
            "invalid_request",
        ),
        (
            url.replace("client_id=1", "client_id=nobody"),
            "invalid_client",
        ),
    ] {
        let answer = get(&url).await;
        assert_eq!(answer.error(), (400, error.to_owned()), "{url}");
    }
    let returned = decide(&server, &url, ALICE, "deny").await;
    assert!(
        returned.starts_with("http://app.example/cb?error=access_denied"),
        "{returned}"
    );
    assert_eq!(param(&returned, "state").as_deref(), Some("xyz"));
    // The registered address may be named all the same.
    let named = format!("{url}&redirect_uri=http://app.example/cb");
    let returned = decide(&server, &named, ALICE, "approve").await;
    let code = param(&returned, "code").expect("a code");
    let answer = send(Liuyuan.redeem(&server, "1", &code)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

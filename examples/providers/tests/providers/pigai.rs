//! 批改网, by its document.

use http::{Request, header::REFERER};

use super::{
    applications::{CALLBACK, Pigai, basic, is_hex},
    place::{CONFIG, Running, start},
    wire::{ALICE, Answer, bearer, decide, empty, form, get, param, post, send},
};

/// What a script calls its function with.
fn called<'a>(answer: &'a Answer, function: &str) -> &'a str {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        "application/javascript; charset=utf-8"
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
    let inside = answer.body.strip_prefix(function).and_then(|rest| {
        rest.strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
    });
    inside.unwrap_or_else(|| panic!("{answer:?}"))
}

fn member(document: &str, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(document).expect("JSON");
    value[name].as_str().expect("a text").to_owned()
}

async fn jsonp(server: &Running, query: &str) -> Answer {
    get(&server.url(&format!("/oauth2/authorize2?{query}"))).await
}

/// The samples of the document, byte for byte but for the tokens.
#[tokio::test]
async fn the_samples_are_answered_as_they_stand() {
    let server = start("pigai", CONFIG).await;
    let answer = jsonp(
        &server,
        "callback=myfun&response_type=token&client_id=1&state=xyz",
    )
    .await;
    let token = member(called(&answer, "myfun"), "access_token");
    assert!(is_hex(&token), "{token}");
    assert_eq!(
        answer
            .body
            .replace(&token, "8d734bf19bc9e7b0dbec5642204e7988a05cc222"),
        r#"myfun({"access_token":"8d734bf19bc9e7b0dbec5642204e7988a05cc222","expires_in":"7200","token_type":"Bearer","state":"xyz"})"#
    );
    let answer = jsonp(&server, "callback=a.b&response_type=token&client_id=1").await;
    let token = member(called(&answer, "a.b"), "access_token");
    assert_eq!(
        answer.body,
        format!(r#"a.b({{"access_token":"{token}","expires_in":"7200","token_type":"Bearer"}})"#)
    );
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "1"),
        ("client_secret", "the secret of 1"),
    ];
    let answer = post(&server.url("/oauth2/access_token"), &fields).await;
    let token = answer.text("access_token");
    assert!(is_hex(&token), "{token}");
    assert_eq!(
        answer.body,
        format!(
            r#"{{"access_token":"{token}","expires_in":7200,"token_type":"Bearer","scope":null}}"#
        )
    );
    assert_eq!(answer.header("content-type"), "application/json");
    // By Basic too.
    let request = Request::post(server.url("/oauth2/access_token"))
        .header("authorization", basic("1", "the secret of 1"));
    let answer = send(form(request, &fields[..1])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn an_application_gets_and_uses_a_users_token() {
    let server = start("pigai", CONFIG).await;
    let answer = Pigai.tokens(&server).await;
    let token = answer.text("access_token");
    assert!(is_hex(&token));
    assert_eq!(answer.json()["expires_in"], 7200);
    let answer = send(Pigai.call(&server, &token)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, Pigai.served()));
    // The implicit grant, with the token in the fragment.
    let url = Pigai.authorize(&server, "1").replace("=code", "=token");
    let returned = decide(&server, &url, ALICE, "approve").await;
    let (address, fragment) = returned.split_once('#').expect("a fragment");
    assert_eq!(address, CALLBACK);
    let token = param(&format!("?{fragment}"), "access_token").expect("a token");
    assert!(is_hex(&token));
    let answer = send(Pigai.call(&server, &token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Every error has its number, at each of the endpoints.
#[tokio::test]
async fn errors_are_numbered() {
    let server = start("pigai", CONFIG).await;
    for (query, error, number) in [
        (
            "response_type=code&client_id=1",
            "unsupported_response_type",
            21329,
        ),
        ("client_id=1", "invalid_request", 21323),
        (
            "response_type=token&client_id=nobody",
            "invalid_client",
            21324,
        ),
        (
            "response_type=token&client_id=strict",
            "unauthorized_client",
            21326,
        ),
    ] {
        let answer = jsonp(&server, &format!("callback=f&state=s&{query}")).await;
        let document = called(&answer, "f");
        assert!(
            document.starts_with(&format!(
                r#"{{"error":"{error}","error_code":{number},"error_description":""#
            )),
            "{document}"
        );
        assert!(!document.contains("state"), "{document}");
    }
    for callback in ["", "alert(1)", "a..b", "1a", "a-b", "<b>", &"a".repeat(129)] {
        let query = form_urlencoded::byte_serialize(callback.as_bytes()).collect::<String>();
        let query = format!("response_type=token&client_id=1&callback={query}");
        let answer = jsonp(&server, &query).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json()["error_code"], 21323);
        assert!(callback.is_empty() || callback.len() < 3 || !answer.body.contains(callback));
    }
    let [id, secret] = [("client_id", "1"), ("client_secret", "the secret of 1")];
    let grant = ("grant_type", "authorization_code");
    let code = Pigai.code(&server).await;
    let code = ("code", code.as_str());
    let right = ("redirect_uri", CALLBACK);
    for (fields, status, error, number) in [
        (vec![id, secret], 400, "invalid_request", 21323),
        (
            vec![id, ("client_secret", "x"), grant, code, right],
            401,
            "invalid_client",
            21324,
        ),
        (
            vec![id, secret, ("grant_type", "x")],
            400,
            "unsupported_grant_type",
            21328,
        ),
        (
            vec![id, secret, grant, ("code", "x"), right],
            400,
            "invalid_grant",
            21325,
        ),
        (
            vec![
                id,
                secret,
                grant,
                code,
                ("redirect_uri", "http://app.example/x"),
            ],
            400,
            "invalid_grant",
            21325,
        ),
        (
            vec![
                id,
                secret,
                ("grant_type", "client_credentials"),
                ("scope", "x"),
            ],
            400,
            "invalid_scope",
            21332,
        ),
    ] {
        let answer = post(&server.url("/oauth2/access_token"), &fields).await;
        assert_eq!(answer.error(), (status, error.to_owned()));
        assert_eq!(answer.json()["error_code"], number, "{error}");
    }
    // None of which has spent the code.
    let answer = send(Pigai.redeem(&server, "1", code.1)).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let url = Pigai.authorize(&server, "1");
    let answer = get(&url.replace("app.example", "evil.example")).await;
    assert_eq!(answer.error(), (400, "redirect_uri_mismatch".to_owned()));
    assert_eq!(answer.json()["error_code"], 21322);
    for returned in [
        decide(&server, &url, ALICE, "deny").await,
        decide(&server, &url.replace("=code", "=token"), ALICE, "deny").await,
    ] {
        assert!(
            returned.starts_with(
                "http://app.example/cb?error=access_denied&error_code=21330&error_description="
            ),
            "{returned}"
        );
        assert!(returned.ends_with("&state=xyz"), "{returned}");
    }
}

#[tokio::test]
async fn the_api_tells_expired_from_unknown_tokens_in_a_script_too() {
    let config = CONFIG.replace("[policy]", "[policy]\naccess_token_lifetime = 1");
    let server = start("pigai", &config).await;
    let answer = jsonp(&server, "callback=f&response_type=token&client_id=1").await;
    let document = called(&answer, "f");
    assert_eq!(member(document, "expires_in"), "1");
    let token = member(document, "access_token");
    let essays = server.url("/essays/rapid_experience");
    // Until it has expired, which nothing but time brings about.
    let expired = async {
        loop {
            let answer = send(bearer(&essays, &token)).await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(super::place::PATIENCE, expired)
        .await
        .expect("an end");
    assert_eq!(answer.error(), (401, "expired_token".to_owned()));
    assert_eq!(answer.json()["error_code"], 21327);
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    for (token, error, number) in [
        (token.as_str(), "expired_token", 21327),
        ("x", "invalid_token", 21334),
    ] {
        let url = format!("{essays}?access_token={token}");
        let answer = get(&url).await;
        assert_eq!(answer.error(), (401, error.to_owned()));
        assert_eq!(answer.json()["error_code"], number);
        let answer = get(&format!("{url}&callback=f")).await;
        let inside = called(&answer, "f").to_owned();
        assert!(inside.starts_with(&format!(r#"{{"error":"{error}","error_code":{number},"#)));
        let answer = get(&format!("{url}&callback=f(")).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(!answer.body.contains("f("), "{answer:?}");
    }
}

#[tokio::test]
async fn an_essay_comes_as_a_script() {
    let server = start("pigai", CONFIG).await;
    let answer = jsonp(&server, "callback=f&response_type=token&client_id=1").await;
    let token = member(called(&answer, "f"), "access_token");
    let url = server.url(&format!("/essays/rapid_experience?access_token={token}"));
    let answer = get(&url).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, Pigai.served()));
    let answer = get(&format!("{url}&callback=f")).await;
    assert_eq!(called(&answer, "f"), Pigai.served());
    let answer = get(&format!("{url}&callback=f(")).await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_client_can_be_limited_to_the_pages_of_some_hosts() {
    let config = format!("{CONFIG}\njsonp_hosts = [\"app.example\", \"other.example:8443\"]\n");
    let server = start("pigai", &config).await;
    let url = server.url("/oauth2/authorize2?callback=f&response_type=token&client_id=2");
    for (referer, is_served) in [
        (Some("http://app.example/page"), true),
        (Some("https://APP.example:444/"), true),
        (Some("https://other.example:8443/"), true),
        (Some("https://other.example/"), false),
        (Some("https://x.app.example/"), false),
        (Some("https://app.example.evil.example/"), false),
        (None, false),
    ] {
        let mut request = Request::get(&url);
        if let Some(referer) = referer {
            request = request.header(REFERER, referer);
        }
        let answer = send(empty(request)).await;
        let document = called(&answer, "f");
        assert_eq!(document.contains("access_token"), is_served, "{referer:?}");
        assert_eq!(
            document.contains("access_denied"),
            !is_served,
            "{referer:?}"
        );
    }
}

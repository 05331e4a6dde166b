//! Strict clients and those of a dialect, on one server, over one store: neither gets anything at the other's endpoints.

use http::{Request, header::AUTHORIZATION};

use super::{
    applications::{ALL, Everydo, Liuyuan, Minapp, Pigai, Proauth, basic, secret},
    place::{CONFIG, Running, start},
    wire::{ALICE, Answer, Fields, bearer, decide, empty, form, get, param, post, send},
};

/// The strict client, at an endpoint.
async fn strict(server: &Running, path: &str, fields: &Fields<'_>) -> Answer {
    client(server, path, "strict", fields).await
}

async fn client(server: &Running, path: &str, id: &str, fields: &Fields<'_>) -> Answer {
    let secret = secret(id);
    let mut all = vec![("client_id", id), ("client_secret", secret.as_str())];
    all.extend_from_slice(fields);
    post(&server.url(path), &all).await
}

async fn strict_token(server: &Running) -> String {
    let fields = [("grant_type", "client_credentials")];
    let answer = strict(server, "/strict/token", &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("access_token")
}

#[tokio::test]
async fn a_dialects_client_is_refused_at_the_strict_endpoints() {
    for provider in ALL {
        let server = start(provider.name(), CONFIG).await;
        let tokens = provider.tokens(&server).await;
        let token = tokens.text("access_token");
        for (path, fields) in [
            ("/strict/token", [("grant_type", "client_credentials")]),
            ("/strict/token", [("grant_type", "authorization_code")]),
            ("/strict/introspect", [("token", token.as_str())]),
            ("/strict/revoke", [("token", token.as_str())]),
        ] {
            let answer = client(&server, path, "1", &fields).await;
            let refused = (400, "unauthorized_client".to_owned());
            assert_eq!(answer.error(), refused, "{provider:?} {path}");
            assert!(answer.text("error_description").contains("other endpoints"));
        }
        let url = server.url("/strict/authorize?response_type=code&client_id=1&redirect_uri=http://app.example/cb&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
        let answer = get(&url).await;
        assert_eq!(
            (answer.status, answer.location()),
            (400, ""),
            "{provider:?}"
        );
        // And nothing of it has touched the token.
        let answer = send(provider.call(&server, &token)).await;
        assert_eq!(answer.body, provider.served());
    }
}

#[tokio::test]
async fn a_strict_client_is_refused_at_a_dialects_endpoints() {
    for provider in ALL {
        let server = start(provider.name(), CONFIG).await;
        let answer = send(provider.redeem(&server, "strict", "x")).await;
        match provider {
            // The strict client has no proof that would be one here, and which clients exist is nobody's business.
            Proauth => assert!([400, 401].contains(&answer.status), "{answer:?}"),
            _ => {
                let refused = (400, "unauthorized_client".to_owned());
                assert_eq!(answer.error(), refused, "{provider:?}");
            }
        }
        if provider == Minapp {
            continue;
        }
        let url = provider.authorize(&server, "strict");
        for url in [
            url.clone(),
            url.replace("app.example", "strict.example")
                .replace("=http:", "=https:"),
        ] {
            let answer = get(&url).await;
            assert_eq!(
                (answer.status, answer.location()),
                (400, ""),
                "{provider:?}"
            );
            assert!(answer.json()["error"].is_string());
        }
    }
}

/// A code is of use to its own client only, and is not spent by the attempt of another.
#[tokio::test]
async fn codes_do_not_cross_over() {
    for provider in ALL {
        let server = start(provider.name(), CONFIG).await;
        let code = provider.code(&server).await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", "http://app.example/cb"),
        ];
        let answer = strict(&server, "/strict/token", &fields).await;
        assert_eq!(
            answer.error(),
            (400, "invalid_grant".to_owned()),
            "{provider:?}"
        );
        let answer = send(provider.redeem(&server, "2", &code)).await;
        assert_eq!(
            answer.error(),
            (400, "invalid_grant".to_owned()),
            "{provider:?}"
        );
        let answer = send(provider.redeem(&server, "1", &code)).await;
        assert_eq!(answer.status, 200, "{provider:?}: {answer:?}");

        let url = server.url("/strict/authorize?response_type=code&client_id=strict&scope=read");
        let returned = decide(&server, &url, ALICE, "approve").await;
        assert!(
            returned.starts_with("https://strict.example/cb?"),
            "{returned}"
        );
        assert_eq!(
            param(&returned, "iss"),
            Some(server.url("/strict")),
            "strict responses name their issuer"
        );
        let code = param(&returned, "code").expect("a code");
        let answer = send(provider.redeem(&server, "1", &code)).await;
        assert_eq!(
            answer.error(),
            (400, "invalid_grant".to_owned()),
            "{provider:?}"
        );
        let fields = [("grant_type", "authorization_code"), ("code", &code)];
        let answer = strict(&server, "/strict/token", &fields).await;
        assert_eq!(answer.status, 200, "{provider:?}: {answer:?}");
    }
}

/// Nor do the tokens, but for one way: a strict client's is taken as `Authorization: Bearer`, and nowhere else.
#[tokio::test]
async fn a_strict_clients_token_is_taken_as_bearer_only() {
    for provider in ALL {
        let server = start(provider.name(), CONFIG).await;
        let token = strict_token(&server).await;
        let url = match provider {
            Pigai => server.url("/essays/rapid_experience"),
            Liuyuan => server.url("/index.php?app=user&act=userinfo"),
            Proauth => server.url("/api/user"),
            Minapp => server.url("/oserve/v1.3/cloud-function"),
            Everydo => server.url("/api/v1/me"),
        };
        let authorization = format!("Bearer {token}");
        let request = match provider {
            Liuyuan => form(
                Request::post(&url).header(AUTHORIZATION, authorization),
                &[("unknown", "x")],
            ),
            _ => bearer(&url, &token),
        };
        let answer = send(request).await;
        assert_eq!(answer.status, 200, "{provider:?}: {answer:?}");
        let elsewhere = match provider {
            Liuyuan => form(
                Request::post(&url).header(AUTHORIZATION, basic("1", &secret("1"))),
                &[("token", &token)],
            ),
            Everydo => empty(Request::get(&url).header("access_token", &token)),
            Pigai | Proauth | Minapp => empty(Request::get(format!("{url}?access_token={token}"))),
        };
        let answer = send(elsewhere).await;
        assert_eq!(
            answer.error(),
            (401, "invalid_token".to_owned()),
            "{provider:?}"
        );
    }
}

/// The other way, a dialect's tokens are good at no path that strict clients are for, and are nobody's to introspect but a resource
/// server's.
#[tokio::test]
async fn a_dialects_token_is_good_for_the_dialects_api_only() {
    let config = format!("{CONFIG}\n[[resource]]\npath = \"/documents\"\nscope = \"user:read\"\n");
    for provider in ALL {
        let server = start(provider.name(), &config).await;
        let token = provider.tokens(&server).await.text("access_token");
        let answer = send(bearer(&server.url("/documents"), &token)).await;
        assert_eq!(answer.status, 401, "{provider:?}: {answer:?}");
        let strict_token = strict_token(&server).await;
        let answer = send(bearer(&server.url("/documents"), &strict_token)).await;
        assert_eq!(answer.status, 200, "{provider:?}: {answer:?}");

        let fields = [("token", token.as_str())];
        let answer = strict(&server, "/strict/introspect", &fields).await;
        assert_eq!(answer.body, r#"{"active":false}"#);
        let answer = client(&server, "/strict/introspect", "wide", &fields).await;
        let told = answer.json();
        assert_eq!(told["active"], true, "{provider:?}");
        assert_eq!(told["aud"], provider.name());
        assert_eq!(told["client_id"], "1");
        // Revocation by somebody else does nothing.
        strict(&server, "/strict/revoke", &fields).await;
        let answer = send(provider.call(&server, &token)).await;
        assert_eq!(answer.body, provider.served(), "{provider:?}");
    }
}

#[tokio::test]
async fn metadata_know_of_no_dialect() {
    for provider in ALL {
        let server = start(provider.name(), CONFIG).await;
        let answer = get(&server.url("/.well-known/oauth-authorization-server")).await;
        assert_eq!(answer.status, 404);
        let answer = get(&server.url("/.well-known/oauth-authorization-server/strict")).await;
        let told = answer.json();
        assert_eq!(told["issuer"], server.url("/strict"));
        assert_eq!(told["token_endpoint"], server.url("/strict/token"));
        for word in [
            provider.name(),
            "password",
            "implicit",
            "index.php",
            "oauth2",
        ] {
            assert!(
                !answer.body.contains(&format!("\"{word}")),
                "{word}: {answer:?}"
            );
        }
    }
}

/// Errors come at once, before anybody is asked to sign in.
#[tokio::test]
async fn a_refused_request_shows_no_login() {
    for provider in ALL {
        if provider == Minapp {
            continue;
        }
        let server = start(provider.name(), CONFIG).await;
        let url = provider.authorize(&server, "1");
        for (name, url) in [
            ("client", url.replace("client_id=1", "client_id=nobody")),
            (
                "response_type",
                format!(
                    "{}&response_type=both",
                    url.replace("response_type=code&", "")
                        .replace("&response_type=code", "")
                ),
            ),
            ("twice", format!("{url}&state=again")),
            (
                "redirect_uri",
                format!(
                    "{}&redirect_uri=http://evil.example/",
                    url.replace("&redirect_uri=http://app.example/cb", "")
                ),
            ),
        ] {
            let answer = get(&url).await;
            let location = answer.location();
            assert!(
                !location.contains("/login"),
                "{provider:?} {name}: {answer:?}"
            );
            if location.is_empty() {
                assert_eq!(answer.status, 400, "{provider:?} {name}: {answer:?}");
                assert!(answer.json()["error"].is_string());
            } else {
                assert!(
                    location.starts_with("http://app.example/cb?error="),
                    "{answer:?}"
                );
                assert!(
                    ["response_type", "twice"].contains(&name),
                    "{provider:?}: {answer:?}"
                );
            }
        }
    }
}

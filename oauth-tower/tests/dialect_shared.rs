//! What holds for every dialect.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::sync::Arc;

use common::{
    Does, ISSUER, Setup,
    call::{Answer, FORM, Pairs, changed, encoded, form, form_of, get, pairs, request, with},
    clients::{APP as STRICT_APP, LEGACY, MACHINE, WEB, client_secret},
    dialect::{
        APP, AS_EVERYDO, AS_PIGAI, BACK, OTHER, PROVIDERS, Provider, World, address, api,
        assert_denied, secret,
    },
    everything::{EVERYTHING, Everything},
    flow::{CHALLENGE, VERIFIER},
    yes,
};
use http::{
    Method,
    header::{AUTHORIZATION, COOKIE},
};
use oauth_core::{
    authorize::{Browser, InteractionDenial},
    store::Realm,
    token::PresentedToken,
    types::Secret,
};
use proptest::prelude::*;
use tokio::sync::Barrier;
use tower::ServiceExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_redemptions_at_once_one_wins_and_the_others_end_it() {
    for provider in PROVIDERS {
        for _ in 0..5 {
            let world = World::new(provider);
            let code = world.code().await;
            let barrier = Arc::new(Barrier::new(20));
            let mut runners = Vec::new();
            for _ in 0..20 {
                let params = world.exchange(&code, &[]);
                let request = world.signed(APP, &secret(APP), params);
                let (service, barrier) = (world.service.clone(), barrier.clone());
                runners.push(tokio::spawn(async move {
                    barrier.wait().await;
                    Answer::read(service.oneshot(request).await.unwrap()).await
                }));
            }
            let mut won = Vec::new();
            for runner in runners {
                let answer = runner.await.unwrap();
                if answer.status == 200 {
                    won.push(answer);
                } else {
                    assert_denied(&answer, 400, "invalid_grant", provider.dialect.name);
                }
            }
            assert_eq!(won.len(), 1, "{}", provider.dialect.name);
            let token = won[0].member("access_token");
            assert!(
                !world.strict.is_active(&token).await,
                "the others are replays"
            );
        }
    }
}

#[tokio::test]
async fn a_replay_ends_the_grant_and_nothing_less_does() {
    for provider in PROVIDERS {
        let name = provider.dialect.name;
        let world = World::new(provider);
        let code = world.code().await;
        let spoiled = async |row: &str, error: &str| {
            let params = world.exchange(&code, &[]);
            for (client, secret, error) in [
                (APP, "wrong".to_owned(), "invalid_client"),
                ("nobody", secret(APP), "invalid_client"),
                (OTHER, secret(OTHER), "invalid_grant"),
                (WEB, client_secret(WEB), "unauthorized_client"),
            ] {
                let status = if error == "invalid_client" { 401 } else { 400 };
                let answer = world
                    .send(world.signed(client, &secret, params.clone()))
                    .await;
                assert_denied(&answer, status, error, &format!("{name} {row} {client}"));
            }
            for (parameter, value) in [
                ("redirect_uri", "http://www.example.com/other"),
                ("redirect_uri", "https://other.example/cb"),
                ("code_verifier", VERIFIER),
                ("code_verifier", "short"),
                ("resource", "https://nowhere.example/"),
            ] {
                let answer = world.redeem(APP, &code, &[(parameter, value)]).await;
                assert!(
                    [400].contains(&answer.status.as_u16()),
                    "{name} {parameter}: {answer:?}"
                );
            }
            let mut repeated = params;
            repeated.push(("code".into(), code.clone()));
            let answer = world.send(world.signed(APP, &secret(APP), repeated)).await;
            assert_denied(&answer, 400, error, row);
        };
        spoiled("before", "invalid_request").await;
        let answer = world.redeem(APP, &code, &[]).await;
        assert_eq!(answer.status, 200, "{name}: nothing was spent: {answer:?}");
        let token = answer.member("access_token");
        spoiled("after", "invalid_request").await;
        assert!(
            world.strict.is_active(&token).await,
            "{name}: nothing was marked"
        );
        let answer = world.redeem(APP, &code, &[]).await;
        assert_denied(&answer, 400, "invalid_grant", "replay");
        assert!(
            !world.strict.is_active(&token).await,
            "{name}: the grant has ended"
        );
    }
}

#[tokio::test]
async fn pkce_is_honoured_when_it_is_sent() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let name = provider.dialect.name;
        let challenge = [
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let code = world.code_with(&challenge).await;
        let answer = world.redeem(APP, &code, &[]).await;
        assert_denied(&answer, 400, "invalid_grant", name);
        let wrong = "x".repeat(43);
        let answer = world.redeem(APP, &code, &[("code_verifier", &wrong)]).await;
        assert_denied(&answer, 400, "invalid_grant", name);
        let answer = world
            .redeem(APP, &code, &[("code_verifier", VERIFIER)])
            .await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn a_code_lives_no_longer_than_the_policy_says() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let code = world.code().await;
        world.advance(59);
        assert_eq!(world.redeem(APP, &code, &[]).await.status, 200);
        let code = world.code().await;
        world.advance(60);
        let answer = world.redeem(APP, &code, &[]).await;
        assert_denied(&answer, 400, "invalid_grant", provider.dialect.name);
    }
}

/// What servers share over one store is what is in the same namespace. A token that is bound to a key is shared too, and is taken for
/// a bearer token by no API.
#[tokio::test]
async fn tokens_of_the_same_namespace_are_taken_unless_they_are_bound() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let name = provider.dialect.name;
        for (namespace, binding, is_taken) in [
            ("shared", "none", true),
            ("shared", "key", false),
            ("shared", "certificate", false),
            (ISSUER, "none", false),
        ] {
            let strict = Setup {
                store: world.strict.store.clone(),
                grant: Some(Box::new(move |builder| {
                    builder.grant(Everything).realm(Realm::new(namespace))
                })),
                ..Setup::default()
            }
            .build();
            let asked = [
                ("grant_type", EVERYTHING),
                ("binding", binding),
                ("data", "{}"),
            ];
            let token = strict.call(MACHINE, "/token", &asked).await;
            let bearer = format!("Bearer {}", token.member("access_token"));
            let answer = world
                .call(api("/", &[("authorization", &bearer)]), &[], "read")
                .await;
            let expected = if is_taken { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{name} {namespace} {binding}");
        }
    }
}

#[tokio::test]
async fn a_dialect_serves_its_clients_and_no_others() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let name = provider.dialect.name;
        // Strict clients at the dialect's endpoints.
        for client in [WEB, STRICT_APP, LEGACY] {
            let back = common::clients::redirect_uri(client);
            let changes = [("client_id", client), ("redirect_uri", back.as_str())];
            let answer = world.visit(&changes).await;
            assert_denied(&answer, 400, "unauthorized_client", name);
            let strict = world.strict.code(client).await;
            let params = world.exchange(&strict, &[("redirect_uri", &back)]);
            let request = world.signed(client, &client_secret(client), params);
            let answer = world.send(request).await;
            assert_denied(&answer, 400, "unauthorized_client", name);
            assert_eq!(world.strict.redeem(client, &strict, &[]).await.status, 200);
        }
        // The dialect's clients at the strict endpoints.
        let answer = world
            .strict
            .visit(&world.ask(&[("redirect_uri", BACK)]), None)
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers.get("location")),
            (400, None),
            "{name}"
        );
        let code = world.code().await;
        let params = world.exchange(
            &code,
            &[("client_id", APP), ("client_secret", &secret(APP))],
        );
        for uri in ["/token", "/revoke", "/introspect"] {
            let answer = world.strict.send(form(uri, &params)).await;
            answer.assert_denied(400, "unauthorized_client", name);
        }
        let answer = world.strict.redeem(WEB, &code, &[]).await;
        answer.assert_denied(400, "invalid_grant", "a foreign code");
        let answer = world.redeem(APP, &code, &[]).await;
        assert_eq!(answer.status, 200, "{name}: nothing was spent");
        // Codes and refresh tokens of the others.
        let strict = world.strict.code(WEB).await;
        assert_denied(
            &world.redeem(APP, &strict, &[]).await,
            400,
            "invalid_grant",
            name,
        );
        let refresh = world.strict.tokens(WEB).await.refresh;
        let params = pairs(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", &refresh),
            ("code", "x"),
        ]);
        let answer = world.send(world.signed(APP, &secret(APP), params)).await;
        assert_denied(&answer, 400, "invalid_grant", name);
        let answer = world.strict.refresh(WEB, &refresh, &[]).await;
        assert_eq!(answer.status, 200, "{name}: nothing was spent");
    }
}

#[tokio::test]
async fn a_handle_is_of_use_on_its_own_server_only() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let answer = world.visit(&[]).await;
        assert_eq!(answer.status, 200);
        let cookie = answer.cookie().unwrap();
        let browser = Browser::from_cookie(cookie.split_once('=').unwrap().1);
        let strict = world
            .strict
            .server
            .interaction(answer.text(), browser.as_ref())
            .await;
        let denial = strict.unwrap_err().into_denial().unwrap();
        assert_eq!(
            denial,
            InteractionDenial::ClientGone,
            "the dialect's at the strict server"
        );
        let own = world
            .dialects
            .server()
            .interaction(answer.text(), browser.as_ref())
            .await;
        own.unwrap();
        let answer = world.strict.visit(&common::flow::ask(WEB), None).await;
        let cookie = answer.cookie().unwrap();
        let browser = Browser::from_cookie(cookie.split_once('=').unwrap().1);
        let own = world
            .dialects
            .server()
            .interaction(answer.text(), browser.as_ref())
            .await;
        let denial = own.unwrap_err().into_denial().unwrap();
        assert_eq!(
            denial,
            InteractionDenial::ClientGone,
            "the strict one's at the dialect"
        );
    }
}

#[tokio::test]
async fn a_token_is_of_use_where_its_client_may_be() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let strict = world.strict.tokens(WEB).await.access;
        let bearer = format!("Bearer {strict}");
        let answer = world
            .call(api("/", &[("authorization", &bearer)]), &[], "read")
            .await;
        assert_eq!(answer.status, 200);
        let answer = world
            .call(api("/", &[("authorization", &bearer)]), &[], "write")
            .await;
        assert_denied(&answer, 403, "insufficient_scope", "of its own scope");
        let uri = format!("/?access_token={strict}&token={strict}&app={strict}");
        let fields = [("access_token", strict.as_str()), ("token", &strict)];
        for (row, headers, form) in [
            ("query", &[][..], &[][..]),
            ("header", &[("access_token", strict.as_str())], &[]),
            ("form", &[], &fields),
            ("all", &[("access_token", strict.as_str())], &fields),
        ] {
            let answer = world.call(api(&uri, headers), form, "").await;
            let name = format!("{} {row}", provider.dialect.name);
            assert_eq!(answer.status, 401, "{name}: {answer:?}");
        }
        // A store that is shared with another dialect.
        let token = world.token().await;
        let stranger = oauth_tower::dialect::Dialects::new(
            &oauth_tower::dialect::MINAPP,
            world.dialects.server().clone(),
            world.host.clone(),
        );
        let bearer = format!("Bearer {token}");
        let (parts, ()) = api("/", &[("authorization", &bearer)]).into_parts();
        let scope = common::scope("");
        assert!(
            stranger
                .call(&parts, &[("", ""); 0].into_iter().collect(), &scope)
                .await
                .is_err()
        );
        assert!(
            world
                .dialects
                .server()
                .validate(&PresentedToken::bearer(Secret::new(token)))
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test]
async fn the_metadata_list_no_dialect() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let document = world
            .strict
            .send(get("/.well-known/oauth-authorization-server"))
            .await;
        let plain = common::Fixture::new();
        let expected = plain
            .send(get("/.well-known/oauth-authorization-server"))
            .await;
        assert_eq!(document.text(), expected.text(), "not a byte differs");
        assert!(!document.text().contains("password") && !document.text().contains("implicit"));
        let answer = world
            .send(get("/.well-known/oauth-authorization-server"))
            .await;
        assert_denied(&answer, 404, "invalid_request", provider.dialect.name);
    }
}

#[tokio::test]
async fn a_parameter_is_told_once() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let name = provider.dialect.name;
        for row in ["x", "scope", "state", "client_id", "response_type"] {
            for value in ["", "1"] {
                world.host.does(Does::Approve(yes()));
                let mut params = world.ask(&[]);
                params.extend(pairs(&[(row, value), (row, value)]));
                let uri = address(provider.authorize, &params);
                let answer = world.send(get(&uri)).await;
                let sent = answer.headers.contains_key("location");
                let code = sent && answer.sent_to().1.get("code").is_some();
                assert!(!code, "{name} {row}: {answer:?}");
            }
        }
        for row in ["x", "code", "client_id", "grant_type", "redirect_uri"] {
            let code = world.code().await;
            let mut params = world.exchange(&code, &[]);
            params.extend(pairs(&[(row, "1"), (row, "1")]));
            let answer = world.send(world.signed(APP, &secret(APP), params)).await;
            assert_denied(&answer, 400, "invalid_request", &format!("{name} {row}"));
            let unknown = world.exchange(&code, &[("x", "1"), ("y", "<>"), ("scope", "")]);
            let answer = world.send(world.signed(APP, &secret(APP), unknown)).await;
            assert_eq!(
                answer.status, 200,
                "{name}: unknown and empty ones are nothing"
            );
        }
    }
}

#[tokio::test]
async fn another_method_is_told_which() {
    for (provider, path, methods) in [
        (&AS_PIGAI, "/oauth2/authorize", "GET"),
        (&AS_PIGAI, "/oauth2/authorize2", "GET"),
        (&AS_PIGAI, "/oauth2/access_token", "POST"),
        (&AS_EVERYDO, "/authorize", "GET, POST"),
        (&AS_EVERYDO, "/@@authorize", "GET, POST"),
        (&AS_EVERYDO, "/access_token", "GET, POST"),
        (&AS_EVERYDO, "/api/v1/oauth2/access_token", "GET, POST"),
    ] {
        let world = World::new(provider);
        for method in ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] {
            let wanted = methods.split(", ").any(|own| own == method);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = world.send(request(method, path, "")).await;
            if wanted {
                assert_ne!(answer.status, 405, "{path}");
            } else {
                assert_denied(&answer, 405, "invalid_request", path);
                assert_eq!(answer.header("allow"), methods, "{path}");
            }
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        }
    }
}

#[tokio::test]
async fn pages_of_the_host_are_served_beside() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let answer = world.send(get("/echo")).await;
        assert!(answer.text().contains("GET /echo []"), "{answer:?}");
        let answer = world.send(form("/echo", &pairs(&[("a", "b")]))).await;
        assert!(
            answer.text().contains("POST /echo [(\"a\", \"b\")]"),
            "{answer:?}"
        );
        let answer = world.send(get("/none")).await;
        assert_denied(&answer, 404, "invalid_request", "no page");
    }
}

#[tokio::test]
async fn a_pending_request_is_bound_to_its_browser_and_settled_later() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let answer = world.visit(&[("scope", "read")]).await;
        let cookie = answer.cookie().unwrap();
        let interaction = world.host.last();
        let mut headers = http::HeaderMap::new();
        let elsewhere = world
            .host
            .interactions
            .approve(&interaction.handle, &headers, yes())
            .await;
        assert!(elsewhere.is_err());
        headers.insert(COOKIE, cookie.parse().unwrap());
        let approved = world
            .host
            .interactions
            .approve(&interaction.handle, &headers, yes())
            .await;
        let answer = Answer::read(approved.unwrap()).await;
        assert_eq!(answer.sent_to().1.get("iss"), None);
        let code = answer.sent_to().1.get("code").unwrap().to_owned();
        assert_eq!(world.redeem(APP, &code, &[]).await.status, 200);
    }
}

#[tokio::test]
async fn a_broken_store_is_no_denial() {
    for provider in PROVIDERS {
        let world = World::new(provider);
        let code = world.code().await;
        world.strict.store.breaks(true);
        let answer = world.redeem(APP, &code, &[]).await;
        assert_denied(
            &answer,
            503,
            "temporarily_unavailable",
            provider.dialect.name,
        );
        assert_eq!(answer.header("retry-after"), "1");
        let bearer = [("authorization", "Bearer x")];
        let answer = world.call(api("/", &bearer), &[], "").await;
        assert_denied(
            &answer,
            503,
            "temporarily_unavailable",
            provider.dialect.name,
        );
        world.strict.store.breaks(false);
        assert_eq!(world.redeem(APP, &code, &[]).await.status, 200);
    }
}

/// Any text, mostly of what means something to a browser or a parser.
fn text() -> impl Strategy<Value = String> {
    let odd = "<>&'\"\\/()=;%+\u{2028}\u{e9}\r\n\t a1";
    let odd = prop::sample::select(odd.chars().collect::<Vec<_>>());
    prop::collection::vec(prop_oneof![4 => odd, 1 => any::<char>()], 1..30)
        .prop_map(|text| text.into_iter().filter(|c| *c != '\0').collect())
}

fn parameter() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "client_id",
        "client_secret",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "grant_type",
        "code",
        "refresh_token",
        "refrash_token",
        "username",
        "password",
        "callback",
        "app",
        "x",
        "code_challenge",
        "code_verifier",
        "resource",
        "response_mode",
        "request",
    ])
    .prop_map(str::to_owned)
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// Whatever is sent, nothing of it stands in a body as it came, and none of it ends up in a header but where it belongs.
    #[test]
    fn no_body_holds_an_unescaped_parameter(
        provider in 0..PROVIDERS.len(),
        changes in prop::collection::vec((parameter(), text()), 1..4),
        header in any::<Option<bool>>(),
        is_authorize in any::<bool>(),
    ) {
        let provider: &'static Provider = PROVIDERS[provider];
        let world = World::new(provider);
        let marked: Pairs = changes
            .into_iter()
            .map(|(name, value)| (name, format!("<mark>\"'{value}")))
            .collect();
        let borrowed: Vec<_> = marked.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut request = if is_authorize {
            get(&address(provider.authorize, &world.ask(&borrowed)))
        } else {
            let params = changed(world.exchange("x", &[]), &borrowed);
            form(provider.token, &changed(pairs(&[("client_id", APP), ("client_secret", &secret(APP))]),
                &params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>()))
        };
        if let Some(is_other) = header {
            let id = if is_other { "<mark>" } else { APP };
            request = with(request, AUTHORIZATION, &common::dialect::raw_basic(id, "<mark>\"'"));
        }
        let answer = block(world.send(request));
        prop_assert!(answer.status.as_u16() < 500, "{answer:?}");
        prop_assert!(!answer.text().contains("<mark>"), "{answer:?}");
        prop_assert!(answer.headers.values().all(|value| !value.as_bytes().windows(6).any(|part| part == b"<mark>")));
        let kind = answer.header("content-type");
        prop_assert!(kind == "application/json" || answer.status == 303 || answer.status == 200, "{answer:?}");
    }

    /// The same value in two places is one, a different one is refused, whatever is split how.
    #[test]
    fn query_and_body_are_one_if_they_agree(
        in_query in prop::collection::vec(any::<bool>(), 8),
        in_body in prop::collection::vec(any::<bool>(), 8),
        other in prop::option::of(0..6_usize),
    ) {
        let world = World::new(&AS_EVERYDO);
        let answer = block(async {
            let code = world.code().await;
            let all = pairs(&[
                ("client_id", APP),
                ("client_secret", &secret(APP)),
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", BACK),
                ("state", "x"),
            ]);
            let (mut query, mut body) = (Vec::new(), Vec::new());
            for (i, pair) in all.iter().enumerate() {
                if in_query[i] {
                    query.push(pair.clone());
                }
                if in_body[i] || !in_query[i] {
                    body.push(pair.clone());
                }
            }
            if let Some(i) = other {
                query.retain(|(name, _)| *name != all[i].0);
                body.retain(|(name, _)| *name != all[i].0);
                query.push((all[i].0.clone(), format!("{}x", all[i].1)));
                body.push(all[i].clone());
            }
            let request = request(Method::POST, &address("/access_token", &query), encoded(&body));
            world.send(with(request, http::header::CONTENT_TYPE, FORM)).await
        });
        match other {
            None => prop_assert_eq!(answer.status, 200, "{:?}", answer),
            Some(_) => assert_denied(&answer, 400, "invalid_request", "different"),
        }
    }
}

/// A strict server beside a dialect is what it is alone, to the byte.
#[tokio::test]
async fn a_strict_server_does_not_notice() {
    let alone = common::Fixture::new();
    for provider in PROVIDERS {
        let world = World::new(provider);
        for request in [
            || form_of(WEB, "/token", &pairs(&[("grant_type", "password")])),
            || {
                form_of(
                    WEB,
                    "/token",
                    &pairs(&[("grant_type", "refrash_token"), ("refrash_token", "x")]),
                )
            },
            || {
                form_of(
                    WEB,
                    "/token",
                    &pairs(&[("grant_type", "authorization_code"), ("code", "x")]),
                )
            },
            || {
                get(&address(
                    "/authorize",
                    &changed(common::flow::ask(WEB), &[("response_type", "token")]),
                ))
            },
            || {
                get(&address(
                    "/authorize",
                    &changed(common::flow::ask(WEB), &[("state", "\u{e9}")]),
                ))
            },
            || get("/oauth2/authorize2?callback=f"),
            || get("/index.php?app=authorize"),
        ] {
            let (ours, theirs) = (
                world.strict.send(request()).await,
                alone.send(request()).await,
            );
            assert_eq!(ours.status, theirs.status);
            assert_eq!(ours.headers, theirs.headers);
            assert_eq!(ours.body, theirs.body);
        }
    }
}

//! 易度, by its document.

use http::Request;

use super::{
    applications::{CALLBACK, Everydo, secret},
    place::{CONFIG, Running, run, start},
    wire::{ALICE, bearer, decide, empty, encode, form, get, param, post, send},
};

/// The request that exchanges a refresh token, which has this name.
pub(crate) fn refresh(server: &Running, name: &str, token: &str) -> Request<Vec<u8>> {
    let secret = secret("1");
    let fields = [
        ("client_id", "1"),
        ("client_secret", &secret),
        ("grant_type", name),
        (name, token),
    ];
    form(Request::post(server.url("/access_token")), &fields)
}

fn password<'a>(user: (&'a str, &'a str)) -> [(&'a str, &'a str); 5] {
    [
        ("client_id", "1"),
        ("client_secret", "the secret of 1"),
        ("grant_type", "password"),
        ("username", user.0),
        ("password", user.1),
    ]
}

/// The sample of the document, byte for byte but for the tokens, with the refresh token under its right name too.
#[tokio::test]
async fn the_sample_is_answered_as_it_stands() {
    let lifetimes = "[policy]\naccess_token_lifetime = 1234\nrefresh_token_lifetime = 798114";
    let server = start("everydo", &CONFIG.replace("[policy]", lifetimes)).await;
    let fields = password(("user.admin", "p&ss=wörd"));
    let answer = post(&server.url("/access_token"), &fields).await;
    let (token, refresh_token) = (answer.text("access_token"), answer.text("refresh_token"));
    assert_eq!(
        answer
            .body
            .replace(&token, "ACCESS_TOKEN")
            .replace(&refresh_token, "REFRASH_TOKEN"),
        r#"{"access_token":"ACCESS_TOKEN","refrash_token":"REFRASH_TOKEN","refresh_token":"REFRASH_TOKEN","expires_in":1234,"remind_in":"798114","uid":"user.admin"}"#
    );
    // By GET, and at the SDK's address.
    for path in ["/access_token", "/api/v1/oauth2/access_token"] {
        let url = server.url(&format!("{path}?{}", encode(&fields)));
        assert_eq!(get(&url).await.text("uid"), "user.admin");
        assert_eq!(
            post(&server.url(path), &fields).await.text("uid"),
            "user.admin"
        );
    }
}

#[tokio::test]
async fn an_application_gets_uses_and_refreshes_a_token() {
    let server = start("everydo", CONFIG).await;
    let answer = Everydo.tokens(&server).await;
    assert_eq!(answer.text("uid"), "alice");
    let (token, first) = (answer.text("access_token"), answer.text("refrash_token"));
    let answer = send(Everydo.call(&server, &token)).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, Everydo.served())
    );
    let answer = send(bearer(&server.url("/api/v1/me"), &token)).await;
    assert_eq!(answer.status, 200);
    let answer = get(&server.url(&format!("/api/v1/me?access_token={token}"))).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));

    // Once, whichever its name: the second use ends all of it.
    let answer = send(refresh(&server, "refrash_token", &first)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (token, second) = (answer.text("access_token"), answer.text("refresh_token"));
    assert_ne!(first, second);
    let answer = send(refresh(&server, "refresh_token", &second)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = send(refresh(&server, "refresh_token", &second)).await;
    assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
    let answer = send(Everydo.call(&server, &token)).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
}

#[tokio::test]
async fn a_grace_for_refreshes_has_to_be_configured() {
    let config = CONFIG.replace("[policy]", "[policy]\nrefresh_grace = 30");
    let server = start("everydo", &config).await;
    let first = Everydo.tokens(&server).await.text("refresh_token");
    let answers = [
        send(refresh(&server, "refresh_token", &first)).await,
        send(refresh(&server, "refresh_token", &first)).await,
    ];
    let [one, two] = answers.map(|answer| answer.text("refresh_token"));
    assert_eq!(one, two);
}

/// Both addresses, both methods, and the shorter name of the grant.
#[tokio::test]
async fn codes_come_and_go_by_both_spellings() {
    let server = start("everydo", CONFIG).await;
    for (path, grant) in [
        ("/authorize", "code"),
        ("/@@authorize", "authorization_code"),
    ] {
        let url = format!("{path}?client_id=1&redirect_uri={CALLBACK}&response_type=code");
        let returned = decide(&server, &server.url(&url), ALICE, "approve").await;
        let code = param(&returned, "code").expect("a code");
        let secret = secret("1");
        let fields = [
            ("client_id", "1"),
            ("client_secret", &secret),
            ("grant_type", grant),
            ("code", &code),
        ];
        let answer = post(&server.url("/api/v1/oauth2/access_token"), &fields).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let fields = [("client_id", "1"), ("redirect_uri", CALLBACK)];
    let answer = post(&server.url("/authorize"), &fields).await;
    assert!(answer.location().starts_with("/login?"), "{answer:?}");
    let returned = decide(&server, &Everydo.authorize(&server, "1"), ALICE, "deny").await;
    assert!(returned.contains("?error=access_denied"), "{returned}");
}

#[tokio::test]
async fn wrong_passwords_are_slowed_down_for_each_user_and_client() {
    let server = start("everydo", &CONFIG.replace("throttle = false", "")).await;
    let url = server.url("/access_token");
    let ask = async |user, client: &'static str| {
        let mut fields = password(user);
        let secret = secret(client);
        fields[0].1 = client;
        fields[1].1 = &secret;
        post(&url, &fields).await
    };
    for user in ["alice", "nobody"] {
        let mut descriptions = Vec::new();
        for _ in 0..12 {
            let answer = ask((user, "x"), "1").await;
            assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
            descriptions.push(answer.text("error_description"));
        }
        assert_eq!(descriptions[0], descriptions[10]);
        assert!(descriptions[11].contains("too many"), "{descriptions:?}");
    }
    let answer = ask(ALICE, "1").await;
    assert!(answer.text("error_description").contains("too many"));
    assert_eq!(ask(ALICE, "2").await.status, 200);
    assert_eq!(ask(("user.admin", "p&ss=wörd"), "1").await.status, 200);

    let server = start("everydo", CONFIG).await;
    for _ in 0..30 {
        post(&server.url("/access_token"), &password(("alice", "x"))).await;
    }
    let answer = post(&server.url("/access_token"), &password(ALICE)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn errors_are_those_of_the_standard() {
    let server = run(&["everydo"], Some(CONFIG)).await;
    let url = server.url("/access_token");
    let [id, secret] = [("client_id", "1"), ("client_secret", "the secret of 1")];
    for (fields, status, error) in [
        (vec![id, secret], 400, "invalid_request"),
        (
            vec![
                id,
                ("client_secret", "x"),
                ("grant_type", "code"),
                ("code", "x"),
            ],
            401,
            "invalid_client",
        ),
        (
            vec![id, secret, ("grant_type", "code"), ("code", "x")],
            400,
            "invalid_grant",
        ),
        (
            vec![id, secret, ("grant_type", "x")],
            400,
            "unsupported_grant_type",
        ),
        (
            vec![
                id,
                secret,
                ("grant_type", "refrash_token"),
                ("refrash_token", "x"),
                ("refresh_token", "y"),
            ],
            400,
            "invalid_request",
        ),
    ] {
        let answer = post(&url, &fields).await;
        assert_eq!(answer.error(), (status, error.to_owned()), "{fields:?}");
    }
    let request = Request::get(server.url("/api/v1/me"));
    let answer = send(empty(request.header("access_token", "x"))).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
}

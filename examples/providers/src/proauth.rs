//! The in-house platform, with its users and roles.

use http::Response;
use oauth_core::types::{Params, Scope};
use oauth_tower::{
    Body,
    dialect::{ClientTokens, Dialect, Extra, ExtraRequest, PROAUTH as OWN, Route, Sources},
};
use serde::Serialize;

use crate::{
    demo::{Ask, At, Demo, TAKE_TOKEN},
    provider::{Grant, Proof, Provider, and},
};

/// The in-house platform.
pub(crate) static PROAUTH: Provider = Provider {
    dialect: &DIALECT,
    without_api: &OWN,
    grants: &[Grant::Code, Grant::Refresh],
    proof: Proof::Token(ClientTokens::METHOD),
    is_redirect_uri_once: false,
    scope: "all:all",
    demo: Demo {
        client_id: "1",
        client_secret: "proauth-secret-for-trying-out",
        commands: |_| Vec::new(),
        ask: Some(Ask {
            address: |At { demo, base, .. }| {
                format!(
                    "{base}/oauth2/authorize?client_id={}&redirect_uri={base}/callback&response_type=code&scope={SCOPE}&state=somestate",
                    demo.client_id
                )
                .replace(' ', "%20")
            },
            scope: SCOPE,
            commands: with_code,
        }),
    },
};

const SCOPE: &str = "user:read role:read";

/// A new client token: HS256 over its claims, by openssl.
const CLIENT_TOKEN: &str = r#"jwt() { b() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }; p=$(printf '{"alg":"HS256","typ":"JWT"}' | b).$(printf '{"id":"ID","time":"%s","nonce":"%s"}' "$(date +%s)" "$(openssl rand -hex 16)" | b); printf '%s.%s' "$p" "$(printf '%s' "$p" | openssl dgst -sha256 -hmac 'SECRET' -binary | b)"; }"#;

static DIALECT: Dialect = Dialect {
    extras: &EXTRAS,
    ..OWN
};
static EXTRAS: [Extra; OWN.extras.len() + 2] = and(&WITH_USER, ROLES);
const WITH_USER: [Extra; OWN.extras.len() + 1] = and(OWN.extras, USER);
const USER: Extra = Extra {
    route: Route::new(&["GET"], &["/api/user"]),
    sources: Sources::NONE,
    answer: |request| Box::pin(user(request)),
};
const ROLES: Extra = Extra {
    route: Route::new(&["GET"], &["/api/roles"]),
    sources: Sources::NONE,
    answer: |request| Box::pin(roles(request)),
};

fn with_code(At { demo, base, .. }: &At<'_>, code: &str) -> Vec<String> {
    let header = "-H \"Authencation: Client $(jwt)\"";
    vec![
        CLIENT_TOKEN
            .replace("ID", demo.client_id)
            .replace("SECRET", demo.client_secret),
        format!(
            "ANSWER=$(curl -s -X POST {header} \"{base}/oauth2/token?redirect_uri={base}/callback&grant_type=authorization_code&code={code}\"); echo \"$ANSWER\""
        ),
        format!("TOKEN=$(echo \"$ANSWER\" | {TAKE_TOKEN})"),
        r#"REFRESH=$(echo "$ANSWER" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')"#.to_owned(),
        format!("curl -H \"Authorization: Bearer $TOKEN\" {base}/api/user"),
        format!("curl -i -H \"Authorization: Bearer $TOKEN\" {base}/api/roles"),
        format!(
            "curl -X POST {header} \"{base}/oauth2/token?grant_type=refresh_token&refresh_token=$REFRESH&scope=user:read\""
        ),
    ]
}

#[derive(Serialize)]
struct User {
    username: Option<String>,
    client_id: String,
}

async fn user(request: ExtraRequest) -> Response<Body> {
    let ExtraRequest {
        dialects, parts, ..
    } = request;
    let scope = scope("user:read");
    match dialects.call(&parts, &Params::default(), &scope).await {
        Ok(call) => call.answer(&User {
            username: call.token.subject.as_ref().map(ToString::to_string),
            client_id: call.token.client_id.to_string(),
        }),
        Err(refused) => refused,
    }
}

#[derive(Serialize)]
struct Roles {
    roles: [&'static str; 2],
}

async fn roles(request: ExtraRequest) -> Response<Body> {
    let ExtraRequest {
        dialects, parts, ..
    } = request;
    let scope = scope("role:write");
    match dialects.call(&parts, &Params::default(), &scope).await {
        Ok(call) => call.answer(&Roles {
            roles: ["admin", "member"],
        }),
        Err(refused) => refused,
    }
}

#[expect(clippy::expect_used, reason = "the two that are asked for are scopes")]
fn scope(text: &str) -> Scope {
    text.parse().expect("a scope")
}

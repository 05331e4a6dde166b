//! 留园网, with its user information.

use http::Response;
use oauth_core::{
    error::{ErrorCode, Refusal},
    types::Scope,
};
use oauth_tower::{
    Body,
    dialect::{Dialect, Extra, ExtraRequest, LIUYUAN as OWN, Route, Sources},
};
use serde::Serialize;

use crate::{
    demo::{Ask, At, Demo, TAKE_TOKEN},
    provider::{Grant, Proof, Provider, and},
};

/// 留园网.
pub(crate) static LIUYUAN: Provider = Provider {
    dialect: &DIALECT,
    without_api: &OWN,
    grants: &[Grant::Code],
    proof: Proof::Secret,
    is_redirect_uri_once: true,
    scope: "",
    demo: Demo {
        client_id: "demo-app",
        client_secret: "liuyuan-secret-for-trying-out",
        commands: |_| Vec::new(),
        ask: Some(Ask {
            address: |At { demo, base, .. }| {
                format!(
                    "{base}/index.php?app=authorize&response_type=code&client_id={}&state=xyz",
                    demo.client_id
                )
            },
            scope: "",
            commands: with_code,
        }),
    },
};

static DIALECT: Dialect = Dialect {
    extras: &EXTRAS,
    ..OWN
};
static EXTRAS: [Extra; OWN.extras.len() + 1] = and(OWN.extras, USERINFO);
const USERINFO: Extra = Extra {
    route: Route::new(&["POST"], &["/index.php"]).when("app", "user"),
    sources: Sources::FORM,
    answer: |request| Box::pin(userinfo(request)),
};

fn with_code(At { demo, base, .. }: &At<'_>, code: &str) -> Vec<String> {
    let (id, secret) = (demo.client_id, demo.client_secret);
    vec![
        format!(
            "TOKEN=$(curl -s -u {id}:{secret} -d \"grant_type=authorization_code&code={code}&client_id={id}\" \"{base}/index.php?app=token\" | {TAKE_TOKEN})"
        ),
        format!("curl -u {id}:{secret} -d token=$TOKEN \"{base}/index.php?app=user&act=userinfo\""),
    ]
}

#[derive(Serialize)]
struct User {
    username: Option<String>,
}

/// The user of a token.
async fn userinfo(request: ExtraRequest) -> Response<Body> {
    let ExtraRequest {
        dialects,
        parts,
        params,
    } = request;
    let query = parts.uri.query().unwrap_or_default();
    if !query.split('&').any(|pair| pair == "act=userinfo") {
        return dialects.refuse(Refusal::new(
            ErrorCode::INVALID_REQUEST,
            "act has to be userinfo",
        ));
    }
    match dialects.call(&parts, &params, &Scope::EMPTY).await {
        Ok(call) => {
            let subject = call.token.subject.as_ref();
            call.answer(&User {
                username: subject.map(ToString::to_string),
            })
        }
        Err(refused) => refused,
    }
}

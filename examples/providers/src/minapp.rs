//! 知晓云, with its cloud functions.

use oauth_core::token::AccessToken;
use oauth_tower::dialect::{Dialect, Extra, MINAPP as OWN, Route, Sources};
use serde::Serialize;

use crate::{
    demo::{At, Demo, TAKE_TOKEN},
    provider::{Grant, Proof, Provider, and, with_token},
};

/// 知晓云.
pub(crate) static MINAPP: Provider = Provider {
    dialect: &DIALECT,
    without_api: &OWN,
    grants: &[Grant::OwnCode],
    proof: Proof::Secret,
    is_redirect_uri_once: false,
    scope: "",
    demo: Demo {
        client_id: "c19b4a1e6f4d2c3b5a60",
        client_secret: "minapp-secret-for-trying-out",
        commands,
        ask: None,
    },
};

static DIALECT: Dialect = Dialect {
    extras: &EXTRAS,
    ..OWN
};
static EXTRAS: [Extra; OWN.extras.len() + 1] = and(OWN.extras, FUNCTIONS);
const FUNCTIONS: Extra = Extra {
    route: Route::new(
        &["GET"],
        &[
            "/oserve/v1.3/cloud-function/",
            "/oserve/v1.3/cloud-function",
        ],
    ),
    sources: Sources::NONE,
    answer: |request| Box::pin(with_token(request, functions)),
};

fn commands(At { demo, base, .. }: &At<'_>) -> Vec<String> {
    let (id, secret) = (demo.client_id, demo.client_secret);
    vec![
        format!(
            "ANSWER=$(curl -s -L -H 'Content-Type: application/json' -d '{{\"client_id\":\"{id}\",\"client_secret\":\"{secret}\"}}' {base}/api/oauth2/hydrogen/openapi/authorize/); echo \"$ANSWER\""
        ),
        r#"CODE=$(echo "$ANSWER" | sed 's/.*"code":"\([^"]*\)".*/\1/')"#.to_owned(),
        format!(
            "ANSWER=$(curl -s -F client_id={id} -F client_secret={secret} -F code=$CODE -F grant_type=authorization_code {base}/api/oauth2/access_token/); echo \"$ANSWER\""
        ),
        format!("TOKEN=$(echo \"$ANSWER\" | {TAKE_TOKEN})"),
        format!("curl -H \"Authorization: Bearer $TOKEN\" {base}/oserve/v1.3/cloud-function/"),
    ]
}

#[derive(Serialize)]
struct Functions {
    objects: [Function; 2],
}

#[derive(Serialize)]
struct Function {
    name: &'static str,
    audit_status: &'static str,
}

fn functions(_: &AccessToken) -> Functions {
    Functions {
        objects: [("helloWorld", "approved"), ("sendMail", "pending")]
            .map(|(name, audit_status)| Function { name, audit_status }),
    }
}

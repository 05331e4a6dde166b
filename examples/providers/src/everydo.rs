//! 易度, with its API for users.

use oauth_core::token::AccessToken;
use oauth_tower::dialect::{Dialect, EVERYDO as OWN, Extra, Route, Sources};
use serde::Serialize;

use crate::{
    demo::{Ask, At, Demo, TAKE_TOKEN, USERS},
    provider::{Grant, Proof, Provider, and, with_token},
};

/// 易度.
pub(crate) static EVERYDO: Provider = Provider {
    dialect: &DIALECT,
    without_api: &OWN,
    grants: &[Grant::Code, Grant::Password, Grant::Refresh],
    proof: Proof::Secret,
    is_redirect_uri_once: true,
    scope: "",
    demo: Demo {
        client_id: "123050457758183",
        client_secret: "everydo-secret-for-trying-out",
        commands,
        ask: Some(Ask {
            address: |At { demo, base, .. }| {
                format!(
                    "{base}/authorize?client_id={}&redirect_uri={base}/callback&response_type=code",
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
static EXTRAS: [Extra; OWN.extras.len() + 1] = and(OWN.extras, ME);
const ME: Extra = Extra {
    route: Route::new(&["GET"], &["/api/v1/me"]),
    sources: Sources::NONE,
    answer: |request| Box::pin(with_token(request, Me::of)),
};

fn commands(at: &At<'_>) -> Vec<String> {
    let (name, password) = USERS[0];
    exchange(
        at,
        &format!("grant_type=password&username={name}&password={password}"),
    )
}

fn with_code(at: &At<'_>, code: &str) -> Vec<String> {
    exchange(at, &format!("grant_type=authorization_code&code={code}"))
}

/// Gets tokens, uses and refreshes them.
fn exchange(at: &At<'_>, what: &str) -> Vec<String> {
    let base = at.base;
    let client = format!(
        "client_id={}&client_secret={}",
        at.demo.client_id, at.demo.client_secret
    );
    let mut commands = vec![
        format!("ANSWER=$(curl -s -d \"{what}&{client}\" {base}/access_token); echo \"$ANSWER\""),
        format!("TOKEN=$(echo \"$ANSWER\" | {TAKE_TOKEN})"),
        r#"REFRASH=$(echo "$ANSWER" | sed 's/.*"refrash_token":"\([^"]*\)".*/\1/')"#.to_owned(),
    ];
    if at.has_api {
        commands.push(format!("curl -H \"access_token: $TOKEN\" {base}/api/v1/me"));
    }
    commands.push(format!(
        "curl -d \"grant_type=refrash_token&refrash_token=$REFRASH&{client}\" {base}/access_token"
    ));
    commands
}

/// Who a token is of.
#[derive(Serialize)]
pub(crate) struct Me {
    uid: Option<String>,
    client_id: String,
}

impl Me {
    pub(crate) fn of(token: &AccessToken) -> Self {
        Self {
            uid: token.subject.as_ref().map(ToString::to_string),
            client_id: token.client_id.to_string(),
        }
    }
}

//! 批改网, with its essays.

use oauth_core::token::AccessToken;
use oauth_tower::dialect::{Dialect, Extra, PIGAI as OWN, Route, Sources};
use serde::Serialize;

use crate::{
    demo::{Ask, At, Demo, TAKE_TOKEN},
    provider::{Grant, Proof, Provider, and, with_token},
};

/// 批改网.
pub(crate) static PIGAI: Provider = Provider {
    dialect: &DIALECT,
    without_api: &OWN,
    grants: &[Grant::Implicit, Grant::ClientCredentials, Grant::Code],
    proof: Proof::SecretOrNone,
    is_redirect_uri_once: false,
    scope: "",
    demo: Demo {
        client_id: "demo-app",
        client_secret: "pigai-secret-for-trying-out",
        commands,
        ask: Some(Ask {
            address: |At { demo, base, .. }| {
                format!(
                    "{base}/oauth2/authorize?response_type=code&client_id={}&redirect_uri={base}/callback&state=xyz",
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
static EXTRAS: [Extra; OWN.extras.len() + 1] = and(OWN.extras, ESSAYS);
const ESSAYS: Extra = Extra {
    route: Route::new(&["GET"], &["/essays/rapid_experience"]),
    sources: Sources::QUERY,
    answer: |request| Box::pin(with_token(request, essay)),
};

fn commands(at: &At<'_>) -> Vec<String> {
    let At { demo, base, .. } = at;
    let (id, secret) = (demo.client_id, demo.client_secret);
    let token = format!(
        "{base}/oauth2/access_token -d \"grant_type=client_credentials&client_id={id}&client_secret={secret}\""
    );
    vec![
        format!(
            "curl \"{base}/oauth2/authorize2?callback=myfun&response_type=token&client_id={id}&state=xyz\""
        ),
        format!("curl {token}"),
        format!("TOKEN=$(curl -s {token} | {TAKE_TOKEN})"),
        format!("curl -H \"Authorization: Bearer $TOKEN\" {base}/essays/rapid_experience"),
        format!("curl \"{base}/essays/rapid_experience?callback=myfun&access_token=$TOKEN\""),
    ]
}

fn with_code(At { demo, base, .. }: &At<'_>, code: &str) -> Vec<String> {
    vec![format!(
        "curl {base}/oauth2/access_token -d \"grant_type=authorization_code&code={code}&redirect_uri={base}/callback&client_id={}&client_secret={}\"",
        demo.client_id, demo.client_secret
    )]
}

#[derive(Serialize)]
struct Essay {
    number: u32,
    title: &'static str,
    score: u32,
    client_id: String,
}

/// An essay, for any token; as a script if a callback is named.
fn essay(token: &AccessToken) -> Essay {
    Essay {
        number: 10_001,
        title: "A rapid experience",
        score: 92,
        client_id: token.client_id.to_string(),
    }
}

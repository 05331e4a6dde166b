//! 批改网, with its essays.

use std::time::Duration;

use http::{Response, StatusCode};
use oauth_core::{
    client::Lifetimes,
    error::{ErrorCode, Refusal},
    types::Scope,
};
use oauth_tower::{
    Body,
    dialect::{
        ApiDenial, Callback, Dialect, Document, Extra, ExtraRequest, PIGAI as OWN, Route, Sources,
    },
};

use crate::{
    api::{self, Denied},
    demo::{Ask, At, Demo, TAKE_TOKEN},
    provider::{Grant, Proof, Provider, and},
};

/// 批改网.
pub(crate) static PIGAI: Provider = Provider {
    dialect: &DIALECT,
    grants: &[Grant::Implicit, Grant::ClientCredentials, Grant::Code],
    proof: Proof::SecretOrNone,
    lifetimes: Lifetimes {
        code: None,
        access_token: Some(Duration::from_secs(7200)),
        refresh_token: None,
        refresh_token_idle: None,
        refresh_grace: None,
    },
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
    answer: |request| Box::pin(essays(request)),
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

/// An essay, for tokens with any scope; as a script if a callback is named.
async fn essays(request: ExtraRequest) -> Response<Body> {
    let named = request.params.get("callback");
    let callback = named.and_then(Callback::new);
    let document = match essay(&request, callback.is_some()).await {
        Ok(document) if callback.is_some() || named.is_none() => document,
        Ok(_) => {
            let refusal = Refusal::new(
                ErrorCode::INVALID_REQUEST,
                "callback has to be a dotted path of identifiers",
            );
            let status = StatusCode::BAD_REQUEST;
            return api::denied(&DIALECT, Denied { status, refusal });
        }
        Err(denied) => match callback {
            Some(_) => (DIALECT.error)(denied.refusal),
            None => return api::denied(&DIALECT, denied),
        },
    };
    match callback {
        Some(callback) => callback.call(&document),
        None => api::answer(&document),
    }
}

async fn essay(request: &ExtraRequest, is_script: bool) -> Result<Document, Denied> {
    let ExtraRequest {
        dialects,
        parts,
        params,
    } = request;
    let token = match dialects.check(parts, params, &Scope::EMPTY).await? {
        Ok(token) => token,
        // An error of its own here.
        Err(ApiDenial::Expired) => {
            return Err(Denied {
                status: StatusCode::UNAUTHORIZED,
                refusal: Refusal::new(
                    ErrorCode::extension("expired_token"),
                    "the access token has expired",
                ),
            });
        }
        Err(denial) => return Err(denial.into()),
    };
    if is_script && !dialects.may_use_jsonp(token.client_id.as_str(), parts) {
        return Err(Denied {
            status: StatusCode::UNAUTHORIZED,
            refusal: Refusal::new(
                ErrorCode::ACCESS_DENIED,
                "this client may not be used from this page",
            ),
        });
    }
    Ok(Document::new()
        .number("essay_id", 10_001)
        .text("title", "A rapid experience")
        .number("score", 92)
        .text("client_id", token.client_id.as_str().to_owned()))
}

//! 留园网, with its user information.

use http::{Response, StatusCode, header::AUTHORIZATION};
use oauth_core::{
    client::Lifetimes,
    error::{ErrorCode, Refusal},
    types::Scope,
};
use oauth_tower::{
    Body,
    dialect::{ApiDenial, Dialect, Document, Extra, ExtraRequest, LIUYUAN as OWN, Route, Sources},
};

use crate::{
    api::{self, Denied, checked},
    demo::{Ask, At, Demo, TAKE_TOKEN},
    provider::{Grant, Proof, Provider, and},
};

/// 留园网.
pub(crate) static LIUYUAN: Provider = Provider {
    dialect: &DIALECT,
    grants: &[Grant::Code],
    proof: Proof::Secret,
    lifetimes: Lifetimes {
        code: None,
        access_token: None,
        refresh_token: None,
        refresh_token_idle: None,
        refresh_grace: None,
    },
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

async fn userinfo(request: ExtraRequest) -> Response<Body> {
    match user(&request).await {
        Ok(document) => api::answer(&document),
        Err(response) => response,
    }
}

/// The user of a token. The provider's own tokens are good only together with the credentials of their client; a strict client's token
/// is in the header where those would be.
async fn user(request: &ExtraRequest) -> Result<Document, Response<Body>> {
    let refuse = |denied: Denied| api::denied(&DIALECT, denied);
    let query = request.parts.uri.query().unwrap_or_default();
    if !query.split('&').any(|pair| pair == "act=userinfo") {
        return Err(refuse(Denied {
            status: StatusCode::BAD_REQUEST,
            refusal: Refusal::new(ErrorCode::INVALID_REQUEST, "act has to be userinfo"),
        }));
    }
    let authorization = request.parts.headers.get(AUTHORIZATION);
    let is_bearer = authorization.is_some_and(|value| {
        let scheme = value.as_bytes().split(|b| *b == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    });
    let client = if is_bearer {
        None
    } else {
        let client = request.dialects.client(&request.parts, &request.params);
        Some(client.await?)
    };
    let token = checked(request, &Scope::EMPTY).await.map_err(refuse)?;
    let is_theirs = match &client {
        Some(client) => *client.id() == token.client_id,
        None => token.profile.is_none(),
    };
    if !is_theirs {
        return Err(refuse(ApiDenial::Unknown.into()));
    }
    Ok(match &token.subject {
        Some(subject) => Document::new().text("username", subject.as_str().to_owned()),
        None => Document::new(),
    })
}

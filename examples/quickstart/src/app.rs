//! The services, put together.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{ConnectInfo, Query, Request, State},
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use oauth_core::{
    AuthorizationServer,
    client::Client,
    operator_secret::OperatorSecrets,
    policy::Policy,
    server::InvalidServer,
    store::{Realm, StaticClients, Store},
    types::{Issuer, Resource, Scope},
};
use oauth_tower::{
    OAuth,
    bearer::{BearerLayer, ValidToken},
    throttle::{Peer, Throttle},
    ui::Ui,
};
use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, ProtectedPath},
    users::Users,
};

/// The whole application: endpoints, pages, and the API.
///
/// # Errors
/// If the configuration is inconsistent.
pub fn app(
    config: Config,
    issuer: Issuer,
    store: impl Store,
    secrets: OperatorSecrets,
    is_demo: bool,
) -> Result<Router, InvalidServer> {
    let policy = policy(config.policy, &config.resources, &config.clients, &issuer);
    let clients: StaticClients = config.clients.into_iter().collect();
    let namespace = config
        .namespace
        .unwrap_or_else(|| Realm::new(issuer.as_str()));
    let server = oauth_tower::server(issuer.clone(), store, clients.clone())
        .operator_secret(secrets)
        .realm(namespace)
        .policy(policy)
        .build()?;
    let throttle = config.throttle.then(Arc::<Throttle>::default);
    let ui = Ui::new(
        server.clone(),
        Users::from_iter(config.users),
        Arc::new(clients),
    )
    .site("Quickstart")
    .describe_scope("read", "read your things")
    .describe_scope("admin", "administer everything")
    .throttle(throttle.clone());
    let oauth = OAuth::new(server.clone(), ui).throttle(throttle);

    let mut app = api(&config.resources, &server);
    if is_demo {
        app = app.merge(
            Router::new()
                .route("/", get(start))
                .route("/callback", get(callback))
                .with_state(issuer),
        );
    }
    Ok(app
        .fallback_service(oauth.service())
        .layer(middleware::from_fn(tell_peer)))
}

/// What the operator decides, with what follows from the protected paths and from what is registered.
pub fn policy(
    mut policy: Policy,
    resources: &[ProtectedPath],
    clients: &[Client],
    issuer: &Issuer,
) -> Policy {
    for path in resources {
        let server = policy
            .resources
            .entry(identifier(path, issuer))
            .or_default();
        server.scope = Some(
            path.scope
                .union(server.scope.as_ref().unwrap_or(&Scope::EMPTY)),
        );
    }
    // Tokens that were asked for without a resource are for all of the API.
    policy.default_audience = policy
        .resources
        .keys()
        .map(|identifier| identifier.as_str().to_owned())
        .collect();
    policy.scopes = clients
        .iter()
        .fold(Scope::EMPTY, |all, client| all.union(client.scope()));
    policy
}

/// The protected paths.
pub fn api(resources: &[ProtectedPath], server: &AuthorizationServer) -> Router {
    // Paths of the file mean what they say: a colon is a colon.
    resources
        .iter()
        .fold(Router::new().without_v07_checks(), |api, path| {
            api.merge(protected(path, &identifier(path, server.issuer()), server))
        })
}

/// A path of the API, for tokens with the right scope and audience.
fn protected(path: &ProtectedPath, identifier: &Resource, server: &AuthorizationServer) -> Router {
    let bearer = BearerLayer::new(server.clone())
        .scope(path.scope.clone())
        .audience(identifier.as_str());
    Router::new()
        .without_v07_checks()
        .route(&path.path, get(whoami))
        .route_layer(bearer)
}

/// What the API knows of its caller.
#[derive(Serialize)]
struct Whoami {
    client_id: String,
    subject: Option<String>,
    scope: String,
}

async fn whoami(token: ValidToken) -> Json<Whoami> {
    Json(Whoami {
        client_id: token.client_id.to_string(),
        subject: token.subject.as_ref().map(ToString::to_string),
        scope: token.scope.to_string(),
    })
}

/// The page with which the demo begins.
async fn start(State(issuer): State<Issuer>) -> impl IntoResponse {
    const POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";
    let page = Html(crate::demo::start_page(&issuer));
    ([(CONTENT_SECURITY_POLICY, POLICY)], page)
}

/// What comes back to the demo's applications.
#[derive(Deserialize)]
struct Callback {
    code: Option<String>,
    error: Option<String>,
}

/// The page of the demo's applications: shows what to do with the code. As text, so that nothing in it can be anything else.
async fn callback(
    State(issuer): State<Issuer>,
    Query(query): Query<Callback>,
) -> impl IntoResponse {
    // What is shown is to be pasted into a shell, and anybody can make a link to here.
    let is_plain = |text: &String| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let text = match (query.code.filter(is_plain), query.error.filter(is_plain)) {
        (Some(code), _) => {
            let command = crate::demo::exchange(&issuer, &code);
            format!(
                "You have allowed it. Exchange the code within a minute, and once:\n\n{command}\n"
            )
        }
        (None, Some(error)) => format!("It did not work out: {error}\n"),
        (None, None) => format!("Begin at {}\n", issuer.endpoint("/")),
    };
    (
        [
            (CACHE_CONTROL, "no-store"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        text,
    )
}

/// Tells the throttle whose attempts are whose. Behind a proxy this would be the address that the proxy tells.
pub async fn tell_peer(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(Peer(peer.ip()));
    next.run(request).await
}

/// The identifier of a protected path: as configured, or made from its address.
#[expect(
    clippy::expect_used,
    reason = "an issuer's origin and a path that was checked make an absolute URI"
)]
fn identifier(path: &ProtectedPath, issuer: &Issuer) -> Resource {
    path.identifier.clone().unwrap_or_else(|| {
        format!("{}{}", issuer.origin(), path.path)
            .parse()
            .expect("an origin and a path make an absolute URI")
    })
}

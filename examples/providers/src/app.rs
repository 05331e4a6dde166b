//! A provider's services, put together: its endpoints and API at the root, the strict endpoints under `/strict/`, over one store and the
//! same clients. What confines them to their clients is how those are registered.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State},
    http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    middleware,
    response::IntoResponse,
    routing::get,
};
use oauth_core::{
    grant::PasswordGrant,
    metadata::Metadata,
    operator_secret::OperatorSecrets,
    server::InvalidServer,
    store::{Realm, StaticClients, Store},
    types::{InvalidIssuer, Issuer},
};
use oauth_tower::{
    Interactions, OAuth,
    dialect::{ClientTokens, Dialects},
    throttle::Throttle,
    ui::Ui,
};
use quickstart::{
    app::{api, policy, tell_peer},
    config::Config,
    users::Users,
};
use serde::Deserialize;

use crate::{
    clients::Kept,
    demo,
    passwords::Passwords,
    provider::{Grant, Provider},
};

/// What is to be served.
#[derive(Debug)]
pub struct Setup {
    /// The provider.
    pub provider: &'static Provider,
    /// Where it is.
    pub issuer: Issuer,
    /// The secret from which its keys are derived.
    pub secrets: OperatorSecrets,
    /// Who its users and clients are.
    pub config: Config,
    /// What is kept about its clients beside their registration.
    pub kept: Kept,
    /// Whether its API is in the same process; 易度 has WO for that otherwise.
    pub has_api: bool,
    /// Whether it is all for trying out.
    pub is_demo: bool,
}

/// The issuer of the strict endpoints.
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "an issuer with one more segment to its path is an issuer"
)]
pub fn strict_issuer(issuer: &Issuer) -> Issuer {
    let made: Result<Issuer, InvalidIssuer> = Issuer::new(&issuer.endpoint("/strict"));
    made.expect("an issuer below an issuer")
}

/// The whole application.
///
/// # Errors
/// If the setup is inconsistent.
pub fn app(setup: Setup, store: &(impl Store + Clone)) -> Result<Router, InvalidServer> {
    let Setup {
        provider,
        issuer,
        secrets,
        config,
        kept,
        has_api,
        is_demo,
    } = setup;
    let users = Users::from_iter(config.users);
    let throttle = config.throttle.then(Arc::<Throttle>::default);
    let strict_clients: Vec<_> = config
        .clients
        .iter()
        .filter(|client| client.profile().is_none())
        .cloned()
        .collect();
    let clients: StaticClients = config.clients.into_iter().collect();
    // Both servers of a provider use the same namespace, so they share grants and tokens. Two
    // providers can share a file and still remain separate.
    let realm = config
        .namespace
        .unwrap_or_else(|| Realm::new(provider.dialect.name));
    let strict = strict_issuer(&issuer);

    let mut own_policy = config.policy.clone();
    own_policy.default_audience = vec![provider.dialect.name.to_owned()];
    let mut builder = provider
        .dialect
        .server(oauth_tower::server(
            issuer.clone(),
            store.clone(),
            clients.clone(),
        ))
        .operator_secret(secrets.clone())
        .policy(own_policy)
        .realm(realm.clone())
        .client_authentication(ClientTokens::new(kept.readable_secrets));
    if provider.grants.contains(&Grant::Password) {
        let guesses = config.throttle.then(Throttle::default);
        let passwords = Passwords::new(users.clone(), guesses);
        builder = builder.grant(PasswordGrant::new(Arc::new(passwords)));
    }
    let server = builder.build()?;
    let ui = Ui::new(server.clone(), users.clone(), Arc::new(clients.clone()))
        .site(provider.dialect.name)
        .interactions(
            Interactions::new(server.clone()).respond_with(provider.dialect.authorize.respond),
        )
        .throttle(throttle.clone());
    let dialect = if has_api {
        provider.dialect
    } else {
        provider.without_api
    };
    let dialects = Dialects::new(dialect, server, ui)
        .throttle(throttle.clone())
        .jsonp_hosts(kept.jsonp_hosts);

    let strict_policy = policy(config.policy, &config.resources, &strict_clients, &strict);
    let strict_server = oauth_tower::server(strict.clone(), store.clone(), clients.clone())
        .operator_secret(secrets)
        .policy(strict_policy)
        .realm(realm)
        .build()?;
    let strict_ui = Ui::new(strict_server.clone(), users, Arc::new(clients))
        .site(format!("{}, strict", provider.dialect.name))
        .throttle(throttle.clone());
    let strict_service = OAuth::new(strict_server.clone(), strict_ui)
        .throttle(throttle)
        .service();

    let mut app = api(&config.resources, &strict_server)
        .route_service(&Metadata::well_known_path(&strict), strict_service.clone())
        .route_service(&format!("{}/{{*page}}", strict.path()), strict_service);
    if is_demo {
        let callback = Callback {
            provider,
            issuer,
            has_api,
        };
        app = app.merge(
            Router::new()
                .route("/callback", get(arrive))
                .with_state(Arc::new(callback)),
        );
    }
    Ok(app
        .fallback_service(dialects.service())
        .layer(middleware::from_fn(tell_peer)))
}

/// The page of the demo's application.
struct Callback {
    provider: &'static Provider,
    issuer: Issuer,
    has_api: bool,
}

/// What comes back to it.
#[derive(Deserialize)]
struct Returned {
    code: Option<String>,
    error: Option<String>,
}

/// Shows what to do with the code. As text, so that nothing in it can be anything else.
async fn arrive(
    State(callback): State<Arc<Callback>>,
    Query(returned): Query<Returned>,
) -> impl IntoResponse {
    // What is shown is to be pasted into a shell, and anybody can make a link to here.
    let is_plain = |text: &String| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let Callback {
        provider,
        issuer,
        has_api,
    } = callback.as_ref();
    let text = match (
        returned.code.filter(is_plain),
        returned.error.filter(is_plain),
    ) {
        (Some(code), _) => demo::after(provider, issuer, *has_api, &code),
        (None, Some(error)) => format!("It did not work out: {error}\n"),
        (None, None) => demo::instructions(provider, issuer, *has_api),
    };
    (
        [
            (CACHE_CONTROL, "no-store"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        text,
    )
}

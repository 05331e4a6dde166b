//! What the file says, checked value by value.

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use oauth_core::{
    client::{
        Client, ClientAuthentication, ClientSecrets, Introspection, InvalidClient, Lifetimes,
    },
    grant::GrantType,
    policy::Policy,
    types::{
        ClientId, Issuer, RegisteredRedirectUri, Resource, Scope, Secret, SecretDigest, Subject,
    },
};
use toml::{Spanned, Value};

use super::{
    Config, Problem, ProtectedPath,
    file::{ClientTable, File, PolicyTable, ResourceTable, UserTable},
};

const GRANT_TYPES: [GrantType; 3] = [
    GrantType::AUTHORIZATION_CODE,
    GrantType::REFRESH_TOKEN,
    GrantType::CLIENT_CREDENTIALS,
];

/// Paths that the server has itself.
const TAKEN: [&str; 9] = [
    "/authorize",
    "/token",
    "/revoke",
    "/introspect",
    "/login",
    "/consent",
    "/connections",
    "/logout",
    "/callback",
];

pub(super) fn config(file: File) -> Result<Config, Problem> {
    let issuer = file
        .issuer
        .map(|issuer| parsed(&issuer, Issuer::new))
        .transpose()?;
    let listen = file.listen.map(|address| {
        let is_address = address.get_ref().parse::<SocketAddr>().is_ok();
        if is_address {
            Ok(address.into_inner())
        } else {
            Err(problem(
                &address,
                "listen is an address such as 127.0.0.1:8080",
            ))
        }
    });
    let throttle = file.policy.throttle.unwrap_or(true);
    let mut seen = HashSet::new();
    let mut clients = Vec::new();
    for table in file.client {
        let id = table.get_ref().client_id.clone();
        if !seen.insert(id.get_ref().clone()) {
            return Err(problem(&id, "this client_id is there twice"));
        }
        clients.push(client(table)?);
    }
    Ok(Config {
        issuer,
        listen: listen.transpose()?,
        store: file
            .store
            .map(|store| parsed(&store, str::parse))
            .transpose()?,
        policy: policy(&file.policy)?,
        throttle,
        users: file.user.into_iter().map(user).collect::<Result<_, _>>()?,
        clients,
        resources: match file.resource {
            Some(tables) => tables.into_iter().map(resource).collect::<Result<_, _>>()?,
            None => crate::demo::resources(),
        },
    })
}

fn policy(table: &PolicyTable) -> Result<Policy, Problem> {
    let mut policy = Policy::default();
    for (value, field, name) in [
        (
            &table.code_lifetime,
            &mut policy.code_lifetime,
            "code_lifetime",
        ),
        (
            &table.access_token_lifetime,
            &mut policy.access_token_lifetime,
            "access_token_lifetime",
        ),
        (
            &table.refresh_token_lifetime,
            &mut policy.refresh_token_lifetime,
            "refresh_token_lifetime",
        ),
    ] {
        if let Some(lifetime) = lifetime(value.as_ref(), name)? {
            *field = lifetime;
        }
    }
    policy.refresh_token_idle = seconds(table.refresh_token_idle.as_ref(), "refresh_token_idle")?;
    if let Some(grace) = seconds(table.refresh_grace.as_ref(), "refresh_grace")? {
        policy.refresh_grace = grace;
    }
    Ok(policy)
}

fn user(table: Spanned<UserTable>) -> Result<(Subject, Secret), Problem> {
    let UserTable { username, password } = table.into_inner();
    Ok((
        parsed(&username, |name| Subject::new(name))?,
        Secret::new(password),
    ))
}

fn client(table: Spanned<ClientTable>) -> Result<Client, Problem> {
    let at = table.span().start;
    let table = table.into_inner();
    let id = parsed(&table.client_id, |id| ClientId::new(id))?;
    let mut builder = match authentication(&table)? {
        ClientAuthentication::None => Client::public(id),
        authentication => Client::confidential(id, authentication),
    };
    if let Some(name) = &table.client_name {
        builder = builder.name(name);
    }
    for uri in &table.redirect_uris {
        parsed(uri, RegisteredRedirectUri::new)?;
        builder = builder.redirect_uri(uri.get_ref());
    }
    if let Some(names) = &table.grant_types {
        builder = builder.grant_types(
            names
                .iter()
                .map(grant_type)
                .collect::<Result<Vec<_>, _>>()?,
        );
    }
    if let Some(scope) = &table.scope {
        builder = builder.scope(parsed(scope, str::parse::<Scope>)?);
    }
    if table.dangerous_pkce_optional {
        builder = builder.dangerous_pkce_optional();
    }
    if let Some(value) = &table.may_introspect {
        builder = builder.introspection(introspection(value)?);
    }
    let lifetimes = Lifetimes {
        code: lifetime(table.code_lifetime.as_ref(), "code_lifetime")?,
        access_token: lifetime(
            table.access_token_lifetime.as_ref(),
            "access_token_lifetime",
        )?,
        refresh_token: lifetime(
            table.refresh_token_lifetime.as_ref(),
            "refresh_token_lifetime",
        )?,
        refresh_token_idle: seconds(table.refresh_token_idle.as_ref(), "refresh_token_idle")?,
        refresh_grace: seconds(table.refresh_grace.as_ref(), "refresh_grace")?,
    };
    builder
        .lifetimes(lifetimes)
        .build()
        .map_err(|error: InvalidClient| Problem {
            at,
            what: error.to_string(),
        })
}

fn authentication(table: &ClientTable) -> Result<ClientAuthentication, Problem> {
    let secrets = table
        .client_secret
        .as_deref()
        .map(|secret| ClientSecrets::new(SecretDigest::of(secret)));
    let Some(method) = &table.token_endpoint_auth_method else {
        return Ok(secrets.map_or(
            ClientAuthentication::None,
            ClientAuthentication::SecretBasic,
        ));
    };
    match (method.get_ref().as_str(), secrets) {
        ("none", None) => Ok(ClientAuthentication::None),
        ("none", Some(_)) => Err(problem(
            method,
            "a client with the method none has no client_secret",
        )),
        ("client_secret_basic", Some(secrets)) => Ok(ClientAuthentication::SecretBasic(secrets)),
        ("client_secret_post", Some(secrets)) => Ok(ClientAuthentication::SecretPost(secrets)),
        ("client_secret_basic" | "client_secret_post", None) => {
            Err(problem(method, "this method needs a client_secret"))
        }
        _ => Err(problem(
            method,
            "the methods are none, client_secret_basic and client_secret_post",
        )),
    }
}

fn grant_type(name: &Spanned<String>) -> Result<GrantType, Problem> {
    let known = GRANT_TYPES
        .into_iter()
        .find(|grant_type| grant_type.as_str() == name.get_ref());
    known.ok_or_else(|| {
        problem(
            name,
            "the grant types are authorization_code, refresh_token and client_credentials",
        )
    })
}

fn introspection(value: &Spanned<Value>) -> Result<Introspection, Problem> {
    const RIGHT: &str = "may_introspect is true, or a list of resource identifiers";
    match value.get_ref() {
        Value::Boolean(true) => Ok(Introspection::All),
        Value::Boolean(false) => Ok(Introspection::Own),
        Value::Array(items) => {
            let identifiers = items.iter().map(|item| item.as_str()?.parse().ok());
            let identifiers = identifiers.collect::<Option<Vec<_>>>();
            identifiers
                .map(Introspection::Resources)
                .ok_or_else(|| problem(value, RIGHT))
        }
        _ => Err(problem(value, RIGHT)),
    }
}

fn resource(table: ResourceTable) -> Result<ProtectedPath, Problem> {
    let path = table.path.get_ref();
    let is_path = path.starts_with('/') && !path.contains(['?', '*']);
    if !is_path
        || format!("https://api.example{path}")
            .parse::<Resource>()
            .is_err()
    {
        return Err(problem(
            &table.path,
            "a path begins with a slash, and holds only what a URL's path may hold as it is",
        ));
    }
    if path == "/" || TAKEN.contains(&path.as_str()) || path.starts_with("/.well-known/") {
        return Err(problem(
            &table.path,
            "this path is taken by the server itself",
        ));
    }
    Ok(ProtectedPath {
        path: path.clone(),
        scope: parsed(&table.scope, str::parse)?,
        identifier: table
            .identifier
            .map(|identifier| parsed(&identifier, str::parse))
            .transpose()?,
    })
}

/// A lifetime, which is not zero.
fn lifetime(value: Option<&Spanned<Value>>, name: &str) -> Result<Option<Duration>, Problem> {
    match (seconds(value, name)?, value) {
        (Some(Duration::ZERO), Some(value)) => {
            Err(problem(value, &format!("{name} is longer than zero")))
        }
        (lifetime, _) => Ok(lifetime),
    }
}

/// A number of seconds.
fn seconds(value: Option<&Spanned<Value>>, name: &str) -> Result<Option<Duration>, Problem> {
    let Some(value) = value else { return Ok(None) };
    let seconds = value
        .get_ref()
        .as_integer()
        .and_then(|seconds| u64::try_from(seconds).ok());
    match seconds {
        Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
        None => Err(problem(
            value,
            &format!("{name} is a whole number of seconds, such as 60"),
        )),
    }
}

/// A value that a type of the library takes.
fn parsed<T, E: std::fmt::Display>(
    value: &Spanned<String>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Problem> {
    parse(value.get_ref()).map_err(|error| problem(value, &error.to_string()))
}

fn problem<T>(value: &Spanned<T>, what: &str) -> Problem {
    Problem {
        at: value.span().start,
        what: what.to_owned(),
    }
}

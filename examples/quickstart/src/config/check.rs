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
    Config, Problem, ProtectedPath, Register,
    dialect::{self, DialectClient},
    file::{ClientTable, File, PolicyTable, ResourceTable, UserTable},
};

pub(super) const GRANT_TYPES: [GrantType; 3] = [
    GrantType::AUTHORIZATION_CODE,
    GrantType::REFRESH_TOKEN,
    GrantType::CLIENT_CREDENTIALS,
];

/// Paths that the server has itself, below the path of its issuer.
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

pub(super) fn config(file: File, mut register: Option<Register<'_>>) -> Result<Config, Problem> {
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
    let mut names = HashSet::new();
    let mut users = Vec::new();
    for table in file.user {
        once(&mut names, &table.get_ref().username, "username")?;
        users.push(user(table)?);
    }
    let mut ids = HashSet::new();
    let mut clients = Vec::new();
    for table in file.client {
        once(&mut ids, &table.get_ref().client_id, "client_id")?;
        let is_dialect = dialect::is_asked(table.get_ref(), register.is_some())?;
        clients.push(match &mut register {
            Some(register) if is_dialect => dialect_client(table, &file.policy, register)?,
            _ => client(table)?,
        });
    }
    let mut paths = HashSet::new();
    let resources = file.resource.map(|tables| {
        let checked = tables.into_iter().map(|table| {
            once(&mut paths, &table.path, "path")?;
            resource(table, issuer.as_ref())
        });
        checked.collect::<Result<_, _>>()
    });
    Ok(Config {
        listen: listen.transpose()?,
        store: file
            .store
            .map(|store| parsed(&store, str::parse))
            .transpose()?,
        policy: policy(&file.policy)?,
        throttle,
        users,
        clients,
        resources: resources
            .transpose()?
            .unwrap_or_else(crate::demo::resources),
        issuer,
    })
}

/// Refuses what stands there a second time.
fn once(seen: &mut HashSet<String>, value: &Spanned<String>, name: &str) -> Result<(), Problem> {
    if seen.insert(value.get_ref().clone()) {
        Ok(())
    } else {
        Err(problem(value, &format!("this {name} is there twice")))
    }
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
        secret(&password, "password")?,
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
    builder
        .lifetimes(lifetimes(&table)?)
        .build()
        .map_err(|error: InvalidClient| Problem {
            at,
            what: error.to_string(),
        })
}

/// A client of the program's dialect. What the file says for all of them says it for this one, so that the dialect can tell what was
/// left out.
fn dialect_client(
    table: Spanned<ClientTable>,
    policy: &PolicyTable,
    register: &mut Register<'_>,
) -> Result<Client, Problem> {
    let at = table.span().start;
    let table = table.into_inner();
    authentication(&table)?;
    let own = lifetimes(&table)?;
    let client = DialectClient {
        id: parsed(&table.client_id, |id| ClientId::new(id))?,
        secret: match &table.client_secret {
            Some(value) => Some(secret(value, "client_secret")?),
            None => None,
        },
        redirect_uris: table
            .redirect_uris
            .iter()
            .map(|uri| {
                parsed(uri, RegisteredRedirectUri::dangerous_http)?;
                Ok(uri.get_ref().clone())
            })
            .collect::<Result<_, _>>()?,
        grant_types: match &table.grant_types {
            Some(names) => Some(
                names
                    .iter()
                    .map(dialect::grant_type)
                    .collect::<Result<_, _>>()?,
            ),
            None => None,
        },
        scope: match &table.scope {
            Some(scope) => Some(parsed(scope, str::parse)?),
            None => None,
        },
        lifetimes: Lifetimes {
            code: own
                .code
                .or(lifetime(policy.code_lifetime.as_ref(), "code_lifetime")?),
            access_token: own.access_token.or(lifetime(
                policy.access_token_lifetime.as_ref(),
                "access_token_lifetime",
            )?),
            refresh_grace: own
                .refresh_grace
                .or(seconds(policy.refresh_grace.as_ref(), "refresh_grace")?),
            ..own
        },
        jsonp_hosts: table.jsonp_hosts.as_ref().map(dialect::hosts).transpose()?,
        name: table.client_name,
    };
    register(client).map_err(|what| Problem { at, what })
}

/// What a client has of its own.
fn lifetimes(table: &ClientTable) -> Result<Lifetimes, Problem> {
    Ok(Lifetimes {
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
    })
}

fn authentication(table: &ClientTable) -> Result<ClientAuthentication, Problem> {
    let secrets = match &table.client_secret {
        Some(value) => {
            let secret = secret(value, "client_secret")?;
            Some(ClientSecrets::new(SecretDigest::of(secret.expose())))
        }
        None => None,
    };
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

fn resource(table: ResourceTable, issuer: Option<&Issuer>) -> Result<ProtectedPath, Problem> {
    let path = table.path.get_ref();
    let is_path = path.starts_with('/') && !path.contains('?');
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
    let below = issuer
        .and_then(|issuer| path.strip_prefix(issuer.path()))
        .unwrap_or(path);
    let is_taken = |path: &str| path == "/" || TAKEN.contains(&path);
    if is_taken(path) || is_taken(below) || path.starts_with("/.well-known/") {
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

/// A secret or a password. Nothing that is said about it shows it.
fn secret(value: &Spanned<Value>, name: &str) -> Result<Secret, Problem> {
    match value.get_ref().as_str() {
        Some(secret) if !secret.is_empty() => Ok(Secret::new(secret)),
        _ => Err(problem(
            value,
            &format!("{name} is a text in quotes, and not empty"),
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

pub(super) fn problem<T>(value: &Spanned<T>, what: &str) -> Problem {
    Problem {
        at: value.span().start,
        what: what.to_owned(),
    }
}

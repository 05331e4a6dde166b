//! What the file says, checked.

use std::{collections::HashSet, net::SocketAddr, path::PathBuf};

use oauth_core::{
    policy::Policy,
    store::Realm,
    types::{Issuer, Resource, Secret, Subject},
};
use toml::Spanned;

use super::{
    Config, Problem, ProtectedPath, Register,
    client::client,
    dialect,
    file::{PolicyTable, ResourceTable, Root, UserTable},
    value::{ceiling, lifetime, parsed, problem, seconds, secret, text},
};

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

pub(super) fn config(file: Root, mut register: Option<Register<'_>>) -> Result<Config, Problem> {
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
            Some(register) if is_dialect => dialect::client(table, &file.policy, register)?,
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
        secret_key_file: file
            .secret_key_file
            .map(|path| text(path, "secret_key_file"))
            .transpose()?
            .map(PathBuf::from),
        secret_key_files_previous: file
            .secret_key_files_previous
            .into_iter()
            .map(|path| Ok(text(path, "a file of secret_key_files_previous")?.into()))
            .collect::<Result<_, _>>()?,
        namespace: file
            .namespace
            .map(|name| text(name, "namespace"))
            .transpose()?
            .map(Realm::new),
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

/// Refuses repeated values.
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
    if let Some(tokens) = ceiling(table.tokens_per_grant.as_ref(), "tokens_per_grant")? {
        policy.tokens_per_grant = tokens;
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

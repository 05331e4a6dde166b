//! `[[client]]`, checked.

use oauth_core::{
    client::{
        Client, ClientAuthentication, ClientSecrets, Introspection, InvalidClient, Lifetimes,
    },
    grant::GrantType,
    types::{ClientId, RegisteredRedirectUri, Scope, SecretDigest},
};
use toml::{Spanned, Value};

use super::{
    Problem,
    file::ClientTable,
    value::{lifetime, parsed, problem, seconds, secret},
};

pub(super) const GRANT_TYPES: [GrantType; 3] = [
    GrantType::AUTHORIZATION_CODE,
    GrantType::REFRESH_TOKEN,
    GrantType::CLIENT_CREDENTIALS,
];

pub(super) fn client(table: Spanned<ClientTable>) -> Result<Client, Problem> {
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

/// What a client has of its own.
pub(super) fn lifetimes(table: &ClientTable) -> Result<Lifetimes, Problem> {
    let mut lifetimes = Lifetimes::new();
    lifetimes.code = lifetime(table.code_lifetime.as_ref(), "code_lifetime")?;
    lifetimes.access_token = lifetime(
        table.access_token_lifetime.as_ref(),
        "access_token_lifetime",
    )?;
    lifetimes.refresh_token = lifetime(
        table.refresh_token_lifetime.as_ref(),
        "refresh_token_lifetime",
    )?;
    lifetimes.refresh_token_idle =
        seconds(table.refresh_token_idle.as_ref(), "refresh_token_idle")?;
    lifetimes.refresh_grace = seconds(table.refresh_grace.as_ref(), "refresh_grace")?;
    Ok(lifetimes)
}

pub(super) fn authentication(table: &ClientTable) -> Result<ClientAuthentication, Problem> {
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

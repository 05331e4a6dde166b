//! Clients of the dialect that a program speaks, which the quickstart itself does not.

use oauth_core::{
    client::{Client, Lifetimes},
    grant::GrantType,
    types::{ClientId, RegisteredRedirectUri, Scope, Secret},
};
use toml::Spanned;

use super::{
    Problem,
    client::{GRANT_TYPES, authentication, lifetimes},
    file::{ClientTable, PolicyTable},
    value::{lifetime, parsed, problem, seconds, secret},
};

/// A `[[client]]` with `dialect = true`, as the file has it.
#[derive(Debug)]
pub struct DialectClient {
    /// `client_id`
    pub id: ClientId,
    /// `client_secret`, in clear.
    pub secret: Option<Secret>,
    /// `client_name`
    pub name: Option<String>,
    /// `redirect_uris`, which may be `http`.
    pub redirect_uris: Vec<String>,
    /// `grant_types`
    pub grant_types: Option<Vec<GrantType>>,
    /// `scope`
    pub scope: Option<Scope>,
    /// Its own lifetimes, or those of `[policy]`; `None` if the file has neither.
    pub lifetimes: Lifetimes,
    /// `jsonp_hosts`
    pub jsonp_hosts: Option<Vec<String>>,
}

/// Makes a client of what the file says, or tells what is wrong with it.
pub type Register<'a> = &'a mut dyn FnMut(DialectClient) -> Result<Client, String>;

/// Whether a client is to be one of the dialect, if the program speaks one.
pub(super) fn is_asked(table: &ClientTable, speaks_one: bool) -> Result<bool, Problem> {
    const STRICT: &str = "this program speaks no dialect of another provider: its clients are strict, without this key";
    match (&table.dialect, &table.jsonp_hosts) {
        (Some(key), _) if !speaks_one => Err(problem(key, STRICT)),
        (_, Some(key)) if !speaks_one => Err(problem(key, STRICT)),
        (Some(key), _) if *key.get_ref() => Ok(true),
        (_, Some(key)) => Err(problem(
            key,
            "jsonp_hosts is for clients with dialect = true",
        )),
        _ => Ok(false),
    }
}

/// A client of the program's dialect. What the file says for all of them says it for this one, so that the dialect can tell what was
/// left out.
pub(super) fn client(
    table: Spanned<ClientTable>,
    policy: &PolicyTable,
    register: &mut Register<'_>,
) -> Result<Client, Problem> {
    let at = table.span().start;
    let table = table.into_inner();
    authentication(&table)?;
    let own = lifetimes(&table)?;
    let mut by_policy = Lifetimes::new();
    by_policy.code = lifetime(policy.code_lifetime.as_ref(), "code_lifetime")?;
    by_policy.access_token = lifetime(
        policy.access_token_lifetime.as_ref(),
        "access_token_lifetime",
    )?;
    by_policy.refresh_grace = seconds(policy.refresh_grace.as_ref(), "refresh_grace")?;
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
            Some(names) => Some(names.iter().map(grant_type).collect::<Result<_, _>>()?),
            None => None,
        },
        scope: match &table.scope {
            Some(scope) => Some(parsed(scope, str::parse)?),
            None => None,
        },
        lifetimes: own.or(by_policy),
        jsonp_hosts: table.jsonp_hosts.as_ref().map(hosts).transpose()?,
        name: table.client_name,
    };
    register(client).map_err(|what| Problem { at, what })
}

/// Those of strict clients, and what only dialects have.
fn grant_type(name: &Spanned<String>) -> Result<GrantType, Problem> {
    let known = GRANT_TYPES
        .into_iter()
        .chain([GrantType::PASSWORD, GrantType::new("implicit")])
        .find(|grant_type| grant_type.as_str() == name.get_ref());
    known.ok_or_else(|| {
        problem(
            name,
            "the grant types of a dialect are authorization_code, refresh_token, client_credentials, password and implicit",
        )
    })
}

/// `app.example`, or `app.example:8443`.
fn hosts(hosts: &Spanned<Vec<String>>) -> Result<Vec<String>, Problem> {
    let is_host = |host: &String| {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
        !host.is_empty() && host.bytes().all(is_allowed)
    };
    if hosts.get_ref().iter().all(is_host) {
        Ok(hosts.get_ref().clone())
    } else {
        Err(problem(
            hosts,
            "a host is a name such as app.example, or with a port app.example:8443",
        ))
    }
}

//! Clients of the dialect that a program speaks, which the quickstart itself does not.

use oauth_core::{
    client::{Client, Lifetimes},
    grant::GrantType,
    types::{ClientId, Scope, Secret},
};
use toml::Spanned;

use super::{
    Problem,
    check::{GRANT_TYPES, problem},
    file::ClientTable,
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

/// Those of strict clients, and what only dialects have.
pub(super) fn grant_type(name: &Spanned<String>) -> Result<GrantType, Problem> {
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
pub(super) fn hosts(hosts: &Spanned<Vec<String>>) -> Result<Vec<String>, Problem> {
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

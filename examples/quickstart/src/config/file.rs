//! The file as it is written: every key, with its place, and nothing checked yet.

use serde::Deserialize;
use toml::{Spanned, Value};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    pub(super) issuer: Option<Spanned<String>>,
    pub(super) listen: Option<Spanned<String>>,
    pub(super) store: Option<Spanned<String>>,
    pub(super) secret_key_file: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) secret_key_files_previous: Vec<Spanned<String>>,
    pub(super) namespace: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) policy: PolicyTable,
    #[serde(default)]
    pub(super) user: Vec<Spanned<UserTable>>,
    #[serde(default)]
    pub(super) client: Vec<Spanned<ClientTable>>,
    pub(super) resource: Option<Vec<ResourceTable>>,
}

/// `[policy]`, with lifetimes in seconds.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicyTable {
    pub(super) code_lifetime: Option<Spanned<Value>>,
    pub(super) access_token_lifetime: Option<Spanned<Value>>,
    pub(super) refresh_token_lifetime: Option<Spanned<Value>>,
    pub(super) refresh_token_idle: Option<Spanned<Value>>,
    pub(super) refresh_grace: Option<Spanned<Value>>,
    pub(super) tokens_per_grant: Option<Spanned<Value>>,
    pub(super) throttle: Option<bool>,
}

/// `[[user]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserTable {
    pub(super) username: Spanned<String>,
    /// Any value, so that no message of the parser shows it.
    pub(super) password: Spanned<Value>,
}

/// `[[client]]`, with the names of RFC 7591 §2, and lifetimes in seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientTable {
    pub(super) client_id: Spanned<String>,
    /// Any value, so that no message of the parser shows it.
    pub(super) client_secret: Option<Spanned<Value>>,
    pub(super) client_name: Option<String>,
    pub(super) token_endpoint_auth_method: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) redirect_uris: Vec<Spanned<String>>,
    pub(super) grant_types: Option<Vec<Spanned<String>>>,
    pub(super) scope: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) dangerous_pkce_optional: bool,
    /// For programs that speak a dialect.
    pub(super) dialect: Option<Spanned<bool>>,
    /// For programs that speak a dialect.
    pub(super) jsonp_hosts: Option<Spanned<Vec<String>>>,
    pub(super) may_introspect: Option<Spanned<Value>>,
    pub(super) code_lifetime: Option<Spanned<Value>>,
    pub(super) access_token_lifetime: Option<Spanned<Value>>,
    pub(super) refresh_token_lifetime: Option<Spanned<Value>>,
    pub(super) refresh_token_idle: Option<Spanned<Value>>,
    pub(super) refresh_grace: Option<Spanned<Value>>,
}

/// `[[resource]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceTable {
    pub(super) path: Spanned<String>,
    pub(super) scope: Spanned<String>,
    pub(super) identifier: Option<Spanned<String>>,
}

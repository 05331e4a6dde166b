//! The registered clients.

use base64::{Engine, engine::general_purpose::STANDARD};
use oauth_core::{
    client::{
        Client, ClientAuthentication, ClientBuilder, ClientSecrets, Introspection, RegisteredBy,
    },
    grant::GrantType,
    types::{ClientId, SecretDigest},
};

use super::{MAIL, call::encode, resource, scope};

/// Confidential, by HTTP Basic, with all grants.
pub const WEB: &str = "web";
/// Confidential, by the form body.
pub const POST: &str = "post";
/// Public, on a phone.
pub const APP: &str = "app";
/// Public, on a desktop: a loopback address and another one.
pub const NATIVE: &str = "native";
/// Confidential, may do without PKCE.
pub const LEGACY: &str = "legacy";
/// Public, registered by itself.
pub const STRANGER: &str = "stranger";
/// Confidential, for itself only.
pub const MACHINE: &str = "machine";
/// Confidential, gets no refresh tokens.
pub const BRIEF: &str = "brief";
/// Confidential, with an id and a secret that need encoding.
pub const ODD: &str = "odd client:+%41";
/// May introspect every token.
pub const INSPECTOR: &str = "inspector";
/// May introspect what is for the mail.
pub const MAIL_SERVER: &str = "mail server";
/// A grant of a test's own, which the machine may use.
pub const EVERYTHING: &str = "urn:example:everything";

pub fn all() -> Vec<Client> {
    let clients = [
        confidential(WEB)
            .redirect_uri(redirect_uri(WEB))
            .scope(scope("read write"))
            .grant_types([
                GrantType::AUTHORIZATION_CODE,
                GrantType::REFRESH_TOKEN,
                GrantType::CLIENT_CREDENTIALS,
            ]),
        Client::confidential(id(POST), ClientAuthentication::SecretPost(secrets(POST)))
            .redirect_uri(redirect_uri(POST))
            .scope(scope("read write")),
        Client::public(id(APP))
            .redirect_uri(redirect_uri(APP))
            .scope(scope("read write"))
            .default_scope(scope("read")),
        Client::public(id(NATIVE))
            .redirect_uri(redirect_uri(NATIVE))
            .redirect_uri("https://native.example/other")
            .scope(scope("read")),
        confidential(LEGACY)
            .redirect_uri(redirect_uri(LEGACY))
            .scope(scope("read"))
            .dangerous_pkce_optional(),
        Client::public(id(STRANGER))
            .redirect_uri(redirect_uri(STRANGER))
            .scope(scope("read"))
            .registered_by(RegisteredBy::Itself),
        confidential(MACHINE)
            .redirect_uri(redirect_uri(MACHINE))
            .scope(scope("read"))
            .grant_types([GrantType::CLIENT_CREDENTIALS, GrantType::new(EVERYTHING)]),
        confidential(BRIEF)
            .redirect_uri(redirect_uri(BRIEF))
            .scope(scope("read"))
            .grant_types([GrantType::AUTHORIZATION_CODE]),
        confidential(ODD)
            .redirect_uri(redirect_uri(ODD))
            .scope(scope("read")),
        confidential(INSPECTOR)
            .grant_types([])
            .introspection(Introspection::All),
        confidential(MAIL_SERVER)
            .grant_types([])
            .introspection(Introspection::Resources(vec![resource(MAIL)])),
    ];
    clients.map(|client| client.build().unwrap()).into()
}

/// The redirection URI that the tests use for a client.
pub fn redirect_uri(client: &str) -> String {
    match client {
        APP => "com.example.app:/cb".into(),
        NATIVE => "http://127.0.0.1/cb".into(),
        WEB => "https://web.example/cb?own=1".into(),
        ODD => "https://odd.example/cb".into(),
        _ => format!("https://{client}.example/cb"),
    }
}

/// The secret of a client that has one.
pub fn client_secret(client: &str) -> String {
    format!("5ecret: of+{client} %C3 \u{e9}")
}

pub fn is_public(client: &str) -> bool {
    matches!(client, APP | NATIVE | STRANGER)
}

/// The `Authorization` header of RFC 6749 §2.3.1.
pub fn basic(client: &str, secret: &str) -> String {
    let pair = format!("{}:{}", encode(client), encode(secret));
    format!("Basic {}", STANDARD.encode(pair))
}

fn confidential(client: &str) -> ClientBuilder {
    Client::confidential(
        id(client),
        ClientAuthentication::SecretBasic(secrets(client)),
    )
}

fn secrets(client: &str) -> ClientSecrets {
    ClientSecrets::new(SecretDigest::of(&client_secret(client)))
}

fn id(client: &str) -> ClientId {
    client.parse().unwrap()
}

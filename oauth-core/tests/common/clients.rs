//! The registered clients.

use oauth_core::{
    client::{Client, ClientAuthentication, ClientSecrets, Introspection, Lifetimes, RegisteredBy},
    grant::GrantType,
    types::SecretDigest,
};

use super::{CALENDAR, MAIL, millis, resource, scope};

/// Confidential, by HTTP Basic.
pub const WEB: &str = "web";
/// Confidential, by the form body.
pub const POST: &str = "post";
/// Public, on a phone.
pub const APP: &str = "app";
/// Public, on a desktop: two redirection URIs, one of them loopback.
pub const NATIVE: &str = "native";
/// Confidential, without PKCE.
pub const LEGACY: &str = "legacy";
/// Public, with the `plain` challenge method.
pub const PLAIN: &str = "plain";
/// Confidential, registered by itself.
pub const STRANGER: &str = "stranger";
/// Confidential, for itself only.
pub const MACHINE: &str = "machine";
/// Confidential, without refresh tokens.
pub const BRIEF: &str = "brief";
/// Confidential, with every lifetime its own.
pub const ODD: &str = "odd client:+%41";
/// May introspect everything.
pub const INSPECTOR: &str = "inspector";
/// May introspect what is for [`MAIL`].
pub const MAIL_SERVER: &str = "mail server";
/// May introspect what is for [`CALENDAR`].
pub const CALENDAR_SERVER: &str = "calendar server";
/// Public, with tokens from the authorization endpoint and nothing else.
pub const PAGE: &str = "page";
/// Confidential, with tokens from the authorization endpoint, and codes.
pub const HYBRID: &str = "hybrid";
/// Confidential, with users' passwords, and refresh tokens.
pub const TYPIST: &str = "typist";
/// Public, with users' passwords, and without refresh tokens.
pub const KEYPAD: &str = "keypad";
/// Confidential, with codes of its own, and no redirection URI.
pub const OWN: &str = "own";
/// Another one, without refresh tokens.
pub const OWN_TOO: &str = "own too";
/// With tokens of its own, without authentication.
pub const OPEN: &str = "open";
/// Of the profile [`PROFILE`], with all that can be had.
pub const OLD: &str = "old";
/// A profile of servers and clients.
pub const PROFILE: &str = "anno 2012";

pub fn all() -> Vec<Client> {
    let clients = [
        confidential(WEB)
            .redirect_uri(redirect_uri(WEB))
            .name("The Web")
            .scope(scope("read write admin"))
            .default_scope(scope("read"))
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
            .scope(scope("read write admin")),
        Client::public(id(NATIVE))
            .redirect_uri(redirect_uri(NATIVE))
            .redirect_uri("https://native.example/other")
            .scope(scope("read")),
        confidential(LEGACY)
            .redirect_uri(redirect_uri(LEGACY))
            .scope(scope("read write"))
            .dangerous_pkce_optional(),
        Client::public(id(PLAIN))
            .redirect_uri(redirect_uri(PLAIN))
            .scope(scope("read"))
            .dangerous_plain_pkce(),
        confidential(STRANGER)
            .redirect_uri(redirect_uri(STRANGER))
            .scope(scope("read"))
            .registered_by(RegisteredBy::Itself),
        confidential(MACHINE)
            .redirect_uri(redirect_uri(MACHINE))
            .scope(scope("read write"))
            .default_scope(scope("read"))
            .grant_types([GrantType::CLIENT_CREDENTIALS]),
        confidential(BRIEF)
            .redirect_uri(redirect_uri(BRIEF))
            .scope(scope("read"))
            .grant_types([GrantType::AUTHORIZATION_CODE]),
        confidential(ODD)
            .redirect_uri(redirect_uri(ODD))
            .scope(scope("read write"))
            .lifetimes(ODD_LIFETIMES),
        inspector(INSPECTOR, Introspection::All),
        inspector(MAIL_SERVER, Introspection::Resources(vec![resource(MAIL)])),
        inspector(
            CALENDAR_SERVER,
            Introspection::Resources(vec![resource(CALENDAR)]),
        ),
        Client::public(id(PAGE))
            .redirect_uri(redirect_uri(PAGE))
            .scope(scope("read write"))
            .grant_types([])
            .dangerous_implicit(),
        confidential(HYBRID)
            .redirect_uri(redirect_uri(HYBRID))
            .scope(scope("read write admin"))
            .dangerous_implicit(),
        confidential(TYPIST)
            .scope(scope("read write"))
            .default_scope(scope("read"))
            .grant_types([GrantType::REFRESH_TOKEN])
            .dangerous_password(),
        Client::public(id(KEYPAD))
            .scope(scope("read"))
            .grant_types([])
            .dangerous_password(),
        confidential(OWN)
            .scope(scope("read write"))
            .default_scope(scope("read"))
            .dangerous_own_code(),
        confidential(OWN_TOO)
            .grant_types([GrantType::AUTHORIZATION_CODE])
            .dangerous_own_code(),
        confidential(OPEN)
            .scope(scope("read write"))
            .default_scope(scope("read"))
            .grant_types([])
            .dangerous_token_without_authentication(),
        confidential(OLD)
            .profile(PROFILE)
            .redirect_uri(redirect_uri(OLD))
            .scope(scope("read"))
            .grant_types([
                GrantType::AUTHORIZATION_CODE,
                GrantType::REFRESH_TOKEN,
                GrantType::CLIENT_CREDENTIALS,
            ])
            .introspection(Introspection::All)
            .dangerous_implicit()
            .dangerous_password()
            .dangerous_token_without_authentication()
            .dangerous_own_code(),
    ];
    clients.map(|client| client.build().unwrap()).into()
}

pub const ODD_LIFETIMES: Lifetimes = Lifetimes::new()
    .with_code(millis(7_001))
    .with_access_token(millis(11_003))
    .with_refresh_token(millis(100_007))
    .with_refresh_token_idle(millis(40_009))
    .with_refresh_grace(millis(3_011));

/// The redirection URI that the tests use for a client.
pub fn redirect_uri(client: &str) -> String {
    match client {
        APP => "com.example.app:/cb".into(),
        NATIVE => "http://127.0.0.1/cb".into(),
        WEB => "https://web.example/cb?own=1".into(),
        ODD => "https://odd.example/cb".into(),
        PAGE => "https://page.example/cb?own=1".into(),
        _ => format!("https://{client}.example/cb"),
    }
}

/// The secret of a client; public ones have none.
pub fn client_secret(client: &str) -> String {
    format!("5ecret of {client}")
}

pub fn is_public(client: &str) -> bool {
    matches!(client, APP | NATIVE | PLAIN | PAGE | KEYPAD)
}

fn confidential(client: &str) -> oauth_core::client::ClientBuilder {
    Client::confidential(
        id(client),
        ClientAuthentication::SecretBasic(secrets(client)),
    )
}

fn inspector(client: &str, introspection: Introspection) -> oauth_core::client::ClientBuilder {
    confidential(client)
        .grant_types([])
        .introspection(introspection)
}

fn secrets(client: &str) -> ClientSecrets {
    ClientSecrets::new(SecretDigest::of(&client_secret(client)))
}

fn id(client: &str) -> oauth_core::types::ClientId {
    client.parse().unwrap()
}

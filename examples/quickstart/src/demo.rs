//! What is there without a configuration file: two users, four applications, two protected paths, and what to try with them.

use oauth_core::{
    client::{Client, ClientAuthentication, ClientSecrets, Introspection, InvalidClient},
    grant::GrantType,
    types::{ClientId, InvalidId, InvalidScope, Issuer, Scope, Secret, SecretDigest, Subject},
};
use thiserror::Error;

use crate::config::{Config, ProtectedPath};

/// The verifier and challenge of RFC 7636 appendix B, so that the commands below work as they stand. Real applications make a new
/// pair for every request.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const USERS: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "builder")];
const WEB: (&str, &str) = ("demo-web", "web-secret-for-trying-out");
const MACHINE: (&str, &str) = ("demo-machine", "machine-secret-for-trying-out");
const API: (&str, &str) = ("demo-api", "api-secret-for-trying-out");

/// The demo does not fit together.
#[derive(Debug, Error)]
pub enum DemoError {
    /// A client does not.
    #[error(transparent)]
    Client(#[from] InvalidClient),
    /// An identifier does not.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// A scope does not.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
}

/// The protected paths, if the file has none.
pub(crate) fn resources() -> Vec<ProtectedPath> {
    let path = |path: &str, scope: &str| ProtectedPath {
        path: path.to_owned(),
        scope: scope.parse().unwrap_or_default(),
        identifier: None,
    };
    vec![path("/api", "read"), path("/api/admin", "admin")]
}

/// Users, applications and protected paths to try.
///
/// # Errors
/// If they do not fit together, which a test rules out.
pub fn config(issuer: &Issuer) -> Result<Config, DemoError> {
    let scope = "read admin".parse::<Scope>()?;
    let secret = |secret: &str| {
        ClientAuthentication::SecretBasic(ClientSecrets::new(SecretDigest::of(secret)))
    };
    let users = USERS
        .map(|(name, password)| Ok((Subject::new(name)?, Secret::new(password))))
        .into_iter()
        .collect::<Result<_, DemoError>>()?;
    Ok(Config {
        throttle: true,
        users,
        clients: vec![
            Client::confidential(ClientId::new(WEB.0)?, secret(WEB.1))
                .name("Demo web application")
                .redirect_uri(issuer.endpoint("/callback"))
                .scope(scope.clone())
                .default_scope("read".parse()?)
                .build()?,
            Client::public(ClientId::new("demo-app")?)
                .name("Demo app without a secret")
                .redirect_uri(issuer.endpoint("/callback"))
                .redirect_uri("http://127.0.0.1/callback")
                .scope("read".parse()?)
                .build()?,
            Client::confidential(ClientId::new(MACHINE.0)?, secret(MACHINE.1))
                .name("Demo machine")
                .grant_types([GrantType::CLIENT_CREDENTIALS])
                .scope(scope)
                .default_scope("read".parse()?)
                .build()?,
            Client::confidential(ClientId::new(API.0)?, secret(API.1))
                .name("Demo API")
                .grant_types([])
                .introspection(Introspection::All)
                .build()?,
        ],
        resources: resources(),
        ..Config::default()
    })
}

/// Where the browser begins.
fn authorization_request(issuer: &Issuer) -> String {
    format!(
        "{}?response_type=code&client_id={}&scope=read&state=xyz&code_challenge={CHALLENGE}&code_challenge_method=S256",
        issuer.endpoint("/authorize"),
        WEB.0,
    )
}

fn users() -> String {
    USERS
        .map(|(name, password)| format!("{name} / {password}"))
        .join(" or ")
}

/// The same for who opens the address of the server in a browser. An issuer is a URL, which needs no more than its `&` escaped.
pub(crate) fn start_page(issuer: &Issuer) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Quickstart</title><h1>Quickstart</h1>\
         <p>Sign in as {}.</p><ul>\
         <li><a href=\"{}\">An application asks for access</a></li>\
         <li><a href=\"{}\">What you have allowed</a></li></ul>\
         <p>There are commands for a shell where the server was started.</p></html>",
        users(),
        authorization_request(issuer).replace('&', "&amp;"),
        issuer.endpoint("/connections").replace('&', "&amp;"),
    )
}

/// What to click, and commands that work as they stand.
pub fn instructions(issuer: &Issuer) -> String {
    let url = |path: &str| issuer.endpoint(path);
    let (web, web_secret) = WEB;
    let (machine, machine_secret) = MACHINE;
    let (api, api_secret) = API;
    let users = users();
    let take = "sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/'";
    format!(
        "\
In a browser, sign in as {users}:
  {authorize}
and see or withdraw what you have allowed:
  {connections}

In a shell:
  TOKEN=$(curl -s -u {machine}:{machine_secret} -d grant_type=client_credentials -d scope=read {token} | {take})
  curl -H \"Authorization: Bearer $TOKEN\" {read}
  curl -i -H \"Authorization: Bearer $TOKEN\" {admin}
  curl -u {api}:{api_secret} -d token=$TOKEN {introspect}
  curl -u {machine}:{machine_secret} -d token=$TOKEN {revoke}
  curl -i -H \"Authorization: Bearer $TOKEN\" {read}
  curl {metadata}

An API in another process, which asks this server about its tokens:
  cargo run -p resource-server -- --introspection-endpoint {introspect} --client-id {api} --client-secret {api_secret} --audience {read}

The page you return to in the browser has the command that exchanges the code ({web} has the secret {web_secret}).
",
        authorize = authorization_request(issuer),
        connections = url("/connections"),
        token = url("/token"),
        introspect = url("/introspect"),
        revoke = url("/revoke"),
        read = format_args!("{}/api", issuer.origin()),
        admin = format_args!("{}/api/admin", issuer.origin()),
        metadata = format_args!(
            "{}{}",
            issuer.origin(),
            oauth_core::metadata::Metadata::well_known_path(issuer)
        ),
    )
}

/// The command that exchanges a code of the demo web application.
pub(crate) fn exchange(issuer: &Issuer, code: &str) -> String {
    let (web, secret) = WEB;
    format!(
        "curl -u {web}:{secret} -d grant_type=authorization_code -d code={code} -d redirect_uri={} -d code_verifier={VERIFIER} {}",
        issuer.endpoint("/callback"),
        issuer.endpoint("/token"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_fits_together() {
        let issuer = Issuer::new("http://127.0.0.1:8080").unwrap();
        assert_eq!(config(&issuer).unwrap().clients.len(), 4);
        assert!(
            resources()
                .iter()
                .all(|resource| !resource.scope.is_empty())
        );
    }
}

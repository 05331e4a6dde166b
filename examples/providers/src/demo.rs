//! What is there without a configuration file: two users, a client of the provider, a strict client, and commands to try.

use oauth_core::{
    client::{Client, ClientAuthentication, ClientSecrets, Lifetimes},
    grant::GrantType,
    metadata::Metadata,
    types::{ClientId, InvalidId, Issuer, Secret, SecretDigest, Subject},
};
use quickstart::config::{Config, DialectClient};

use crate::{
    app::strict_issuer,
    clients::{Kept, register},
    provider::Provider,
};

/// Who can sign in.
pub const USERS: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "builder")];

/// The strict client.
const STRICT: (&str, &str) = ("demo-strict", "strict-secret-for-trying-out");

/// Takes the access token out of an answer.
pub(crate) const TAKE_TOKEN: &str = r#"sed 's/.*"access_token":"\([^"]*\)".*/\1/'"#;

/// A provider's client to try, and what to try with it.
#[derive(Debug)]
pub struct Demo {
    /// Its identifier.
    pub client_id: &'static str,
    /// Its secret.
    pub client_secret: &'static str,
    /// Commands that need no user.
    pub commands: fn(&At<'_>) -> Vec<String>,
    /// How a user is asked; `None` if none ever is.
    pub ask: Option<Ask>,
}

/// How a user is asked, and what comes after it.
#[derive(Debug)]
pub struct Ask {
    /// The address to open.
    pub address: fn(&At<'_>) -> String,
    /// The scope that the address asks for.
    pub scope: &'static str,
    /// The commands that a code is good for.
    pub commands: fn(&At<'_>, &str) -> Vec<String>,
}

/// Where it is tried.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The provider's client.
    pub demo: &'a Demo,
    /// The address of the server, without a slash at the end.
    pub base: &'a str,
    /// Whether the API is here too.
    pub has_api: bool,
}

impl Demo {
    /// Its client, to be registered.
    ///
    /// # Errors
    /// If its identifier is none, which a test rules out.
    pub fn client(&self, callback: &str) -> Result<DialectClient, InvalidId> {
        Ok(DialectClient {
            id: ClientId::new(self.client_id)?,
            secret: Some(Secret::new(self.client_secret)),
            name: Some("Demo application".to_owned()),
            redirect_uris: self.ask.iter().map(|_| callback.to_owned()).collect(),
            grant_types: None,
            scope: None,
            lifetimes: Lifetimes::new(),
            jsonp_hosts: None,
        })
    }
}

/// Users and clients to try.
///
/// # Errors
/// If they do not fit together, which a test rules out.
pub fn config(provider: &Provider, issuer: &Issuer, kept: &mut Kept) -> Result<Config, String> {
    let callback = issuer.endpoint("/callback");
    let invalid = |error: InvalidId| error.to_string();
    let secret = ClientSecrets::new(SecretDigest::of(STRICT.1));
    let strict = Client::confidential(
        ClientId::new(STRICT.0).map_err(invalid)?,
        ClientAuthentication::SecretBasic(secret),
    )
    .name("Strict demo application")
    .redirect_uri(&callback)
    .grant_types([
        GrantType::AUTHORIZATION_CODE,
        GrantType::REFRESH_TOKEN,
        GrantType::CLIENT_CREDENTIALS,
    ])
    .scope("read".parse().unwrap_or_default())
    .build()
    .map_err(|error| error.to_string())?;
    let own = register(
        provider,
        kept,
        provider.demo.client(&callback).map_err(invalid)?,
    )?;
    let users = USERS.map(|(name, password)| Ok((Subject::new(name)?, Secret::new(password))));
    Ok(Config {
        throttle: true,
        users: users
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(invalid)?,
        clients: vec![own, strict],
        ..Config::default()
    })
}

/// What to click, and commands that work as they stand.
pub fn instructions(provider: &Provider, issuer: &Issuer, has_api: bool) -> String {
    let base = issuer.endpoint("");
    let at = At {
        demo: &provider.demo,
        base: &base,
        has_api,
    };
    let strict = strict_issuer(issuer);
    let users = USERS.map(|(name, password)| format!("{name} / {password}"));
    let mut text = format!(
        "{} at {base}\n  client {} / {}\n  users  {}\n  strict {} / {}, at {strict}\n",
        provider.dialect.name,
        at.demo.client_id,
        at.demo.client_secret,
        users.join(", "),
        STRICT.0,
        STRICT.1,
    );
    let mut commands = (at.demo.commands)(&at);
    if let Some(ask) = &at.demo.ask {
        text += &format!("\nIn a browser:\n  {}\n", (ask.address)(&at));
        commands.extend(sign_in(&at, ask));
        commands.extend((ask.commands)(&at, "$CODE"));
    }
    commands.push(format!(
        "curl -u {}:{} -d grant_type=client_credentials {}",
        STRICT.0,
        STRICT.1,
        strict.endpoint("/token")
    ));
    commands.push(format!(
        "curl {}{}",
        issuer.origin(),
        Metadata::well_known_path(&strict)
    ));
    text += "\nIn a shell:\n";
    for command in commands {
        text += &format!("  {command}\n");
    }
    text
}

/// What to do with the code that came back to the demo application.
pub(crate) fn after(provider: &Provider, issuer: &Issuer, has_api: bool, code: &str) -> String {
    let base = issuer.endpoint("");
    let at = At {
        demo: &provider.demo,
        base: &base,
        has_api,
    };
    let ask = at.demo.ask.as_ref();
    let commands = ask.map(|ask| (ask.commands)(&at, code)).unwrap_or_default();
    format!(
        "You have allowed it. Exchange the code soon, and once:\n\n{}\n",
        commands.join("\n")
    )
}

/// What a browser would do for the user who is asked.
fn sign_in(at: &At<'_>, ask: &Ask) -> Vec<String> {
    let (name, password) = USERS[0];
    let base = at.base;
    let mut scopes = String::new();
    for scope in ask.scope.split_whitespace() {
        scopes += &format!(" -d scope:{scope}=on");
    }
    vec![
        "COOKIES=$(mktemp)".to_owned(),
        format!(
            "ASKED=$(curl -s -c $COOKIES -o /dev/null -w '%{{redirect_url}}' '{}')",
            (ask.address)(at)
        ),
        format!(
            "curl -s -b $COOKIES -c $COOKIES -o /dev/null -d username={name} -d password={password} -d interaction=${{ASKED#*interaction=}} {base}/login"
        ),
        format!(
            "CODE=$(curl -s -b $COOKIES -o /dev/null -w '%{{redirect_url}}' -d subject={name}{scopes} -d decision=approve -d interaction=${{ASKED#*interaction=}} {base}/consent | sed 's/.*[?&]code=\\([^&]*\\).*/\\1/')"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::ALL;

    #[test]
    fn the_demos_fit_together() {
        let issuer = Issuer::new("http://127.0.0.1:9001").unwrap();
        for provider in ALL {
            let config = config(provider, &issuer, &mut Kept::default()).unwrap();
            assert_eq!(config.clients.len(), 2);
        }
    }
}

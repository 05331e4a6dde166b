//! The configuration file, read and checked. What is wrong in it is said with file, line, and what would be right.

mod check;
mod client;
mod dialect;
mod file;
mod store;
mod value;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use oauth_core::{
    client::Client,
    policy::Policy,
    store::Realm,
    types::{Issuer, Resource, Scope, Secret, Subject},
};
use thiserror::Error;

pub use self::{
    dialect::{DialectClient, Register},
    store::{InvalidStore, StoreUrl},
};

/// All that a file says.
#[derive(Debug, Default)]
pub struct Config {
    /// The issuer; made from the address it listens on, if `None`.
    pub issuer: Option<Issuer>,
    /// The address to listen on.
    pub listen: Option<String>,
    /// Where records are kept.
    pub store: Option<StoreUrl>,
    /// The file with the operator secret; if `None`, the default for the store.
    pub secret_key_file: Option<PathBuf>,
    /// Files with other operator secrets that are accepted too.
    pub secret_key_files_previous: Vec<PathBuf>,
    /// The server's namespace in the store; if `None`, the issuer.
    pub namespace: Option<Realm>,
    /// The operator's decisions.
    pub policy: Policy,
    /// Whether wrong passwords and secrets are slowed down.
    pub throttle: bool,
    /// Who can sign in.
    pub users: Vec<(Subject, Secret)>,
    /// The registered applications.
    pub clients: Vec<Client>,
    /// The protected paths.
    pub resources: Vec<ProtectedPath>,
}

/// A path of the API, and what it asks of a token.
#[derive(Clone, Debug)]
pub struct ProtectedPath {
    /// From the root of the host.
    pub path: String,
    /// What a token has to permit.
    pub scope: Scope,
    /// The identifier that tokens are asked for with (RFC 8707); made from the path, if `None`.
    pub identifier: Option<Resource>,
}

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{}:{line}: {problem}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from one.
        line: usize,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::read_by(path, Self::parse)
    }

    /// Reads a file in which clients may be registered under the dialect of an existing provider, with `dialect = true`, and limited
    /// to the pages of some hosts, with `jsonp_hosts`. What such a client is, `register` decides.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn read_with_dialect(path: &Path, register: Register<'_>) -> Result<Self, ConfigError> {
        Self::read_by(path, |text| Self::parse_with(text, Some(register)))
    }

    fn read_by(
        path: &Path,
        parse: impl FnOnce(&str) -> Result<Self, Problem>,
    ) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        parse(&text).map_err(|Problem { at, what }| ConfigError::Wrong {
            path: path.into(),
            line: text
                .get(..at)
                .map_or(1, |before| before.matches('\n').count() + 1),
            problem: what,
        })
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        Self::parse_with(text, None)
    }

    fn parse_with(text: &str, register: Option<Register<'_>>) -> Result<Self, Problem> {
        let file: file::Root = toml::from_str(text).map_err(|error| Problem {
            at: error.span().map_or(0, |span| span.start),
            // The message alone: the error as a whole would show the line, which may hold a secret.
            what: without_value(error.message()),
        })?;
        check::config(file, register)
    }
}

/// A message of the parser without the value that it is about, which may be a secret too: "invalid type: integer `1234`, expected …".
fn without_value(message: &str) -> String {
    let is_about_value =
        message.starts_with("invalid type") || message.starts_with("invalid value");
    match message.rsplit_once(", expected ") {
        Some((_, "a sequence")) if is_about_value => {
            "expected a list: [\"…\"], or [[user]] with double brackets".to_owned()
        }
        Some((_, expected)) if is_about_value => format!("expected {expected}"),
        _ => message.to_owned(),
    }
}

/// What is wrong, and at which byte.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    at: usize,
    what: String,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_file_that_shows_every_key_is_one() {
        let text = include_str!("../../quickstart.toml");
        let config = Config::parse(text).unwrap();
        assert_eq!(config.clients.len(), 1);
        for key in include_str!("file.rs").lines().filter_map(|line| {
            let field = line.trim().strip_prefix("pub(super) ")?;
            // Those of programs that speak a dialect, which the quickstart refuses.
            let key = field.split_once(": ").map(|(name, _)| name);
            key.filter(|key| !["dialect", "jsonp_hosts"].contains(key))
        }) {
            assert!(text.contains(key), "{key}");
        }
    }

    #[test]
    fn a_whole_file_is_understood() {
        let config = Config::parse(
            r#"
            issuer = "http://127.0.0.1:9000"
            listen = "127.0.0.1:9000"
            store = "sqlite:/tmp/x.db"
            secret_key_file = "new.key"
            secret_key_files_previous = ["old.key", "/etc/older.key"]
            namespace = "http://login.example:9000"
            [policy]
            code_lifetime = 5
            tokens_per_grant = 3
            refresh_token_idle = 7
            throttle = false
            [[user]]
            username = "alice"
            password = "wonder"
            [[client]]
            client_id = "odd client:+%41"
            client_secret = "s"
            redirect_uris = ["https://app.example/cb"]
            scope = "read"
            access_token_lifetime = 9
            may_introspect = ["https://api.example"]
            [[client]]
            client_id = "spa"
            redirect_uris = ["http://127.0.0.1/cb"]
            dangerous_pkce_optional = true
            [[resource]]
            path = "/x"
            scope = "read"
            identifier = "https://api.example"
            "#,
        )
        .unwrap();
        assert_eq!(config.store, Some(StoreUrl::Sqlite("/tmp/x.db".into())));
        assert_eq!(config.secret_key_file, Some("new.key".into()));
        assert_eq!(
            config.secret_key_files_previous,
            [PathBuf::from("old.key"), "/etc/older.key".into()]
        );
        assert_eq!(
            config.namespace,
            Some(Realm::new("http://login.example:9000"))
        );
        assert_eq!(config.policy.code_lifetime, Duration::from_secs(5));
        assert_eq!(config.policy.tokens_per_grant, 3);
        assert_eq!(
            config.policy.refresh_token_idle,
            Some(Duration::from_secs(7))
        );
        assert!(!config.throttle);
        let [odd, spa] = config.clients.as_slice() else {
            panic!("two clients")
        };
        assert_eq!(odd.id().as_str(), "odd client:+%41");
        assert_eq!(odd.authentication().method(), "client_secret_basic");
        assert_eq!(odd.lifetimes().access_token, Some(Duration::from_secs(9)));
        assert_eq!(spa.authentication().method(), "none");
        assert!(spa.allows(oauth_core::client::Danger::PkceOptional));
        assert_eq!(
            config.resources[0].identifier.as_ref().unwrap().as_str(),
            "https://api.example"
        );
    }

    #[expect(clippy::too_many_lines, reason = "a table is as long as it is")]
    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, says) in [
            ("\nisuer = \"x\"", 2, "unknown field `isuer`"),
            ("issuer = \"http://login.example\"", 1, "https"),
            ("issuer = 7", 1, "expected a string"),
            ("listen = \"nowhere\"", 1, "127.0.0.1:8080"),
            ("store = \"mysql:x\"", 1, "sqlite:PATH"),
            ("secret_key_file = 7", 1, "expected a string"),
            ("secret_key_file = \"\"", 1, "secret_key_file is not empty"),
            ("secret_key_files_previous = \"old.key\"", 1, "a list"),
            (
                "secret_key_files_previous = [\"old.key\",\n\"\"]",
                2,
                "not empty",
            ),
            ("namespace = \"\"", 1, "namespace is not empty"),
            ("[policy]\ntokens_per_grant = 0", 2, "from 1 on"),
            ("[policy]\ntokens_per_grant = \"1\"", 2, "tokens_per_grant"),
            ("[policy]\ncode_lifetime = -1", 2, "code_lifetime"),
            ("[policy]\ncode_lifetime = 0", 2, "longer than zero"),
            ("[policy]\ncode_lifetime = \"60\"", 2, "seconds"),
            ("[policy]\ngrace = 1", 2, "unknown field `grace`"),
            ("[[user]]\nusername = \"a\"", 1, "password"),
            ("[[user]]\nusername = \"\"\npassword = \"x\"", 2, "subject"),
            ("[[client]]\nclient_id = \"a\\u0007\"", 2, "client id"),
            ("[[client]]\nclient_id = \"a\"", 1, "redirect URI"),
            (
                "[[client]]\nclient_id = \"a\"\nredirect_uris = [\n\"https://a.example/cb\",\n\"http://a.example/cb\"]",
                5,
                "https",
            ),
            (
                "[[client]]\nclient_id = \"a\"\ntoken_endpoint_auth_method = \"jwt\"",
                3,
                "client_secret_basic",
            ),
            (
                "[[client]]\nclient_id = \"a\"\ntoken_endpoint_auth_method = \"client_secret_post\"",
                3,
                "client_secret",
            ),
            (
                "[[client]]\nclient_id = \"a\"\nclient_secret = \"s\"\ntoken_endpoint_auth_method = \"none\"",
                4,
                "no client_secret",
            ),
            (
                "[[client]]\nclient_id = \"a\"\ngrant_types = [\"implicit\"]",
                3,
                "client_credentials",
            ),
            (
                "[[client]]\nclient_id = \"a\"\nscope = \"a  b\"",
                3,
                "single spaces",
            ),
            (
                "[[client]]\nclient_id = \"a\"\nclient_secret = \"s\"\nmay_introspect = \"yes\"",
                4,
                "true",
            ),
            (
                "[[resource]]\npath = \"api\"\nscope = \"read\"",
                2,
                "begins with a slash",
            ),
            (
                "[[resource]]\npath = \"/token\"\nscope = \"read\"",
                2,
                "taken",
            ),
            (
                "issuer = \"http://127.0.0.1/t\"\n[[resource]]\npath = \"/t/token\"\nscope = \"a\"",
                3,
                "taken",
            ),
            (
                "[[resource]]\npath = \"/x\"\nscope = \"a\"\n[[resource]]\npath = \"/x\"\nscope = \"b\"",
                5,
                "twice",
            ),
            (
                "[[user]]\nusername = \"a\"\npassword = \"\"",
                3,
                "not empty",
            ),
            (
                "[[user]]\nusername = \"a\"\npassword = 1234",
                3,
                "in quotes",
            ),
            (
                "[[user]]\nusername = \"a\"\npassword = \"x\"\n[[user]]\nusername = \"a\"\npassword = \"y\"",
                5,
                "twice",
            ),
            ("[user]\nusername = \"a\"", 1, "[[user]] with double"),
            (
                "[[client]]\nclient_id = \"a\"\ndialect = true",
                3,
                "this program speaks no dialect",
            ),
            (
                "[[client]]\nclient_id = \"a\"\njsonp_hosts = [\"a.example\"]",
                3,
                "this program speaks no dialect",
            ),
            (
                "[[resource]]\npath = \"/x\"\nscope = \"read\"\nidentifier = \"x\"",
                4,
                "absolute URI",
            ),
            (
                "[[client]]\nclient_id = \"a\"\nredirect_uris = [\"https://a.example/\"]\n\n[[client]]\nclient_id = \"a\"\nredirect_uris = [\"https://a.example/\"]",
                6,
                "twice",
            ),
        ] {
            let problem = Config::parse(text).unwrap_err();
            let found = text[..problem.at].matches('\n').count() + 1;
            assert!(problem.what.contains(says), "{text:?}: {problem:?}");
            assert_eq!(found, line, "{text:?}: {problem:?}");
        }
    }

    #[test]
    fn secrets_stay_out_of_what_is_said() {
        let text = "[[client]]\nclient_id = \"a\"\nclient_secret = \"hunter2\" oops";
        assert!(!Config::parse(text).unwrap_err().what.contains("hunter2"));
        for value in ["[\"1234\"]", "1234", "12.34e1234", "{ x = 1234 }"] {
            for (key, name) in [
                ("client_secret", "client"),
                ("client_id", "client"),
                ("password", "user"),
            ] {
                let text = format!("[[{name}]]\nusername = \"a\"\n{key} = {value}");
                let said = Config::parse(&text).unwrap_err().what;
                assert!(!said.contains("1234"), "{text}: {said}");
            }
        }
    }
}

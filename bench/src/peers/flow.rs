//! What is asked for, and what a good answer is.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::ValueEnum;

use crate::demo::{CLIENT, REDIRECT_URI, RESOURCE, SCOPE, SECRET};

/// One of the things that a server is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Flow {
    /// A token for the client itself (RFC 6749 §4.4)
    ClientCredentials,
    /// A code for tokens, with PKCE (RFC 6749 §4.1.3, RFC 7636 §4.5)
    Code,
    /// A refresh token for the next (RFC 6749 §6)
    Refresh,
    /// What a token is worth (RFC 7662)
    Introspection,
    /// A call of a protected resource (RFC 6750)
    Resource,
}

impl Flow {
    pub(crate) const ALL: [Self; 5] = [
        Self::ClientCredentials,
        Self::Code,
        Self::Refresh,
        Self::Introspection,
        Self::Resource,
    ];

    /// What it is called in a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client credentials",
            Self::Code => "code with PKCE",
            Self::Refresh => "refresh",
            Self::Introspection => "introspection",
            Self::Resource => "protected call",
        }
    }

    /// A request with what was prepared for it: code and verifier, a refresh token, an access token.
    pub(crate) fn request(self, given: &[String], into: &mut Vec<u8>) {
        let body = match (self, given) {
            (Self::ClientCredentials, _) => {
                format!("grant_type=client_credentials&scope={SCOPE}")
            }
            (Self::Code, [code, verifier]) => format!(
                "grant_type=authorization_code&code={}&redirect_uri={}&code_verifier={verifier}",
                encoded(code),
                encoded(REDIRECT_URI),
            ),
            (Self::Refresh, [token]) => {
                format!("grant_type=refresh_token&refresh_token={}", encoded(token))
            }
            (Self::Introspection, [token]) => format!("token={}", encoded(token)),
            (_, given) => given.concat(),
        };
        into.clear();
        let head = match self {
            Self::Resource => format!(
                "GET /resource HTTP/1.1\r\nhost: login.example\r\nauthorization: Bearer {body}\r\n\r\n"
            ),
            _ => format!(
                "POST {} HTTP/1.1\r\nhost: login.example\r\nauthorization: Basic {}\r\ncontent-type: \
                 application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
                if self == Self::Introspection {
                    "/introspect"
                } else {
                    "/token"
                },
                STANDARD.encode(format!("{CLIENT}:{SECRET}")),
                body.len(),
            ),
        };
        into.extend_from_slice(head.as_bytes());
    }

    /// Whether an answer is what it should be.
    pub(crate) fn is_good(self, body: &str) -> bool {
        match self {
            Self::ClientCredentials => token(body, "access_token").is_some(),
            Self::Code | Self::Refresh => {
                token(body, "access_token").is_some() && token(body, "refresh_token").is_some()
            }
            Self::Introspection => {
                body.contains("\"active\":true") && body.contains("\"client_id\":\"demo\"")
            }
            Self::Resource => body == RESOURCE,
        }
    }
}

/// As a field of a form has it.
fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// The token under a name in a JSON object.
pub(crate) fn token<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("\"{name}\":\""))?;
    let (token, _) = rest.split_once('"')?;
    (!token.is_empty()).then_some(token)
}

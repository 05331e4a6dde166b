//! Why the token endpoint denies, and what it says then.

use super::{CodeDenial, PasswordDenial, RefreshDenial};
use crate::{
    client::ClientDenial,
    error::{ErrorCode, Refusal},
};

/// Why a token request was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenDenial {
    /// A parameter stands there more than once.
    Repeated,
    /// A required parameter is missing.
    Missing(&'static str),
    /// A parameter has a value outside its grammar.
    Malformed(&'static str),
    /// The client did not prove to be it.
    Client(ClientDenial),
    /// No such grant here.
    UnsupportedGrantType,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// A scope that is none, or that the client may not ask for.
    Scope,
    /// A resource server that is none, or that nobody knows.
    Target,
    /// The authorization code was not accepted.
    Code(CodeDenial),
    /// The refresh token was not accepted.
    Refresh(RefreshDenial),
    /// The user's password was not accepted.
    Password(PasswordDenial),
    /// The grant would be larger than its record may be.
    GrantTooLarge,
    /// The grant has as many access tokens out as it may have.
    TooManyTokens,
    /// A ticket for a code that is none, is too old, or was used before.
    Ticket,
    /// A reason of an added grant.
    Extension {
        /// What to tell the client.
        refusal: Refusal,
        /// Why, for the log; without secrets.
        reason: &'static str,
    },
}

impl TokenDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Repeated => Refusal::new(ErrorCode::INVALID_REQUEST, "a parameter is repeated"),
            Self::Missing(name) => Refusal::new(ErrorCode::INVALID_REQUEST, missing(name)),
            Self::Malformed(name) => Refusal::new(ErrorCode::INVALID_REQUEST, malformed(name)),
            Self::Client(denial) => denial.refusal(),
            Self::UnsupportedGrantType => Refusal::new(
                ErrorCode::UNSUPPORTED_GRANT_TYPE,
                "this grant type is not served here",
            ),
            Self::UnauthorizedClient => Refusal::new(
                ErrorCode::UNAUTHORIZED_CLIENT,
                "this client may not use this grant type",
            ),
            Self::Scope => Refusal::new(
                ErrorCode::INVALID_SCOPE,
                "the scope is malformed, unknown or not allowed",
            ),
            Self::Target => Refusal::new(
                ErrorCode::INVALID_TARGET,
                "the resource is malformed, unknown or not granted",
            ),
            Self::Code(denial) => denial.refusal(),
            Self::Refresh(denial) => denial.refusal(),
            Self::Password(denial) => denial.refusal(),
            Self::GrantTooLarge => Refusal::new(
                ErrorCode::INVALID_REQUEST,
                "the request asks for more than fits into a grant",
            ),
            Self::TooManyTokens => Refusal::new(
                ErrorCode::INVALID_REQUEST,
                "the grant has as many access tokens as it may have; use those, or wait until one expires",
            ),
            Self::Ticket => Refusal::new(
                ErrorCode::INVALID_REQUEST,
                "the ticket is unknown, expired or used",
            ),
            Self::Extension { refusal, .. } => refusal,
        }
    }
}

impl From<ClientDenial> for TokenDenial {
    fn from(denial: ClientDenial) -> Self {
        Self::Client(denial)
    }
}

fn missing(name: &str) -> &'static str {
    match name {
        "grant_type" => "grant_type is missing",
        "code" => "code is missing",
        "refresh_token" => "refresh_token is missing",
        _ => "a required parameter is missing",
    }
}

fn malformed(name: &str) -> &'static str {
    match name {
        "code_verifier" => "code_verifier has to be 43 to 128 of A-Z a-z 0-9 - . _ ~",
        _ => "a parameter is malformed",
    }
}

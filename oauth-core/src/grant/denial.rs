//! Why the token endpoint denies, and what it says then.

use super::{CodeDenial, PasswordDenial, RefreshDenial};
use crate::{
    client::ClientDenial,
    error::{Denial, ErrorCode, Refusal, denial_becomes},
};

/// Why a token request was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenDenial {
    /// A parameter is repeated.
    #[error("a parameter is repeated")]
    Repeated,
    /// A required parameter is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A parameter has a value outside its grammar.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The client did not prove to be it.
    #[error(transparent)]
    Client(ClientDenial),
    /// No such grant here.
    #[error("no such grant type")]
    UnsupportedGrantType,
    /// The client may not use this grant.
    #[error("the client may not use this grant")]
    UnauthorizedClient,
    /// The scope is malformed, or more than the client may ask for.
    #[error("the scope is malformed, or more than the client may ask for")]
    Scope,
    /// The resource is malformed or unknown.
    #[error("the resource is malformed or unknown")]
    Target,
    /// The authorization code was not accepted.
    #[error(transparent)]
    Code(CodeDenial),
    /// The refresh token was not accepted.
    #[error(transparent)]
    Refresh(RefreshDenial),
    /// The user's password was not accepted.
    #[error(transparent)]
    Password(PasswordDenial),
    /// The grant does not fit into its record.
    #[error("the grant does not fit into its record")]
    GrantTooLarge,
    /// The grant has as many outstanding access tokens as it may have.
    #[error("the grant has as many outstanding access tokens as it may have")]
    TooManyTokens,
    /// The ticket for a code is malformed, expired or used.
    #[error("the ticket is malformed, expired or used")]
    Ticket,
    /// A reason of an added grant.
    #[error("{reason}")]
    Extension {
        /// What to tell the client.
        refusal: Refusal,
        /// Why, for the log; without secrets.
        reason: &'static str,
    },
}

impl Denial for TokenDenial {}

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

denial_becomes!(ClientDenial => TokenDenial::Client);
denial_becomes!(CodeDenial => TokenDenial::Code);
denial_becomes!(RefreshDenial => TokenDenial::Refresh);
denial_becomes!(PasswordDenial => TokenDenial::Password);

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

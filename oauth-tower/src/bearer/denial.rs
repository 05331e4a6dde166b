//! Why a request is not let through to the API.

use http::StatusCode;
use oauth_core::error::{Denial, ErrorCode, Refusal};
use thiserror::Error;

/// Why a request is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum BearerDenial {
    /// No token in any place where this route takes one.
    #[error("the request has no access token")]
    Missing,
    /// A token in two places at once.
    #[error("the access token was sent by more than one method")]
    SeveralMethods,
    /// A token twice in one place.
    #[error("the access token is repeated")]
    Repeated,
    /// Something that cannot be a token.
    #[error("the access token is not a b64token")]
    Malformed,
    /// The body that may hold the token broke off.
    #[error("the form body could not be read")]
    BodyBroken,
    /// The body that may hold the token took too long.
    #[error("the form body did not arrive in time")]
    BodyLate,
    /// The body that may hold the token is too long.
    #[error("the form body is too long")]
    BodyTooLong,
    /// No such token, or it has expired, or was revoked.
    #[error("the access token is not valid")]
    Invalid,
    /// The token is bound to a key of which the request does not prove possession, or it is unbound
    /// but came with the `DPoP` scheme.
    #[error("the request does not prove that it may use the access token")]
    Unproven,
    /// A token for other resource servers; or one for none in particular, at an API that has a name.
    #[error("the access token is for another audience")]
    WrongAudience,
    /// A token that permits other things.
    #[error("the access token does not have the required scope")]
    InsufficientScope,
}

impl Denial for BearerDenial {}

impl BearerDenial {
    /// What to tell the client (RFC 6750 §3.1): a status, and an error unless it showed no token at all.
    pub(super) fn answer(self) -> (StatusCode, Option<Refusal>) {
        match self {
            Self::Missing => (StatusCode::UNAUTHORIZED, None),
            Self::SeveralMethods => invalid_request(
                StatusCode::BAD_REQUEST,
                "the access token was sent by more than one method",
            ),
            Self::Repeated => {
                invalid_request(StatusCode::BAD_REQUEST, "the access token is repeated")
            }
            Self::Malformed => invalid_request(
                StatusCode::BAD_REQUEST,
                "the access token has characters that no token has",
            ),
            Self::BodyBroken => {
                invalid_request(StatusCode::BAD_REQUEST, "the form body could not be read")
            }
            Self::BodyLate => invalid_request(
                StatusCode::REQUEST_TIMEOUT,
                "the form body did not arrive in time",
            ),
            Self::BodyTooLong => {
                invalid_request(StatusCode::PAYLOAD_TOO_LARGE, "the form body is too long")
            }
            // The same answer for all of them, so that it reveals nothing about the token.
            Self::Invalid | Self::Unproven | Self::WrongAudience => (
                StatusCode::UNAUTHORIZED,
                Some(Refusal::new(
                    ErrorCode::INVALID_TOKEN,
                    "the access token is expired, revoked or not for this API",
                )),
            ),
            Self::InsufficientScope => (
                StatusCode::FORBIDDEN,
                Some(Refusal::new(
                    ErrorCode::INSUFFICIENT_SCOPE,
                    "the access token does not permit this",
                )),
            ),
        }
    }
}

fn invalid_request(status: StatusCode, description: &'static str) -> (StatusCode, Option<Refusal>) {
    let refusal = Refusal::new(ErrorCode::INVALID_REQUEST, description);
    (status, Some(refusal))
}

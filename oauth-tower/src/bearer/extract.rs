//! The extractor for axum.

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use thiserror::Error;

use super::{ValidToken, valid::Tokenless};

/// There is no token to extract, since no token was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MissingToken {
    /// The route is not behind a layer.
    #[error("this route takes a ValidToken, but has no BearerLayer")]
    NoLayer,
    /// The layer lets requests without a token through.
    #[error(
        "this route takes a ValidToken, but its BearerLayer is optional: take an Option<ValidToken>"
    )]
    Optional,
}

impl IntoResponse for MissingToken {
    /// `500`: the fault is the program's, and nothing that the client could send would help.
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ValidToken {
    type Rejection = MissingToken;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, MissingToken> {
        <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state)
            .await?
            .ok_or(MissingToken::Optional)
    }
}

/// `None` if the layer is [optional](super::BearerLayer::optional) and the request has no token.
impl<S: Send + Sync> OptionalFromRequestParts<S> for ValidToken {
    type Rejection = MissingToken;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, MissingToken> {
        match (parts.extensions.get(), parts.extensions.get()) {
            (Some(token), _) => Ok(Some(Self::clone(token))),
            (None, Some(Tokenless)) => Ok(None),
            (None, None) => Err(MissingToken::NoLayer),
        }
    }
}

//! Why there is no answer: the request was denied, or the server failed.
//!
//! Each decision has its own [`Denial`] enum beside it, with detailed reasons for the log. A total
//! `match` there maps each reason to a [`Refusal`], which is all that the client sees. A [`Fault`]
//! is not a denial: the request may be fine, and the client may try again. An [`Error`] is one or
//! the other, and `?` converts both into it.

use std::{convert::Infallible, error::Error as StdError, fmt};

use crate::{
    random::EntropyError,
    store::{StoreError, StoreErrorKind},
    types::ClientId,
};

/// An OAuth error code, as RFC 6749 §4.1.2.1 and §5.2 and their extensions define them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(&'static str);

macro_rules! codes {
    ($($name:ident = $code:literal, $source:literal;)*) => {
        impl ErrorCode {$(
            #[doc = concat!("`", $code, "` (", $source, ").")]
            pub const $name: Self = Self($code);
        )*}
    };
}

codes! {
    INVALID_REQUEST = "invalid_request", "RFC 6749 §5.2";
    INVALID_CLIENT = "invalid_client", "RFC 6749 §5.2";
    INVALID_GRANT = "invalid_grant", "RFC 6749 §5.2";
    UNAUTHORIZED_CLIENT = "unauthorized_client", "RFC 6749 §5.2";
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type", "RFC 6749 §5.2";
    INVALID_SCOPE = "invalid_scope", "RFC 6749 §5.2";
    INVALID_TARGET = "invalid_target", "RFC 8707 §2";
    ACCESS_DENIED = "access_denied", "RFC 6749 §4.1.2.1";
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type", "RFC 6749 §4.1.2.1";
    REQUEST_NOT_SUPPORTED = "request_not_supported", "RFC 9101 §7";
    REQUEST_URI_NOT_SUPPORTED = "request_uri_not_supported", "RFC 9101 §7";
    SERVER_ERROR = "server_error", "RFC 6749 §4.1.2.1";
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable", "RFC 6749 §4.1.2.1";
    INVALID_TOKEN = "invalid_token", "RFC 6750 §3.1";
    INSUFFICIENT_SCOPE = "insufficient_scope", "RFC 6750 §3.1";
}

impl ErrorCode {
    /// A code of an extension. It has to keep to %x20-21 / %x23-5B / %x5D-7E (RFC 6749 §5.2).
    pub const fn extension(code: &'static str) -> Self {
        Self(code)
    }

    /// The code.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What a client is told: a code, and a sentence for its developer that never repeats anything from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error code.
    pub code: ErrorCode,
    /// `error_description`; within %x20-21 / %x23-5B / %x5D-7E (RFC 6749 §5.2), which a constant text keeps to by itself.
    pub description: &'static str,
}

impl Refusal {
    /// A refusal with this code and description.
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description }
    }
}

/// A reason to deny a request: detailed in the log, terse on the wire.
///
/// `Display` is for the operator's log and contains no secrets. A denial that a client may see maps
/// itself to a [`Refusal`].
pub trait Denial: StdError + Send + Sync + 'static {}

/// For decisions that never deny.
impl Denial for Infallible {}

/// Why there is no answer: the request was denied, or the server failed.
#[derive(Debug, thiserror::Error)]
pub enum Error<D> {
    /// The request was denied. This is for the client.
    #[error(transparent)]
    Denied(D),
    /// The server failed. This is for the operator.
    #[error(transparent)]
    Fault(Fault),
}

impl<D> Error<D> {
    /// The denial; `None` if the server failed.
    pub fn denial(&self) -> Option<&D> {
        match self {
            Self::Denied(denial) => Some(denial),
            Self::Fault(_) => None,
        }
    }

    /// Separates the denial from the fault, which can then be passed on with `?`.
    ///
    /// # Errors
    /// The [`Fault`] if the server failed.
    pub fn into_denial(self) -> Result<D, Fault> {
        match self {
            Self::Denied(denial) => Ok(denial),
            Self::Fault(fault) => Err(fault),
        }
    }

    /// The same error with another denial.
    pub fn map_denial<E>(self, map: impl FnOnce(D) -> E) -> Error<E> {
        match self {
            Self::Denied(denial) => Error::Denied(map(denial)),
            Self::Fault(fault) => Error::Fault(fault),
        }
    }
}

impl<D: Denial> From<D> for Error<D> {
    fn from(denial: D) -> Self {
        Self::Denied(denial)
    }
}

impl<D: Denial> From<Fault> for Error<D> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<D: Denial> From<StoreError> for Error<D> {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl<D: Denial> From<EntropyError> for Error<D> {
    fn from(error: EntropyError) -> Self {
        Self::Fault(error.into())
    }
}

/// Lets `?` convert a denial into another one that has a variant for it, also inside an [`Error`].
macro_rules! denial_becomes {
    ($from:ident => $into:ident::$variant:ident) => {
        impl From<$from> for $into {
            fn from(denial: $from) -> Self {
                Self::$variant(denial)
            }
        }

        impl From<$from> for $crate::error::Error<$into> {
            fn from(denial: $from) -> Self {
                Self::Denied(denial.into())
            }
        }

        impl From<$crate::error::Error<$from>> for $crate::error::Error<$into> {
            fn from(error: $crate::error::Error<$from>) -> Self {
                error.map_denial(Into::into)
            }
        }
    };
}

pub(crate) use denial_becomes;

/// The server failed, which says nothing about the request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The store failed.
    #[error("{0}")]
    Store(#[source] StoreError),
    /// The source of randomness failed.
    #[error(transparent)]
    Entropy(EntropyError),
    /// Other requests kept changing the same records, until the server gave up.
    #[error("gave up after repeated conflicts with concurrent requests")]
    Contention,
    /// A decision kept asking for more records.
    #[error("a decision asked for records too often")]
    TooManyRounds,
    /// A decision asked for a signature, and the server has no signer.
    #[error("the server has no signer")]
    NoSigner,
    /// The client store returned another client than it was asked for. Its comparison of
    /// identifiers probably folds case or trims blanks.
    #[error(
        "the client store was asked for {:?} and returned {:?}; it has to compare ids byte by byte",
        .asked.as_str(),
        .returned.as_str()
    )]
    WrongClient {
        /// The client that was asked for.
        asked: ClientId,
        /// The client that was returned.
        returned: ClientId,
    },
    /// An extension failed.
    #[error("an extension failed: {0}")]
    Extension(#[source] Box<dyn StdError + Send + Sync>),
}

impl Fault {
    /// What to tell the client.
    pub fn refusal(&self) -> Refusal {
        const LATER: Refusal = Refusal::new(
            ErrorCode::TEMPORARILY_UNAVAILABLE,
            "the server cannot answer now; try again later",
        );
        match self {
            Self::Store(error) => match error.kind() {
                StoreErrorKind::Unavailable
                | StoreErrorKind::Unknown
                | StoreErrorKind::Unreadable => LATER,
            },
            Self::Contention => LATER,
            Self::Entropy(_)
            | Self::WrongClient { .. }
            | Self::Extension(_)
            | Self::TooManyRounds
            | Self::NoSigner => Refusal::new(ErrorCode::SERVER_ERROR, "the server failed"),
        }
    }
}

/// A decision that never denies can still fail.
impl From<Error<Infallible>> for Fault {
    fn from(error: Error<Infallible>) -> Self {
        match error {
            Error::Denied(never) => match never {},
            Error::Fault(fault) => fault,
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<EntropyError> for Fault {
    fn from(error: EntropyError) -> Self {
        Self::Entropy(error)
    }
}

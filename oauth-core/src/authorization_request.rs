//! Authorization requests: what they ask for, and where the response goes.

use std::fmt;

use minicbor::{Decoder, decode::Error};

use crate::{
    pkce::CodeChallenge,
    store::{Field, Unknown, Writer, numbered},
    types::{ClientId, RedirectUri, Resource, Scope},
};

/// What an authorization request asks for.
///
/// Every state that the request passes through contains it; so does the grant, with the scope that
/// was approved. To support another parameter, add a field under the next number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: ClientId,
    /// In a grant, the approved scope.
    pub(crate) scope: Scope,
    /// Whether the request named a scope. If not, the registration supplied it.
    pub(crate) is_scope_named: bool,
    pub(crate) resources: Vec<Resource>,
    pub(crate) response_type: ResponseType,
    /// Kept until the code is redeemed.
    pub(crate) challenge: Option<CodeChallenge>,
    pub(crate) unknown: Unknown,
}

numbered!(AuthorizationRequest {
    0 => client_id,
    1 => scope,
    2 => is_scope_named,
    3 => resources,
    4 => response_type,
    5 => challenge,
} keeps unknown);

impl AuthorizationRequest {
    /// Describes a grant without an authorization request.
    pub(crate) fn of(client_id: ClientId, scope: Scope, resources: Vec<Resource>) -> Self {
        Self {
            client_id,
            scope,
            is_scope_named: false,
            resources,
            response_type: ResponseType::Code,
            challenge: None,
            unknown: Unknown::default(),
        }
    }
}

/// Where to send the response to an authorization request, and how.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ReturnAddress {
    /// Checked against the registration.
    pub(crate) redirect_uri: RedirectUri,
    /// Whether the request named it. If not, it is the one that is registered.
    pub(crate) is_named: bool,
    pub(crate) mode: ResponseMode,
    pub(crate) state: Option<String>,
}

numbered!(ReturnAddress { 0 => redirect_uri, 1 => is_named, 2 => mode, 3 => state });

impl fmt::Debug for ReturnAddress {
    /// Leaves out `state`, by which the client recognizes its own requests.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReturnAddress")
            .field("redirect_uri", &self.redirect_uri)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// How the response parameters are sent (OAuth 2.0 Multiple Response Type Encoding Practices §2.1,
/// OAuth 2.0 Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// In the query of the redirection URI.
    #[default]
    Query,
    /// In a form that the browser posts to the redirection URI.
    FormPost,
    /// In the fragment of the redirection URI, for tokens. Browsers do not send it to a server.
    Fragment,
}

impl ResponseMode {
    /// The modes for codes, which are those that the metadata list.
    pub(crate) const OF_CODES: [Self; 2] = [Self::Query, Self::FormPost];

    /// The modes for tokens, which never travel in a query (OAuth 2.0 Multiple Response Type
    /// Encoding Practices §3).
    const OF_TOKENS: [Self; 2] = [Self::Fragment, Self::FormPost];

    const ALL: [Self; 3] = [Self::Query, Self::FormPost, Self::Fragment];

    /// The value of `response_mode`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::Fragment => "fragment",
        }
    }
}

/// What a client wants from the authorization endpoint (RFC 6749 §3.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseType {
    /// `code`: an authorization code.
    #[default]
    Code,
    /// `token`: an access token, for clients with the dangerous permission.
    Token,
}

impl ResponseType {
    const ALL: [Self; 2] = [Self::Code, Self::Token];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.as_str() == text)
    }

    /// The value of `response_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Token => "token",
        }
    }

    /// The response modes that it allows; the first is the default.
    pub(crate) fn modes(self) -> [ResponseMode; 2] {
        match self {
            Self::Code => ResponseMode::OF_CODES,
            Self::Token => ResponseMode::OF_TOKENS,
        }
    }
}

/// Stores these values as text, and leaves out the default.
macro_rules! words {
    ($($type:ident)+) => {$(
        impl Field for $type {
            fn write(&self, out: &mut Writer) {
                out.text(self.as_str());
            }

            fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
                let word = input.str()?;
                let known = Self::ALL.into_iter().find(|own| own.as_str() == word);
                known.ok_or_else(|| Error::message(concat!("an unknown ", stringify!($type))))
            }

            fn missing() -> Option<Self> {
                Some(Self::default())
            }

            fn is_missing(&self) -> bool {
                *self == Self::default()
            }
        }
    )+};
}

words!(ResponseMode ResponseType);

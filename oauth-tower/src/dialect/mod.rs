//! The wire formats of existing providers, so that clients that cannot be changed work against this server.
//!
//! A [`Dialect`] is data: paths and methods, where parameters come from and what else they are called, how the client proves itself,
//! what answers and errors look like, what tokens look like, and how an API call carries one. What is not data is a small function in
//! a field of it. No rule of the protocol is in a dialect: codes are used once, tokens rotate, and secrets are digests as everywhere.
//!
//! Clients are registered under a dialect by [`Dialect::client`] and are confined to it: the strict endpoints refuse them, and the
//! dialect's endpoints refuse all others. What a dialect needs that is dangerous has to be allowed to each of its clients by name; none
//! of them knows PKCE, so all need `dangerous_pkce_optional`.
//!
//! [`PIGAI`], [`LIUYUAN`], [`PROAUTH`], [`MINAPP`] and [`EVERYDO`] are such tables. To write one of your own, change what is
//! different from [`Dialect::BASE`]:
//!
//! ```
//! use oauth_tower::dialect::{Authorize, Dialect, Route, Token};
//!
//! /// Like the standard, but for the paths and the name of a grant.
//! const ACME: Dialect = Dialect {
//!     name: "acme",
//!     authorize: Authorize { route: Route::new(&["GET"], &["/acme/login"]), ..Dialect::BASE.authorize },
//!     token: Token { route: Route::new(&["POST"], &["/acme/token"]), ..Dialect::BASE.token },
//!     values: &[("grant_type", "code", "authorization_code")],
//!     ..Dialect::BASE
//! };
//! ```

mod api;
mod authorize;
mod client_tokens;
mod credentials;
mod document;
mod everydo;
mod expire;
mod formats;
mod gather;
mod jsonp;
mod liuyuan;
mod minapp;
mod pigai;
mod proauth;
mod server;
mod service;
mod token;

use http::{StatusCode, request::Parts};
use oauth_core::{
    authorize::AuthorizationResponse,
    client::{Authorization, Lifetimes},
    error::{ErrorCode, Refusal},
    time::Timestamp,
    token::{Formats, TokenResponse},
    types::{Params, Scope},
};

pub use self::{
    api::{ApiCall, ApiDenial, Carrier},
    client_tokens::ClientTokens,
    document::{Document, Json},
    everydo::EVERYDO,
    formats::{Hex, UpperCase},
    gather::Sources,
    jsonp::{Callback, JsonpHosts},
    liuyuan::LIUYUAN,
    minapp::MINAPP,
    pigai::PIGAI,
    proauth::PROAUTH,
    server::Dialects,
    service::{Answers, DialectService, Extra, ExtraAnswer, ExtraRequest},
};

/// The wire format of a provider.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// Its name, under which its clients are registered.
    pub name: &'static str,
    /// The authorization endpoint.
    pub authorize: Authorize,
    /// The token endpoint.
    pub token: Token,
    /// Endpoints that only this provider has.
    pub extras: &'static [Extra],
    /// Other names of parameters: `(theirs, ours)`. Both at once have to have the same value.
    pub names: &'static [(&'static str, &'static str)],
    /// Other values of parameters: `(parameter, theirs, ours)`.
    pub values: &'static [(&'static str, &'static str, &'static str)],
    /// What a request for a scope means: the scope to ask for.
    pub widen: fn(Scope) -> Scope,
    /// What an API may take a token's scope for.
    pub permits: fn(&Scope, &Scope) -> bool,
    /// What a successful answer of the token endpoint looks like, for a request with these parameters.
    pub success: fn(&TokenResponse, &Params, Timestamp) -> Document,
    /// What an error looks like.
    pub error: fn(Refusal) -> Document,
    /// What tokens and codes look like.
    pub formats: fn() -> Formats,
    /// How long they live, where the provider says so, and the policy does not count.
    pub lifetimes: Lifetimes,
    /// Where an API call carries its token.
    pub carriers: &'static [Carrier],
    /// What an API call is told whose token has expired.
    pub expired: ErrorCode,
    /// The parameter of the query that asks for the answer as a script, at the API and at the provider's own endpoints.
    ///
    /// Dangerous, as [`Callback`] is.
    pub callback: Option<&'static str>,
}

/// An authorization endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Authorize {
    /// Where it is.
    pub route: Route,
    /// Where its parameters come from.
    pub sources: Sources,
    /// Parameters that have to be there.
    pub required: &'static [&'static str],
    /// Parameters that are taken to be there.
    pub defaults: &'static [(&'static str, &'static str)],
    /// What is done with errors that the standard would redirect.
    pub errors: AuthorizeErrors,
    /// What is shown if the redirection URI is not registered.
    pub unregistered: Refusal,
    /// Changes responses on their way to the client.
    pub respond: fn(AuthorizationResponse) -> AuthorizationResponse,
}

/// What is done with errors of a request whose redirection URI is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizeErrors {
    /// They are redirected to the client.
    Redirected,
    /// They are shown, as an error document.
    Shown,
}

/// A token endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Where it is.
    pub route: Route,
    /// Where its parameters come from.
    pub sources: Sources,
    /// Parameters that have to be there.
    pub required: &'static [&'static str],
    /// Parameters that have to be there besides, for one grant: `(grant_type, parameter)`.
    pub required_for: &'static [(&'static str, &'static str)],
    /// How the client proves itself.
    pub credentials: Credentials,
}

/// How a client proves itself. Its secret is registered as `client_secret_post`, whichever way it travels, unless a method of its own
/// checks it.
#[derive(Clone, Copy, Debug)]
pub enum Credentials {
    /// `client_id` and `client_secret` as parameters.
    Params,
    /// HTTP Basic, raw or form-encoded. The same pair may stand in the parameters too.
    Basic,
    /// Either.
    BasicOrParams,
    /// By a method that was added to the server.
    Method {
        /// The scheme to challenge a client with.
        scheme: &'static str,
        /// Reads what the method is presented from the request's headers.
        read: fn(&Parts) -> Result<Option<Authorization>, Refusal>,
    },
}

/// Where an endpoint is.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    methods: &'static [&'static str],
    paths: &'static [&'static str],
    dispatch: Option<(&'static str, &'static str)>,
}

impl Route {
    /// At these paths, with these methods.
    pub const fn new(methods: &'static [&'static str], paths: &'static [&'static str]) -> Self {
        Self {
            methods,
            paths,
            dispatch: None,
        }
    }

    /// If a parameter of the query has this value.
    #[must_use]
    pub const fn when(mut self, parameter: &'static str, value: &'static str) -> Self {
        self.dispatch = Some((parameter, value));
        self
    }

    fn is_at(&self, path: &str, query: &Params) -> bool {
        let dispatched = self
            .dispatch
            .is_none_or(|(name, value)| query.all(name).any(|own| own == value));
        dispatched && self.paths.contains(&path)
    }

    fn is_ambiguous(&self, query: &Params) -> bool {
        self.dispatch
            .is_some_and(|(name, _)| query.is_repeated(name))
    }

    fn takes(&self, method: &http::Method) -> bool {
        self.methods.contains(&method.as_str())
    }
}

impl Credentials {
    fn scheme(self) -> &'static str {
        match self {
            // A challenge has to have some scheme (RFC 9110 §11.6.1), and there is none for parameters.
            Self::Params | Self::Basic | Self::BasicOrParams => "Basic",
            Self::Method { scheme, .. } => scheme,
        }
    }
}

impl Dialect {
    /// What is the same for most: the paths and formats of the standard. There is no provider of this dialect.
    pub const BASE: Self = Self {
        name: "base",
        authorize: Authorize {
            route: Route::new(&["GET"], &["/authorize"]),
            sources: Sources::QUERY,
            required: &["client_id"],
            defaults: &[],
            errors: AuthorizeErrors::Redirected,
            unregistered: Refusal::new(
                ErrorCode::INVALID_REQUEST,
                "the redirect_uri is not registered for this client",
            ),
            respond: without_issuer,
        },
        token: Token {
            route: Route::new(&["POST"], &["/token"]),
            sources: Sources::FORM,
            required: &["grant_type"],
            required_for: &[],
            credentials: Credentials::BasicOrParams,
        },
        extras: &[],
        names: &[],
        values: &[],
        widen: std::convert::identity,
        permits: |asked, granted| asked.is_subset(granted),
        success: document::standard,
        error: document::error,
        formats: Formats::default,
        lifetimes: Lifetimes::new(),
        carriers: &[Carrier::Bearer],
        expired: ErrorCode::INVALID_TOKEN,
        callback: None,
    };
}

/// Clients of other times take `iss` (RFC 9207) for something else, or for too much.
fn without_issuer(response: AuthorizationResponse) -> AuthorizationResponse {
    response.without("iss")
}

/// The status of an error document (RFC 6749 §5.2).
fn status(refusal: Refusal) -> StatusCode {
    match refusal.code {
        ErrorCode::INVALID_CLIENT | ErrorCode::INVALID_TOKEN => StatusCode::UNAUTHORIZED,
        ErrorCode::SERVER_ERROR => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TEMPORARILY_UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::INSUFFICIENT_SCOPE => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}

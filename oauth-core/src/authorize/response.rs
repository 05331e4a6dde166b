//! Authorization responses: what goes back to the client, and how (RFC 6749 §4.1.2, RFC 9207).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    error::Refusal,
    token::TokenResponse,
    types::{Issuer, RedirectUri, Secret},
};

/// How the response parameters travel (OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post
/// Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ResponseMode {
    /// In the query of the redirection URI.
    #[default]
    Query,
    /// In a form that the browser posts to the redirection URI.
    FormPost,
    /// In the fragment of the redirection URI, for tokens: what is there is not sent to any server.
    Fragment,
}

impl ResponseMode {
    /// The modes of codes, which are those of the metadata.
    pub(crate) const OF_CODES: [Self; 2] = [Self::Query, Self::FormPost];

    /// The modes of tokens. Never in a query (OAuth 2.0 Multiple Response Type Encoding Practices §3).
    pub(super) const OF_TOKENS: [Self; 2] = [Self::Fragment, Self::FormPost];

    /// As in `response_mode`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::Fragment => "fragment",
        }
    }
}

/// What a client wants from the authorization endpoint (RFC 6749 §3.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ResponseType {
    /// `code`: an authorization code.
    #[default]
    Code,
    /// `token`: an access token, for clients that were dangerously allowed it.
    Token,
}

impl ResponseType {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "code" => Some(Self::Code),
            "token" => Some(Self::Token),
            _ => None,
        }
    }

    /// The modes in which it can be answered; the first is the default.
    pub(super) fn modes(self) -> [ResponseMode; 2] {
        match self {
            Self::Code => ResponseMode::OF_CODES,
            Self::Token => ResponseMode::OF_TOKENS,
        }
    }
}

/// What to send to the client through the browser. It can only be made for a proven redirection URI.
#[derive(Clone)]
#[must_use]
pub struct AuthorizationResponse {
    redirect_uri: RedirectUri,
    mode: ResponseMode,
    params: Vec<(&'static str, String)>,
    refusal: Option<Refusal>,
}

/// Where a response goes: what of a request it takes to answer it.
#[derive(Clone)]
pub(crate) struct ReturnAddress {
    pub(crate) redirect_uri: RedirectUri,
    /// Whether the request said so, rather than leaving it to the registration.
    pub(crate) is_named: bool,
    /// Whether the request named a scope, likewise.
    pub(crate) is_scope_named: bool,
    pub(crate) mode: ResponseMode,
    pub(crate) state: Option<String>,
}

impl ReturnAddress {
    pub(crate) fn success(&self, issuer: &Issuer, code: &Secret) -> AuthorizationResponse {
        self.response(issuer, vec![("code", code.expose().to_owned())])
    }

    pub(crate) fn token(&self, issuer: &Issuer, token: &TokenResponse) -> AuthorizationResponse {
        let scope = token.token.scope.as_str();
        let mut params = vec![
            ("access_token", token.access_token.expose().to_owned()),
            ("token_type", token.token_type.as_str().to_owned()),
            ("expires_in", token.expires_in.as_secs().to_string()),
        ];
        // Nothing said means all that was asked (RFC 6749 §4.2.2).
        if !scope.is_empty() || token.is_narrowed {
            params.push(("scope", scope.to_owned()));
        }
        self.response(issuer, params)
    }

    pub(crate) fn error(&self, issuer: &Issuer, refusal: Refusal) -> AuthorizationResponse {
        let params = vec![
            ("error", refusal.code.as_str().to_owned()),
            ("error_description", refusal.description.to_owned()),
        ];
        AuthorizationResponse {
            refusal: Some(refusal),
            ..self.response(issuer, params)
        }
    }

    fn response(
        &self,
        issuer: &Issuer,
        mut params: Vec<(&'static str, String)>,
    ) -> AuthorizationResponse {
        if let Some(state) = &self.state {
            params.push(("state", state.clone()));
        }
        // RFC 9207 §2: on success and on error, so that a client talking to several servers knows who answers.
        params.push(("iss", issuer.as_str().to_owned()));
        AuthorizationResponse {
            redirect_uri: self.redirect_uri.clone(),
            mode: self.mode,
            params,
            refusal: None,
        }
    }
}

impl AuthorizationResponse {
    /// The address of the client.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// How the parameters travel.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// The parameters, not encoded.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// What it tells the client that went wrong, if something did.
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params()
            .find_map(|(own, value)| (own == name).then_some(value))
    }

    /// The response with one more parameter, after the others: for dialects that know some the standard does not.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params.push((name, value.into()));
        self
    }

    /// The response without a parameter: for dialects that do not know it.
    pub fn without(mut self, name: &str) -> Self {
        self.params.retain(|(own, _)| *own != name);
        self
    }

    /// The response, in the query if it is an error: for dialects that have errors nowhere else. A token never goes there.
    pub fn error_in_query(mut self) -> Self {
        if self.refusal.is_some() {
            self.mode = ResponseMode::Query;
        }
        self
    }

    /// The redirection URI with the parameters in its fragment, if that is the mode, else in its query. ASCII only.
    pub fn location(&self) -> String {
        match self.mode {
            ResponseMode::Fragment => self.redirect_uri.with_fragment(self.params()),
            ResponseMode::Query | ResponseMode::FormPost => {
                self.redirect_uri.with_query(self.params())
            }
        }
    }
}

impl fmt::Debug for AuthorizationResponse {
    /// Without the parameters: one is the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationResponse")
            .field("redirect_uri", &self.redirect_uri)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReturnAddress {
    /// Without the state, by which the client knows its own requests from forged ones.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReturnAddress")
            .field("redirect_uri", &self.redirect_uri)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

//! Authorization responses: what goes back to the client, and how (RFC 6749 §4.1.2, RFC 9207).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    error::Refusal,
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
}

impl ResponseMode {
    /// The modes that are served, for the metadata.
    pub(crate) const ALL: [Self; 2] = [Self::Query, Self::FormPost];

    /// As in `response_mode`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// What to send to the client through the browser. It can only be made for a proven redirection URI.
#[derive(Clone)]
#[must_use]
pub struct AuthorizationResponse {
    redirect_uri: RedirectUri,
    mode: ResponseMode,
    params: Vec<(&'static str, String)>,
}

/// Where a response goes: what of a request it takes to answer it.
#[derive(Clone)]
pub(crate) struct ReturnAddress {
    pub(crate) redirect_uri: RedirectUri,
    /// Whether the request said so, rather than leaving it to the registration.
    pub(crate) is_named: bool,
    pub(crate) mode: ResponseMode,
    pub(crate) state: Option<String>,
}

impl ReturnAddress {
    pub(crate) fn success(&self, issuer: &Issuer, code: &Secret) -> AuthorizationResponse {
        self.response(issuer, vec![("code", code.expose().to_owned())])
    }

    pub(crate) fn error(&self, issuer: &Issuer, refusal: Refusal) -> AuthorizationResponse {
        self.response(
            issuer,
            vec![
                ("error", refusal.code.as_str().to_owned()),
                ("error_description", refusal.description.to_owned()),
            ],
        )
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

    /// The redirection URI with the parameters in its query, ASCII only, whatever the mode.
    pub fn location(&self) -> String {
        self.redirect_uri.with_query(self.params())
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

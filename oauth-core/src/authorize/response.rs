//! Authorization responses: what goes back to the client, and how (RFC 6749 §4.1.2, RFC 9207).

use std::fmt;

use crate::{
    authorization_request::{ResponseMode, ReturnAddress},
    error::Refusal,
    token::TokenResponse,
    types::{Issuer, RedirectUri, Secret},
};

/// What to send to the client through the browser. It can only be made for a proven redirection URI.
#[derive(Clone)]
#[must_use]
pub struct AuthorizationResponse {
    redirect_uri: RedirectUri,
    mode: ResponseMode,
    params: Vec<(&'static str, String)>,
    refusal: Option<Refusal>,
}

impl ReturnAddress {
    pub(super) fn code(&self, issuer: &Issuer, code: &Secret) -> AuthorizationResponse {
        self.response(issuer, vec![("code", code.expose().to_owned())])
    }

    pub(super) fn token(&self, issuer: &Issuer, token: &TokenResponse) -> AuthorizationResponse {
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

    pub(super) fn error(&self, issuer: &Issuer, refusal: Refusal) -> AuthorizationResponse {
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

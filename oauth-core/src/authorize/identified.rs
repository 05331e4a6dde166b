//! A request whose client and redirection URI are proven. From here on an error can be sent back to the client.

use std::sync::Arc;

use super::{AuthorizationResponse, Examined};
use crate::{
    authorization_request::{AuthorizationRequest, ResponseMode, ResponseType, ReturnAddress},
    client::{Client, Danger, RegisteredBy},
    decide::Rules,
    error::{Denial, ErrorCode, Refusal},
    grant::GrantType,
    pkce::{CodeChallenge, InvalidChallenge},
    types::{Issuer, Params, RedirectUri, Resource, Scope, is_vschars},
};

/// A request whose client and redirection URI are proven.
#[derive(Debug)]
pub struct Identified {
    client: Arc<Client>,
    to: ReturnAddress,
    response_type: ResponseType,
    is_mode_served: bool,
    params: Params,
}

/// Why an authorization request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationDenial {
    /// A parameter is repeated.
    #[error("a parameter is repeated")]
    Repeated,
    /// `response_type` is missing.
    #[error("response_type is missing")]
    MissingResponseType,
    /// A response type that is not served.
    #[error("response_type is not supported")]
    UnsupportedResponseType,
    /// A response mode that is not served.
    #[error("response_mode is not supported")]
    UnsupportedResponseMode,
    /// `state` is outside its grammar (RFC 6749 App. A.5).
    #[error("state has a character outside of printable ASCII")]
    State,
    /// The client may not use the authorization code grant.
    #[error("the client may not use this response type")]
    UnauthorizedClient,
    /// A request object (RFC 9101), which is not served.
    #[error("request objects are not supported")]
    RequestObject,
    /// A reference to a request object (RFC 9101), which is not served.
    #[error("request_uri is not supported")]
    RequestUri,
    /// The scope is malformed, or more than the client may ask for.
    #[error("the scope is malformed, or more than the client may ask for")]
    Scope,
    /// The resource is malformed or unknown.
    #[error("the resource is malformed or unknown")]
    Target,
    /// PKCE is missing (RFC 7636 §4.4.1).
    #[error("code_challenge is missing")]
    MissingChallenge,
    /// PKCE is wrong (RFC 7636 §4.4.1).
    #[error(transparent)]
    Challenge(InvalidChallenge),
    /// The user declined.
    #[error("the user declined")]
    Declined,
}

impl Denial for AuthorizationDenial {}

impl AuthorizationDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        const fn request(description: &'static str) -> Refusal {
            Refusal::new(ErrorCode::INVALID_REQUEST, description)
        }
        match self {
            Self::Repeated => request("a parameter is repeated"),
            Self::MissingResponseType => request("response_type is missing"),
            Self::UnsupportedResponseType => Refusal::new(
                ErrorCode::UNSUPPORTED_RESPONSE_TYPE,
                "the only response_type served here is code",
            ),
            Self::UnsupportedResponseMode => {
                request("the response modes served here are query and form_post")
            }
            Self::State => request("state holds a character outside of printable ASCII"),
            Self::UnauthorizedClient => Refusal::new(
                ErrorCode::UNAUTHORIZED_CLIENT,
                "this client may not use the authorization code grant",
            ),
            Self::RequestObject => Refusal::new(
                ErrorCode::REQUEST_NOT_SUPPORTED,
                "request objects are not served here",
            ),
            Self::RequestUri => Refusal::new(
                ErrorCode::REQUEST_URI_NOT_SUPPORTED,
                "request objects are not served here",
            ),
            Self::Scope => Refusal::new(
                ErrorCode::INVALID_SCOPE,
                "the scope is malformed, unknown or not allowed",
            ),
            Self::Target => Refusal::new(
                ErrorCode::INVALID_TARGET,
                "the resource is malformed or unknown",
            ),
            Self::MissingChallenge => request("code challenge required"),
            Self::Challenge(InvalidChallenge::Method) => {
                request("transform algorithm not supported: code_challenge_method has to be S256")
            }
            Self::Challenge(InvalidChallenge::Value) => {
                request("code_challenge is not the base64url SHA-256 digest of a verifier")
            }
            Self::Declined => Refusal::new(ErrorCode::ACCESS_DENIED, "the user declined"),
        }
    }
}

/// A refused request, and what to answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused {
    /// Why.
    pub denial: AuthorizationDenial,
    /// Whether the browser may be sent on by itself, or has to stop on a page with a link (RFC 9700 §4.11.2): an address that
    /// somebody registered for themselves may be anywhere.
    pub trusted: bool,
    /// What to tell the client.
    pub response: AuthorizationResponse,
}

impl Identified {
    pub(super) fn new(client: Arc<Client>, redirect_uri: RedirectUri, params: Params) -> Self {
        let sent = |name| {
            if params.is_repeated(name) {
                None
            } else {
                params.get(name)
            }
        };
        let response_type = sent("response_type")
            .and_then(ResponseType::parse)
            .filter(|response_type| may_ask_for(&client, *response_type))
            .unwrap_or_default();
        let mode = mode(response_type, sent("response_mode"));
        let state = sent("state")
            .filter(|state| may_be_state(&client, state))
            .map(str::to_owned);
        Self {
            client,
            to: ReturnAddress {
                redirect_uri,
                is_named: params.get("redirect_uri").is_some(),
                mode: mode.unwrap_or(response_type.modes()[0]),
                state,
            },
            response_type,
            is_mode_served: mode.is_some(),
            params,
        }
    }

    /// The client.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Examines everything else about the request.
    ///
    /// # Errors
    /// With the denial and the answer to the client.
    pub fn examine(self, issuer: &Issuer, rules: &Rules) -> Result<Examined, Box<Refused>> {
        match self.check(rules) {
            Ok(request) => Ok(Examined {
                client: self.client,
                request,
                to: self.to,
            }),
            Err(denial) => Err(Box::new(Refused {
                denial,
                trusted: is_trusted(&self.client),
                response: self.to.error(issuer, denial.refusal()),
            })),
        }
    }

    fn check(&self, rules: &Rules) -> Result<AuthorizationRequest, AuthorizationDenial> {
        if self.params.repeated().is_some() {
            return Err(AuthorizationDenial::Repeated);
        }
        if self
            .params
            .get("state")
            .is_some_and(|state| !may_be_state(&self.client, state))
        {
            return Err(AuthorizationDenial::State);
        }
        if self.params.get("request").is_some() {
            return Err(AuthorizationDenial::RequestObject);
        }
        if self.params.get("request_uri").is_some() {
            return Err(AuthorizationDenial::RequestUri);
        }
        match self.params.get("response_type") {
            None => return Err(AuthorizationDenial::MissingResponseType),
            Some(text) => match ResponseType::parse(text) {
                Some(ResponseType::Code) => {}
                Some(ResponseType::Token) if self.response_type == ResponseType::Token => {}
                // Served only to clients with the dangerous permission; to others it looks
                // unsupported.
                Some(ResponseType::Token) | None => {
                    return Err(AuthorizationDenial::UnsupportedResponseType);
                }
            },
        }
        if !self.is_mode_served {
            return Err(AuthorizationDenial::UnsupportedResponseMode);
        }
        if !may_ask_for(&self.client, self.response_type) {
            return Err(AuthorizationDenial::UnauthorizedClient);
        }
        let challenge = match self.response_type {
            ResponseType::Code => self.challenge()?,
            ResponseType::Token => None,
        };
        let request = AuthorizationRequest::of(
            self.client.id().clone(),
            self.scope()?,
            self.resources(rules)?,
        );
        Ok(AuthorizationRequest {
            is_scope_named: self.params.get("scope").is_some(),
            response_type: self.response_type,
            challenge,
            ..request
        })
    }

    fn challenge(&self) -> Result<Option<CodeChallenge>, AuthorizationDenial> {
        let method = self.params.get("code_challenge_method");
        match self.params.get("code_challenge") {
            Some(value) => CodeChallenge::new(value, method, self.client.allows(Danger::PlainPkce))
                .map(Some)
                .map_err(AuthorizationDenial::Challenge),
            // A method alone is half of a challenge: somebody lost, or took away, the other half.
            None if method.is_none() && self.client.allows(Danger::PkceOptional) => Ok(None),
            None => Err(AuthorizationDenial::MissingChallenge),
        }
    }

    fn scope(&self) -> Result<Scope, AuthorizationDenial> {
        match self.params.get("scope") {
            None => Ok(self.client.default_scope().clone()),
            Some(text) => text
                .parse()
                .ok()
                .filter(|scope: &Scope| scope.is_subset(self.client.scope()))
                .ok_or(AuthorizationDenial::Scope),
        }
    }

    fn resources(&self, rules: &Rules) -> Result<Vec<Resource>, AuthorizationDenial> {
        let resources: Result<Vec<Resource>, _> =
            self.params.all("resource").map(str::parse).collect();
        let mut resources = resources.map_err(|_| AuthorizationDenial::Target)?;
        resources.sort_unstable();
        resources.dedup();
        if rules.policy.knows_all(&resources) {
            Ok(resources)
        } else {
            Err(AuthorizationDenial::Target)
        }
    }
}

/// Whether a client may have this as its `state` (RFC 6749 App. A.5). Those of a profile were written for servers that take any text.
fn may_be_state(client: &Client, state: &str) -> bool {
    is_vschars(state) || client.profile().is_some()
}

/// Whether the client may have this at all.
pub(super) fn may_ask_for(client: &Client, response_type: ResponseType) -> bool {
    match response_type {
        ResponseType::Code => client.may_use(&GrantType::AUTHORIZATION_CODE),
        ResponseType::Token => client.allows(Danger::Implicit),
    }
}

/// The mode of a request; `None` if that cannot be.
fn mode(response_type: ResponseType, named: Option<&str>) -> Option<ResponseMode> {
    let modes = response_type.modes();
    match named {
        Some(name) => modes.into_iter().find(|mode| mode.as_str() == name),
        None => Some(modes[0]),
    }
}

/// Whether browsers may be sent to the client with an error before the user has done anything (RFC 9700 §4.11.2).
pub(super) fn is_trusted(client: &Client) -> bool {
    client.registered_by() == RegisteredBy::Operator
}

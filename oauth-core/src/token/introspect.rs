//! Token introspection (RFC 7662).

use super::{AccessToken, GrantRecord, RefreshToken, TokenState, TokenType};
use crate::{
    client::{Client, ClientDenial, Introspection},
    decide::{Found, Look, Rules},
    error::{Denial, ErrorCode, Fault, Refusal, denial_becomes},
    store::{Key, Kind, Stored},
    time::Timestamp,
    types::{
        Actor, Authentication, AuthorizationDetails, BorrowedSecret, ClientId, Confirmation,
        HostData, Scope, Subject,
    },
};

/// The answer to an introspection request (RFC 7662 §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntrospectionResponse {
    /// No such token, or none that the caller may know of. Nothing more is said.
    Inactive,
    /// What the token is.
    Active(Box<ActiveToken>),
}

/// An active token, as introspection describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActiveToken {
    /// Whether it is an access or a refresh token.
    pub token_use: TokenUse,
    /// The client it was issued to.
    pub client_id: ClientId,
    /// The user who authorized it, if one did.
    pub subject: Option<Subject>,
    /// What it permits.
    pub scope: Scope,
    /// The resource servers it is for.
    pub audience: Vec<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The key that the token is bound to.
    pub confirmation: Option<Confirmation>,
    /// How the user signed in, if the host has said.
    pub authentication: Option<Box<Authentication>>,
    /// What it permits, in more detail than the scope (RFC 9396).
    pub authorization_details: Option<AuthorizationDetails>,
    /// Who acts for the subject (RFC 8693 §4.1).
    pub actor: Option<Box<Actor>>,
    /// The host's own data.
    pub data: Option<HostData>,
}

impl ActiveToken {
    /// A token of `client_id`, for no user and not limited to a resource server; set the fields to
    /// change that.
    pub fn new(
        token_use: TokenUse,
        client_id: ClientId,
        scope: Scope,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            token_use,
            client_id,
            subject: None,
            scope,
            audience: Vec::new(),
            issued_at,
            expires_at,
            confirmation: None,
            authentication: None,
            authorization_details: None,
            actor: None,
            data: None,
        }
    }
}

/// Why an introspection request was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionDenial {
    /// A parameter is repeated.
    #[error("a parameter is repeated")]
    Repeated,
    /// The request names no token.
    #[error("token is missing")]
    Missing,
    /// The caller did not prove to be a client.
    #[error(transparent)]
    Client(ClientDenial),
}

impl Denial for IntrospectionDenial {}

denial_becomes!(ClientDenial => IntrospectionDenial::Client);

impl IntrospectionDenial {
    /// What to tell the caller.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Repeated => Refusal::new(ErrorCode::INVALID_REQUEST, "a parameter is repeated"),
            Self::Missing => Refusal::new(ErrorCode::INVALID_REQUEST, "token is missing"),
            Self::Client(denial) => denial.refusal(),
        }
    }
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUse {
    /// An access token, and how it is used.
    Access(TokenType),
    /// A refresh token.
    Refresh,
}

/// An introspection request of a caller that has authenticated.
#[derive(Debug)]
pub(crate) struct Introspect<'a> {
    pub(crate) caller: &'a Client,
    pub(crate) token: BorrowedSecret<'a>,
}

impl Look for Introspect<'_> {
    type Answer = IntrospectionResponse;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        rules.formats.keys(&rules.realm, self.token)
    }

    fn answer(
        &self,
        found: &Found<'_>,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<IntrospectionResponse, Fault> {
        // A token is of one kind, so at most one of the records exists.
        let mut answer = None;
        for (key, stored) in found.iter() {
            answer = if key.kind() == Kind::ACCESS_TOKEN {
                self.access(stored, rules, now)?
            } else {
                self.refresh(stored, rules, now)?
            };
            if answer.is_some() {
                break;
            }
        }
        Ok(match answer {
            Some(active) => IntrospectionResponse::Active(Box::new(active)),
            None => IntrospectionResponse::Inactive,
        })
    }
}

impl Introspect<'_> {
    fn access(
        &self,
        stored: &Stored,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Option<ActiveToken>, Fault> {
        let TokenState::Valid(token) = TokenState::read(stored, now)? else {
            return Ok(None);
        };
        let permitted = match self.caller.introspection() {
            _ if token.client_id == *self.caller.id() => true,
            Introspection::Own => false,
            Introspection::All => true,
            Introspection::Resources(resources) => {
                let own = rules.policy.audience(resources);
                !resources.is_empty()
                    && token.audience.iter().any(|audience| own.contains(audience))
            }
        };
        Ok(permitted.then(|| token.into()))
    }

    fn refresh(
        &self,
        stored: &Stored,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Option<ActiveToken>, Fault> {
        let Some(grant) = GrantRecord::open(stored)? else {
            return Ok(None);
        };
        let token = RefreshToken::decode(&rules.formats, self.token);
        let (Some(token), Some(refresh)) = (token, &grant.refresh) else {
            return Ok(None);
        };
        // A resource server has no business with a refresh token.
        let is_own = grant.request.client_id == *self.caller.id();
        let is_permitted = is_own || *self.caller.introspection() == Introspection::All;
        let mut expires_at = grant.expires_at;
        // Only the client that owns the token sees when it expires by today's policy. Other callers
        // see the time that was set when it was granted.
        if is_own {
            expires_at = grant.ends_at(self.caller, &rules.policy);
            if let Some(idle) = rules.policy.refresh_token_idle(self.caller) {
                expires_at = expires_at.min(refresh.issued_at + idle);
            }
        }
        if !is_permitted || now >= expires_at || !refresh.is_current(&token, &rules.realm) {
            return Ok(None);
        }
        Ok(Some(ActiveToken {
            token_use: TokenUse::Refresh,
            issued_at: refresh.issued_at,
            expires_at,
            client_id: grant.request.client_id,
            subject: grant.subject,
            scope: grant.request.scope,
            audience: Vec::new(),
            confirmation: grant.confirmation,
            authentication: grant.authentication,
            authorization_details: grant.authorization_details,
            actor: grant.actor,
            data: grant.data,
        }))
    }
}

impl From<AccessToken> for ActiveToken {
    fn from(token: AccessToken) -> Self {
        Self {
            token_use: TokenUse::Access(TokenType::Bearer),
            client_id: token.client_id,
            subject: token.subject,
            scope: token.scope,
            audience: token.audience,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            confirmation: token.confirmation,
            authentication: token.authentication,
            authorization_details: token.authorization_details,
            actor: token.actor,
            data: token.data,
        }
    }
}

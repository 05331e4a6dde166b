//! Token introspection (RFC 7662).

use super::{AccessToken, Refresh, RefreshState, TokenState, TokenType};
use crate::{
    client::{Client, ClientDenial, Introspection},
    decide::{Found, Look, Rules},
    error::{Denial, ErrorCode, Fault, Refusal, denial_becomes},
    store::{Key, Kind, StoreError, Stored, decode},
    time::Timestamp,
    types::{BorrowedSecret, ClientId, Scope, Subject},
};

/// The answer to an introspection request (RFC 7662 §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntrospectionResponse {
    /// No such token, or none that the caller may know of. Nothing more is said.
    Inactive,
    /// What the token is.
    Active {
        /// Whether it is an access or a refresh token.
        token_use: TokenUse,
        /// The client it was issued to.
        client_id: ClientId,
        /// The user who authorized it, if one did.
        subject: Option<Subject>,
        /// What it permits.
        scope: Scope,
        /// The resource servers it is for.
        audience: Vec<String>,
        /// When it was issued.
        issued_at: Timestamp,
        /// From when it is refused.
        expires_at: Timestamp,
    },
}

/// Why a caller is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionDenial {
    /// A parameter stands there more than once.
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
        // The digests differ by kind, so at most one is there.
        let answer = match found.iter().next() {
            Some((key, stored)) if key.kind() == Kind::ACCESS_TOKEN => {
                self.access(stored, rules, now)?
            }
            Some((_, stored)) => self.refresh(stored, rules, now)?,
            None => None,
        };
        Ok(answer.unwrap_or(IntrospectionResponse::Inactive))
    }
}

impl Introspect<'_> {
    fn access(
        &self,
        stored: &Stored,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Option<IntrospectionResponse>, StoreError> {
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
        Ok(permitted.then(|| IntrospectionResponse::of(token)))
    }

    fn refresh(
        &self,
        stored: &Stored,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Option<IntrospectionResponse>, StoreError> {
        let Refresh {
            terms,
            issued_at,
            state,
        } = decode::<Refresh<'_>>(&stored.body)?;
        // A resource server has no business with a refresh token.
        let terms = terms.into_owned();
        let permitted = terms.client_id == *self.caller.id()
            || *self.caller.introspection() == Introspection::All;
        let mut expires_at = terms.expires_at;
        // Idle time is the owner's policy; another caller is told the end that holds whatever happens.
        if terms.client_id == *self.caller.id()
            && let Some(idle) = rules.policy.refresh_token_idle(self.caller)
        {
            expires_at = expires_at.min(issued_at + idle);
        }
        let usable = matches!(state, RefreshState::Active { .. }) && now < expires_at;
        Ok(
            (permitted && usable).then(|| IntrospectionResponse::Active {
                token_use: TokenUse::Refresh,
                client_id: terms.client_id,
                subject: terms.subject,
                scope: terms.scope,
                audience: Vec::new(),
                issued_at,
                expires_at,
            }),
        )
    }
}

impl IntrospectionResponse {
    fn of(token: AccessToken) -> Self {
        Self::Active {
            token_use: TokenUse::Access(TokenType::Bearer),
            client_id: token.client_id,
            subject: token.subject,
            scope: token.scope,
            audience: token.audience,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
        }
    }
}

//! The refresh token grant (RFC 6749 §6), with rotation (RFC 9700 §4.14.2).
//!
//! A refresh token works once. The answer may get lost, though, and a client that tries again with the same token must not be
//! taken for a thief; so for a short grace the same request gets the same successor again. Grace ends at once when that
//! successor is used, since then the answer has arrived.

use std::borrow::Cow;

use async_trait::async_trait;

use super::{Grant, GrantDecision, GrantRequest, GrantType, TokenDenial};
use crate::{
    client::Client,
    decide::{Context, Decide, Decision, Found, Rules},
    error::{Denial, Error, ErrorCode, Fault, Refusal},
    hash::sha256,
    store::{Commit, Expect, Family, Key, Kind, Record, Role, StoreError, Stored, decode},
    token::{Issuance, Predecessor, Refresh, RefreshState, TokenResponse, issue, successor},
    types::{BorrowedSecret, Resource, Scope, Secret},
};

/// `refresh_token`: a grant goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct RefreshTokenGrant;

#[async_trait]
impl Grant for RefreshTokenGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::REFRESH_TOKEN
    }

    async fn read<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        Ok(Box::new(read(request)?))
    }
}

/// Why a refresh token was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshDenial {
    /// No such token, or its grant has ended.
    #[error("no such refresh token, or its grant has ended")]
    Unknown,
    /// It was issued to another client.
    #[error("the refresh token was issued to another client")]
    WrongClient,
    /// The grant has reached its end.
    #[error("the grant has expired")]
    Expired,
    /// It was not used for too long.
    #[error("the refresh token was not used for too long")]
    Idle,
    /// More scope than was granted.
    #[error("the scope is more than was granted")]
    Scope,
    /// A resource server that was not granted.
    #[error("the resource was not granted")]
    Target,
    /// It was used before, and this is no retry of that: somebody else has it too. The family has ended.
    #[error("the refresh token was used before; its grant has ended")]
    Reused,
}

impl Denial for RefreshDenial {}

impl RefreshDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        match self {
            // One answer, so that nobody learns from it which tokens exist.
            Self::Unknown | Self::WrongClient | Self::Expired | Self::Idle | Self::Reused => {
                Refusal::new(
                    ErrorCode::INVALID_GRANT,
                    "the refresh token is unknown, expired, used, revoked, or was issued to another client",
                )
            }
            Self::Scope => Refusal::new(
                ErrorCode::INVALID_SCOPE,
                "the scope is more than was granted",
            ),
            Self::Target => Refusal::new(ErrorCode::INVALID_TARGET, "the resource was not granted"),
        }
    }
}

/// A request to refresh.
#[derive(Debug)]
struct Ask<'a> {
    client: &'a Client,
    token: BorrowedSecret<'a>,
    scope: Option<Scope>,
    resources: Vec<Resource>,
}

fn read(request: GrantRequest<'_>) -> Result<Ask<'_>, TokenDenial> {
    Ok(Ask {
        client: request.client(),
        token: BorrowedSecret::new(request.required("refresh_token")?),
        scope: request.scope()?,
        resources: request.resources()?,
    })
}

impl Decide for Ask<'_> {
    type Answer = TokenResponse;
    type Denial = TokenDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        vec![Refresh::key(&rules.realm, self.token)]
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Decision<TokenResponse, TokenDenial>, Fault> {
        let Some(presented) = Presented::new(found.entry(0))? else {
            return Ok(Decision::deny(TokenDenial::Refresh(RefreshDenial::Unknown)));
        };
        if let Err(denial) = self.check(&presented.refresh, context) {
            return Ok(Decision::deny(TokenDenial::Refresh(denial)));
        }
        Ok(match &presented.refresh.state {
            RefreshState::Active { predecessor } => {
                self.rotate(&presented, predecessor.as_ref(), context)
            }
            RefreshState::Rotated { at, ask, salt } if self.is_retry(*at, ask, context) => {
                self.repeat(&presented, salt, context)
            }
            RefreshState::Rotated { .. } | RefreshState::Spent => Decision {
                commit: Some(context.commit().end(presented.family)),
                answer: Err(TokenDenial::Refresh(RefreshDenial::Reused)),
            },
        })
    }
}

/// A refresh token as it was found.
struct Presented<'a> {
    refresh: Refresh<'static>,
    key: &'a Key,
    stored: &'a Stored,
    family: Family,
}

impl<'a> Presented<'a> {
    fn new(found: Option<(&'a Key, &'a Stored)>) -> Result<Option<Self>, StoreError> {
        match found {
            Some((key, stored)) => match stored.role {
                Role::Member(family) => Ok(Some(Self {
                    refresh: decode(&stored.body)?,
                    key,
                    stored,
                    family,
                })),
                Role::Single | Role::Anchor => Ok(None),
            },
            None => Ok(None),
        }
    }
}

impl Ask<'_> {
    /// Everything that a reuse has to get right too, so that a stolen token alone ends nothing.
    fn check(&self, refresh: &Refresh, context: &Context<'_>) -> Result<(), RefreshDenial> {
        let terms = &refresh.terms;
        if terms.client_id != *self.client.id() {
            return Err(RefreshDenial::WrongClient);
        }
        if context.now >= terms.expires_at {
            return Err(RefreshDenial::Expired);
        }
        if self
            .scope
            .as_ref()
            .is_some_and(|scope| !scope.is_subset(&terms.scope))
        {
            return Err(RefreshDenial::Scope);
        }
        if !self
            .resources
            .iter()
            .all(|resource| terms.resources.contains(resource))
        {
            return Err(RefreshDenial::Target);
        }
        let idle = context.rules.policy.refresh_token_idle(self.client);
        let is_idle = idle.is_some_and(|idle| context.now >= refresh.issued_at + idle);
        if is_idle && matches!(refresh.state, RefreshState::Active { .. }) {
            return Err(RefreshDenial::Idle);
        }
        Ok(())
    }

    /// The first use: spends the token, and makes its successor.
    fn rotate(
        &self,
        presented: &Presented<'_>,
        predecessor: Option<&Predecessor>,
        context: &mut Context<'_>,
    ) -> Decision<TokenResponse, TokenDenial> {
        let rules = context.rules;
        let terms = presented.refresh.terms.as_ref();
        let salt = context.random.id();
        let secret = successor(self.token, &salt, rules.formats.refresh_token.as_ref());
        let retriable = !rules.policy.refresh_grace(self.client).is_zero();
        let successor = Refresh {
            terms: Cow::Borrowed(terms),
            issued_at: context.now,
            state: RefreshState::Active {
                predecessor: retriable.then(|| Predecessor {
                    digest: *presented.key.digest(),
                    issued_at: presented.refresh.issued_at,
                }),
            },
        };
        let state = if retriable {
            RefreshState::Rotated {
                at: context.now,
                ask: self.digest(),
                salt,
            }
        } else {
            RefreshState::Spent
        };
        let used = Refresh {
            terms: Cow::Borrowed(terms),
            issued_at: presented.refresh.issued_at,
            state,
        };
        let mut commit = context
            .commit()
            .create(successor.record(
                Refresh::key(&rules.realm, secret.borrowed()),
                presented.family,
            ))
            .replace(
                used.record(presented.key.clone(), presented.family),
                presented.stored.version,
            );
        if let Some(predecessor) = predecessor {
            commit = commit.replace(
                wiped(presented, predecessor, rules),
                presented.stored.version,
            );
        }
        self.answer(presented, secret, commit, context)
    }

    /// A retry: the same successor, and another access token. The guard fails once the successor is used.
    fn repeat(
        &self,
        presented: &Presented<'_>,
        salt: &[u8; 16],
        context: &mut Context<'_>,
    ) -> Decision<TokenResponse, TokenDenial> {
        let secret = successor(
            self.token,
            salt,
            context.rules.formats.refresh_token.as_ref(),
        );
        let commit = context.commit().guard(
            presented.key.clone(),
            Expect::Version(presented.stored.version),
        );
        self.answer(presented, secret, commit, context)
    }

    fn answer(
        &self,
        presented: &Presented<'_>,
        refresh_token: Secret,
        commit: Commit,
        context: &mut Context<'_>,
    ) -> Decision<TokenResponse, TokenDenial> {
        let terms = &presented.refresh.terms;
        let issuance = Issuance {
            client: self.client,
            subject: terms.subject.as_ref(),
            // RFC 6749 §6: what is narrowed here is the access token, never the grant.
            scope: self.scope.as_ref().unwrap_or(&terms.scope),
            resources: if self.resources.is_empty() {
                &terms.resources
            } else {
                &self.resources
            },
            role: Role::Member(presented.family),
        };
        let (mut response, access_token) = issue(&issuance, context);
        response.refresh_token = Some(refresh_token);
        response.grant_expires_at = Some(terms.expires_at);
        Decision::grant(commit.create(access_token), response)
    }

    fn is_retry(&self, at: crate::time::Timestamp, ask: &[u8; 32], context: &Context<'_>) -> bool {
        let grace = context.rules.policy.refresh_grace(self.client);
        context.now < at + grace && *ask == self.digest()
    }

    /// What makes two requests with the same token the same request.
    fn digest(&self) -> [u8; 32] {
        let scope = self.scope.iter().map(Scope::as_str);
        let resources = self.resources.iter().map(Resource::as_str);
        let parts = ["refresh request", self.client.id().as_str()]
            .into_iter()
            .chain(scope)
            .chain(["resources"])
            .chain(resources);
        sha256(parts.map(str::as_bytes))
    }
}

/// The predecessor of a token that is being used, without its salt: its answer has arrived.
fn wiped(presented: &Presented<'_>, predecessor: &Predecessor, rules: &Rules) -> Record {
    let key = Key::remembered(&rules.realm, Kind::REFRESH_TOKEN, predecessor.digest);
    let spent = Refresh {
        terms: Cow::Borrowed(&presented.refresh.terms),
        issued_at: predecessor.issued_at,
        state: RefreshState::Spent,
    };
    spent.record(key, presented.family)
}

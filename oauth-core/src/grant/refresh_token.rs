//! The refresh token grant (RFC 6749 §6), with rotation (RFC 9700 §4.14.2).
//!
//! A refresh token works once. But the answer may get lost, and a client that tries again with the
//! same token must not be taken for a thief. So, for a short grace, a retry gets the same refresh
//! token and, for the same request, the same access token. The grace ends when the new refresh
//! token is used, since the answer then has arrived.

use async_trait::async_trait;

use super::{Grant, GrantDecision, GrantRequest, GrantType, TokenDenial};
use crate::{
    client::Client,
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Denial, Error, ErrorCode, Fault, Refusal},
    operator_secret::RefreshKeys,
    store::{Expect, Key, Record, Stored},
    token::{
        GrantRecord, Issuance, IssuedTokens, RefreshState, RefreshToken, Standing, TokenResponse,
        TokenState, access_token_key, encode_bits, issue_of,
    },
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

    async fn resolve<'a>(
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
    /// It names a grant that is there, but this server never issued it, or did under an operator secret that is no longer valid.
    #[error(
        "the refresh token names a grant but was never issued for it, or under a dropped operator secret"
    )]
    Forged,
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
    /// A late retry: the client has got the answer and used its refresh token. Nothing has ended.
    #[error("a retry, but the refresh token in its answer was already used")]
    LateRetry,
    /// A retry, but no valid operator secret gives the successor that was issued. Nothing has
    /// ended.
    #[error("a retry, but no valid operator secret gives its successor")]
    NoSecret,
    /// The grant is bound to a key, and the request does not prove possession of it.
    #[error("the grant is bound to a key, and the request does not prove possession of it")]
    Unproven,
}

impl Denial for RefreshDenial {}

impl RefreshDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        match self {
            // One answer, so that nobody learns from it which tokens exist.
            Self::Unknown
            | Self::Forged
            | Self::WrongClient
            | Self::Expired
            | Self::Idle
            | Self::Reused
            | Self::LateRetry
            | Self::NoSecret
            | Self::Unproven => Refusal::new(
                ErrorCode::INVALID_GRANT,
                "the refresh token is unknown, expired, used, revoked, or was issued to another client",
            ),
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
    /// `None` if this server cannot have written it.
    token: Option<RefreshToken>,
    scope: Option<Scope>,
    resources: Vec<Resource>,
}

fn read(request: GrantRequest<'_>) -> Result<Ask<'_>, TokenDenial> {
    let token = BorrowedSecret::new(request.required("refresh_token")?);
    Ok(Ask {
        client: request.client(),
        token: RefreshToken::decode(&request.context.rules.formats, token),
        scope: request.scope()?,
        resources: request.resources()?,
    })
}

/// The grant of the token that was presented.
struct Presented<'a> {
    token: &'a RefreshToken,
    grant: GrantRecord,
    refresh: RefreshState,
    key: &'a Key,
    stored: &'a Stored,
}

impl Decide for Ask<'_> {
    type Answer = TokenResponse;
    type Denial = TokenDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        let key = |token: &RefreshToken| Key::of_grant(&rules.realm, token.grant);
        self.token.iter().map(key).collect()
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<TokenResponse, TokenDenial>, Fault> {
        let Some(presented) = self.presented(found)? else {
            return Ok(deny(RefreshDenial::Unknown));
        };
        let rules = context.rules;
        let standing = presented.refresh.standing(
            presented.token,
            context.keys,
            &rules.realm,
            context.now,
            rules.policy.refresh_grace(self.client),
        );
        // A token that was never issued reveals nothing, not even which client its grant belongs
        // to.
        if standing == Standing::Unknown {
            return Ok(deny(RefreshDenial::Forged));
        }
        if let Err(denial) = self.check(&presented, standing, context) {
            return Ok(deny(denial));
        }
        Ok(match standing {
            Standing::Current => self.rotate(presented, context).into(),
            Standing::Retry { salt } => self.repeat(presented, salt, found, context)?,
            Standing::LateRetry => deny(RefreshDenial::LateRetry),
            Standing::Unknown => deny(RefreshDenial::Forged),
            Standing::Reused => Decision::deny_with(
                context.end(presented.key.family()),
                TokenDenial::Refresh(RefreshDenial::Reused),
            )
            .into(),
        })
    }

    /// Whether the token is now the previous one, and the answer holds the current one.
    fn has_happened(
        &self,
        found: &Found<'_>,
        answer: &TokenResponse,
        rules: &Rules,
    ) -> Result<bool, Fault> {
        let answered = answer.refresh_token.as_ref();
        let successor =
            answered.and_then(|token| RefreshToken::decode(&rules.formats, token.borrowed()));
        Ok(match (self.presented(found)?, successor) {
            (Some(presented), Some(successor)) => {
                let Presented { token, refresh, .. } = presented;
                refresh.has_rotated(token, &successor, &rules.realm)
            }
            _ => false,
        })
    }
}

fn deny(denial: RefreshDenial) -> Step<TokenResponse, TokenDenial> {
    Decision::deny(TokenDenial::Refresh(denial)).into()
}

impl Ask<'_> {
    fn presented<'a>(&'a self, found: &Found<'a>) -> Result<Option<Presented<'a>>, Fault> {
        let (Some(token), Some((key, stored))) = (&self.token, found.entry(0)) else {
            return Ok(None);
        };
        let Some(grant) = GrantRecord::open(stored)? else {
            return Ok(None);
        };
        let refresh = grant.refresh.clone();
        Ok(refresh.map(|refresh| Presented {
            token,
            grant,
            refresh,
            key,
            stored,
        }))
    }

    /// The checks that a reuse has to pass too, so that a stolen token alone cannot end the grant.
    fn check(
        &self,
        presented: &Presented<'_>,
        standing: Standing,
        context: &Context<'_>,
    ) -> Result<(), RefreshDenial> {
        let grant = &presented.grant;
        let policy = &context.rules.policy;
        if grant.request.client_id != *self.client.id() {
            return Err(RefreshDenial::WrongClient);
        }
        // Proofs of possession are not verified yet, so a bound grant cannot be refreshed.
        if grant.confirmation.is_some() {
            return Err(RefreshDenial::Unproven);
        }
        if context.now >= grant.ends_at(self.client, policy) {
            return Err(RefreshDenial::Expired);
        }
        let granted = &grant.request;
        if let Some(scope) = &self.scope
            && !scope.is_subset(&granted.scope)
        {
            return Err(RefreshDenial::Scope);
        }
        let is_granted = |resource| granted.resources.contains(resource);
        if !self.resources.iter().all(is_granted) {
            return Err(RefreshDenial::Target);
        }
        let idle = policy.refresh_token_idle(self.client);
        let is_idle = idle.is_some_and(|idle| context.now >= presented.refresh.issued_at + idle);
        if is_idle && standing == Standing::Current {
            return Err(RefreshDenial::Idle);
        }
        Ok(())
    }

    /// The first use: spends the token, and makes its successor.
    fn rotate(
        &self,
        presented: Presented<'_>,
        context: &mut Context<'_>,
    ) -> Decision<TokenResponse, TokenDenial> {
        let Context { rules, now, .. } = *context;
        let keys = context.keys.refresh();
        let salt = context.random.id();
        let successor = presented.token.successor(&salt, keys);
        let bits = self.derived(&presented, &salt, keys);
        let retriable = !rules.policy.refresh_grace(self.client).is_zero();
        let refresh =
            presented
                .refresh
                .rotated(&successor, retriable.then_some(salt), &rules.realm, now);
        self.issue(
            presented,
            refresh,
            &bits,
            successor.encode(&rules.formats),
            context,
        )
    }

    /// A retry gets the same successor and, for the same request, the same access token. The commit
    /// conflicts once the successor is used.
    fn repeat(
        &self,
        presented: Presented<'_>,
        salt: [u8; 16],
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<TokenResponse, TokenDenial>, Fault> {
        let Context { rules, now, .. } = *context;
        let Presented { token, refresh, .. } = &presented;
        let Some((successor, keys)) =
            refresh.successor_of(token, &salt, context.keys, &rules.realm)
        else {
            return Ok(deny(RefreshDenial::NoSecret));
        };
        let refresh_token = successor.encode(&rules.formats);
        let mut bits = self.derived(&presented, &salt, keys);
        let access_token = encode_bits(&bits, rules);
        if found.len() == 1 {
            let key = access_token_key(&rules.realm, access_token.borrowed());
            return Ok(Step::Load(vec![key]));
        }
        if let Some(stored) = found.get(1) {
            if let TokenState::Valid(token) = TokenState::read(stored, now)? {
                let scope = self
                    .scope
                    .as_ref()
                    .unwrap_or(&presented.grant.request.scope);
                let mut response = TokenResponse::of(access_token, token, scope, now);
                response.grant_expires_at =
                    Some(presented.grant.ends_at(self.client, &rules.policy));
                response.refresh_token = Some(refresh_token);
                let expect = Expect::Version(presented.stored.version);
                let commit = context.commit().guard(presented.key.clone(), expect);
                return Ok(Decision::grant(commit, response).into());
            }
            // That token was revoked or has expired, and must not come back: issue another one.
            bits = context.random.secret();
        }
        let refresh = refresh.clone();
        Ok(self
            .issue(presented, refresh, &bits, refresh_token, context)
            .into())
    }

    /// Derives the bits of the access token for this request.
    fn derived(&self, presented: &Presented<'_>, salt: &[u8; 16], keys: &RefreshKeys) -> [u8; 32] {
        presented.token.access_token(salt, self.parts(), keys)
    }

    fn issue(
        &self,
        presented: Presented<'_>,
        refresh: RefreshState,
        bits: &[u8; 32],
        refresh_token: Secret,
        context: &mut Context<'_>,
    ) -> Decision<TokenResponse, TokenDenial> {
        let Context { rules, now, .. } = *context;
        let Presented {
            mut grant,
            key,
            stored,
            ..
        } = presented;
        let lifetime = rules.policy.access_token_lifetime(self.client);
        let ceiling = rules.policy.tokens_per_grant;
        let issued = match &grant.issued {
            Some(issued) => issued.and_one(now, lifetime, ceiling),
            None => Some(IssuedTokens::first(now)),
        };
        if issued.is_none() {
            return Decision::deny(TokenDenial::TooManyTokens);
        }
        let (mut response, access_token) = issue_of(bits, &self.issuance(&grant, key), now, rules);
        response.refresh_token = Some(refresh_token);
        response.grant_expires_at = Some(grant.ends_at(self.client, &rules.policy));
        // Keep it for the grace, or a retry would not find it and issue it again.
        let access_token = Record {
            forget_at: access_token
                .forget_at
                .max(now + rules.policy.refresh_grace(self.client)),
            ..access_token
        };
        grant.issued = issued;
        grant.refresh = Some(refresh);
        let forget_at = stored.forget_at.max(access_token.forget_at);
        let commit = context
            .commit()
            .create(access_token)
            .replace(grant.anchor(key.clone(), forget_at), stored.version);
        Decision::grant(commit, response)
    }

    fn issuance<'a>(&'a self, grant: &'a GrantRecord, key: &Key) -> Issuance<'a> {
        let mut issuance = grant.issuance(self.client, key.family());
        // RFC 6749 §6: this narrows the access token, never the grant.
        if let Some(scope) = &self.scope {
            issuance.scope = scope;
        }
        if !self.resources.is_empty() {
            issuance.resources = &self.resources;
        }
        issuance
    }

    /// What makes two requests with the same token the same request. The client need not be part of
    /// it, since only the token's own client gets this far.
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let scope = self.scope.iter().map(Scope::as_str);
        let resources = self.resources.iter().map(Resource::as_str);
        let parts = scope.chain(["resources"]).chain(resources);
        parts.map(str::as_bytes)
    }
}

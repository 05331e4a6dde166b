//! The record of a grant. There is one from the user's approval to the grant's end, however often
//! its tokens are refreshed.

use std::time::Duration;

use super::{
    Issuance,
    code::{RedeemedCode, UnspentCode},
    issued::IssuedTokens,
    refresh::{RefreshState, RefreshToken},
};
use crate::{
    authorization_request::AuthorizationRequest,
    client::Client,
    decide::Context,
    grant::GrantType,
    policy::Policy,
    store::{
        Body, Family, Key, Owner, Record, Role, StoreError, Stored, Unknown, decode, encode,
        numbered,
    },
    time::Timestamp,
    types::{
        Actor, Authentication, AuthorizationDetails, Confirmation, GrantId, HostData, Secret,
        Subject,
    },
};

/// The most bytes that the body of a grant's record may have.
const MAX_BYTES: usize = 4096;

/// How long a grant is at least remembered after it has expired. An access token that it issued may
/// live longer, since the operator can raise the lifetime in the meantime.
const MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// A grant: what was approved, the state of its code and of its refresh token, and how many access
/// tokens are outstanding.
///
/// It is the anchor of its family. If the anchor is closed or absent, the grant has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GrantRecord {
    pub(crate) id: GrantId,
    /// The authorization request, with the scope that was approved.
    pub(crate) request: AuthorizationRequest,
    /// `None` if the client acts for itself.
    pub(crate) subject: Option<Subject>,
    pub(crate) granted_at: Timestamp,
    /// When its code expires. Once the code is redeemed, when its last refresh token expires, or
    /// its access token if it has no refresh token.
    pub(crate) expires_at: Timestamp,
    pub(crate) code: Option<UnspentCode>,
    pub(crate) redeemed: Option<RedeemedCode>,
    pub(crate) refresh: Option<RefreshState>,
    /// Kept until the code is redeemed.
    pub(crate) decision: Option<DecisionMark>,
    pub(crate) issued: Option<IssuedTokens>,
    pub(crate) authentication: Option<Box<Authentication>>,
    /// The key that its tokens are bound to.
    pub(crate) confirmation: Option<Confirmation>,
    pub(crate) authorization_details: Option<AuthorizationDetails>,
    pub(crate) actor: Option<Box<Actor>>,
    pub(crate) data: Option<HostData>,
    unknown: Unknown,
}

numbered!(GrantRecord {
    0 => id,
    1 => request,
    2 => subject,
    3 => granted_at,
    4 => expires_at,
    5 => code,
    6 => redeemed,
    7 => refresh,
    8 => decision,
    9 => issued,
    10 => authentication,
    11 => confirmation,
    12 => authorization_details,
    13 => actor,
    14 => data,
} keeps unknown);

impl Body for GrantRecord {}

/// Recognizes a repetition of the user's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecisionMark {
    pub(crate) at: Timestamp,
    /// The digest of the verdict.
    pub(crate) verdict: [u8; 32],
    /// The code is derived from this, the handle and the browser's secret, so the store alone does
    /// not give it.
    pub(crate) salt: [u8; 16],
}

numbered!(DecisionMark { 0 => at, 1 => verdict, 2 => salt });

impl GrantRecord {
    /// A new grant, which has issued nothing yet.
    pub(crate) fn new(
        id: GrantId,
        request: AuthorizationRequest,
        subject: Option<Subject>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            request,
            subject,
            granted_at: now,
            expires_at: now,
            code: None,
            redeemed: None,
            refresh: None,
            decision: None,
            issued: None,
            authentication: None,
            confirmation: None,
            authorization_details: None,
            actor: None,
            data: None,
            unknown: Unknown::default(),
        }
    }

    /// Reads the grant from its anchor; `None` if it has ended.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub(crate) fn open(stored: &Stored) -> Result<Option<Self>, StoreError> {
        if stored.closed || stored.role != Role::Anchor {
            return Ok(None);
        }
        decode(&stored.body).map(Some)
    }

    /// The record under `key`: the anchor of its family, listed under the user and the client.
    pub(crate) fn anchor(&self, key: Key, forget_at: Timestamp) -> Record {
        Record {
            key,
            role: Role::Anchor,
            owner: Owner::new(
                Some(self.request.client_id.to_arc()),
                self.subject.as_ref().map(Subject::to_arc),
            ),
            forget_at,
            body: encode(self),
        }
    }

    /// Whether its record is within the size limit.
    pub(crate) fn fits(anchor: &Record) -> bool {
        anchor.body.len() <= MAX_BYTES
    }

    /// Sets when it expires, now that it issues tokens, and returns when its record may be
    /// forgotten.
    ///
    /// Its refresh tokens expire a fixed time after the approval. Without refresh tokens, it
    /// expires with its access token.
    pub(crate) fn begin(&mut self, client: &Client, policy: &Policy, now: Timestamp) -> Timestamp {
        let access_token = policy.access_token_lifetime(client);
        self.expires_at = if client.may_use(&GrantType::REFRESH_TOKEN) {
            self.granted_at + policy.refresh_token_lifetime(client)
        } else {
            now + access_token
        };
        self.expires_at.max(now) + access_token.max(MARGIN)
    }

    /// When its last refresh token expires: as set at first, or earlier if the policy has become
    /// stricter since.
    pub(crate) fn ends_at(&self, client: &Client, policy: &Policy) -> Timestamp {
        let lifetime = policy.refresh_token_lifetime(client);
        self.expires_at.min(self.granted_at + lifetime)
    }

    /// Describes an access token of its family, for everything that was granted.
    pub(crate) fn issuance<'a>(&'a self, client: &'a Client, family: Family) -> Issuance<'a> {
        Issuance {
            subject: self.subject.as_ref(),
            role: Role::Member(family),
            confirmation: self.confirmation,
            authentication: self.authentication.as_deref(),
            authorization_details: self.authorization_details.as_ref(),
            actor: self.actor.as_deref(),
            data: self.data.as_ref(),
            ..Issuance::new(client, &self.request.scope, &self.request.resources)
        }
    }

    /// Issues the first refresh token, if the client may use the refresh token grant.
    pub(crate) fn first_refresh_token(
        &mut self,
        client: &Client,
        context: &mut Context<'_>,
    ) -> Option<Secret> {
        if !client.may_use(&GrantType::REFRESH_TOKEN) {
            return None;
        }
        let secret = context.random.secret();
        let token = RefreshToken::first(self.id, secret, context.keys.refresh());
        self.refresh = Some(RefreshState::first(
            &token,
            &context.rules.realm,
            context.now,
        ));
        Some(token.encode(&context.rules.formats))
    }
}

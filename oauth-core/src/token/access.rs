//! Access tokens.

use std::time::Duration;

use super::format::room;
use crate::{
    client::Client,
    decide::{Context, Rules},
    store::{Body, Key, Kind, Realm, Record, Role, StoreError, Stored, decode, encode, numbered},
    time::Timestamp,
    types::{
        Actor, Authentication, AuthorizationDetails, BorrowedSecret, ClientId, Confirmation,
        HostData, Params, Resource, Scope, Secret, Subject,
    },
};

/// What an access token permits, to whom, and until when.
///
/// Made by [`AccessToken::new`]; then set the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessToken {
    /// The client it was issued to.
    pub client_id: ClientId,
    /// The user who authorized it; `None` if the client acts for itself. That tells the two kinds apart, whatever their
    /// identifiers look like (RFC 9700 §4.15).
    pub subject: Option<Subject>,
    /// What it permits.
    pub scope: Scope,
    /// The resource servers it is for; empty if it was limited to none.
    pub audience: Vec<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The profile of the client, if that is not a strict one. Strict clients' tokens are taken only where the standard says.
    pub profile: Option<String>,
    /// The key that the token is bound to. Such a token is not a bearer token: refuse it unless the
    /// sender has proven possession of the key.
    pub confirmation: Option<Confirmation>,
    /// How the user signed in, if the host has said.
    pub authentication: Option<Box<Authentication>>,
    /// What it permits, in more detail than the scope (RFC 9396).
    pub authorization_details: Option<AuthorizationDetails>,
    /// Who acts for the subject (RFC 8693 §4.1).
    pub actor: Option<Box<Actor>>,
    /// The host's own data.
    pub data: Option<HostData>,
    /// Whether it was revoked. The record is kept for a while, so that a retry of the request that
    /// issued it does not bring it back.
    pub(super) is_revoked: bool,
}

numbered!(AccessToken {
    0 => client_id,
    1 => subject,
    2 => scope,
    3 => audience,
    4 => issued_at,
    5 => expires_at,
    6 => profile,
    7 => confirmation,
    8 => authentication,
    9 => authorization_details,
    10 => actor,
    11 => data,
    12 => is_revoked,
} skips others);

impl AccessToken {
    /// What a token of `client_id` permits that is bound to no user and limited to no resource server; the fields say
    /// otherwise. For those who check tokens in another way than by this server.
    pub fn new(
        client_id: ClientId,
        scope: Scope,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            client_id,
            subject: None,
            scope,
            audience: Vec::new(),
            issued_at,
            expires_at,
            profile: None,
            confirmation: None,
            authentication: None,
            authorization_details: None,
            actor: None,
            data: None,
            is_revoked: false,
        }
    }
}

impl Body for AccessToken {}

/// How an access token is used (RFC 6749 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenType {
    /// By showing it (RFC 6750).
    #[default]
    Bearer,
}

impl TokenType {
    /// As in `token_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
        }
    }
}

/// The answer to a token request that was granted (RFC 6749 §5.1).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenResponse {
    /// The token.
    pub access_token: Secret,
    /// How it is used.
    pub token_type: TokenType,
    /// How long it lives from now.
    pub expires_in: Duration,
    /// The refresh token, if there is one.
    pub refresh_token: Option<Secret>,
    /// What the access token permits, and whom.
    pub token: AccessToken,
    /// Whether something that was asked for means nothing at the resource servers, and was left out.
    pub is_narrowed: bool,
    /// Whether the client asked for a scope: in this request, or in the authorization request whose
    /// code it redeems. Otherwise it was given its default scope (RFC 6749 §3.3).
    pub is_scope_requested: bool,
    /// When the last refresh token of its grant expires, and the user has to authorize the client
    /// again. `None` without a refresh token, since that then happens when the access token
    /// expires.
    pub grant_expires_at: Option<Timestamp>,
}

/// What an access token is to be issued for.
///
/// Made by [`Issuance::new`]; then set the fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Issuance<'a> {
    /// The client it is issued to.
    pub client: &'a Client,
    /// The user it is issued for, if there is one.
    pub subject: Option<&'a Subject>,
    /// The scope to grant; scopes that mean nothing at the resource servers are left out.
    pub scope: &'a Scope,
    /// The resource servers it is for; empty for the policy's default audience.
    pub resources: &'a [Resource],
    /// Whether it ends with a family.
    pub role: Role,
    /// The key that the token will be bound to.
    pub confirmation: Option<Confirmation>,
    /// How the user signed in.
    pub authentication: Option<&'a Authentication>,
    /// What it permits, in more detail than the scope (RFC 9396).
    pub authorization_details: Option<&'a AuthorizationDetails>,
    /// Who acts for the subject (RFC 8693 §4.1).
    pub actor: Option<&'a Actor>,
    /// The host's own data.
    pub data: Option<&'a HostData>,
}

impl<'a> Issuance<'a> {
    /// A token for `client` to act for itself, outside any grant.
    pub fn new(client: &'a Client, scope: &'a Scope, resources: &'a [Resource]) -> Self {
        Self {
            client,
            subject: None,
            scope,
            resources,
            role: Role::Single,
            confirmation: None,
            authentication: None,
            authorization_details: None,
            actor: None,
            data: None,
        }
    }
}

/// Makes an access token: the answer that carries it, and the record to put into the commit.
pub fn issue(issuance: &Issuance<'_>, context: &mut Context<'_>) -> (TokenResponse, Record) {
    let bits = context.random.secret();
    issue_of(&bits, issuance, context.now, context.rules)
}

/// Makes the access token with these bits, issued at that moment.
pub(crate) fn issue_of(
    bits: &[u8; 32],
    issuance: &Issuance<'_>,
    issued_at: Timestamp,
    rules: &Rules,
) -> (TokenResponse, Record) {
    let lifetime = rules.policy.access_token_lifetime(issuance.client);
    let token = AccessToken {
        client_id: issuance.client.id().clone(),
        subject: issuance.subject.cloned(),
        // Never more than the client may have now, whatever was granted before.
        scope: rules.policy.effective_scope(
            &issuance.scope.intersection(issuance.client.scope()),
            issuance.resources,
        ),
        audience: rules.policy.audience(issuance.resources),
        issued_at,
        expires_at: issued_at + lifetime,
        profile: issuance.client.profile().map(str::to_owned),
        confirmation: issuance.confirmation,
        authentication: issuance.authentication.cloned().map(Box::new),
        authorization_details: issuance.authorization_details.cloned(),
        actor: issuance.actor.cloned().map(Box::new),
        data: issuance.data.cloned(),
        is_revoked: false,
    };
    let secret = encode_bits(bits, rules);
    let record = Record {
        key: key(&rules.realm, secret.borrowed()),
        role: issuance.role,
        owner: None,
        forget_at: token.expires_at,
        body: encode(&token),
    };
    let response = TokenResponse::of(secret, token, issuance.scope, issued_at);
    (response, record)
}

/// Encodes these bits as an access token.
pub(crate) fn encode_bits(bits: &[u8; 32], rules: &Rules) -> Secret {
    let format = rules.formats.access_token.as_ref();
    format.encode(&bits[..room(format, 0)])
}

impl TokenResponse {
    /// It, as the answer to a request with these parameters.
    pub(crate) fn asked_for_by(mut self, params: &Params) -> Self {
        self.is_scope_requested |= params.get("scope").is_some();
        self
    }

    /// The response that carries `token`, to a request for `scope`.
    pub(crate) fn of(
        access_token: Secret,
        token: AccessToken,
        scope: &Scope,
        now: Timestamp,
    ) -> Self {
        Self {
            access_token,
            token_type: TokenType::Bearer,
            expires_in: token.expires_at.saturating_since(now),
            refresh_token: None,
            is_narrowed: token.scope != *scope,
            is_scope_requested: false,
            grant_expires_at: None,
            token,
        }
    }
}

/// Replaces the record of a token that is revoked, for as long as the request that issued it might
/// be retried.
pub(crate) fn revoked(
    key: &Key,
    stored: &Stored,
    forget_at: Timestamp,
) -> Result<Record, StoreError> {
    let token = AccessToken {
        is_revoked: true,
        ..decode(&stored.body)?
    };
    Ok(Record {
        key: key.clone(),
        role: stored.role,
        owner: None,
        forget_at,
        body: encode(&token),
    })
}

/// Where an access token is found.
pub(crate) fn key(realm: &Realm, token: BorrowedSecret<'_>) -> Key {
    Key::new(realm, Kind::ACCESS_TOKEN, &[token.expose().as_bytes()])
}

/// What is known of an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// There is none, or it was revoked, or it has expired and was forgotten.
    Unknown,
    /// It has expired.
    Expired(AccessToken),
    /// It is valid.
    Valid(AccessToken),
}

impl TokenState {
    /// Reads an access token from its record.
    pub(crate) fn read(stored: &Stored, now: Timestamp) -> Result<Self, StoreError> {
        let token: AccessToken = decode(&stored.body)?;
        Ok(if token.is_revoked {
            Self::Unknown
        } else if now < token.expires_at {
            Self::Valid(token)
        } else {
            Self::Expired(token)
        })
    }
}

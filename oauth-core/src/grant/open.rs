//! Opening a grant at the token endpoint, with its first tokens.

use super::TokenDenial;
use crate::{
    authorization_request::AuthorizationRequest,
    client::Client,
    decide::Context,
    store::{Commit, Key},
    token::{GrantRecord, IssuedTokens, TokenResponse, issue},
    types::{
        Actor, Authentication, AuthorizationDetails, Confirmation, GrantId, HostData, Resource,
        Scope, Subject,
    },
};

/// A grant to open at the token endpoint, for a user or for the client itself.
///
/// Made by [`NewGrant::new`]; then set the fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewGrant<'a> {
    /// The client it is for.
    pub client: &'a Client,
    /// The user who allows it; `None` if the client acts for itself.
    pub subject: Option<Subject>,
    /// The scope that it permits.
    pub scope: Scope,
    /// The resource servers it is for; empty for the policy's default audience.
    pub resources: Vec<Resource>,
    /// The key that its tokens will be bound to.
    pub confirmation: Option<Confirmation>,
    /// How the user signed in.
    pub authentication: Option<Authentication>,
    /// What it permits, in more detail than the scope (RFC 9396).
    pub authorization_details: Option<AuthorizationDetails>,
    /// Who acts for the user (RFC 8693 §4.1).
    pub actor: Option<Actor>,
    /// The host's own data.
    pub data: Option<HostData>,
}

impl<'a> NewGrant<'a> {
    /// A grant of `scope` to `client` by `subject`.
    pub fn new(client: &'a Client, subject: Option<Subject>, scope: Scope) -> Self {
        Self {
            client,
            subject,
            scope,
            resources: Vec::new(),
            confirmation: None,
            authentication: None,
            authorization_details: None,
            actor: None,
            data: None,
        }
    }
}

/// Opens a grant, and returns its first tokens and the commit that creates them.
///
/// The response has an access token, and a refresh token if the client may use the refresh token
/// grant. The caller may add to the commit.
///
/// # Errors
/// [`TokenDenial::GrantTooLarge`] if its record would be larger than 4 KiB.
pub fn open_grant(
    new: NewGrant<'_>,
    context: &mut Context<'_>,
) -> Result<(TokenResponse, Commit), TokenDenial> {
    let id = GrantId::from_bytes(context.random.id());
    let client = new.client;
    let request = AuthorizationRequest::of(client.id().clone(), new.scope, new.resources);
    let mut grant = GrantRecord::new(id, request, new.subject, context.now);
    grant.confirmation = new.confirmation;
    grant.authentication = new.authentication.map(Box::new);
    grant.authorization_details = new.authorization_details;
    grant.actor = new.actor.map(Box::new);
    grant.data = new.data;
    let forget_at = grant.begin(client, &context.rules.policy, context.now);
    let key = Key::of_grant(&context.rules.realm, id);
    let issuance = grant.issuance(client, key.family());
    let (mut response, access_token) = issue(&issuance, context);
    grant.issued = Some(IssuedTokens::first(context.now));
    response.refresh_token = grant.first_refresh_token(client, context);
    response.grant_expires_at = response.refresh_token.is_some().then_some(grant.expires_at);
    let anchor = grant.anchor(key, forget_at);
    if !GrantRecord::fits(&anchor) {
        return Err(TokenDenial::GrantTooLarge);
    }
    Ok((
        response,
        context.commit().create(anchor).create(access_token),
    ))
}

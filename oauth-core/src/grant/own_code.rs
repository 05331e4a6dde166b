//! A code that is issued to the client itself, for clients that were dangerously allowed it: client credentials with a detour.
//!
//! The client authenticates, and gets a ticket: sealed, short-lived, of use once, and no secret of the client's. Whoever brings the
//! ticket gets the code. The code is redeemed at the token endpoint like any other, with the client's authentication.

use std::{sync::Arc, time::Duration};

use super::TokenDenial;
use crate::{
    authorization_request::AuthorizationRequest,
    client::{Client, Danger},
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::Fault,
    seal::Sealer,
    store::{Key, numbered},
    time::Timestamp,
    token::{Code, GrantRecord, UnspentCode},
    types::{ClientId, GrantId, Secret},
};

/// How long a ticket is valid.
const LIFETIME: Duration = Duration::from_secs(60);

const PURPOSE: &str = "own code";

/// A code that was issued to its client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OwnCode {
    /// The code.
    pub code: Secret,
    /// How long it is valid from now.
    pub expires_in: Duration,
}

/// What a ticket holds.
pub(crate) struct Ticket {
    /// The id of the grant that it will open. Once that grant exists, the ticket has been used.
    grant: GrantId,
    client_id: ClientId,
    expires_at: Timestamp,
}

numbered!(Ticket { 0 => grant, 1 => client_id, 2 => expires_at });

impl Ticket {
    /// Makes a ticket for a client that has authenticated.
    pub(crate) fn issue(client: &Client, context: &mut Context<'_>) -> Result<Self, TokenDenial> {
        if !client.allows(Danger::OwnCode) || !client.is_confidential() {
            return Err(TokenDenial::UnauthorizedClient);
        }
        Ok(Self {
            grant: GrantId::from_bytes(context.random.id()),
            client_id: client.id().clone(),
            expires_at: context.now + LIFETIME,
        })
    }

    pub(crate) fn seal(&self, sealer: &Sealer) -> String {
        sealer.seal_value(PURPOSE, self)
    }

    pub(crate) fn open(sealed: &str, sealer: &Sealer, now: Timestamp) -> Result<Self, TokenDenial> {
        let ticket: Option<Self> = sealer.open_value(PURPOSE, sealed);
        ticket
            .filter(|ticket| now < ticket.expires_at)
            .ok_or(TokenDenial::Ticket)
    }

    pub(crate) fn client_id(&self) -> &ClientId {
        &self.client_id
    }
}

/// The exchange of a ticket for its code.
pub(crate) struct Collect {
    pub(crate) ticket: Ticket,
    pub(crate) client: Arc<Client>,
}

impl Decide for Collect {
    type Answer = OwnCode;
    type Denial = TokenDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        vec![Key::of_grant(&rules.realm, self.ticket.grant)]
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<OwnCode, TokenDenial>, Fault> {
        if found.get(0).is_some() || context.now >= self.ticket.expires_at {
            return Ok(Decision::deny(TokenDenial::Ticket).into());
        }
        if !self.client.allows(Danger::OwnCode) {
            return Ok(Decision::deny(TokenDenial::UnauthorizedClient).into());
        }
        let Context { rules, now, .. } = *context;
        let id = self.ticket.grant;
        let scope = self.client.default_scope().clone();
        let request = AuthorizationRequest::of(self.client.id().clone(), scope, Vec::new());
        let code = Code::new(id, &context.random.secret(), &rules.formats);
        let expires_in = rules.policy.code_lifetime(&self.client);
        let mut grant = GrantRecord::new(id, request, None, now);
        grant.expires_at = now + expires_in;
        let unspent = UnspentCode::new(&code, &rules.realm, id, None, grant.expires_at);
        grant.code = Some(unspent);
        // Not before the ticket expires: the grant is the mark that the ticket was used.
        let forget_at = grant.expires_at.max(self.ticket.expires_at);
        let key = Key::of_grant(&rules.realm, id);
        let family = key.family();
        let anchor = grant.anchor(key, forget_at);
        if !GrantRecord::fits(&anchor) {
            return Ok(Decision::deny(TokenDenial::GrantTooLarge).into());
        }
        let pointer = code.pointer(&rules.realm, id, family, forget_at);
        let mut commit = context.commit().create(anchor);
        if let Some(pointer) = pointer {
            commit = commit.create(pointer);
        }
        let answer = OwnCode {
            code: code.encode(&rules.formats),
            expires_in,
        };
        Ok(Decision::grant(commit, answer).into())
    }
}

//! A code that is issued to the client itself, for clients that were dangerously allowed it: client credentials with a detour.
//!
//! The client authenticates, and gets a ticket: sealed, short-lived, of use once, and no secret of the client's. Whoever brings the
//! ticket gets the code. The code is redeemed at the token endpoint like any other, with the client's authentication.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::TokenDenial;
use crate::{
    client::{Client, Danger},
    decide::{Context, Decide, Decision, Found, Rules},
    error::Fault,
    seal::Sealer,
    store::{Body, Key, Kind, Record, Role, encode},
    time::Timestamp,
    token::{Code, CodeState, Terms},
    types::{ClientId, GrantId, Secret},
};

/// How long a ticket is good for.
const LIFETIME: Duration = Duration::from_secs(60);

const PURPOSE: &str = "own code";

/// A code that was issued to its client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OwnCode {
    /// The code.
    pub code: Secret,
    /// How long it lives from now.
    pub expires_in: Duration,
}

/// What a ticket holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ticket {
    id: [u8; 16],
    client_id: ClientId,
    expires_at: Timestamp,
}

impl Ticket {
    /// A ticket for a client that has authenticated.
    pub(crate) fn issue(client: &Client, context: &mut Context<'_>) -> Result<Self, TokenDenial> {
        if !client.allows(Danger::OwnCode) || !client.is_confidential() {
            return Err(TokenDenial::UnauthorizedClient);
        }
        Ok(Self {
            id: context.random.id(),
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

/// The step from a ticket to its code.
pub(crate) struct Collect {
    pub(crate) ticket: Ticket,
    pub(crate) client: Arc<Client>,
}

/// The mark that a ticket was used.
#[derive(Serialize, Deserialize)]
struct Used;

impl Body for Used {}

impl Decide for Collect {
    type Answer = OwnCode;
    type Denial = TokenDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        vec![Key::new(
            &rules.realm,
            Kind::REPLAY,
            &[PURPOSE.as_bytes(), &self.ticket.id],
        )]
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Decision<OwnCode, TokenDenial>, Fault> {
        if found.get(0).is_some() || context.now >= self.ticket.expires_at {
            return Ok(Decision::deny(TokenDenial::Ticket));
        }
        if !self.client.allows(Danger::OwnCode) {
            return Ok(Decision::deny(TokenDenial::UnauthorizedClient));
        }
        let Context { rules, now, .. } = *context;
        let scope = self.client.default_scope().clone();
        let terms = Terms::new(&self.client, None, scope, Vec::new(), now, &rules.policy);
        let anchor = terms.anchor(&rules.realm, GrantId::from_bytes(context.random.id()));
        let expires_in = rules.policy.code_lifetime(&self.client);
        let code = Code {
            terms,
            redirect_uri: None,
            is_redirect_uri_named: false,
            is_scope_named: false,
            challenge: None,
            expires_at: now + expires_in,
            state: CodeState::Unspent,
        };
        let secret = rules.formats.code.render(&context.random.secret());
        let used = Record {
            key: Key::new(
                &rules.realm,
                Kind::REPLAY,
                &[PURPOSE.as_bytes(), &self.ticket.id],
            ),
            role: Role::Single,
            owner: None,
            forget_at: self.ticket.expires_at,
            body: encode(&Used),
        };
        let record = code.record(
            Code::key(&rules.realm, secret.borrowed()),
            anchor.key.family(),
        );
        let commit = context.commit().create(used).create(anchor).create(record);
        Ok(Decision::grant(
            commit,
            OwnCode {
                code: secret,
                expires_in,
            },
        ))
    }
}

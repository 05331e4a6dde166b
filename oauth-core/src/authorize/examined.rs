//! A request with nothing against it. Now a person has to decide.

use std::sync::Arc;

use super::{
    AuthorizationResponse, Browser, Interaction, Pending,
    identified::is_trusted,
    pending::Sealed,
    response::{ResponseType, ReturnAddress},
};
use crate::{
    client::Client,
    decide::Context,
    error::Fault,
    pkce::CodeChallenge,
    seal::Sealer,
    types::{Issuer, Resource, Scope},
};

/// A request with nothing against it.
#[derive(Debug)]
pub struct Examined {
    pub(super) client: Arc<Client>,
    pub(super) to: ReturnAddress,
    pub(super) response_type: ResponseType,
    pub(super) scope: Scope,
    pub(super) resources: Vec<Resource>,
    pub(super) challenge: Option<CodeChallenge>,
}

impl Examined {
    /// The client.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The answer if the machine breaks now (RFC 6749 §4.1.2.1: a browser cannot be sent a 500 through a redirect); `None` if
    /// the browser may not be sent to this client by itself.
    pub(crate) fn broken(&self, issuer: &Issuer, fault: &Fault) -> Option<AuthorizationResponse> {
        is_trusted(&self.client).then(|| self.to.error(issuer, fault.refusal()))
    }

    /// Hands the request to the browser, in a sealed handle that only this browser can use. Writes nothing.
    pub(crate) fn pend(
        self,
        browser: &Browser,
        sealer: &Sealer,
        context: &mut Context<'_>,
    ) -> Interaction {
        let expires_at = context.now + context.rules.policy.interaction_lifetime;
        let content = Sealed {
            id: context.random.id(),
            browser: browser.digest(),
            expires_at,
            client_id: self.client.id().clone(),
            redirect_uri: self.to.redirect_uri.as_str().to_owned(),
            is_redirect_uri_named: self.to.is_named,
            is_scope_named: self.to.is_scope_named,
            response_type: self.response_type,
            mode: self.to.mode,
            state: self.to.state.clone(),
            scope: self.scope.clone(),
            resources: self.resources.clone(),
            challenge: self.challenge.clone(),
        };
        Interaction {
            handle: content.seal(sealer),
            pending: Pending::new(content, self.client),
        }
    }
}

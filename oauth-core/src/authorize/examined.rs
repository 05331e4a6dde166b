//! A request with nothing against it. Now a person has to decide.

use std::sync::Arc;

use super::{
    AuthorizationResponse, Browser, Interaction, Pending, identified::is_trusted, pending::Sealed,
};
use crate::{
    authorization_request::{AuthorizationRequest, ReturnAddress},
    client::Client,
    decide::Context,
    error::Fault,
    types::Issuer,
};

/// A request with nothing against it.
#[derive(Debug)]
pub struct Examined {
    pub(super) client: Arc<Client>,
    pub(super) request: AuthorizationRequest,
    pub(super) to: ReturnAddress,
}

impl Examined {
    /// The client.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The answer to an internal error (RFC 6749 §4.1.2.1: a browser cannot be sent a 500 through a
    /// redirect); `None` if the browser may not be sent to this client by itself.
    pub(crate) fn broken(&self, issuer: &Issuer, fault: &Fault) -> Option<AuthorizationResponse> {
        is_trusted(&self.client).then(|| self.to.error(issuer, fault.refusal()))
    }

    /// Hands the request to the browser, in a sealed handle that only this browser can use. Writes nothing.
    pub(crate) fn pend(self, browser: &Browser, context: &mut Context<'_>) -> Interaction {
        let sealed = Sealed {
            id: context.random.id(),
            browser: browser.digest(),
            expires_at: context.now + context.rules.policy.interaction_lifetime,
            request: self.request,
            to: self.to,
        };
        Interaction {
            handle: sealed.seal(context.keys.sealer()),
            pending: Pending::new(sealed, self.client),
        }
    }
}

//! A request with nothing against it. Now a person has to decide.

use std::sync::Arc;

use super::{Browser, Interaction, Pending, pending::Sealed, response::ReturnAddress};
use crate::{
    client::Client,
    decide::Context,
    pkce::CodeChallenge,
    seal::Sealer,
    types::{Resource, Scope},
};

/// A request with nothing against it.
#[derive(Debug)]
pub struct Examined {
    pub(super) client: Arc<Client>,
    pub(super) to: ReturnAddress,
    pub(super) scope: Scope,
    pub(super) resources: Vec<Resource>,
    pub(super) challenge: Option<CodeChallenge>,
}

impl Examined {
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

//! What the server knows about a request.

use std::sync::Arc;

use super::Client;
use crate::{decide::Rules, store::Realm, time::Timestamp, types::Issuer};

/// What the server knows about a request that it looks at: the same for client authentication, for grants and for token checks.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestContext<'a> {
    /// The client that the request names. Before it has authenticated, that may be anybody.
    pub client: &'a Arc<Client>,
    /// The issuer.
    pub issuer: &'a Issuer,
    /// The URL of the endpoint that was asked. `None` at an endpoint of the host's own that did not say: deny what has to be
    /// made for a certain URL.
    pub endpoint_url: Option<&'a str>,
    /// What holds for every decision.
    pub rules: &'a Rules,
    /// The present moment.
    pub now: Timestamp,
}

impl<'a> RequestContext<'a> {
    /// The server's part of the store.
    pub fn namespace(&self) -> &'a Realm {
        &self.rules.realm
    }
}

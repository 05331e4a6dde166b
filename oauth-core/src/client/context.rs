//! What the server knows about a request.

use std::sync::Arc;

use super::Client;
use crate::{decide::Rules, store::Realm, time::Timestamp, types::Issuer};

/// What the server knows about a request.
///
/// Client authentication and grants get the same context.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestContext<'a> {
    /// The client that the request names. Until it has authenticated, the sender may be anybody.
    pub client: &'a Arc<Client>,
    /// The issuer.
    pub issuer: &'a Issuer,
    /// The URL of the endpoint. `None` if an endpoint of the host's own has not said; then deny
    /// proofs that name a URL.
    pub endpoint_url: Option<&'a str>,
    /// The configuration that all decisions of the server share.
    pub rules: &'a Rules,
    /// The present moment.
    pub now: Timestamp,
}

impl<'a> RequestContext<'a> {
    /// The server's namespace in the store.
    pub fn namespace(&self) -> &'a Realm {
        &self.rules.realm
    }
}

//! The client that a request to an endpoint of the host's own is from.

use std::sync::Arc;

use http::{Response, request::Parts};
use oauth_core::{
    client::{Client, ClientDenial},
    types::Params,
};

use super::{Dialects, credentials::presented};
use crate::wire::{Body, too_many};

impl Dialects {
    /// The client that a request is from, which proves itself as at the dialect's token endpoint. Wrong secrets are slowed down
    /// together with those there.
    ///
    /// # Errors
    /// With the response to send instead.
    pub async fn client(
        &self,
        parts: &Parts,
        params: &Params,
    ) -> Result<Arc<Client>, Response<Body>> {
        let presented = presented(self.dialect().token.credentials, parts, params)
            .map_err(|refusal| self.refuse(refusal))?;
        let mut denial = ClientDenial::Missing;
        for request in &presented {
            if let Some(wait) = self.wait(request, parts) {
                return Err(too_many(wait));
            }
            match self.server().authenticate_client(request).await {
                Ok(Ok(client)) if client.is_confidential() => return Ok(client),
                Ok(Ok(_)) => denial = ClientDenial::Public,
                Ok(Err(other)) => denial = other,
                Err(fault) => {
                    tracing::error!(%fault, dialect = self.dialect().name, "a client could not be told");
                    return Err(self.refuse(fault.refusal()));
                }
            }
        }
        if let Some(request) = presented.last() {
            self.failed(denial, request, parts);
        }
        Err(self.refuse(denial.refusal()))
    }
}

//! Who a request is from.

use std::sync::Arc;

use super::AuthorizationServer;
use crate::{
    client::{
        Authenticated, Authorization, Claim, Client, ClientDenial, Presented, Proof, claim,
        verify_secret,
    },
    error::Fault,
    types::{ClientId, Params},
};

impl AuthorizationServer {
    /// The client of a request, authenticated as at the token endpoint, for endpoints of a host's own. A proof that may be used once is
    /// used by this.
    ///
    /// # Errors
    /// A [`ClientDenial`] inside if it did not prove to be it; a [`Fault`] if that could not be found out.
    pub async fn authenticate_client(
        &self,
        request: &Presented,
    ) -> Result<Result<Arc<Client>, ClientDenial>, Fault> {
        Ok(self
            .caller(request)
            .await?
            .map(|authenticated| authenticated.client))
    }

    /// The client of a request that decides nothing but what it asks, so that a one-time proof is spent by itself.
    pub(super) async fn caller(
        &self,
        request: &Presented,
    ) -> Result<Result<Authenticated, ClientDenial>, Fault> {
        match self.authenticate(request).await? {
            Ok(client) => {
                let spent = self.spend(client.proof.clone()).await?;
                Ok(spent.map(|()| client))
            }
            Err(denial) => Ok(Err(denial)),
        }
    }

    /// Authenticates the client of a request, or lets a public one name itself.
    pub(super) async fn authenticate(
        &self,
        presented: &Presented,
    ) -> Result<Result<Authenticated, ClientDenial>, Fault> {
        let claim = match claim(presented, &self.0.methods) {
            Ok(claim) => claim,
            Err(denial) => return Ok(Err(denial)),
        };
        let client = match self.client(claim.client_id()).await? {
            Ok(client) => client,
            Err(denial) => return Ok(Err(denial)),
        };
        if let Err(denial) = verify_secret(&client, &claim) {
            return Ok(Err(denial));
        }
        let proof = match claim {
            Claim::Method(_, method) => {
                match method.verify(&client, presented, self.now()).await? {
                    Ok(proof) => proof,
                    Err(denial) => return Ok(Err(denial)),
                }
            }
            Claim::None(_) | Claim::Basic(..) | Claim::Post(..) => Proof::default(),
        };
        Ok(Ok(Authenticated { client, proof }))
    }

    /// The client that `client_id` names, without any proof that it is from it.
    pub(super) async fn named_client(
        &self,
        params: &Params,
    ) -> Result<Result<Arc<Client>, ClientDenial>, Fault> {
        let Some(id) = params.get("client_id") else {
            return Ok(Err(ClientDenial::Missing));
        };
        match ClientId::new(id) {
            Ok(id) => self.client(&id).await,
            Err(_) => Ok(Err(ClientDenial::Unknown)),
        }
    }

    /// The client with this id, if it is registered for this server's profile.
    pub(super) async fn client(
        &self,
        id: &ClientId,
    ) -> Result<Result<Arc<Client>, ClientDenial>, Fault> {
        Ok(match self.0.clients.client(id).await? {
            Some(client) if client.id() != id => {
                return Err(Fault::WrongClient {
                    asked: id.clone(),
                    returned: client.id().clone(),
                });
            }
            Some(client) if client.profile() == self.0.profile.as_deref() => Ok(client),
            Some(_) => Err(ClientDenial::OtherProfile),
            None => Err(ClientDenial::Unknown),
        })
    }

    /// The client that a request names, whether it is that or not.
    pub(super) fn named(&self, request: &Presented) -> Option<ClientId> {
        match claim(request, &self.0.methods) {
            Ok(claim) => Some(claim.client_id().clone()),
            Err(_) => match &request.authorization {
                Some(Authorization::Basic { client_id, .. }) => {
                    ClientId::new(Arc::clone(client_id)).ok()
                }
                _ => ClientId::new(request.params.get("client_id")?).ok(),
            },
        }
    }
}

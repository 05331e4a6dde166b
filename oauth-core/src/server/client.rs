//! Who a request is from.

use std::sync::Arc;

use super::AuthorizationServer;
use crate::{
    client::{
        Authenticated, Authorization, Claim, Client, ClientDenial, Presented, Proof, claim,
        verify_secret,
    },
    error::{Error, Fault},
    types::{ClientId, Params},
};

impl AuthorizationServer {
    /// The client of a request, authenticated as at the token endpoint, for endpoints of a host's own. A proof that may be used once is
    /// used by this.
    ///
    /// # Errors
    /// A [`ClientDenial`] if it did not prove to be it; a fault if that could not be found out.
    pub async fn authenticate_client(
        &self,
        request: &Presented,
    ) -> Result<Arc<Client>, Error<ClientDenial>> {
        Ok(self.caller(request).await?.client)
    }

    /// The client of a request that decides nothing but what it asks, so that a one-time proof is spent by itself.
    pub(super) async fn caller(
        &self,
        request: &Presented,
    ) -> Result<Authenticated, Error<ClientDenial>> {
        let client = self.authenticate(request).await?;
        self.spend(client.proof.clone()).await?;
        Ok(client)
    }

    /// Authenticates the client of a request, or lets a public one name itself.
    pub(super) async fn authenticate(
        &self,
        presented: &Presented,
    ) -> Result<Authenticated, Error<ClientDenial>> {
        let claim = claim(presented, &self.0.methods)?;
        let client = self.client(claim.client_id()).await?;
        verify_secret(&client, &claim)?;
        let proof = match claim {
            Claim::Method(_, method) => method.verify(&client, presented, self.now()).await?,
            Claim::None(_) | Claim::Basic(..) | Claim::Post(..) => Proof::default(),
        };
        Ok(Authenticated { client, proof })
    }

    /// The client that `client_id` names, without any proof that it is from it.
    pub(super) async fn named_client(
        &self,
        params: &Params,
    ) -> Result<Arc<Client>, Error<ClientDenial>> {
        let id = params.get("client_id").ok_or(ClientDenial::Missing)?;
        let id = ClientId::new(id).map_err(|_| ClientDenial::Unknown)?;
        self.client(&id).await
    }

    /// The client with this id, if it is registered for this server's profile.
    pub(super) async fn client(&self, id: &ClientId) -> Result<Arc<Client>, Error<ClientDenial>> {
        let client = self.0.clients.client(id).await?;
        let client = client.ok_or(ClientDenial::Unknown)?;
        if client.id() != id {
            return Err(Fault::WrongClient {
                asked: id.clone(),
                returned: client.id().clone(),
            }
            .into());
        }
        if client.profile() == self.0.profile.as_deref() {
            Ok(client)
        } else {
            Err(ClientDenial::OtherProfile.into())
        }
    }

    /// The client with this id, where it makes no difference why there is none.
    pub(super) async fn find_client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, Fault> {
        match self.client(id).await {
            Ok(client) => Ok(Some(client)),
            Err(error) => error.into_denial().map(|_| None),
        }
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

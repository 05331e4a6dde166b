//! Who a request is from.

use std::sync::Arc;

use super::AuthorizationServer;
use crate::{
    client::{Authenticated, Claim, Client, ClientDenial, Presented, Proof, claim, verify_secret},
    error::Fault,
    types::{ClientId, Params},
};

impl AuthorizationServer {
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
            Some(client) if client.profile() == self.0.profile.as_deref() => Ok(client),
            Some(_) => Err(ClientDenial::OtherProfile),
            None => Err(ClientDenial::Unknown),
        })
    }
}

//! Who a request is from.

use super::AuthorizationServer;
use crate::{
    client::{Authenticated, Claim, ClientDenial, Presented, Proof, claim, verify_secret},
    error::Fault,
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
        let Some(client) = self.0.clients.client(claim.client_id()).await? else {
            return Ok(Err(ClientDenial::Unknown));
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
}

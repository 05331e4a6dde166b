//! The revocation endpoint, and other ways to end what a token stands for.

use std::sync::Arc;

use super::AuthorizationServer;
use crate::{
    client::{Client, Presented},
    error::Fault,
    event::Event,
    token::{Extent, Holding, RevocationDenial, Revoke, Revoked},
    types::{BorrowedSecret, ClientId, Secret},
};

impl AuthorizationServer {
    /// Answers a request to the revocation endpoint (RFC 7009 §2.1).
    ///
    /// # Errors
    /// A [`RevocationDenial`] inside if it is denied; a [`Fault`] if the machine broke.
    pub async fn revoke(&self, request: &Presented) -> Result<Result<(), RevocationDenial>, Fault> {
        let answer = self.take_back(request).await?;
        self.happened(|| match &answer {
            Ok((client_id, revoked)) => Event::Revoked {
                client_id: client_id.clone(),
                family: *revoked == Revoked::Family,
            },
            Err(reason) => Event::RevocationDenied {
                client_id: self.named(request),
                reason: *reason,
            },
        });
        Ok(answer.map(|_| ()))
    }

    async fn take_back(
        &self,
        request: &Presented,
    ) -> Result<Result<(ClientId, Revoked), RevocationDenial>, Fault> {
        if request.params.repeated().is_some() {
            return Ok(Err(RevocationDenial::Repeated));
        }
        let client = match self.caller(request).await? {
            Ok(authenticated) => authenticated.client,
            Err(denial) => return Ok(Err(RevocationDenial::Client(denial))),
        };
        let Some(token) = request.params.get("token") else {
            return Ok(Err(RevocationDenial::Missing));
        };
        let ask = Revoke {
            client: &client,
            token: BorrowedSecret::new(token),
            extent: Extent::Token,
        };
        let answer = self.run(&ask).await?;
        Ok(answer.map(|revoked| (client.id().clone(), revoked)))
    }

    /// Ends the grant behind an access or refresh token, with all its tokens; a token without a grant by itself. `client` is the one
    /// that asks, and whose token it has to be; `None` if holding the token is reason enough, which takes one that can be used and
    /// is of a client of this server's profile. Any other is as good as ended.
    ///
    /// # Errors
    /// A [`RevocationDenial`] inside if it is another client's token; a [`Fault`] if the machine broke.
    pub async fn revoke_grant(
        &self,
        client: Option<&Client>,
        token: &Secret,
    ) -> Result<Result<(), RevocationDenial>, Fault> {
        match client {
            Some(client) => self.end_grant_of(client, token).await,
            None => match self.holder(token).await? {
                Some(client) => self.end_grant_of(&client, token).await,
                None => Ok(Ok(())),
            },
        }
    }

    async fn end_grant_of(
        &self,
        client: &Client,
        token: &Secret,
    ) -> Result<Result<(), RevocationDenial>, Fault> {
        let ask = Revoke {
            client,
            token: token.borrowed(),
            extent: Extent::Grant,
        };
        let answer = self.run(&ask).await?;
        let client_id = client.id().clone();
        self.happened(|| match answer {
            Ok(revoked) => Event::Revoked {
                client_id,
                family: revoked == Revoked::Family,
            },
            Err(reason) => Event::RevocationDenied {
                client_id: Some(client_id),
                reason,
            },
        });
        Ok(answer.map(|_| ()))
    }

    /// The client that a token speaks for, for endpoints where holding it is proof enough. `None` if it cannot be used, or is of a
    /// client of another profile than this server's.
    ///
    /// # Errors
    /// If that could not be found out.
    pub async fn holder(&self, token: &Secret) -> Result<Option<Arc<Client>>, Fault> {
        let ask = Holding {
            token: token.borrowed(),
        };
        match self.look(&ask).await? {
            Some(id) => Ok(self.client(&id).await?.ok()),
            None => Ok(None),
        }
    }
}

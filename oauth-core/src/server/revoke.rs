//! The revocation endpoint, and other ways to end what a token stands for.

use std::sync::Arc;

use super::AuthorizationServer;
use crate::{
    client::{Client, ClientRequest},
    error::{Error, Fault},
    event::Event,
    token::{Extent, Holder, Holding, RevocationDenial, Revoke, Revoked},
    types::{BorrowedSecret, ClientId, Secret},
};

impl AuthorizationServer {
    /// Answers a request to the revocation endpoint (RFC 7009 §2.1).
    ///
    /// # Errors
    /// A [`RevocationDenial`] if the request is denied; a [`Fault`] if the
    /// server failed.
    pub async fn revoke(&self, request: &ClientRequest) -> Result<(), Error<RevocationDenial>> {
        let answer = self.take_back(request).await;
        match &answer {
            Ok((client_id, revoked)) => self.happened(|| Event::Revoked {
                client_id: client_id.clone(),
                family: *revoked == Revoked::Family,
            }),
            Err(Error::Denied(reason)) => self.happened(|| Event::RevocationDenied {
                client_id: self.named(request),
                reason: *reason,
            }),
            Err(Error::Fault(_)) => {}
        }
        answer.map(|_| ())
    }

    async fn take_back(
        &self,
        request: &ClientRequest,
    ) -> Result<(ClientId, Revoked), Error<RevocationDenial>> {
        if request.params.repeated().is_some() {
            return Err(RevocationDenial::Repeated.into());
        }
        let client = self
            .caller(request, Some(&self.metadata().revocation_endpoint))
            .await?;
        let token = request
            .params
            .get("token")
            .ok_or(RevocationDenial::Missing)?;
        let ask = Revoke {
            client: &client,
            token: BorrowedSecret::new(token),
            extent: Extent::Token,
        };
        let revoked = self.run(&ask).await?;
        Ok((client.id().clone(), revoked))
    }

    /// Ends the grant behind an access or refresh token, with all its tokens; a token without a grant by itself. `client` is the one
    /// that asks, and whose token it has to be; `None` if holding the token is reason enough, which takes one that can be used and
    /// is of a client of this server's profile. Any other is as good as ended.
    ///
    /// # Errors
    /// A [`RevocationDenial`] if the token is another client's; a [`Fault`] if
    /// the server failed.
    pub async fn revoke_grant(
        &self,
        client: Option<&Client>,
        token: &Secret,
    ) -> Result<(), Error<RevocationDenial>> {
        match client {
            Some(client) => self.end_grant_of(client, token).await,
            None => match self.holder(token).await? {
                Some(client) => self.end_grant_of(&client, token).await,
                None => Ok(()),
            },
        }
    }

    async fn end_grant_of(
        &self,
        client: &Client,
        token: &Secret,
    ) -> Result<(), Error<RevocationDenial>> {
        let ask = Revoke {
            client,
            token: token.borrowed(),
            extent: Extent::Grant,
        };
        let answer = self.run(&ask).await;
        let client_id = client.id().clone();
        match &answer {
            Ok(revoked) => self.happened(|| Event::Revoked {
                client_id,
                family: *revoked == Revoked::Family,
            }),
            Err(Error::Denied(reason)) => self.happened(|| Event::RevocationDenied {
                client_id: Some(client_id),
                reason: *reason,
            }),
            Err(Error::Fault(_)) => {}
        }
        answer.map(|_| ())
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
        let Some(Holder { client_id, grant }) = self.look(&ask).await? else {
            return Ok(None);
        };
        let client = self.find_client(&client_id).await?;
        let can_be_used =
            |client: &Arc<Client>| grant.is_none_or(|grant| !self.is_over(client, &grant));
        Ok(client.filter(can_be_used))
    }
}

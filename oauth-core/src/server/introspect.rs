//! What a token is good for: the introspection endpoint, and the check of an access token.

use super::AuthorizationServer;
use crate::{
    client::{Client, ClientDenial, ClientRequest},
    error::{Error, Fault},
    event::Event,
    token::{
        AccessToken, Introspect, IntrospectionDenial, IntrospectionResponse, PresentedToken,
        TokenState, access_token_key,
    },
    types::{BorrowedSecret, ClientId, Secret},
};

impl AuthorizationServer {
    /// Answers a request to the introspection endpoint (RFC 7662 §2.1).
    ///
    /// # Errors
    /// An [`IntrospectionDenial`] if the request is denied; a [`Fault`] if the server failed.
    pub async fn introspect(
        &self,
        request: &ClientRequest,
    ) -> Result<IntrospectionResponse, Error<IntrospectionDenial>> {
        let answer = self.look_up(request).await;
        match &answer {
            Ok((caller, response)) => self.happened(|| Event::Introspected {
                caller: caller.clone(),
                active: *response != IntrospectionResponse::Inactive,
            }),
            Err(Error::Denied(reason)) => self.happened(|| Event::IntrospectionDenied {
                client_id: self.named(request),
                reason: *reason,
            }),
            Err(Error::Fault(_)) => {}
        }
        answer.map(|(_, response)| response)
    }

    async fn look_up(
        &self,
        request: &ClientRequest,
    ) -> Result<(ClientId, IntrospectionResponse), Error<IntrospectionDenial>> {
        if request.params.repeated().is_some() {
            return Err(IntrospectionDenial::Repeated.into());
        }
        let caller = self
            .caller(request, Some(&self.metadata().introspection_endpoint))
            .await?;
        // RFC 7662 §4: who only names itself could be anybody.
        if !caller.is_confidential() {
            return Err(ClientDenial::Public.into());
        }
        let token = request
            .params
            .get("token")
            .ok_or(IntrospectionDenial::Missing)?;
        let ask = Introspect {
            caller: &caller,
            token: BorrowedSecret::new(token),
        };
        let response = self.look(&ask).await?;
        Ok((caller.id().clone(), response))
    }

    /// What a client that has authenticated may know of a token, as at the introspection endpoint.
    ///
    /// # Errors
    /// If the server failed.
    pub async fn introspect_for(
        &self,
        client: &Client,
        token: &Secret,
    ) -> Result<IntrospectionResponse, Fault> {
        let ask = Introspect {
            caller: client,
            token: token.borrowed(),
        };
        let response = self.look(&ask).await?;
        self.happened(|| Event::Introspected {
            caller: client.id().clone(),
            active: response != IntrospectionResponse::Inactive,
        });
        Ok(response)
    }

    /// The presented access token, if it is valid and its sender [may use](PresentedToken::may_use)
    /// it.
    ///
    /// This takes one point read.
    ///
    /// # Errors
    /// If the store cannot tell. That says nothing about the token.
    pub async fn validate(&self, presented: &PresentedToken) -> Result<Option<AccessToken>, Fault> {
        Ok(match self.inspect(presented).await? {
            TokenState::Valid(token) => Some(token),
            TokenState::Expired(_) | TokenState::Unknown => None,
        })
    }

    /// The state of the presented access token.
    ///
    /// This takes one point read. An expired token is known until it is forgotten, which takes some
    /// minutes at least. A token that its sender may not use is unknown.
    ///
    /// # Errors
    /// If the store cannot tell. That says nothing about the token.
    pub async fn inspect(&self, presented: &PresentedToken) -> Result<TokenState, Fault> {
        let key = access_token_key(&self.rules().realm, presented.token.borrowed());
        let Some(stored) = self.0.store.load(&key).await? else {
            return Ok(TokenState::Unknown);
        };
        Ok(match TokenState::read(&stored, self.now())? {
            TokenState::Valid(token) | TokenState::Expired(token) if !presented.may_use(&token) => {
                TokenState::Unknown
            }
            state => state,
        })
    }
}

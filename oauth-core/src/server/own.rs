//! What clients get for themselves in unusual ways, if they were dangerously allowed it.

use super::AuthorizationServer;
use crate::{
    client::{ClientRequest, Danger},
    decide::Context,
    error::Error,
    event::Event,
    grant::{ClientCredentials, Collect, GrantRequest, OwnCode, Ticket, TokenDenial},
    token::TokenResponse,
    types::ClientId,
};

impl AuthorizationServer {
    /// Issues a token to a client that only names itself, for itself: for
    /// [`dangerous_token_without_authentication`](crate::client::ClientBuilder::dangerous_token_without_authentication).
    ///
    /// # Errors
    /// A [`TokenDenial`] if the request is denied; a [`Fault`](crate::error::Fault) if the server failed.
    pub async fn token_without_authentication(
        &self,
        request: &ClientRequest,
    ) -> Result<TokenResponse, Error<TokenDenial>> {
        let answer = self.give_without_authentication(request).await;
        self.told_of_token(&answer, None, || {
            ClientId::new(request.params.get("client_id")?).ok()
        });
        answer
    }

    async fn give_without_authentication(
        &self,
        request: &ClientRequest,
    ) -> Result<TokenResponse, Error<TokenDenial>> {
        if request.params.repeated().is_some() {
            return Err(TokenDenial::Repeated.into());
        }
        let client = self.named_client(&request.params).await?;
        if !client.allows(Danger::TokenWithoutAuthentication) {
            return Err(TokenDenial::UnauthorizedClient.into());
        }
        let context = self.context(request, &client, None);
        let ask = ClientCredentials::of(GrantRequest { request, context })?;
        let response = self.run(&ask).await?;
        Ok(response.asked_for_by(&request.params))
    }

    /// Gives a client that authenticates a ticket for a code of its own: for
    /// [`dangerous_own_code`](crate::client::ClientBuilder::dangerous_own_code). The ticket is base64url, lives 60 s, is of use once, and
    /// holds no secret.
    ///
    /// # Errors
    /// A [`TokenDenial`] if the request is denied; a [`Fault`](crate::error::Fault) if the server failed.
    pub async fn own_code_ticket(
        &self,
        request: &ClientRequest,
    ) -> Result<String, Error<TokenDenial>> {
        let answer = self.issue_ticket(request).await;
        if let Err(Error::Denied(reason)) = answer {
            self.happened(|| Event::TokenDenied {
                client_id: self.named(request),
                grant_type: None,
                reason,
            });
        }
        answer
    }

    async fn issue_ticket(&self, request: &ClientRequest) -> Result<String, Error<TokenDenial>> {
        if request.params.repeated().is_some() {
            return Err(TokenDenial::Repeated.into());
        }
        let client = self.caller(request, None).await?;
        let keys = self.keys().await?;
        let mut context = Context::new(self.rules(), keys, self.now(), self.random()?);
        let ticket = Ticket::issue(&client, &mut context)?;
        Ok(ticket.seal(&self.sealer().await?))
    }

    /// The code for a ticket, once.
    ///
    /// # Errors
    /// A [`TokenDenial`] if the request is denied; a [`Fault`](crate::error::Fault) if the server failed.
    pub async fn own_code(&self, ticket: &str) -> Result<OwnCode, Error<TokenDenial>> {
        let mut client_id = None;
        let answer = self.collect(ticket, &mut client_id).await;
        match (&answer, client_id) {
            (Ok(_), Some(client_id)) => self.happened(|| Event::OwnCodeIssued { client_id }),
            (Err(Error::Denied(reason)), client_id) => self.happened(|| Event::TokenDenied {
                client_id,
                grant_type: None,
                reason: *reason,
            }),
            (Err(Error::Fault(_)), _) | (Ok(_), None) => {}
        }
        answer
    }

    /// Redeems a ticket. Sets `client_id` to the client that it names.
    async fn collect(
        &self,
        ticket: &str,
        client_id: &mut Option<ClientId>,
    ) -> Result<OwnCode, Error<TokenDenial>> {
        let ticket = Ticket::open(ticket, &self.sealer().await?, self.now())?;
        let client = self
            .find_client(client_id.insert(ticket.client_id().clone()))
            .await?
            .ok_or(TokenDenial::Ticket)?;
        self.run(&Collect { ticket, client }).await
    }
}

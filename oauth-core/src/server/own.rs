//! What clients get for themselves in unusual ways, if they were dangerously allowed it.

use std::sync::Arc;

use super::AuthorizationServer;
use crate::{
    client::{Authenticated, Danger, Presented},
    decide::Context,
    error::Fault,
    event::Event,
    grant::{ClientCredentials, Collect, GrantRequest, OwnCode, Ticket, TokenDenial},
    token::TokenResponse,
    types::{ClientId, Params},
};

impl AuthorizationServer {
    /// Issues a token to a client that only names itself, for itself: for
    /// [`dangerous_token_without_authentication`](crate::client::ClientBuilder::dangerous_token_without_authentication).
    ///
    /// # Errors
    /// A [`TokenDenial`] inside if it is denied; a [`Fault`] if the machine broke.
    pub async fn token_without_authentication(
        &self,
        params: &Params,
    ) -> Result<Result<TokenResponse, TokenDenial>, Fault> {
        let answer = self.give_without_authentication(params).await?;
        self.told_of_token(&answer, None, || {
            ClientId::new(params.get("client_id")?).ok()
        });
        Ok(answer)
    }

    async fn give_without_authentication(
        &self,
        params: &Params,
    ) -> Result<Result<TokenResponse, TokenDenial>, Fault> {
        if params.repeated().is_some() {
            return Ok(Err(TokenDenial::Repeated));
        }
        let client = match self.named_client(params).await? {
            Ok(client) => client,
            Err(denial) => return Ok(Err(denial.into())),
        };
        if !client.allows(Danger::TokenWithoutAuthentication) {
            return Ok(Err(TokenDenial::UnauthorizedClient));
        }
        let request = GrantRequest {
            client: &client,
            params,
            rules: self.rules(),
        };
        match ClientCredentials::of(request) {
            Ok(ask) => self.run(&ask).await,
            Err(denial) => Ok(Err(denial)),
        }
    }

    /// Gives a client that authenticates a ticket for a code of its own: for
    /// [`dangerous_own_code`](crate::client::ClientBuilder::dangerous_own_code). The ticket is base64url, lives 60 s, is of use once, and
    /// holds no secret.
    ///
    /// # Errors
    /// A [`TokenDenial`] inside if it is denied; a [`Fault`] if the machine broke.
    pub async fn own_code_ticket(
        &self,
        request: &Presented,
    ) -> Result<Result<String, TokenDenial>, Fault> {
        let answer = self.issue_ticket(request).await?;
        if let Err(reason) = answer {
            let client_id = self.named(request);
            self.happened(|| Event::TokenDenied {
                client_id,
                grant_type: None,
                reason,
            });
        }
        Ok(answer)
    }

    async fn issue_ticket(
        &self,
        request: &Presented,
    ) -> Result<Result<String, TokenDenial>, Fault> {
        if request.params.repeated().is_some() {
            return Ok(Err(TokenDenial::Repeated));
        }
        let Authenticated { client, .. } = match self.caller(request).await? {
            Ok(authenticated) => authenticated,
            Err(denial) => return Ok(Err(denial.into())),
        };
        let mut context = Context {
            rules: self.rules(),
            now: self.now(),
            random: self.random()?,
        };
        match Ticket::issue(&client, &mut context) {
            Ok(ticket) => Ok(Ok(ticket.seal(&self.sealer().await?))),
            Err(denial) => Ok(Err(denial)),
        }
    }

    /// The code for a ticket, once.
    ///
    /// # Errors
    /// A [`TokenDenial`] inside if it is denied; a [`Fault`] if the machine broke.
    pub async fn own_code(&self, ticket: &str) -> Result<Result<OwnCode, TokenDenial>, Fault> {
        let ticket = match Ticket::open(ticket, &self.sealer().await?, self.now()) {
            Ok(ticket) => ticket,
            Err(denial) => return Ok(self.denied_own_code(None, denial)),
        };
        let client_id = ticket.client_id().clone();
        let Some(client) = self.client(&client_id).await?.ok() else {
            return Ok(self.denied_own_code(Some(client_id), TokenDenial::Ticket));
        };
        match self
            .run(&Collect {
                ticket,
                client: Arc::clone(&client),
            })
            .await?
        {
            Ok(code) => {
                self.happened(|| Event::OwnCodeIssued { client_id });
                Ok(Ok(code))
            }
            Err(denial) => Ok(self.denied_own_code(Some(client_id), denial)),
        }
    }

    fn denied_own_code(
        &self,
        client_id: Option<ClientId>,
        reason: TokenDenial,
    ) -> Result<OwnCode, TokenDenial> {
        self.happened(|| Event::TokenDenied {
            client_id,
            grant_type: None,
            reason,
        });
        Err(reason)
    }
}

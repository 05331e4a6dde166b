//! What a token is good for: the introspection endpoint, and the check of an access token.

use super::AuthorizationServer;
use crate::{
    client::{Client, ClientDenial, Presented},
    error::Fault,
    event::Event,
    token::{
        AccessToken, Introspect, IntrospectionDenial, IntrospectionResponse, TokenState,
        access_token_key,
    },
    types::{BorrowedSecret, ClientId, Secret},
};

impl AuthorizationServer {
    /// Answers a request to the introspection endpoint (RFC 7662 §2.1).
    ///
    /// # Errors
    /// An [`IntrospectionDenial`] inside if it is denied; a [`Fault`] if the machine broke.
    pub async fn introspect(
        &self,
        request: &Presented,
    ) -> Result<Result<IntrospectionResponse, IntrospectionDenial>, Fault> {
        let answer = self.look_up(request).await?;
        self.happened(|| match &answer {
            Ok((caller, response)) => Event::Introspected {
                caller: caller.clone(),
                active: *response != IntrospectionResponse::Inactive,
            },
            Err(reason) => Event::IntrospectionDenied {
                client_id: self.named(request),
                reason: *reason,
            },
        });
        Ok(answer.map(|(_, response)| response))
    }

    async fn look_up(
        &self,
        request: &Presented,
    ) -> Result<Result<(ClientId, IntrospectionResponse), IntrospectionDenial>, Fault> {
        if request.params.repeated().is_some() {
            return Ok(Err(IntrospectionDenial::Repeated));
        }
        let caller = match self.caller(request).await? {
            Ok(authenticated) => authenticated.client,
            Err(denial) => return Ok(Err(IntrospectionDenial::Client(denial))),
        };
        // RFC 7662 §4: who only names itself could be anybody.
        if !caller.is_confidential() {
            return Ok(Err(IntrospectionDenial::Client(ClientDenial::Public)));
        }
        let Some(token) = request.params.get("token") else {
            return Ok(Err(IntrospectionDenial::Missing));
        };
        let ask = Introspect {
            caller: &caller,
            token: BorrowedSecret::new(token),
        };
        let response = self.look(&ask).await?;
        Ok(Ok((caller.id().clone(), response)))
    }

    /// What a client that has authenticated may know of a token, as at the introspection endpoint.
    ///
    /// # Errors
    /// If the machine broke.
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

    /// The access token behind `token`, if it is one and still valid: one point read.
    ///
    /// # Errors
    /// If the store cannot tell. That says nothing about the token.
    pub async fn validate(&self, token: &Secret) -> Result<Option<AccessToken>, Fault> {
        Ok(match self.inspect(token).await? {
            TokenState::Valid(token) => Some(token),
            TokenState::Expired(_) | TokenState::Unknown => None,
        })
    }

    /// What is known of an access token: one point read. An expired one is known until it is forgotten, some minutes at least.
    ///
    /// # Errors
    /// If the store cannot tell. That says nothing about the token.
    pub async fn inspect(&self, token: &Secret) -> Result<TokenState, Fault> {
        let key = access_token_key(&self.rules().realm, token.borrowed());
        Ok(match self.0.store.load(&key).await? {
            Some(stored) => TokenState::read(&stored, self.now())?,
            None => TokenState::Unknown,
        })
    }
}

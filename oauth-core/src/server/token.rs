//! The token endpoint.

use super::{AuthorizationServer, mark::Marked};
use crate::{
    client::{ClientDenial, ClientRequest},
    error::Error,
    event::Event,
    grant::{GrantDecision, GrantRequest, GrantType, TokenDenial},
    token::TokenResponse,
    types::ClientId,
};

impl AuthorizationServer {
    /// Answers a request to the token endpoint (RFC 6749 §3.2).
    ///
    /// # Errors
    /// A [`TokenDenial`] if the request is denied; a [`Fault`](crate::error::Fault) if the server
    /// failed.
    pub async fn token(
        &self,
        request: &ClientRequest,
    ) -> Result<TokenResponse, Error<TokenDenial>> {
        let mut grant_type = None;
        let answer = self.exchange(request, &mut grant_type).await;
        self.told_of_token(&answer, grant_type, || self.named(request));
        answer
    }

    /// Tells of a token that was issued or not; `claimed` is the client that the request named.
    pub(super) fn told_of_token(
        &self,
        answer: &Result<TokenResponse, Error<TokenDenial>>,
        grant_type: Option<GrantType>,
        claimed: impl FnOnce() -> Option<ClientId>,
    ) {
        match answer {
            Ok(response) => self.happened(|| Event::issued(&response.token, grant_type)),
            Err(Error::Denied(reason)) => self.happened(|| Event::TokenDenied {
                client_id: claimed(),
                grant_type,
                reason: *reason,
            }),
            Err(Error::Fault(_)) => {}
        }
    }

    async fn exchange(
        &self,
        request: &ClientRequest,
        grant_type: &mut Option<GrantType>,
    ) -> Result<TokenResponse, Error<TokenDenial>> {
        if request.params.repeated().is_some() {
            return Err(TokenDenial::Repeated.into());
        }
        let (client, credential) = self.resolve(request).await?;
        let endpoint_url = &self.metadata().token_endpoint;
        let context = self.context(request, &client, Some(endpoint_url));
        let proof = self.verify(request, &credential, &context).await?;
        // Before the grant asks anybody anything. Whether it is still unused in the end, the commit sees to.
        if self.is_used(&proof.marks).await? {
            return Err(ClientDenial::ReplayedProof.into());
        }
        match self
            .read(GrantRequest { request, context }, grant_type)
            .await
        {
            Ok(decision) => {
                let marks = proof.marks;
                let response = self.run(&Marked { marks, decision }).await?;
                Ok(response.asked_for_by(&request.params))
            }
            Err(error) => {
                let denial = error.into_denial()?;
                self.spend(proof.marks).await?;
                Err(denial.into())
            }
        }
    }

    /// What an authenticated client asks for.
    async fn read<'a>(
        &'a self,
        request: GrantRequest<'a>,
        grant_type: &mut Option<GrantType>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        let name = request.required("grant_type")?;
        let mut grants = self.0.grants.iter();
        let grant = grants
            .find(|grant| grant.grant_type().as_str() == name)
            .ok_or(TokenDenial::UnsupportedGrantType)?;
        if !request
            .client()
            .may_use(grant_type.insert(grant.grant_type()))
        {
            return Err(TokenDenial::UnauthorizedClient.into());
        }
        grant.resolve(request).await
    }
}

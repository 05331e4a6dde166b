//! The token endpoint.

use std::sync::Arc;

use super::{AuthorizationServer, proof::Proven};
use crate::{
    client::{Authenticated, Client, ClientDenial, Presented},
    error::Fault,
    event::Event,
    grant::{GrantDecision, GrantRequest, GrantType, TokenDenial},
    token::TokenResponse,
    types::{ClientId, Params},
};

impl AuthorizationServer {
    /// Answers a request to the token endpoint (RFC 6749 §3.2).
    ///
    /// # Errors
    /// A [`TokenDenial`] inside if it is denied; a [`Fault`] if the machine broke.
    pub async fn token(
        &self,
        request: &Presented,
    ) -> Result<Result<TokenResponse, TokenDenial>, Fault> {
        let mut grant_type = None;
        let answer = self.exchange(request, &mut grant_type).await?;
        self.told_of_token(&answer, grant_type, || self.named(request));
        Ok(answer)
    }

    /// Tells of a token that was issued or not; `claimed` is the client that the request named.
    pub(super) fn told_of_token(
        &self,
        answer: &Result<TokenResponse, TokenDenial>,
        grant_type: Option<GrantType>,
        claimed: impl FnOnce() -> Option<ClientId>,
    ) {
        self.happened(|| match answer {
            Ok(response) => Event::issued(&response.token, grant_type),
            Err(reason) => Event::TokenDenied {
                client_id: claimed(),
                grant_type,
                reason: *reason,
            },
        });
    }

    async fn exchange(
        &self,
        request: &Presented,
        grant_type: &mut Option<GrantType>,
    ) -> Result<Result<TokenResponse, TokenDenial>, Fault> {
        if request.params.repeated().is_some() {
            return Ok(Err(TokenDenial::Repeated));
        }
        let Authenticated { client, proof } = match self.authenticate(request).await? {
            Ok(authenticated) => authenticated,
            Err(denial) => return Ok(Err(denial.into())),
        };
        // Before the grant asks anybody anything. Whether it is still unused in the end, the commit sees to.
        if self.is_used(&proof).await? {
            return Ok(Err(ClientDenial::ReplayedProof.into()));
        }
        match self.read(&client, &request.params, grant_type).await? {
            Ok(decision) => self.run(&Proven { proof, decision }).await,
            Err(denial) => Ok(self
                .spend(proof)
                .await?
                .map_err(Into::into)
                .and(Err(denial))),
        }
    }

    /// What an authenticated client asks for.
    async fn read<'a>(
        &'a self,
        client: &'a Arc<Client>,
        params: &'a Params,
        grant_type: &mut Option<GrantType>,
    ) -> Result<Result<GrantDecision<'a>, TokenDenial>, Fault> {
        let Some(name) = params.get("grant_type") else {
            return Ok(Err(TokenDenial::Missing("grant_type")));
        };
        let mut grants = self.0.grants.iter();
        let Some(grant) = grants.find(|grant| grant.grant_type().as_str() == name) else {
            return Ok(Err(TokenDenial::UnsupportedGrantType));
        };
        if !client.may_use(grant_type.insert(grant.grant_type())) {
            return Ok(Err(TokenDenial::UnauthorizedClient));
        }
        let request = GrantRequest {
            client,
            params,
            rules: self.rules(),
        };
        grant.read(request).await
    }
}

//! The client credentials grant (RFC 6749 §4.4).

use async_trait::async_trait;

use super::{Grant, GrantDecision, GrantRequest, GrantType, TokenDenial};
use crate::{
    client::Client,
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Error, Fault},
    store::Key,
    token::{Issuance, TokenResponse, issue},
    types::{Resource, Scope},
};

/// `client_credentials`: a client acts for itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientCredentialsGrant;

#[async_trait]
impl Grant for ClientCredentialsGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::CLIENT_CREDENTIALS
    }

    async fn resolve<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        Ok(Box::new(read(request)?))
    }
}

/// What a client asks for itself.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    client: &'a Client,
    scope: Scope,
    resources: Vec<Resource>,
}

fn read(request: GrantRequest<'_>) -> Result<Ask<'_>, TokenDenial> {
    // RFC 6749 §4.4: "MUST only be used by confidential clients".
    if request.client().is_confidential() {
        Ask::of(request)
    } else {
        Err(TokenDenial::UnauthorizedClient)
    }
}

impl<'a> Ask<'a> {
    /// Reads what is asked for, whoever asks.
    pub(crate) fn of(request: GrantRequest<'a>) -> Result<Self, TokenDenial> {
        Ok(Self {
            client: request.client(),
            scope: request.scope_of_client()?,
            resources: request.resources()?,
        })
    }
}

impl Decide for Ask<'_> {
    type Answer = TokenResponse;
    type Denial = TokenDenial;

    fn needs(&self, _: &Rules) -> Vec<Key> {
        Vec::new()
    }

    fn decide(
        &self,
        _: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<TokenResponse, TokenDenial>, Fault> {
        // RFC 6749 §4.4.3: a refresh token SHOULD NOT be included.
        let issuance = Issuance::new(self.client, &self.scope, &self.resources);
        let (response, record) = issue(&issuance, context);
        Ok(Decision::grant(context.commit().create(record), response).into())
    }
}

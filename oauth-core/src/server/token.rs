//! The token, introspection and revocation endpoints, and the check of an access token.

use std::sync::Arc;

use super::AuthorizationServer;
use crate::{
    client::{Authenticated, Authorization, Client, ClientDenial, Presented, Proof, claim},
    decide::{Context, Decide, Decision, Found, Rules},
    error::Fault,
    event::Event,
    grant::{GrantDecision, GrantRequest, GrantType, TokenDenial},
    store::{Key, StoreError},
    token::{
        AccessToken, Extent, Holding, Introspect, IntrospectionDenial, IntrospectionResponse,
        RevocationDenial, Revoke, Revoked, TokenResponse, TokenState, access_token_key,
    },
    types::{ClientId, Params, Secret},
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
        self.told_of_token(&answer, grant_type, self.named(request));
        Ok(answer)
    }

    /// Tells of a token that was issued or not; `claimed` is the client that the request named.
    pub(super) fn told_of_token(
        &self,
        answer: &Result<TokenResponse, TokenDenial>,
        grant_type: Option<GrantType>,
        claimed: Option<ClientId>,
    ) {
        self.happened(&match answer {
            Ok(response) => Event::issued(&response.token, grant_type),
            Err(reason) => Event::TokenDenied {
                client_id: claimed,
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
    async fn read(
        &self,
        client: &Arc<Client>,
        params: &Params,
        grant_type: &mut Option<GrantType>,
    ) -> Result<Result<GrantDecision, TokenDenial>, Fault> {
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

    /// Answers a request to the introspection endpoint (RFC 7662 §2.1).
    ///
    /// # Errors
    /// An [`IntrospectionDenial`] inside if it is denied; a [`Fault`] if the machine broke.
    pub async fn introspect(
        &self,
        request: &Presented,
    ) -> Result<Result<IntrospectionResponse, IntrospectionDenial>, Fault> {
        let answer = self.look_up(request).await?;
        self.happened(&match &answer {
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
        let Some(token) = request.params.secret("token") else {
            return Ok(Err(IntrospectionDenial::Missing));
        };
        let ask = Introspect {
            caller: &caller,
            token,
        };
        let Ok(response) = self.run(&ask).await?;
        Ok(Ok((caller.id().clone(), response)))
    }

    /// Answers a request to the revocation endpoint (RFC 7009 §2.1).
    ///
    /// # Errors
    /// A [`RevocationDenial`] inside if it is denied; a [`Fault`] if the machine broke.
    pub async fn revoke(&self, request: &Presented) -> Result<Result<(), RevocationDenial>, Fault> {
        let answer = self.take_back(request).await?;
        self.happened(&match &answer {
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
        let Some(token) = request.params.secret("token") else {
            return Ok(Err(RevocationDenial::Missing));
        };
        let ask = Revoke {
            client: &client,
            token,
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
            token: token.clone(),
            extent: Extent::Grant,
        };
        let answer = self.run(&ask).await?;
        let client_id = client.id().clone();
        self.happened(&match answer {
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
            token: token.clone(),
        };
        let Ok(owner) = self.run(&ask).await?;
        match owner {
            Some(id) => Ok(self.client(&id).await?.ok()),
            None => Ok(None),
        }
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
            token: token.clone(),
        };
        let Ok(response) = self.run(&ask).await?;
        self.happened(&Event::Introspected {
            caller: client.id().clone(),
            active: response != IntrospectionResponse::Inactive,
        });
        Ok(response)
    }

    /// The client of a request, authenticated as at the token endpoint, for endpoints of a host's own. A proof that may be used once is
    /// used by this.
    ///
    /// # Errors
    /// A [`ClientDenial`] inside if it did not prove to be it; a [`Fault`] if that could not be found out.
    pub async fn authenticate_client(
        &self,
        request: &Presented,
    ) -> Result<Result<Arc<Client>, ClientDenial>, Fault> {
        Ok(self
            .caller(request)
            .await?
            .map(|authenticated| authenticated.client))
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
        let key = access_token_key(&self.rules().realm, token);
        Ok(match self.0.store.load(&key).await? {
            Some(stored) => TokenState::read(&stored, self.now())?,
            None => TokenState::Unknown,
        })
    }

    /// The client of a request that decides nothing but what it asks, so that a one-time proof is spent by itself.
    pub(super) async fn caller(
        &self,
        request: &Presented,
    ) -> Result<Result<Authenticated, ClientDenial>, Fault> {
        match self.authenticate(request).await? {
            Ok(client) => {
                let spent = self.spend(client.proof.clone()).await?;
                Ok(spent.map(|()| client))
            }
            Err(denial) => Ok(Err(denial)),
        }
    }

    /// Whether a proof that may be used once was used before.
    async fn is_used(&self, proof: &Proof) -> Result<bool, Fault> {
        Ok(match &proof.once {
            Some(mark) => self.0.store.load(&mark.key).await?.is_some(),
            None => false,
        })
    }

    /// Marks a proof as used that may be used once, if it is one and nothing else will.
    async fn spend(&self, proof: Proof) -> Result<Result<(), ClientDenial>, Fault> {
        if proof.once.is_none() {
            return Ok(Ok(()));
        }
        let decision = Box::new(Nothing);
        self.run(&Proven { proof, decision }).await
    }

    /// The client that a request names, whether it is that or not.
    pub(super) fn named(&self, request: &Presented) -> Option<ClientId> {
        match claim(request, &self.0.methods) {
            Ok(claim) => Some(claim.client_id().clone()),
            Err(_) => match &request.authorization {
                Some(Authorization::Basic { client_id, .. }) => {
                    ClientId::new(client_id.as_str()).ok()
                }
                _ => ClientId::new(request.params.get("client_id")?).ok(),
            },
        }
    }
}

/// A decision together with the mark of a proof that may be used once.
struct Proven<D: ?Sized> {
    proof: Proof,
    decision: Box<D>,
}

impl<D: Decide + ?Sized> Decide for Proven<D>
where
    D::Denial: From<ClientDenial>,
{
    type Answer = D::Answer;
    type Denial = D::Denial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        let mut keys = self.decision.needs(rules);
        // Last, so that the decision finds its own records where it expects them.
        keys.extend(self.proof.once.iter().map(|mark| mark.key.clone()));
        keys
    }

    fn decide(
        &self,
        found: &Found,
        context: &mut Context<'_>,
    ) -> Result<Decision<D::Answer, D::Denial>, StoreError> {
        let Some(mark) = &self.proof.once else {
            return self.decision.decide(found, context);
        };
        if found.last().is_some() {
            return Ok(Decision::deny(ClientDenial::ReplayedProof.into()));
        }
        let Decision { commit, answer } = self.decision.decide(found, context)?;
        let commit = commit.unwrap_or_else(|| context.commit());
        Ok(Decision {
            commit: Some(commit.create(mark.clone())),
            answer,
        })
    }
}

/// Decides nothing.
struct Nothing;

impl Decide for Nothing {
    type Answer = ();
    type Denial = ClientDenial;

    fn needs(&self, _: &Rules) -> Vec<Key> {
        Vec::new()
    }

    fn decide(
        &self,
        _: &Found,
        _: &mut Context<'_>,
    ) -> Result<Decision<(), ClientDenial>, StoreError> {
        Ok(Decision {
            commit: None,
            answer: Ok(()),
        })
    }
}

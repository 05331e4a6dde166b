//! Who a request is from.

use std::sync::Arc;

use super::AuthorizationServer;
use crate::{
    client::{
        Authorization, Client, ClientCredential, ClientDenial, ClientRequest, Proof,
        RequestContext, check, claim,
    },
    error::{Error, Fault},
    types::{ClientId, Params},
};

impl AuthorizationServer {
    /// Authenticates the client of a request as the token endpoint does, for the host's own
    /// endpoints.
    ///
    /// One-time proofs in the request are used up.
    ///
    /// # Errors
    /// A [`ClientDenial`] if the client did not authenticate; a [`Fault`] if the server failed.
    pub async fn authenticate_client(
        &self,
        request: &ClientRequest,
    ) -> Result<Arc<Client>, Error<ClientDenial>> {
        self.caller(request, None).await
    }

    /// Authenticates the client of a request that makes no commit of its own, so its one-time marks
    /// are written on their own.
    pub(super) async fn caller(
        &self,
        request: &ClientRequest,
        endpoint_url: Option<&str>,
    ) -> Result<Arc<Client>, Error<ClientDenial>> {
        let (client, credential) = self.resolve(request).await?;
        let context = self.context(request, &client, endpoint_url);
        let proof = self.verify(request, &credential, &context).await?;
        self.spend(proof.marks).await?;
        Ok(client)
    }

    /// Loads the client that a request names, and finds the credential that it presents.
    pub(super) async fn resolve<'a>(
        &self,
        request: &'a ClientRequest,
    ) -> Result<(Arc<Client>, ClientCredential<'a>), Error<ClientDenial>> {
        let (id, credential) = claim(request, &self.0.methods)?;
        Ok((self.client(&id).await?, credential))
    }

    /// The context of a request that names this client. `endpoint_url` is the URL of the endpoint
    /// in the metadata.
    pub(super) fn context<'a>(
        &'a self,
        request: &'a ClientRequest,
        client: &'a Arc<Client>,
        endpoint_url: Option<&'a str>,
    ) -> RequestContext<'a> {
        RequestContext {
            client,
            issuer: self.issuer(),
            endpoint_url: request.endpoint_url.as_deref().or(endpoint_url),
            rules: self.rules(),
            now: self.now(),
        }
    }

    /// Authenticates the client by the method that it is registered for. A public client need only
    /// name itself.
    pub(super) async fn verify(
        &self,
        request: &ClientRequest,
        credential: &ClientCredential<'_>,
        context: &RequestContext<'_>,
    ) -> Result<Proof, Error<ClientDenial>> {
        let Some(name) = check(context.client, credential)? else {
            return Ok(Proof::new());
        };
        let mut methods = self.0.methods.iter();
        let method = methods
            .find(|method| method.name() == name)
            .ok_or(ClientDenial::WrongMethod)?;
        let proof = method.verify(request, context).await?;
        if proof.is_repetitive() {
            return Err(ClientDenial::ReplayedProof.into());
        }
        Ok(proof)
    }

    /// The client that `client_id` names, without any proof that it is from it.
    pub(super) async fn named_client(
        &self,
        params: &Params,
    ) -> Result<Arc<Client>, Error<ClientDenial>> {
        let id = params.get("client_id").ok_or(ClientDenial::Missing)?;
        let id = ClientId::new(id).map_err(|_| ClientDenial::Unknown)?;
        self.client(&id).await
    }

    /// The client with this id, if it is registered for this server's profile.
    pub(super) async fn client(&self, id: &ClientId) -> Result<Arc<Client>, Error<ClientDenial>> {
        let client = self.0.clients.client(id).await?;
        let client = client.ok_or(ClientDenial::Unknown)?;
        if client.id() != id {
            return Err(Fault::WrongClient {
                asked: id.clone(),
                returned: client.id().clone(),
            }
            .into());
        }
        if client.profile() == self.0.profile.as_deref() {
            Ok(client)
        } else {
            Err(ClientDenial::OtherProfile.into())
        }
    }

    /// The client with this id; `None` for any denial.
    pub(super) async fn find_client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, Fault> {
        match self.client(id).await {
            Ok(client) => Ok(Some(client)),
            Err(error) => error.into_denial().map(|_| None),
        }
    }

    /// The client that a request names, whether it is that or not.
    pub(super) fn named(&self, request: &ClientRequest) -> Option<ClientId> {
        match claim(request, &self.0.methods) {
            Ok((id, _)) => Some(id),
            Err(_) => match &request.authorization {
                Some(Authorization::Basic { client_id, .. }) => {
                    ClientId::new(Arc::clone(client_id)).ok()
                }
                _ => ClientId::new(request.params.get("client_id")?).ok(),
            },
        }
    }
}

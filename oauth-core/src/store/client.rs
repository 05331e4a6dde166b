//! Where clients come from.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;

use super::StoreError;
use crate::{client::Client, types::ClientId};

/// Finds clients: a team's own table, or a configuration file.
///
/// In a table, keep a client as its [`ClientMetadata`](crate::client::ClientMetadata). The server
/// loads the client again for every request, so changes take effect at once. To change clients, see
/// [`ClientRegistry`](super::ClientRegistry).
#[async_trait]
pub trait ClientStore: Send + Sync + 'static {
    /// The client with this id, or `None`.
    ///
    /// Compare ids byte by byte: a database that folds case or trims blanks would let one client
    /// pass for another. The server checks this, and fails with
    /// [`Fault::WrongClient`](crate::error::Fault::WrongClient) if it gets another client.
    ///
    /// # Errors
    /// If the store cannot tell.
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError>;
}

/// A fixed set of clients. For one that can change, see [`MemoryClients`](super::MemoryClients).
#[derive(Clone, Debug, Default)]
pub struct StaticClients(HashMap<ClientId, Arc<Client>>);

impl FromIterator<Client> for StaticClients {
    /// The later of two clients with the same id wins.
    fn from_iter<I: IntoIterator<Item = Client>>(clients: I) -> Self {
        Self(
            clients
                .into_iter()
                .map(|client| (client.id().clone(), Arc::new(client)))
                .collect(),
        )
    }
}

#[async_trait]
impl ClientStore for StaticClients {
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        Ok(self.0.get(id).cloned())
    }
}

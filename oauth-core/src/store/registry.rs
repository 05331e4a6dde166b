//! Registering, changing and deleting clients.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use async_trait::async_trait;
use thiserror::Error;

use super::{ClientStore, StoreError};
use crate::{client::Client, types::ClientId};

/// Registers, changes and deletes clients.
///
/// The server itself only reads clients. Implement this if you want one interface to a table that
/// several parts of your application change. Keep each client as the JSON of its
/// [`ClientMetadata`](crate::client::ClientMetadata), with its identifier as the primary key. Each
/// method then is one atomic statement:
///
/// ```sql
/// INSERT INTO clients (client_id, document) VALUES ($1, $2);
/// UPDATE clients SET document = $3 WHERE client_id = $1 AND document = $2;
/// DELETE FROM clients WHERE client_id = $1;
/// ```
///
/// The key needs a collation that compares bytes, such as `COLLATE "C"` on PostgreSQL.
///
/// # Deleting a client, or what it was allowed
/// The server loads the client at each use, so a deleted client can no longer authorize, exchange
/// or refresh anything. Its records remain, and resource servers accept its access tokens until
/// they expire. End them with [`AuthorizationServer::end_all`](crate::AuthorizationServer::end_all)
/// **after** the deletion, and before you give the identifier to another client, which would
/// inherit the users' consents and grants. Replacing a client does not end anything either: call
/// `end_all` if its secret has leaked.
#[async_trait]
pub trait ClientRegistry: ClientStore {
    /// Registers a client. If several are created at once with the same identifier, only one
    /// succeeds.
    ///
    /// # Errors
    /// [`RegistryError::Exists`] if there is a client with this identifier already. It is left
    /// unchanged.
    async fn create(&self, client: Client) -> Result<(), RegistryError>;

    /// Replaces a client, if it is still the one that the caller read.
    ///
    /// If two changes start from the same client, one fails. So it cannot bring back what the other
    /// has removed, such as a redirection URI or an old secret. On [`RegistryError::Changed`], read
    /// the client again and repeat the change.
    ///
    /// # Errors
    /// [`RegistryError::Absent`] if no client has the identifier of `new`;
    /// [`RegistryError::Changed`] if that client is not `old`, or if `old` has another identifier.
    async fn replace(&self, old: &Client, new: Client) -> Result<(), RegistryError>;

    /// Deletes a client. Its grants remain until they are [ended](Self#deleting-a-client-or-what-it-was-allowed).
    ///
    /// # Errors
    /// [`RegistryError::Absent`] if there is no client with this identifier.
    async fn delete(&self, id: &ClientId) -> Result<(), RegistryError>;
}

/// Why a change of the registry failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is a client with this identifier already.
    #[error("there is a client with this identifier already")]
    Exists,
    /// There is no client with this identifier.
    #[error("there is no client with this identifier")]
    Absent,
    /// The client has changed since it was read.
    #[error("the client was changed since it was read")]
    Changed,
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Clients in memory, for tests and for a single process that registers them at every start.
///
/// Clones share the clients: give one to the server, and keep another to change them.
#[derive(Clone, Debug, Default)]
pub struct MemoryClients(Arc<RwLock<Clients>>);

type Clients = HashMap<ClientId, Arc<Client>>;

impl MemoryClients {
    fn read(&self) -> RwLockReadGuard<'_, Clients> {
        // Every change is a single operation on the map, so the map stays consistent even after a
        // panic.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Clients> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<Client> for MemoryClients {
    /// The later of two clients with the same id wins.
    fn from_iter<I: IntoIterator<Item = Client>>(clients: I) -> Self {
        let clients = clients.into_iter();
        let clients = clients.map(|client| (client.id().clone(), Arc::new(client)));
        Self(Arc::new(RwLock::new(clients.collect())))
    }
}

#[async_trait]
impl ClientStore for MemoryClients {
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        Ok(self.read().get(id).cloned())
    }
}

#[async_trait]
impl ClientRegistry for MemoryClients {
    async fn create(&self, client: Client) -> Result<(), RegistryError> {
        match self.write().entry(client.id().clone()) {
            Entry::Occupied(_) => Err(RegistryError::Exists),
            Entry::Vacant(place) => {
                place.insert(Arc::new(client));
                Ok(())
            }
        }
    }

    async fn replace(&self, old: &Client, new: Client) -> Result<(), RegistryError> {
        match self.write().get_mut(new.id()) {
            None => Err(RegistryError::Absent),
            Some(current) if **current == *old => {
                *current = Arc::new(new);
                Ok(())
            }
            Some(_) => Err(RegistryError::Changed),
        }
    }

    async fn delete(&self, id: &ClientId) -> Result<(), RegistryError> {
        match self.write().remove(id) {
            Some(_) => Ok(()),
            None => Err(RegistryError::Absent),
        }
    }
}

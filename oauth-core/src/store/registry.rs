//! Where clients are registered, changed and deleted.

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
/// The server itself only reads, so a host implements this where it wants one interface to a table
/// that several parts of it change. Keep a client as the JSON of its
/// [`ClientMetadata`](crate::client::ClientMetadata), under its identifier as the primary key.
/// Each method is one statement then, and atomic:
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
/// The server looks up the client at each use: once it is deleted, no request of it is answered and
/// nothing can be authorized, exchanged or refreshed. Its records remain, among them opaque access
/// tokens, which resource servers accept until they expire. End them with
/// [`AuthorizationServer::end_all`](crate::AuthorizationServer::end_all) **after** the deletion,
/// and before the identifier is given to another client, which would inherit the users' consents
/// and grants. Replacing a client ends nothing either: `end_all` also is for a client whose secret
/// has leaked.
#[async_trait]
pub trait ClientRegistry: ClientStore {
    /// Registers a client. Of several that are created at once under one identifier, one is.
    ///
    /// # Errors
    /// [`RegistryError::Exists`] if there is a client with this identifier. It stays as it is.
    async fn create(&self, client: Client) -> Result<(), RegistryError>;

    /// Replaces a client, if it still is what the caller read.
    ///
    /// So of two changes that began from the same client one fails, and cannot bring back what the
    /// other took away (a redirection URI, an old secret). Whoever gets
    /// [`RegistryError::Changed`] reads the client again and repeats the change.
    ///
    /// # Errors
    /// [`RegistryError::Absent`] if no client has the identifier of `new`;
    /// [`RegistryError::Changed`] if that client is not `old`, also if `old` has another identifier.
    async fn replace(&self, old: &Client, new: Client) -> Result<(), RegistryError>;

    /// Deletes a client. Its grants remain until they are [ended](Self#deleting-a-client-or-what-it-was-allowed).
    ///
    /// # Errors
    /// [`RegistryError::Absent`] if there is no client with this identifier.
    async fn delete(&self, id: &ClientId) -> Result<(), RegistryError>;
}

/// Why a registry did not do as it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is a client with this identifier already.
    #[error("there is a client with this identifier already")]
    Exists,
    /// There is no client with this identifier.
    #[error("there is no client with this identifier")]
    Absent,
    /// The client is not what it was when it was read.
    #[error("the client was changed since it was read")]
    Changed,
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Clients in memory, for tests and for a single process that registers them again when it starts.
///
/// Clones share the clients: give one to the server and keep another to change them.
#[derive(Clone, Debug, Default)]
pub struct MemoryClients(Arc<RwLock<Clients>>);

type Clients = HashMap<ClientId, Arc<Client>>;

impl MemoryClients {
    fn read(&self) -> RwLockReadGuard<'_, Clients> {
        // Every change is one operation on the map, so it is whole even after a panic.
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

//! The keys of a running server, derived from the operator secret.

use std::sync::OnceLock;

use super::{ATTEMPTS, AuthorizationServer};
use crate::{
    error::Fault,
    operator_secret::{OperatorSecret, OperatorSecrets, ServerKeys, StoredSecret},
    seal::Sealer,
    store::{Commit, Outcome, Realm, Version, decode},
};

/// Where the operator secret comes from.
pub(super) enum SecretSource {
    /// The operator supplied it.
    Operator(OperatorSecrets),
    /// The store holds it, and the first process generates it.
    Store,
}

/// The keys, once they are loaded.
pub(super) struct Keyring(OnceLock<ServerKeys>);

impl Keyring {
    pub(super) fn new(source: &SecretSource, realm: &Realm) -> Self {
        Self(match source {
            SecretSource::Operator(secrets) => ServerKeys::derive(secrets, realm).into(),
            SecretSource::Store => OnceLock::new(),
        })
    }
}

impl AuthorizationServer {
    /// Signs values that browsers carry, so that every process with the same operator secret can
    /// verify them.
    ///
    /// # Errors
    /// If the secret is kept in the store and the store fails.
    pub async fn sealer(&self) -> Result<Sealer, Fault> {
        Ok(self.keys().await?.sealer().clone())
    }

    /// The keys derived from the operator secret.
    pub(super) async fn keys(&self) -> Result<&ServerKeys, Fault> {
        self.look_for_namespace().await;
        match self.0.keys.0.get() {
            Some(keys) => Ok(keys),
            // Boxed, since it happens only once: otherwise it would enlarge the future of every
            // request.
            None => Box::pin(self.keys_in_store()).await,
        }
    }

    async fn keys_in_store(&self) -> Result<&ServerKeys, Fault> {
        let realm = &self.rules().realm;
        let key = StoredSecret::key(realm);
        for _ in 0..ATTEMPTS {
            if let Some(stored) = self.0.store.load(&key).await? {
                let secret: OperatorSecret = decode::<StoredSecret>(&stored.body)?.into();
                let keys = ServerKeys::derive(&secret.into(), realm);
                return Ok(self.0.keys.0.get_or_init(|| keys));
            }
            let mut random = self.random()?;
            let id = Version::from_bytes(random.id());
            let made = StoredSecret::new(random.secret()).record(realm);
            // The first process to commit wins; all others then load its secret.
            let (Outcome::Committed | Outcome::Conflict) = self
                .commit(Commit::new(id).create(made), self.now())
                .await?;
        }
        Err(Fault::Contention)
    }
}

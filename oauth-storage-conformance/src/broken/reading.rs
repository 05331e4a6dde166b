//! Loads that give something else than was put.

use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;
use oauth_core::store::{Commit, Digest, Key, Outcome, Store as _, StoreError, Stored};
use tokio::{sync::Semaphore, task::yield_now};

use super::{Mistake, locked};
use crate::ModelStore;

/// Remembers what it loaded.
#[derive(Debug, Default)]
pub struct Cached(Mutex<HashMap<Digest, Option<Stored>>>);

#[async_trait]
impl Mistake for Cached {
    async fn load(&self, model: &ModelStore, key: &Key) -> Result<Option<Stored>, StoreError> {
        let known = locked(&self.0).get(key.digest()).cloned();
        if let Some(stored) = known {
            return Ok(stored);
        }
        let stored = model.load(key).await?;
        locked(&self.0).insert(*key.digest(), stored.clone());
        Ok(stored)
    }

    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        // It forgets what it knows to be changed, and so not the members of a family that ends.
        for put in &commit.puts {
            locked(&self.0).remove(put.record.key.digest());
        }
        for removal in &commit.removals {
            locked(&self.0).remove(removal.key.digest());
        }
        model.commit(commit).await
    }
}

/// Keeps bodies in a column of text.
#[derive(Debug, Default)]
pub struct TextBodies;

#[async_trait]
impl Mistake for TextBodies {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        for put in &mut commit.puts {
            put.record.body = String::from_utf8_lossy(&put.record.body)
                .into_owned()
                .into_bytes()
                .into();
        }
        model.commit(commit).await
    }
}

/// Asks for several records at once, and gives them as the index has them.
#[derive(Debug, Default)]
pub struct InAnyOrder;

#[async_trait]
impl Mistake for InAnyOrder {
    async fn load_all(
        &self,
        model: &ModelStore,
        keys: &[Key],
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_by_key(|key| *key.digest());
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            records.push(model.load(key).await?);
        }
        Ok(records)
    }
}

/// Takes a connection out of its pool, and puts it back if the future lives to see the answer.
#[derive(Debug)]
pub struct LosesConnections(Semaphore);

impl Default for LosesConnections {
    fn default() -> Self {
        // More than there are tasks in a race: there is one for everybody, if none is lost.
        Self(Semaphore::new(80))
    }
}

#[async_trait]
impl Mistake for LosesConnections {
    async fn load(&self, model: &ModelStore, key: &Key) -> Result<Option<Stored>, StoreError> {
        let Ok(connection) = self.0.try_acquire() else {
            return Err(StoreError::unavailable("no connection is left"));
        };
        connection.forget();
        yield_now().await;
        let stored = model.load(key).await;
        self.0.add_permits(1);
        stored
    }
}

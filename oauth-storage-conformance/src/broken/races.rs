//! Commits that do not exclude each other, or too many.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use oauth_core::store::{
    Commit, Expect, Family, Key, Outcome, Role, Store as _, StoreError, Version,
};
use tokio::task::yield_now;

use super::{Mistake, locked};
use crate::ModelStore;

/// Looks whether the code is unspent, then marks it spent, with nothing held between the two.
#[derive(Debug, Default)]
pub struct FindThenMark;

#[async_trait]
impl Mistake for FindThenMark {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        for guard in &commit.guards {
            if truth(model, &guard.key).await? != guard.expect {
                return Ok(Outcome::Conflict);
            }
        }
        for put in &commit.puts {
            if truth(model, &put.record.key).await? != put.expect {
                return Ok(Outcome::Conflict);
            }
        }
        for removal in &commit.removals {
            if truth(model, &removal.key).await? != Expect::Version(removal.version) {
                return Ok(Outcome::Conflict);
            }
        }
        yield_now().await;
        model.commit(believe(model, commit).await?).await
    }
}

/// Applies whatever comes, and the last one wins.
#[derive(Debug, Default)]
pub struct LastWriteWins;

#[async_trait]
impl Mistake for LastWriteWins {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        model.commit(believe(model, commit).await?).await
    }
}

/// Writes one record after the other, with nothing around them.
#[derive(Debug, Default)]
pub struct OneByOne;

#[async_trait]
impl Mistake for OneByOne {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        let mut rest = commit.clone();
        rest.puts.clear();
        rest.removals.clear();
        if model.commit(rest).await? == Outcome::Conflict {
            return Ok(Outcome::Conflict);
        }
        let mut puts = commit.puts;
        puts.sort_by_key(|put| put.record.role != Role::Anchor);
        for put in puts {
            let mut one = Commit::new(commit.id);
            one.puts.push(put);
            yield_now().await;
            if model.commit(one).await? == Outcome::Conflict {
                return Ok(Outcome::Conflict);
            }
        }
        for removal in commit.removals {
            let one = Commit::new(commit.id).remove(removal.key, removal.version);
            if model.commit(one).await? == Outcome::Conflict {
                return Ok(Outcome::Conflict);
            }
        }
        Ok(Outcome::Committed)
    }
}

/// Skips commits that write nothing, without checking their guards.
#[derive(Debug, Default)]
pub struct SkipsGuardsAlone;

#[async_trait]
impl Mistake for SkipsGuardsAlone {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        let writes_nothing =
            commit.puts.is_empty() && commit.removals.is_empty() && commit.ends.is_empty();
        if writes_nothing {
            return Ok(Outcome::Committed);
        }
        model.commit(commit).await
    }
}

/// Checks what it changes, and forgets about what is only guarded.
#[derive(Debug, Default)]
pub struct LostGuard;

#[async_trait]
impl Mistake for LostGuard {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        commit.guards.clear();
        model.commit(commit).await
    }
}

/// Checks guards before the transaction: a write skew.
#[derive(Debug, Default)]
pub struct EarlyGuard;

#[async_trait]
impl Mistake for EarlyGuard {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        for guard in std::mem::take(&mut commit.guards) {
            if truth(model, &guard.key).await? != guard.expect {
                return Ok(Outcome::Conflict);
            }
        }
        yield_now().await;
        model.commit(commit).await
    }
}

/// Takes a guard as a lock that only one may hold.
#[derive(Debug, Default)]
pub struct ExclusiveGuard(Mutex<Vec<Key>>);

#[async_trait]
impl Mistake for ExclusiveGuard {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        let guarded: Vec<_> = commit
            .guards
            .iter()
            .map(|guard| guard.key.clone())
            .collect();
        {
            let mut held = locked(&self.0);
            if guarded.iter().any(|key| held.contains(key)) {
                return Ok(Outcome::Conflict);
            }
            held.extend(guarded.iter().cloned());
        }
        yield_now().await;
        let outcome = model.commit(commit).await;
        locked(&self.0).retain(|key| !guarded.contains(key));
        outcome
    }
}

/// Locks the anchor shared for the member that it puts, and then exclusively to replace it. Two
/// commits that do so wait for each other, until the database aborts them.
#[derive(Debug, Default)]
pub struct UpgradesLocks(Mutex<HashMap<Family, usize>>);

#[async_trait]
impl Mistake for UpgradesLocks {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        let joined = commit.puts.iter().find_map(|put| match put.record.role {
            Role::Member(family) => Some(family),
            Role::Single | Role::Anchor => None,
        });
        let Some(family) = joined else {
            return model.commit(commit).await;
        };
        *locked(&self.0).entry(family).or_default() += 1;
        yield_now().await;
        let mut puts = commit.puts.iter();
        let replaces = puts.any(|put| put.record.key.digest() == family.anchor());
        let sharers = locked(&self.0).get(&family).copied();
        let outcome = if replaces && sharers > Some(1) {
            Err(StoreError::unavailable("deadlock detected"))
        } else {
            model.commit(commit).await
        };
        *locked(&self.0).entry(family).or_default() -= 1;
        outcome
    }
}

/// Counts versions itself.
#[derive(Debug, Default)]
pub struct OwnVersions(AtomicU64);

#[async_trait]
impl Mistake for OwnVersions {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        let number = u128::from(self.0.fetch_add(1, Ordering::Relaxed));
        commit.id = Version::from_bytes(number.to_be_bytes());
        model.commit(commit).await
    }
}

/// What stands under a key, as an expectation.
pub(super) async fn truth(model: &ModelStore, key: &Key) -> Result<Expect, StoreError> {
    let stored = model.load(key).await?;
    Ok(stored.map_or(Expect::Absent, |stored| Expect::Version(stored.version)))
}

/// Makes a commit expect what is so, whatever that is.
async fn believe(model: &ModelStore, mut commit: Commit) -> Result<Commit, StoreError> {
    commit.guards.clear();
    for put in &mut commit.puts {
        put.expect = truth(model, &put.record.key).await?;
    }
    let mut removals = Vec::new();
    for mut removal in std::mem::take(&mut commit.removals) {
        if let Expect::Version(version) = truth(model, &removal.key).await? {
            removal.version = version;
            removals.push(removal);
        }
    }
    commit.removals = removals;
    Ok(commit)
}

//! Families that do not end, or do not begin.

use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;
use oauth_core::{
    store::{
        Commit, End, Expect, Family, Key, Outcome, Record, Role, Store as _, StoreError, Stored,
        Version,
    },
    time::Timestamp,
};
use tokio::task::yield_now;

use super::{Mistake, locked, races::truth};
use crate::ModelStore;

/// Removes the members that it finds, and closes the anchor afterwards.
#[derive(Debug, Default)]
pub struct EndInTwoSteps(Mutex<Vec<(Family, Key)>>);

impl EndInTwoSteps {
    async fn members(
        &self,
        model: &ModelStore,
        family: Family,
    ) -> Result<Vec<(Key, Stored)>, StoreError> {
        let known = locked(&self.0).clone();
        let mut members = Vec::new();
        for (_, key) in known.into_iter().filter(|(of, _)| *of == family) {
            let stored = model.load(&key).await?;
            members.extend(stored.map(|stored| (key, stored)));
        }
        members.retain(|(_, stored)| stored.role == Role::Member(family));
        Ok(members)
    }

    async fn end(&self, model: &ModelStore, end: End, id: Version) -> Result<(), StoreError> {
        let family = end.family;
        let mut removals = Commit::new(id);
        for (key, stored) in self.members(model, family).await? {
            removals = removals.remove(key, stored.version);
        }
        let _ = model.commit(removals).await?;
        yield_now().await;
        // The model's end would take the late ones along. Here they stay.
        let mut closing = Commit::new(id).end(family, end.forget_at);
        for (key, stored) in self.members(model, family).await? {
            let record = Record {
                key,
                role: Role::Single,
                owner: None,
                forget_at: stored.forget_at,
                body: stored.body,
            };
            closing = closing.replace(record, stored.version);
        }
        let _ = model.commit(closing).await?;
        Ok(())
    }
}

#[async_trait]
impl Mistake for EndInTwoSteps {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        let (id, ends) = (commit.id, std::mem::take(&mut commit.ends));
        for put in &commit.puts {
            if let Role::Member(family) = put.record.role {
                let member = (family, put.record.key.clone());
                locked(&self.0).push(member);
            }
        }
        let outcome = model.commit(commit).await?;
        if outcome == Outcome::Committed {
            for end in ends {
                self.end(model, end, id).await?;
            }
        }
        Ok(outcome)
    }
}

/// The keys of the anchors that were put, since an end names only a digest.
#[derive(Debug, Default)]
struct Anchors(Mutex<HashMap<Family, Key>>);

impl Anchors {
    fn note(&self, commit: &Commit) {
        let anchors = commit.puts.iter().map(|put| &put.record);
        let anchors = anchors.filter(|record| record.role == Role::Anchor);
        locked(&self.0).extend(anchors.map(|record| (record.key.family(), record.key.clone())));
    }

    /// The anchor of a family, if it exists and is open.
    async fn open(
        &self,
        model: &ModelStore,
        family: Family,
    ) -> Result<Option<(Key, Stored)>, StoreError> {
        let Some(key) = locked(&self.0).get(&family).cloned() else {
            return Ok(None);
        };
        let stored = model.load(&key).await?;
        let open = stored.filter(|stored| stored.role == Role::Anchor && !stored.closed);
        Ok(open.map(|stored| (key, stored)))
    }
}

/// Reads the anchor, and closes it only if it has not changed. A concurrent replacement thus keeps
/// the family open.
#[derive(Debug, Default)]
pub struct EndIfUnchanged(Anchors);

#[async_trait]
impl Mistake for EndIfUnchanged {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        self.0.note(&commit);
        let (id, ends) = (commit.id, std::mem::take(&mut commit.ends));
        let mut endings = Vec::new();
        for end in ends {
            let ending = Commit::new(id).end(end.family, end.forget_at);
            endings.push(match self.0.open(model, end.family).await? {
                Some((key, stored)) => ending.guard(key, Expect::Version(stored.version)),
                None => ending,
            });
        }
        if !endings.is_empty() {
            // Long enough for a replacement to come between, however the threads run.
            for _ in 0..100 {
                yield_now().await;
            }
        }
        let outcome = model.commit(commit).await?;
        if outcome == Outcome::Committed {
            for ending in endings {
                let _ = model.commit(ending).await?;
            }
        }
        Ok(outcome)
    }
}

/// Ignores the time of the end, and leaves the closed anchor its own.
#[derive(Debug, Default)]
pub struct EndWithoutATime;

#[async_trait]
impl Mistake for EndWithoutATime {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        for end in &mut commit.ends {
            end.forget_at = Timestamp::MAX;
        }
        model.commit(commit).await
    }
}

/// Gives the closed anchor the time of the end, even if that keeps it for longer.
#[derive(Debug, Default)]
pub struct EndThatKeeps(Anchors);

#[async_trait]
impl Mistake for EndThatKeeps {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        self.0.note(&commit);
        let mut keeping = Commit::new(commit.id);
        for end in &commit.ends {
            if let Some((key, stored)) = self.0.open(model, end.family).await? {
                let record = Record {
                    key,
                    role: Role::Anchor,
                    owner: None,
                    forget_at: end.forget_at,
                    body: stored.body,
                };
                keeping = keeping.replace(record, commit.id);
            }
        }
        let outcome = model.commit(commit).await?;
        if outcome == Outcome::Committed {
            let _ = model.commit(keeping).await?;
        }
        Ok(outcome)
    }
}

/// Looks whether the family is open before it begins.
#[derive(Debug, Default)]
pub struct JoinUnchecked;

#[async_trait]
impl Mistake for JoinUnchecked {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        let proper = commit.clone();
        for put in &mut commit.puts {
            // The record is put as if it were in no family, if that is what it takes.
            if matches!(put.record.role, Role::Member(_)) {
                put.record.role = Role::Single;
            }
        }
        match model.commit(proper).await? {
            Outcome::Committed => Ok(Outcome::Committed),
            Outcome::Conflict => model.commit(commit).await,
        }
    }
}

/// Wants the anchor to have been there before.
#[derive(Debug, Default)]
pub struct AnchorFirst;

#[async_trait]
impl Mistake for AnchorFirst {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        for put in &commit.puts {
            if let Role::Member(family) = put.record.role {
                let anchor = commit
                    .puts
                    .iter()
                    .find(|put| put.record.key.digest() == family.anchor());
                if let Some(anchor) = anchor
                    && truth(model, &anchor.record.key).await? == Expect::Absent
                {
                    return Ok(Outcome::Conflict);
                }
            }
        }
        model.commit(commit).await
    }
}

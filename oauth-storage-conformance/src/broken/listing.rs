//! Listings of somebody else's records.

use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;
use oauth_core::store::{
    Commit, Digest, Kind, Listing, Outcome, OwnedBy, Owner, Page, Realm, Store as _, StoreError,
};
use tokio::task::yield_now;

use super::{Mistake, locked};
use crate::ModelStore;

/// Folds case and trims, as many a database does by default.
#[derive(Debug, Default)]
pub struct FoldsNames;

#[async_trait]
impl Mistake for FoldsNames {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        for put in &mut commit.puts {
            if let Some(Owner::Client(client) | Owner::Both { client, .. }) = &mut put.record.owner
            {
                *client = client.trim_end().to_lowercase().into();
            }
        }
        model.commit(commit).await
    }

    async fn list(&self, model: &ModelStore, listing: &Listing) -> Result<Page, StoreError> {
        let mut listing = listing.clone();
        if let OwnedBy::Client(client) = &mut listing.by {
            *client = client.trim_end().to_lowercase().into();
        }
        model.list(&listing).await
    }
}

/// Requires a client, so it cannot list a record that has only a subject.
#[derive(Debug, Default)]
pub struct WantsAClient;

#[async_trait]
impl Mistake for WantsAClient {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        for put in &mut commit.puts {
            if let Some(Owner::Subject(subject)) = &put.record.owner {
                put.record.owner = Some(Owner::Both {
                    client: "".into(),
                    subject: subject.clone(),
                });
            }
        }
        model.commit(commit).await
    }
}

/// Pages by position, which shifts.
#[derive(Debug, Default)]
pub struct PagesByPosition(Mutex<HashMap<Digest, usize>>);

#[async_trait]
impl Mistake for PagesByPosition {
    async fn list(&self, model: &ModelStore, listing: &Listing) -> Result<Page, StoreError> {
        let position = listing.after.map_or(0, |after| {
            locked(&self.0).get(&after).copied().unwrap_or_default()
        });
        let all = Listing {
            after: None,
            limit: 100_000,
            ..listing.clone()
        };
        let mut items = model.list(&all).await?.items;
        let is_last = items.len() <= position + listing.limit;
        items = items
            .into_iter()
            .skip(position)
            .take(listing.limit)
            .collect();
        yield_now().await;
        let next = items.last().map(|item| item.digest).filter(|_| !is_last);
        if let Some(next) = next {
            locked(&self.0).insert(next, position + listing.limit);
        }
        Ok(Page { items, next })
    }
}

/// Lists whatever has an owner, whosever realm it is in.
#[derive(Debug, Default)]
pub struct ListsAllKinds(Mutex<Vec<(Realm, Kind)>>);

#[async_trait]
impl Mistake for ListsAllKinds {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        for put in &commit.puts {
            let place = (put.record.key.realm().clone(), put.record.key.kind());
            let mut places = locked(&self.0);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        model.commit(commit).await
    }

    async fn list(&self, model: &ModelStore, listing: &Listing) -> Result<Page, StoreError> {
        let places = locked(&self.0).clone();
        let mut page = Page::default();
        for (realm, kind) in places {
            let listing = Listing {
                realm,
                kind,
                ..listing.clone()
            };
            page.items.extend(model.list(&listing).await?.items);
        }
        Ok(page)
    }
}

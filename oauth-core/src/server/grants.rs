//! What was granted: to list it, to withdraw it, to end it.

use std::{collections::BTreeMap, sync::Arc};

use super::{AuthorizationServer, PRUNE_MARGIN};
use crate::{
    authorize::Consent,
    error::Fault,
    event::Event,
    store::{
        Commit, Digest, Family, Key, Kind, Listed, Listing, Outcome, OwnedBy, StoreError, Version,
        decode,
    },
    time::Timestamp,
    token::GrantRecord,
    types::{ClientId, GrantId, Resource, Scope, Subject},
};

/// How many records are asked for at a time.
const PAGE: usize = 100;

/// A user's authorization of a client, with all its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrantInfo {
    /// Its public id.
    pub id: GrantId,
    /// The client.
    pub client_id: ClientId,
    /// The user; `None` if the client acts for itself.
    pub subject: Option<Subject>,
    /// What was granted.
    pub scope: Scope,
    /// The resource servers that it was granted for; empty if none was named.
    pub resources: Vec<Resource>,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// When its last refresh token ends.
    pub expires_at: Timestamp,
}

/// A page of grants.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GrantPage {
    /// The grants.
    pub grants: Vec<GrantInfo>,
    /// What to ask for the next page with; `None` if this was the last.
    pub next: Option<Digest>,
}

/// A client that a user has a connection to: by grants, by a remembered consent, or by both.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The client.
    pub client_id: ClientId,
    /// All that it was allowed.
    pub scope: Scope,
    /// Since when.
    pub since: Timestamp,
    /// Whether its next request for no more than was allowed will be answered without a question.
    pub remembered: bool,
}

impl AuthorizationServer {
    /// A page of the grants of a user or of a client that have not ended, of at most `limit`.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn grants(
        &self,
        by: OwnedBy,
        after: Option<Digest>,
        limit: usize,
    ) -> Result<GrantPage, Fault> {
        let listing = Listing {
            realm: self.rules().realm.clone(),
            kind: Kind::GRANT,
            by,
            after,
            limit: limit.max(1),
        };
        let page = self.0.store.list(&listing).await?;
        let now = self.now();
        let mut grants = Vec::with_capacity(page.items.len());
        for listed in &page.items {
            let grant = grant(listed)?;
            if now < grant.expires_at {
                grants.push(grant);
            }
        }
        Ok(GrantPage {
            grants,
            next: page.next,
        })
    }

    /// The clients that a user has a connection to, in the order of their ids.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn connections(&self, subject: &Subject) -> Result<Vec<Connection>, Fault> {
        let by = OwnedBy::Subject(subject.to_arc());
        let now = self.now();
        let mut connections: BTreeMap<Arc<str>, Connection> = BTreeMap::new();
        let mut add =
            |listed: &Listed, scope: &Scope, since, remembered| -> Result<(), StoreError> {
                let client_id = client_id(listed)?;
                let connection = connections.entry(client_id.to_arc()).or_insert(Connection {
                    client_id,
                    scope: Scope::EMPTY,
                    since,
                    remembered: false,
                });
                connection.scope = connection.scope.union(scope);
                connection.since = connection.since.min(since);
                connection.remembered |= remembered;
                Ok(())
            };
        for listed in self.all(Kind::GRANT, &by).await? {
            let grant = grant(&listed)?;
            if now < grant.expires_at {
                add(&listed, &grant.scope, grant.granted_at, false)?;
            }
        }
        for listed in self.all(Kind::CONSENT, &by).await? {
            let consent: Consent = decode(&listed.stored.body)?;
            if !consent.is_expired(now) {
                add(&listed, &consent.scope(), consent.given_at, true)?;
            }
        }
        Ok(connections.into_values().collect())
    }

    /// Withdraws all that a user has allowed a client: the remembered consent first, so that nothing new comes of it, then the
    /// grants with all their tokens. Returns how many grants ended.
    ///
    /// # Errors
    /// If the store fails. What was ended until then stays ended; ask again.
    pub async fn withdraw(&self, subject: &Subject, client_id: &ClientId) -> Result<usize, Fault> {
        self.forget(Consent::key(&self.rules().realm, client_id, subject))
            .await?;
        let of_client = |listed: &Listed| listed.owner.client() == Some(client_id.as_str());
        let grants = self
            .end_each(&OwnedBy::Subject(subject.to_arc()), of_client)
            .await?;
        self.happened(|| Event::Withdrawn {
            client_id: client_id.clone(),
            subject: subject.clone(),
            grants,
        });
        Ok(grants)
    }

    /// Ends one grant with all its tokens. Nothing happens if there is no such grant.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn end_grant(&self, id: GrantId) -> Result<(), Fault> {
        self.end(Key::of_grant(&self.rules().realm, id).family())
            .await?;
        self.happened(|| Event::GrantEnded { grant: id });
        Ok(())
    }

    /// Ends all that a deleted user or client has: remembered consents, and grants with all their tokens. Returns how many
    /// grants ended.
    ///
    /// Delete the user or the client first, so that nothing new begins meanwhile. Access tokens that a client got for itself
    /// belong to no grant and live to their end, which the access token lifetime bounds.
    ///
    /// # Errors
    /// If the store fails. What was ended until then stays ended; ask again.
    pub async fn end_all(&self, of: &OwnedBy) -> Result<usize, Fault> {
        for listed in self.all(Kind::CONSENT, of).await? {
            self.forget(Key::remembered(
                &self.rules().realm,
                Kind::CONSENT,
                listed.digest,
            ))
            .await?;
        }
        let grants = self.end_each(of, |_| true).await?;
        let (client_id, subject) = match of {
            OwnedBy::Client(id) => (ClientId::new(Arc::clone(id)).ok(), None),
            OwnedBy::Subject(id) => (None, Subject::new(Arc::clone(id)).ok()),
        };
        self.happened(|| Event::AllEnded {
            client_id,
            subject,
            grants,
        });
        Ok(grants)
    }

    /// Drops up to `limit` records that can be forgotten, and says how many it dropped.
    ///
    /// There is no need to call this for bounded growth, since every commit drops some. It empties a store that has grown idle.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn prune(&self, limit: usize) -> Result<usize, Fault> {
        Ok(self
            .0
            .store
            .prune(self.now().saturating_sub(PRUNE_MARGIN), limit)
            .await?)
    }

    async fn end_each(
        &self,
        of: &OwnedBy,
        which: impl Fn(&Listed) -> bool,
    ) -> Result<usize, Fault> {
        let mut ended = 0;
        for listed in self.all(Kind::GRANT, of).await? {
            if which(&listed) {
                self.end(Family::of_anchor(listed.digest)).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }

    async fn end(&self, family: Family) -> Result<(), Fault> {
        let now = self.now();
        let commit = Commit::new(Version::from_bytes(self.random()?.id()))
            .end(family, self.rules().forgets_ended_at(now));
        match self.commit(commit, now).await? {
            Outcome::Committed => Ok(()),
            // An end expects nothing, so nothing can contradict it.
            Outcome::Conflict => Err(Fault::Contention),
        }
    }

    /// Removes a record that is in no family, whatever its version.
    async fn forget(&self, key: Key) -> Result<(), Fault> {
        for _ in 0..super::ATTEMPTS {
            let Some(stored) = self.0.store.load(&key).await? else {
                return Ok(());
            };
            let commit = Commit::new(Version::from_bytes(self.random()?.id()))
                .remove(key.clone(), stored.version);
            if self.commit(commit, self.now()).await? == Outcome::Committed {
                return Ok(());
            }
        }
        Err(Fault::Contention)
    }

    /// Everything that is listed.
    async fn all(&self, kind: Kind, by: &OwnedBy) -> Result<Vec<Listed>, Fault> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let realm = self.rules().realm.clone();
            let page = self
                .0
                .store
                .list(&Listing {
                    realm,
                    kind,
                    by: by.clone(),
                    after,
                    limit: PAGE,
                })
                .await?;
            items.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(items);
            }
        }
    }
}

fn grant(listed: &Listed) -> Result<GrantInfo, StoreError> {
    let grant: GrantRecord = decode(&listed.stored.body)?;
    Ok(GrantInfo {
        id: grant.id,
        client_id: grant.request.client_id,
        subject: grant.subject,
        scope: grant.request.scope,
        resources: grant.request.resources,
        granted_at: grant.granted_at,
        expires_at: grant.expires_at,
    })
}

fn client_id(listed: &Listed) -> Result<ClientId, StoreError> {
    let client = listed.owner.client();
    let client = client.ok_or_else(|| StoreError::unreadable("a record without a client"))?;
    ClientId::new(client).map_err(StoreError::unreadable)
}

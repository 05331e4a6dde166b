//! What the checks work with: a store, and records to put into it.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use oauth_core::{
    store::{
        Commit, Digest, Family, Key, Kind, Listed, Listing, Outcome, OwnedBy, Owner, Page, Realm,
        Record, Role, Store, StoreError, Stored, Version,
    },
    time::Timestamp,
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::Harness;

/// How many tasks run a race.
pub(crate) const RACERS: usize = 64;

/// Fails the check, with the sentence of the contract that is broken.
macro_rules! fail {
    ($sentence:expr, $($detail:tt)+) => {
        panic!(
            "the store breaks its contract.\n  contract: {}\n  but: {}",
            $sentence,
            format_args!($($detail)+)
        )
    };
}

/// Fails the check, with the sentence of the contract that is broken, unless something holds.
macro_rules! require {
    ($sentence:expr, $holds:expr, $($detail:tt)+) => {
        if !$holds {
            fail!($sentence, $($detail)+);
        }
    };
}

/// A store on the bench.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
}

impl Bench {
    pub(crate) async fn new(harness: &dyn Harness) -> Self {
        Self {
            store: harness.fresh().await,
        }
    }

    pub(crate) async fn load(&self, key: &Key) -> Option<Stored> {
        answered(self.store.load(key).await)
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Outcome {
        answered(self.store.commit(commit).await)
    }

    /// Commits what nothing speaks against.
    pub(crate) async fn apply(&self, commit: Commit) -> Version {
        let id = commit.id;
        require!(
            "a commit whose expectations all hold is committed",
            self.commit(commit.clone()).await == Outcome::Committed,
            "this was a conflict: {commit:?}"
        );
        id
    }

    /// Creates a record.
    pub(crate) async fn create(&self, record: Record) -> Version {
        self.apply(change().create(record)).await
    }

    pub(crate) async fn prune(&self, before: Timestamp, limit: usize) -> usize {
        answered(self.store.prune(before, limit).await)
    }

    /// A whole listing, in pages of this many.
    pub(crate) async fn walk(
        &self,
        realm: &Realm,
        kind: Kind,
        by: OwnedBy,
        limit: usize,
    ) -> Vec<Listed> {
        let mut listing = Listing {
            realm: realm.clone(),
            kind,
            by,
            after: None,
            limit,
        };
        let mut items = Vec::new();
        loop {
            let page = self.page(&listing).await;
            require!(
                "a page has at most as many records as were asked for",
                page.items.len() <= limit,
                "{} instead of {limit}",
                page.items.len()
            );
            items.extend(page.items);
            let Some(next) = page.next else {
                return items;
            };
            require!(
                "pages are in the order of the digests",
                listing.after.is_none_or(|after| after < next),
                "the page after {:?} is followed by one after {next:?}",
                listing.after
            );
            listing.after = Some(next);
        }
    }

    pub(crate) async fn page(&self, listing: &Listing) -> Page {
        answered(self.store.list(listing).await)
    }
}

/// What the store answered; an error fails the check.
pub(crate) fn answered<T>(answer: Result<T, StoreError>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => fail!(
            "a store answers where nothing is wrong",
            "{error}: {error:?}"
        ),
    }
}

/// Runs as many tasks as there are racers, all off at once, and collects what they return.
pub(crate) async fn race<T, F>(runner: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(RACERS));
    let mut tasks = JoinSet::new();
    for number in 0..RACERS {
        let start = Arc::clone(&start);
        let run = runner(number);
        tasks.spawn(async move {
            start.wait().await;
            run.await
        });
    }
    tasks.join_all().await
}

/// A commit that changes nothing yet.
pub(crate) fn change() -> Commit {
    Commit::new(version())
}

/// A version that no commit has had.
pub(crate) fn version() -> Version {
    Version::from_bytes(random())
}

/// The realm of most records here.
pub(crate) fn realm() -> Realm {
    Realm::new("conformance")
}

/// A key that no record has had.
pub(crate) fn key(kind: Kind) -> Key {
    Key::new(&realm(), kind, &[&random()])
}

/// 128 random bits, as good as the keys of this process's hash maps.
pub(crate) fn random() -> [u8; 16] {
    let half = || RandomState::new().hash_one(std::thread::current().id());
    let bits = u128::from(half()) << 64 | u128::from(half());
    bits.to_be_bytes()
}

/// A time in seconds.
pub(crate) const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

/// The time of an end that leaves the anchor its own time.
pub(crate) const NEVER: Timestamp = Timestamp::MAX;

/// A record that nothing will forget.
pub(crate) fn single(key: &Key) -> Record {
    Record {
        key: key.clone(),
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::from(*b"body"),
    }
}

/// A record that is an anchor.
pub(crate) fn anchor(key: &Key) -> Record {
    Record {
        role: Role::Anchor,
        ..single(key)
    }
}

/// A record that is a member.
pub(crate) fn member(key: &Key, family: Family) -> Record {
    Record {
        role: Role::Member(family),
        ..single(key)
    }
}

/// A client and a subject.
pub(crate) fn owner(client: &str, subject: &str) -> Owner {
    Owner::Both {
        client: client.into(),
        subject: subject.into(),
    }
}

/// The digests of what is listed.
pub(crate) fn digests(items: &[Listed]) -> Vec<Digest> {
    items.iter().map(|item| item.digest).collect()
}

/// The digests of keys, in order.
pub(crate) fn sorted<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Vec<Digest> {
    let mut digests: Vec<_> = keys.into_iter().map(|key| *key.digest()).collect();
    digests.sort_unstable();
    digests
}

/// Shows a record that was loaded in a few words.
pub(crate) fn brief(stored: Option<&Stored>) -> impl fmt::Display {
    match stored {
        None => "nothing".to_owned(),
        Some(stored) => format!("{stored:?}"),
    }
}

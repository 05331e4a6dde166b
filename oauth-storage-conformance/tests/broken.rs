//! Stores that are broken on purpose, each of which the suite must fail by the checks that its fault is named for.
//!
//! Most are what somebody would write who has not thought of one sentence of the contract.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests, their helpers too"
)]

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use oauth_core::{
    store::{
        Commit, Digest, Expect, Family, Key, Kind, Listing, Outcome, OwnedBy, Page, Realm, Record,
        Role, Store, StoreError, Stored, Version,
    },
    time::Timestamp,
};
use oauth_storage_conformance::{ModelStore, checks, run};
use tokio::task::yield_now;

/// Wraps the model, and does one thing wrong.
#[async_trait]
trait Fault: Default + Send + Sync + 'static {
    async fn load(&self, model: &ModelStore, key: &Key) -> Result<Option<Stored>, StoreError> {
        model.load(key).await
    }

    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        model.commit(commit).await
    }

    async fn list(&self, model: &ModelStore, listing: &Listing) -> Result<Page, StoreError> {
        model.list(listing).await
    }

    async fn prune(
        &self,
        model: &ModelStore,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        model.prune(before, limit).await
    }
}

#[derive(Default)]
struct Broken<F> {
    model: ModelStore,
    fault: F,
}

#[async_trait]
impl<F: Fault> Store for Broken<F> {
    async fn load(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.fault.load(&self.model, key).await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.fault.commit(&self.model, commit).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.fault.list(&self.model, listing).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.fault.prune(&self.model, before, limit).await
    }
}

/// Runs the whole suite over a broken store, and wants to see it fail by these checks at least, each of which has to say which
/// sentence of the contract is broken.
fn assert_fails<F: Fault>(expected: &[&str]) {
    let mut failed = HashMap::new();
    for check in checks() {
        let outcome = std::thread::spawn(move || {
            run((check.run)(&Broken::<F>::default));
        })
        .join();
        if let Err(panic) = outcome {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let said = panic.downcast_ref::<String>().cloned().or(text);
            failed.insert(check.name, said.unwrap_or_default());
        }
    }
    for name in expected {
        let said = failed
            .get(name)
            .unwrap_or_else(|| panic!("{name} does not see the fault; these do: {failed:?}"));
        assert!(said.contains("\n  contract: "), "{name} says only: {said}");
    }
}

/// What stands under a key, as an expectation.
async fn truth(model: &ModelStore, key: &Key) -> Result<Expect, StoreError> {
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

/// Looks whether the code is unspent, then marks it spent, with nothing held between the two.
#[derive(Default)]
struct FindThenMark;

#[async_trait]
impl Fault for FindThenMark {
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

#[test]
fn find_then_mark() {
    assert_fails::<FindThenMark>(&[
        "one_winner_among_concurrent_commits",
        "concurrent_histories_are_linearizable",
    ]);
}

/// Checks what it changes, and forgets about what is only guarded.
#[derive(Default)]
struct LostGuard;

#[async_trait]
impl Fault for LostGuard {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        commit.guards.clear();
        model.commit(commit).await
    }
}

#[test]
fn lost_guard() {
    assert_fails::<LostGuard>(&[
        "concurrent_histories_are_linearizable",
        "a_failed_expectation_applies_nothing",
        "one_winner_among_commits_that_guard_what_the_other_changes",
    ]);
}

/// Checks guards before the transaction: a write skew.
#[derive(Default)]
struct EarlyGuard;

#[async_trait]
impl Fault for EarlyGuard {
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

#[test]
fn early_guard() {
    assert_fails::<EarlyGuard>(&["one_winner_among_commits_that_guard_what_the_other_changes"]);
}

/// Takes a guard as a lock that only one may hold.
#[derive(Default)]
struct ExclusiveGuard(Mutex<Vec<Key>>);

#[async_trait]
impl Fault for ExclusiveGuard {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        let guarded: Vec<_> = commit
            .guards
            .iter()
            .map(|guard| guard.key.clone())
            .collect();
        {
            let mut held = self.0.lock().unwrap();
            if guarded.iter().any(|key| held.contains(key)) {
                return Ok(Outcome::Conflict);
            }
            held.extend(guarded.iter().cloned());
        }
        yield_now().await;
        let outcome = model.commit(commit).await;
        self.0.lock().unwrap().retain(|key| !guarded.contains(key));
        outcome
    }
}

#[test]
fn exclusive_guard() {
    assert_fails::<ExclusiveGuard>(&["guards_that_only_guard_do_not_exclude_each_other"]);
}

/// Removes the members that it finds, and closes the anchor afterwards.
#[derive(Default)]
struct EndInTwoSteps(Mutex<Vec<(Family, Key)>>);

impl EndInTwoSteps {
    async fn members(
        &self,
        model: &ModelStore,
        family: Family,
    ) -> Result<Vec<(Key, Stored)>, StoreError> {
        let known = self.0.lock().unwrap().clone();
        let mut members = Vec::new();
        for (_, key) in known.into_iter().filter(|(of, _)| *of == family) {
            let stored = model.load(&key).await?;
            members.extend(stored.map(|stored| (key, stored)));
        }
        members.retain(|(_, stored)| stored.role == Role::Member(family));
        Ok(members)
    }

    async fn end(&self, model: &ModelStore, family: Family, id: Version) -> Result<(), StoreError> {
        let mut removals = Commit::new(id);
        for (key, stored) in self.members(model, family).await? {
            removals = removals.remove(key, stored.version);
        }
        let _ = model.commit(removals).await?;
        yield_now().await;
        // The model's end would take the late ones along. Here they stay.
        let mut closing = Commit::new(id).end(family);
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
impl Fault for EndInTwoSteps {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        let (id, ends) = (commit.id, std::mem::take(&mut commit.ends));
        for put in &commit.puts {
            if let Role::Member(family) = put.record.role {
                let member = (family, put.record.key.clone());
                self.0.lock().unwrap().push(member);
            }
        }
        let outcome = model.commit(commit).await?;
        if outcome == Outcome::Committed {
            for family in ends {
                self.end(model, family, id).await?;
            }
        }
        Ok(outcome)
    }
}

#[test]
fn end_in_two_steps() {
    assert_fails::<EndInTwoSteps>(&[
        "ending_a_family_excludes_concurrent_additions",
        "concurrent_histories_are_linearizable",
    ]);
}

/// Looks whether the family is open before it begins.
#[derive(Default)]
struct JoinUnchecked;

#[async_trait]
impl Fault for JoinUnchecked {
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

#[test]
fn join_unchecked() {
    assert_fails::<JoinUnchecked>(&[
        "a_put_into_an_ended_family_conflicts",
        "a_put_into_a_family_without_an_anchor_conflicts",
        "a_closed_anchor_stays_closed_when_it_is_replaced",
        "ending_a_family_excludes_concurrent_additions",
    ]);
}

/// Wants the anchor to have been there before.
#[derive(Default)]
struct AnchorFirst;

#[async_trait]
impl Fault for AnchorFirst {
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

#[test]
fn anchor_first() {
    assert_fails::<AnchorFirst>(&["a_family_can_be_opened_and_joined_in_one_commit"]);
}

/// Applies whatever comes, and the last one wins.
#[derive(Default)]
struct LastWriteWins;

#[async_trait]
impl Fault for LastWriteWins {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        model.commit(believe(model, commit).await?).await
    }
}

#[test]
fn last_write_wins() {
    assert_fails::<LastWriteWins>(&[
        "concurrent_histories_are_linearizable",
        "a_failed_expectation_applies_nothing",
        "one_winner_among_concurrent_commits",
        "random_commits_agree_with_the_model",
    ]);
}

/// Writes one record after the other, with nothing around them.
#[derive(Default)]
struct OneByOne;

#[async_trait]
impl Fault for OneByOne {
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

#[test]
fn one_by_one() {
    assert_fails::<OneByOne>(&[
        "concurrent_histories_are_linearizable",
        "a_failed_expectation_applies_nothing",
        "a_dropped_commit_happened_or_did_not",
        "one_winner_among_concurrent_commits",
    ]);
}

/// Remembers what it loaded.
#[derive(Default)]
struct Cached(Mutex<HashMap<Digest, Option<Stored>>>);

#[async_trait]
impl Fault for Cached {
    async fn load(&self, model: &ModelStore, key: &Key) -> Result<Option<Stored>, StoreError> {
        let known = self.0.lock().unwrap().get(key.digest()).cloned();
        if let Some(stored) = known {
            return Ok(stored);
        }
        let stored = model.load(key).await?;
        self.0.lock().unwrap().insert(*key.digest(), stored.clone());
        Ok(stored)
    }

    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        // It forgets what it knows to be changed, and so not the members of a family that ends.
        for put in &commit.puts {
            self.0.lock().unwrap().remove(put.record.key.digest());
        }
        for removal in &commit.removals {
            self.0.lock().unwrap().remove(removal.key.digest());
        }
        model.commit(commit).await
    }
}

#[test]
fn cached() {
    assert_fails::<Cached>(&[
        "concurrent_histories_are_linearizable",
        "there_are_no_stale_reads",
        "random_commits_agree_with_the_model",
    ]);
}

/// Counts versions itself.
#[derive(Default)]
struct OwnVersions(AtomicU64);

#[async_trait]
impl Fault for OwnVersions {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        let number = u128::from(self.0.fetch_add(1, Ordering::Relaxed));
        commit.id = Version::from_bytes(number.to_be_bytes());
        model.commit(commit).await
    }
}

#[test]
fn own_versions() {
    assert_fails::<OwnVersions>(&["versions_are_the_ids_of_commits"]);
}

/// Hides what it takes for expired.
#[derive(Default)]
struct ReadsTheClock;

#[async_trait]
impl Fault for ReadsTheClock {
    async fn load(&self, model: &ModelStore, key: &Key) -> Result<Option<Stored>, StoreError> {
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let stored = model.load(key).await?;
        Ok(stored.filter(|stored| stored.forget_at > now))
    }
}

#[test]
fn reads_the_clock() {
    assert_fails::<ReadsTheClock>(&["time_alone_forgets_nothing"]);
}

/// Leaves forgettable records to a job that nobody runs.
#[derive(Default)]
struct NeverPrunes;

#[async_trait]
impl Fault for NeverPrunes {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        commit.prune_before = None;
        model.commit(commit).await
    }
}

#[test]
fn never_prunes() {
    assert_fails::<NeverPrunes>(&["a_table_in_steady_state_does_not_grow"]);
}

/// Lets one commit pay for the whole backlog, and looks at nothing.
#[derive(Default)]
struct PrunesAll;

#[async_trait]
impl Fault for PrunesAll {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        let before = commit.prune_before.take();
        let outcome = model.commit(commit).await?;
        if let Some(before) = before {
            model.prune(before, usize::MAX).await?;
        }
        Ok(outcome)
    }
}

#[test]
fn prunes_all() {
    assert_fails::<PrunesAll>(&[
        "a_commit_prunes_at_most_twice_what_it_puts",
        "a_commit_prunes_nothing_that_it_needs",
        "a_failed_expectation_applies_nothing",
    ]);
}

/// Compares `forget_at` with the wrong sign of equality.
#[derive(Default)]
struct PrunesLate;

#[async_trait]
impl Fault for PrunesLate {
    async fn prune(
        &self,
        model: &ModelStore,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let millis = before.as_unix_millis();
        model
            .prune(Timestamp::from_unix_millis(millis.saturating_sub(1)), limit)
            .await
    }
}

#[test]
fn prunes_late() {
    assert_fails::<PrunesLate>(&["prune_drops_what_may_be_forgotten_and_nothing_else"]);
}

/// Folds case and trims, as many a database does by default.
#[derive(Default)]
struct FoldsNames;

#[async_trait]
impl Fault for FoldsNames {
    async fn commit(&self, model: &ModelStore, mut commit: Commit) -> Result<Outcome, StoreError> {
        for put in &mut commit.puts {
            if let Some(owner) = &mut put.record.owner {
                owner.client = owner.client.trim_end().to_lowercase().into();
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

#[test]
fn folds_names() {
    assert_fails::<FoldsNames>(&["listing_compares_names_as_bytes"]);
}

/// Pages by position, which shifts.
#[derive(Default)]
struct PagesByPosition(Mutex<HashMap<Digest, usize>>);

#[async_trait]
impl Fault for PagesByPosition {
    async fn list(&self, model: &ModelStore, listing: &Listing) -> Result<Page, StoreError> {
        let position = listing
            .after
            .map_or(0, |after| self.0.lock().unwrap()[&after]);
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
            self.0
                .lock()
                .unwrap()
                .insert(next, position + listing.limit);
        }
        Ok(Page { items, next })
    }
}

#[test]
fn pages_by_position() {
    assert_fails::<PagesByPosition>(&["a_record_that_stays_is_listed_once"]);
}

/// Lists whatever has an owner, whosever realm it is in.
#[derive(Default)]
struct ListsAllKinds(Mutex<Vec<(Realm, Kind)>>);

#[async_trait]
impl Fault for ListsAllKinds {
    async fn commit(&self, model: &ModelStore, commit: Commit) -> Result<Outcome, StoreError> {
        for put in &commit.puts {
            let place = (put.record.key.realm().clone(), put.record.key.kind());
            let mut places = self.0.lock().unwrap();
            if !places.contains(&place) {
                places.push(place);
            }
        }
        model.commit(commit).await
    }

    async fn list(&self, model: &ModelStore, listing: &Listing) -> Result<Page, StoreError> {
        let places = self.0.lock().unwrap().clone();
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

#[test]
fn lists_all_kinds() {
    assert_fails::<ListsAllKinds>(&["listing_keeps_realms_and_kinds_apart"]);
}

/// Keeps bodies in a column of text.
#[derive(Default)]
struct TextBodies;

#[async_trait]
impl Fault for TextBodies {
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

#[test]
fn text_bodies() {
    assert_fails::<TextBodies>(&["bodies_are_kept_byte_for_byte"]);
}

//! Records and commits of tests.

use oauth_core::{
    store::{Commit, Key, Kind, Outcome, Realm, Record, Role, Store as _, Version},
    time::Timestamp,
};
use oauth_storage_sqlite::SqliteStore;

pub(crate) fn key(kind: &'static str, task: u64, number: u64) -> Key {
    let name = [task, number].map(u64::to_be_bytes).concat();
    Key::new(&Realm::default(), Kind::extension(kind), &[&name])
}

pub(crate) fn record(key: Key) -> Record {
    Record {
        key,
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::from([0; 200]),
    }
}

pub(crate) fn id(task: u64, number: u64) -> Version {
    Version::from_bytes((u128::from(task) << 64 | u128::from(number)).to_be_bytes())
}

pub(crate) fn change(task: u64, number: u64) -> Commit {
    Commit::new(id(task, number))
}

pub(crate) async fn create(store: &SqliteStore, task: u64, number: u64) {
    let create = change(task, number).create(record(key("record", task, number)));
    assert_eq!(store.commit(create).await.unwrap(), Outcome::Committed);
}

pub(crate) async fn is_there(store: &SqliteStore, key: &Key) -> bool {
    store.load(key).await.unwrap().is_some()
}

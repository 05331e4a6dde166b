//! Processes that want the same records.

use std::collections::BTreeMap;

use oauth_core::store::{Key, Kind, Outcome};

use super::{
    Place,
    killed::{role, spawn, tell, told},
};
use crate::bench::{answered, change, realm, single};

const PROCESSES: u64 = 4;
const CLAIMS: u64 = 150;

/// Of processes that open a new store at the same moment and want the same records, one gets each, and none gets an error.
///
/// `test` is the path of the test that calls this, so that it can be called in another process.
pub async fn one_winner_among_processes(place: &dyn Place, test: &str) {
    const SENTENCE: &str = "of concurrent commits whose expectations exclude each other, one wins, also among processes";
    if place.is_missing() {
        return;
    }
    if let Some((location, name)) = role() {
        return claim(place, &location, name.parse().unwrap_or_default()).await;
    }
    let location = place.fresh().await;
    let children: Vec<_> = (0..PROCESSES)
        .map(|name| spawn(test, &location, &name.to_string()))
        .collect();
    let mut winners = BTreeMap::new();
    for child in children {
        let output = child
            .wait_with_output()
            .unwrap_or_else(|error| panic!("a process cannot be waited for: {error}"));
        assert!(output.status.success(), "a process failed: {output:?}");
        for (name, number) in String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(told)
        {
            let before = winners.insert(number, name);
            require!(SENTENCE, before.is_none(), "record {number} was won twice");
        }
    }
    require!(
        SENTENCE,
        winners.len() as u64 == CLAIMS,
        "{} of {CLAIMS} records were won",
        winners.len()
    );
    let store = place.open(&location).await;
    for number in 0..CLAIMS {
        for name in 0..PROCESSES {
            let found = store.load(&key(Some(name), number)).await;
            require!(
                SENTENCE,
                found.is_ok_and(|found| found.is_some()) == (winners[&number] == name),
                "process {} won record {number}, and the commit of process {name} is there in part",
                winners[&number]
            );
        }
    }
}

async fn claim(place: &dyn Place, location: &str, name: u64) {
    let store = place.open(location).await;
    for number in 0..CLAIMS {
        let claims = change()
            .create(single(&key(None, number)))
            .create(single(&key(Some(name), number)));
        if answered(store.commit(claims).await) == Outcome::Committed {
            tell(name, number);
        }
    }
}

fn key(own: Option<u64>, number: u64) -> Key {
    let own = own.map_or(u64::MAX, |name| name);
    let name = [own, number].map(u64::to_be_bytes).concat();
    Key::new(&realm(), Kind::REPLAY, &[&name])
}

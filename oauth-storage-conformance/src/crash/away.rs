//! A database that is away for a while.

use std::time::Duration;

use oauth_core::store::{Kind, StoreError, StoreErrorKind};

use super::Place;
use crate::bench::{Bench, change, key, single};

/// How long all that is asked of a database that is away may take: longer than any store waits, and not for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// Without the database there is an answer, and it says that nothing was applied; when it is back, so is the store, without being
/// opened again.
///
/// `stop` takes the database away, at once and without a word, and `start` brings it back with what it had acknowledged.
pub async fn a_server_that_is_away_is_unavailable_until_it_is_back(
    place: &dyn Place,
    stop: impl FnOnce(),
    start: impl FnOnce(),
) {
    const AWAY: &str =
        "a store that cannot reach its database says so, and that nothing was applied";
    const BACK: &str =
        "what was acknowledged is there after a restart, and nothing that was not applied";
    if place.is_missing() {
        return;
    }
    let bench = Bench {
        store: place.open(&place.fresh().await).await,
    };
    let store = &bench.store;
    let [before, at_once, away, after] = [(); 4].map(|()| key(Kind::CODE));
    bench.create(single(&before)).await;
    stop();
    let while_away = async {
        // Whether the store has heard of it by now is not certain.
        let answer = store.commit(change().create(single(&at_once))).await;
        let first = kind(&answer);
        require!(
            AWAY,
            matches!(
                first,
                Some(StoreErrorKind::Unknown | StoreErrorKind::Unavailable)
            ),
            "the first commit gave {answer:?}"
        );
        let answer = store.commit(change().create(single(&away))).await;
        require!(
            AWAY,
            is_unavailable(&answer),
            "a later commit gave {answer:?}"
        );
        let answer = store.load(&before).await;
        require!(AWAY, is_unavailable(&answer), "a load gave {answer:?}");
        first
    };
    let answered = tokio::time::timeout(PATIENCE, while_away).await;
    require!(
        AWAY,
        answered.is_ok(),
        "it did not answer within {PATIENCE:?}"
    );
    start();
    if answered == Ok(Some(StoreErrorKind::Unavailable)) {
        let found = bench.load(&at_once).await;
        require!(BACK, found.is_none(), "the first commit left {found:?}");
    }
    for (key, is_there) in [(&before, true), (&away, false)] {
        let found = bench.load(key).await;
        require!(BACK, found.is_some() == is_there, "a load gave {found:?}");
    }
    bench.create(single(&after)).await;
}

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    kind(answer) == Some(StoreErrorKind::Unavailable)
}

fn kind<T>(answer: &Result<T, StoreError>) -> Option<StoreErrorKind> {
    answer.as_ref().err().map(StoreError::kind)
}

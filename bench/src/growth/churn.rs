//! An hour in which as much comes as goes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use oauth_core::{
    policy::Policy,
    time::{Clock, Timestamp},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{grown::float, place::Place};
use crate::{
    Error,
    demo::{Demo, builder},
    serve::Site as _,
};

/// How long a token lives, in minutes.
pub(super) const LIFETIME: u64 = 10;
/// How long to go on before it counts, in minutes.
const RAMP: u64 = 30;
/// How many tokens are issued in a second.
pub(super) const RATE: u64 = 4;
/// How many seconds pass at a time.
const STEP: u64 = 4;
/// How often to look, in minutes; and to vacuum, which is about when PostgreSQL would by itself, as a fifth of the rows is dead.
const LOOK: u64 = 3;

/// The least and the most that there was.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Range {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Range {
    fn of(seen: &[u64]) -> Self {
        Self {
            least: seen.iter().copied().min().unwrap_or(0),
            most: seen.iter().copied().max().unwrap_or(0),
        }
    }

    /// By how much the most is more than the least, in percent.
    pub(super) fn spread(self) -> f64 {
        (float(self.most) / float(self.least.max(1)) - 1.0) * 100.0
    }
}

/// What there was in that hour.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Churn {
    pub(super) issued: u64,
    pub(super) rows: Range,
    pub(super) bytes: Range,
}

/// A clock that goes when it is told to.
pub(super) struct Simulated(AtomicU64);

impl Simulated {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(1_800_000_000_000))
    }

    pub(super) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Lets the hour pass.
pub(super) async fn run(place: &Place) -> Result<Churn, Error> {
    let clock = Arc::new(Simulated::new());
    let mut policy = Policy::default();
    policy.access_token_lifetime = Duration::from_secs(LIFETIME * 60);
    let server = builder(place.store())?
        .clock(Arc::clone(&clock) as _)
        .policy(policy)
        .build()?;
    let demo = Demo::of(server)?;
    let (mut rows, mut bytes, mut issued) = (Vec::new(), Vec::new(), 0);
    for second in (0..(RAMP + 60) * 60).step_by(usize::try_from(STEP)?) {
        let mut tasks = JoinSet::new();
        for _ in 0..RATE * STEP {
            let demo = demo.clone();
            tasks.spawn(async move { demo.mint().await });
        }
        while let Some(minted) = tasks.join_next().await {
            minted??;
        }
        clock.advance(Duration::from_secs(STEP));
        if second % (LOOK * 60) == 0 {
            place.vacuum().await?;
        }
        if second >= RAMP * 60 {
            issued += RATE * STEP;
            if second % (LOOK * 60) == 0 {
                rows.push(place.rows().await?);
                bytes.push(place.bytes().await?);
            }
        }
    }
    let churn = Churn {
        issued,
        rows: Range::of(&rows),
        bytes: Range::of(&bytes),
    };
    eprintln!("{churn:?}");
    Ok(churn)
}

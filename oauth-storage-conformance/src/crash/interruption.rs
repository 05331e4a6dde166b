//! A database that dies under a process that goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;

use super::{
    Place, kills, random,
    work::{TASKS, Work, work},
};

/// What was acknowledged before, while and after something happened to the database is there, once, and nothing is half there.
///
/// `interrupt` does something to the database, at a random moment, as often as [`kills`] says: kills it and starts it again,
/// kills what serves a connection, cuts the network. Until it is back, the store may answer that it is unavailable, and that it
/// does not know.
pub async fn what_was_acknowledged_survives_an_interruption(
    place: &dyn Place,
    mut interrupt: impl AsyncFnMut(),
) {
    if place.is_missing() {
        return;
    }
    let location = place.fresh().await;
    let store = place.open(&location).await;
    let acknowledged: Arc<[AtomicU64]> = (0..TASKS).map(|_| AtomicU64::new(0)).collect();
    let done = Arc::new(AtomicBool::new(false));
    let mut workers: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            let acknowledged = Arc::clone(&acknowledged);
            tokio::spawn(async move {
                work(&*store, Work::new("interrupted", task), |number| {
                    acknowledged[index(task)].store(number + 1, Ordering::SeqCst);
                    !done.load(Ordering::SeqCst)
                })
                .await;
            })
        })
        .collect();
    let all = || -> u64 {
        let counts = acknowledged
            .iter()
            .map(|count| count.load(Ordering::SeqCst));
        counts.sum()
    };
    for _ in 0..kills() {
        let enough = all() + 1 + random(200);
        while all() < enough {
            if let Some(failed) = workers.iter().position(JoinHandle::is_finished) {
                finish(workers.swap_remove(failed)).await;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        interrupt().await;
    }
    done.store(true, Ordering::SeqCst);
    for worker in workers {
        finish(worker).await;
    }
    drop(store);
    let store = place.open(&location).await;
    for task in 0..TASKS {
        let commits = acknowledged[index(task)].load(Ordering::SeqCst);
        let verified = Work::new("interrupted", task)
            .verify(&*store, commits)
            .await;
        require!(
            "everything in a commit happens or nothing does, and what was acknowledged stays",
            verified.is_ok(),
            "{}",
            verified.err().unwrap_or_default()
        );
    }
}

/// Waits for a worker, and fails with it.
async fn finish(worker: JoinHandle<()>) {
    if let Err(error) = worker.await {
        std::panic::resume_unwind(error.into_panic());
    }
}

fn index(task: u64) -> usize {
    usize::try_from(task).unwrap_or(usize::MAX)
}

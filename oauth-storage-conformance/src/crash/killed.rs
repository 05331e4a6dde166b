//! Processes that are killed while they commit.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use oauth_core::store::Store;

use super::{
    Place, kills, random,
    work::{TASKS, Work, work},
};

/// The variable with the name of the place, in the environment of a process that is to work there.
const PLACE: &str = "OAUTH_CONFORMANCE_PLACE";
/// The variable with what its keys begin with.
const NAME: &str = "OAUTH_CONFORMANCE_NAME";

/// What a process had acknowledged when it was killed is there, and its last commit is there as a whole or not at all.
///
/// `test` is the path of the test that calls this, so that it can be called in another process.
pub async fn what_was_acknowledged_survives_a_kill_and_nothing_is_half_there(
    place: &dyn Place,
    test: &str,
) {
    if place.is_missing() {
        return;
    }
    if let Some((location, name)) = role() {
        return work_until_killed(place, &location, &name).await;
    }
    let location = place.fresh().await;
    // So that a process has only to connect, and not to make the tables too.
    drop(place.open(&location).await);
    for kill in 0..kills() {
        let name = kill.to_string();
        let acknowledged = kill_after(
            &mut spawn(test, &location, &name),
            1 + random(if kill % 4 == 0 { 10 } else { 400 }),
        );
        let store = place.open(&location).await;
        for task in 0..TASKS {
            let commits = acknowledged.get(&task).map_or(0, |last| last + 1);
            let done = Work::new(&name, task);
            if let Err(problem) = verify(&*store, &done, commits).await {
                fail!(
                    "everything in a commit happens or nothing does, and what was acknowledged is there after a kill",
                    "after kill {kill}, {problem}"
                );
            }
        }
    }
}

/// Whether there is what these commits leave, or these and the next one, which was under way.
///
/// A database that is a process of its own may still be carrying it out, and be done with it between one look and the next.
async fn verify(store: &dyn Store, done: &Work, commits: u64) -> Result<(), String> {
    let mut problems = Vec::new();
    for commits in [commits + 1, commits, commits + 1] {
        match done.verify(store, commits).await {
            Ok(()) => return Ok(()),
            Err(problem) => problems.push(problem),
        }
    }
    Err(problems.join("; and "))
}

/// Starts this test again, in a process of its own.
pub(super) fn spawn(test: &str, place: &str, name: &str) -> Child {
    let program = env::current_exe().unwrap_or_else(|error| panic!("no test program: {error}"));
    // The first part is the name of the crate, which the test program leaves out.
    let test = test.split_once("::").map_or(test, |(_, test)| test);
    Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(PLACE, place)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("no process for {test}: {error}"))
}

/// What this process was started for, if it was started by another: the name of the place, and its own.
pub(super) fn role() -> Option<(String, String)> {
    Some((env::var(PLACE).ok()?, env::var(NAME).ok()?))
}

/// Tells the parent two numbers.
pub(super) fn tell(one: u64, other: u64) {
    let mut out = std::io::stdout().lock();
    let told = writeln!(out, "\ntold {one} {other}").and_then(|()| out.flush());
    told.unwrap_or_else(|error| panic!("nobody listens: {error}"));
}

/// The numbers in a line that tells some.
pub(super) fn told(line: &str) -> Option<(u64, u64)> {
    let (one, other) = line.strip_prefix("told ")?.split_once(' ')?;
    Some((one.parse().ok()?, other.parse().ok()?))
}

async fn work_until_killed(place: &dyn Place, location: &str, name: &str) {
    let store = place.open(location).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = Arc::clone(&store);
            let begun = Work::new(name, task);
            tokio::spawn(async move {
                work(&*store, begun, |number| {
                    tell(task, number);
                    true
                })
                .await;
            })
        })
        .collect();
    for task in tasks {
        if let Err(error) = task.await {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

/// Kills the process once it has told so often, and returns the last number that each of its tasks has told.
fn kill_after(child: &mut Child, lines: u64) -> BTreeMap<u64, u64> {
    let mut last = BTreeMap::new();
    let mut count = 0;
    let out = child.stdout.take().map(BufReader::new);
    for line in out.into_iter().flat_map(BufRead::lines) {
        if let Some((task, number)) = line.ok().as_deref().and_then(told) {
            last.insert(task, number);
            count += 1;
            if count == lines {
                // What it tells before it is gone is acknowledged too, and is read to the end.
                let killed = child.kill();
                killed.unwrap_or_else(|error| panic!("the process cannot be killed: {error}"));
            }
        }
    }
    assert!(count >= lines, "the process ended by itself");
    let _ = child.wait();
    last
}

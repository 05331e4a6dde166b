//! What was done and answered, and when.

use std::fmt;

use oauth_core::{
    store::{Commit, Digest, End, Expect, Outcome, Role, Version},
    time::Timestamp,
};

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) task: usize,
    /// When it was called.
    pub(super) call: usize,
    /// When its answer was there.
    pub(super) back: usize,
    pub(super) did: Did,
}

/// What an operation was, and its answer.
#[derive(Clone, Debug)]
pub(super) enum Did {
    /// A load and its result.
    Load { digest: Digest, found: Option<Seen> },
    /// A commit; `None` if its answer was not seen: it may have happened since its call, or not.
    Commit {
        commit: Commit,
        outcome: Option<Outcome>,
    },
}

/// Identifies one state of a record. A closed anchor has the version of its end; the earlier of the
/// two times shows which state the end has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub(super) version: Version,
    pub(super) closed: bool,
    pub(super) forget_at: Timestamp,
}

/// What some tasks did, by the order of the answers.
#[derive(Clone, Debug)]
pub(super) struct History(pub(super) Vec<Event>);

impl History {
    pub(super) fn new(events: impl IntoIterator<Item = Event>) -> Self {
        let mut events: Vec<_> = events.into_iter().collect();
        events.sort_by_key(|event| event.back);
        Self(events)
    }

    /// As much of it as had been answered when the first answer came that does not fit.
    pub(super) fn shortest(&self, fits: impl Fn(&Self) -> bool) -> Self {
        let prefixes = (1..=self.0.len()).map(|length| self.prefix(length));
        prefixes
            .into_iter()
            .find(|prefix| !fits(prefix))
            .unwrap_or_else(|| self.clone())
    }

    /// The first answers, and the commits that had been called by then.
    fn prefix(&self, length: usize) -> Self {
        let until = self.0[length - 1].back;
        let under_way = self.0[length..].iter().filter(|event| event.call < until);
        let unanswered = under_way.filter_map(|event| match &event.did {
            Did::Load { .. } => None,
            Did::Commit { commit, .. } => Some(Event {
                back: usize::MAX,
                did: Did::Commit {
                    commit: commit.clone(),
                    outcome: None,
                },
                ..event.clone()
            }),
        });
        Self(self.0[..length].iter().cloned().chain(unanswered).collect())
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Names::of(self);
        for Event {
            task,
            call,
            back,
            did,
        } in &self.0
        {
            match back {
                &usize::MAX => write!(f, "    from {call} on, task {task}: ")?,
                back => write!(f, "    from {call} to {back}, task {task}: ")?,
            }
            match did {
                Did::Load { digest, found } => {
                    write!(f, "load {} found ", names.record(digest))?;
                    match found {
                        None => writeln!(f, "nothing")?,
                        Some(seen) => {
                            let closed = if seen.closed { ", closed" } else { "" };
                            let by = names.commit(&seen.version);
                            writeln!(f, "{by}{closed}, until {}", seen.forget_at)?;
                        }
                    }
                }
                Did::Commit { commit, outcome } => {
                    let answer = match outcome {
                        None => "not answered".to_owned(),
                        Some(outcome) => format!("{outcome:?}"),
                    };
                    writeln!(f, "{answer} {}", names.change(commit))?;
                }
            }
        }
        Ok(())
    }
}

/// Short names for records and commits, in the order in which they appear.
struct Names {
    records: Vec<Digest>,
    commits: Vec<Version>,
}

impl Names {
    fn of(history: &History) -> Self {
        let mut records = Vec::new();
        let mut commits = Vec::new();
        for event in &history.0 {
            match &event.did {
                Did::Load { digest, .. } => records.push(*digest),
                Did::Commit { commit, .. } => {
                    commits.push(commit.id);
                    records.extend(commit.guards.iter().map(|guard| *guard.key.digest()));
                    records.extend(commit.puts.iter().map(|put| *put.record.key.digest()));
                    records.extend(commit.removals.iter().map(|removal| *removal.key.digest()));
                    records.extend(commit.ends.iter().map(|end| *end.family.anchor()));
                }
            }
        }
        records.sort_unstable();
        records.dedup();
        Self { records, commits }
    }

    fn record(&self, digest: &Digest) -> String {
        let index = self.records.iter().position(|other| other == digest);
        index.map_or_else(|| format!("{digest:?}"), |index| format!("r{index}"))
    }

    fn commit(&self, version: &Version) -> String {
        let index = self.commits.iter().position(|other| other == version);
        index.map_or_else(|| format!("{version:?}"), |index| format!("c{index}"))
    }

    fn expectation(&self, expect: Expect) -> String {
        match expect {
            Expect::Absent => "absent".to_owned(),
            Expect::Version(version) => format!("by {}", self.commit(&version)),
        }
    }

    fn change(&self, commit: &Commit) -> String {
        let mut text = format!("{}:", self.commit(&commit.id));
        for guard in &commit.guards {
            let record = self.record(guard.key.digest());
            text += &format!(" guards {record} ({}),", self.expectation(guard.expect));
        }
        for put in &commit.puts {
            let record = self.record(put.record.key.digest());
            let role = match put.record.role {
                Role::Single => String::new(),
                Role::Anchor => " as an anchor".to_owned(),
                Role::Member(family) => format!(" as a member of {}", self.record(family.anchor())),
            };
            text += &format!(
                " puts {record}{role} ({}, until {}),",
                self.expectation(put.expect),
                put.record.forget_at
            );
        }
        for removal in &commit.removals {
            let record = self.record(removal.key.digest());
            text += &format!(" removes {record} (by {}),", self.commit(&removal.version));
        }
        for End { family, forget_at } in &commit.ends {
            text += &format!(
                " ends {} (until {forget_at}),",
                self.record(family.anchor())
            );
        }
        text.trim_end_matches([',', ':']).to_owned()
    }
}

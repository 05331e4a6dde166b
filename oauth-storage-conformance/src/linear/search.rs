//! The search for an order in which a history could have happened one after the other (Wing and Gong 1993), which remembers
//! where it has been (Lowe 2017).

use std::collections::HashSet;

use oauth_core::store::{Digest, Outcome};

use super::history::{Did, Event, History, Seen};
use crate::model::{Entries, Entry, apply};

/// Whether there is such an order.
pub(super) fn is_linearizable(history: &History) -> bool {
    let mut search = Search {
        events: &history.0,
        been: HashSet::new(),
    };
    search.goes_on(0, &Entries::new())
}

/// Identifies the state of some records.
type Fingerprint = Vec<(Digest, Seen)>;

struct Search<'a> {
    events: &'a [Event],
    /// Which events had happened, and what there was then, without success.
    been: HashSet<(u64, Fingerprint)>,
}

impl Search<'_> {
    /// Whether the rest can happen after those in `done`, a bit for each, have led to these entries.
    fn goes_on(&mut self, done: u64, entries: &Entries) -> bool {
        let rest = (0..self.events.len()).filter(|index| done & (1 << index) == 0);
        let rest: Vec<_> = rest.collect();
        let answered = rest.iter().map(|index| self.events[*index].back).min();
        // What has no answer need not have happened.
        let Some(first_back) = answered.filter(|back| *back < usize::MAX) else {
            return true;
        };
        let fingerprint = entries
            .iter()
            .map(|(digest, entry)| (*digest, seen(entry)))
            .collect();
        if !self.been.insert((done, fingerprint)) {
            return false;
        }
        // Only what was called before the first answer can be the next to happen.
        rest.into_iter()
            .filter(|index| self.events[*index].call < first_back)
            .collect::<Vec<_>>()
            .into_iter()
            .any(|index| {
                after(entries, &self.events[index].did)
                    .is_some_and(|entries| self.goes_on(done | 1 << index, &entries))
            })
    }
}

/// What there is after an operation; `None` if it would have been answered otherwise.
fn after(entries: &Entries, did: &Did) -> Option<Entries> {
    match did {
        Did::Load { digest, found } => {
            let entry = entries.get(digest);
            (entry.map(seen) == *found).then(|| entries.clone())
        }
        Did::Commit { commit, outcome } => {
            let mut entries = entries.clone();
            let would = apply(&mut entries, commit.clone());
            let fits = outcome.is_none_or(|outcome| outcome == would);
            // One that is not answered and would conflict changes nothing, and need not be placed.
            (fits && (outcome.is_some() || would == Outcome::Committed)).then_some(entries)
        }
    }
}

fn seen(entry: &Entry) -> Seen {
    Seen {
        version: entry.version,
        closed: entry.closed,
        forget_at: entry.record.forget_at,
    }
}

#[cfg(test)]
mod tests {
    use oauth_core::store::{Commit, Expect, Key, Kind};

    use super::*;
    use crate::bench::{NEVER, anchor, change, key, member, single};

    fn load(call: usize, back: usize, key: &Key, found: Option<&Commit>) -> Event {
        Event {
            task: 0,
            call,
            back,
            did: Did::Load {
                digest: *key.digest(),
                found: found.map(|commit| Seen {
                    version: commit.id,
                    closed: !commit.ends.is_empty(),
                    forget_at: NEVER,
                }),
            },
        }
    }

    fn commit(call: usize, back: usize, commit: &Commit, outcome: Outcome) -> Event {
        Event {
            task: 0,
            call,
            back,
            did: Did::Commit {
                commit: commit.clone(),
                outcome: (back < usize::MAX).then_some(outcome),
            },
        }
    }

    fn fits(events: impl IntoIterator<Item = Event>) -> bool {
        is_linearizable(&History::new(events))
    }

    use Outcome::{Committed, Conflict};

    #[test]
    fn a_load_may_see_what_is_committed_meanwhile_and_must_see_what_was_before() {
        let name = key(Kind::CODE);
        let made = change().create(single(&name));
        assert!(fits([
            commit(0, 3, &made, Committed),
            load(1, 2, &name, None)
        ]));
        assert!(fits([
            commit(0, 3, &made, Committed),
            load(1, 2, &name, Some(&made))
        ]));
        assert!(fits([
            commit(0, 1, &made, Committed),
            load(2, 3, &name, Some(&made))
        ]));
        assert!(
            !fits([commit(0, 1, &made, Committed), load(2, 3, &name, None)]),
            "a stale read"
        );
        assert!(!fits([
            load(0, 1, &name, Some(&made)),
            commit(2, 3, &made, Committed)
        ]));
        assert!(
            !fits([
                commit(0, 5, &made, Committed),
                load(1, 2, &name, Some(&made)),
                load(3, 4, &name, None)
            ]),
            "what was seen is gone again"
        );
    }

    #[test]
    fn one_of_two_that_exclude_each_other_wins() {
        let name = key(Kind::CODE);
        let [one, other] = [0; 2].map(|_| change().create(single(&name)));
        assert!(fits([
            commit(0, 2, &one, Committed),
            commit(1, 3, &other, Conflict)
        ]));
        assert!(fits([
            commit(0, 2, &one, Conflict),
            commit(1, 3, &other, Committed)
        ]));
        assert!(!fits([
            commit(0, 2, &one, Committed),
            commit(1, 3, &other, Committed)
        ]));
        assert!(!fits([
            commit(0, 2, &one, Conflict),
            commit(1, 3, &other, Conflict)
        ]));
        assert!(!fits([
            commit(0, 1, &one, Conflict),
            commit(2, 3, &other, Committed)
        ]));
    }

    #[test]
    fn guards_see_each_others_writes_in_some_order() {
        let [left, right] = [0; 2].map(|_| key(Kind::CODE));
        let one = change()
            .guard(right.clone(), Expect::Absent)
            .create(single(&left));
        let other = change()
            .guard(left.clone(), Expect::Absent)
            .create(single(&right));
        assert!(fits([
            commit(0, 2, &one, Committed),
            commit(1, 3, &other, Conflict)
        ]));
        assert!(
            !fits([
                commit(0, 2, &one, Committed),
                commit(1, 3, &other, Committed)
            ]),
            "a lost guard"
        );
    }

    #[test]
    fn a_family_is_ended_with_all_that_was_added_before() {
        let [name, token] = [0; 2].map(|_| key(Kind::GRANT));
        let family = name.family();
        let opened = change().create(anchor(&name));
        let added = change().create(member(&token, family));
        let ended = change().end(family, NEVER);
        let begin = || commit(0, 1, &opened, Committed);
        let race = |outcome| {
            [
                commit(2, 4, &added, outcome),
                commit(3, 5, &ended, Committed),
            ]
        };
        for (outcome, found, is_good) in [
            (Committed, None, true),
            (Conflict, None, true),
            (Committed, Some(&added), false),
            (Conflict, Some(&added), false),
        ] {
            let events = race(outcome)
                .into_iter()
                .chain([begin(), load(6, 7, &token, found)]);
            assert_eq!(fits(events), is_good, "{outcome:?}, {found:?}");
        }
        let after = [
            begin(),
            commit(2, 3, &ended, Committed),
            commit(4, 5, &added, Committed),
        ];
        assert!(!fits(after), "added to a closed family");
        assert!(fits([
            begin(),
            commit(2, 3, &ended, Committed),
            load(4, 5, &name, Some(&ended))
        ]));
    }

    #[test]
    fn what_was_not_answered_happened_or_did_not() {
        let name = key(Kind::CODE);
        let made = change().create(single(&name));
        let lost = || commit(0, usize::MAX, &made, Committed);
        for found in [None, Some(&made)] {
            assert!(fits([lost(), load(1, 2, &name, found)]));
        }
        assert!(fits([
            lost(),
            load(1, 2, &name, None),
            load(3, 4, &name, Some(&made))
        ]));
        assert!(!fits([
            lost(),
            load(1, 2, &name, Some(&made)),
            load(3, 4, &name, None)
        ]));
    }

    #[test]
    fn the_shortest_failure_ends_with_the_answer_that_does_not_fit() {
        let name = key(Kind::CODE);
        let made = change().create(single(&name));
        let history = History::new([
            commit(0, 1, &made, Committed),
            load(2, 3, &name, None),
            load(4, 5, &name, Some(&made)),
        ]);
        let shortest = history.shortest(is_linearizable);
        assert_eq!(shortest.0.len(), 2);
        assert!(shortest.to_string().contains("found nothing"));
    }
}

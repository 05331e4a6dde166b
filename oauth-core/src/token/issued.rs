//! Counts the outstanding access tokens of a grant.

use std::time::Duration;

use crate::{store::numbered, time::Timestamp};

/// The lifetime of an access token is divided into this many parts.
const PARTS: u32 = 4;

/// The outstanding access tokens of a grant. They are counted by the part of an access token's
/// lifetime in which they were issued.
///
/// The count is an upper bound: it includes revoked tokens, and expired ones for up to a quarter of
/// their lifetime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuedTokens {
    /// When the newest part began.
    since: Timestamp,
    /// How many were issued in each part, the newest first. At most `PARTS` + 1: in the last part,
    /// the oldest token has expired, but the newest may not have.
    counts: Vec<u32>,
}

numbered!(IssuedTokens { 0 => since, 1 => counts });

impl IssuedTokens {
    /// Counts the first token, issued now.
    pub(crate) fn first(now: Timestamp) -> Self {
        Self {
            since: now,
            counts: vec![1],
        }
    }

    /// Counts one more token, issued now; `None` if there are `ceiling` already.
    pub(crate) fn and_one(&self, now: Timestamp, lifetime: Duration, ceiling: u32) -> Option<Self> {
        let mut later = self.at(now, lifetime);
        let out = later
            .counts
            .iter()
            .fold(0, |out: u32, count| out.saturating_add(*count));
        if out >= ceiling {
            return None;
        }
        later.counts[0] = later.counts[0].saturating_add(1);
        Some(later)
    }

    /// The counts as of `now`.
    fn at(&self, now: Timestamp, lifetime: Duration) -> Self {
        let part = (lifetime / PARTS).max(Duration::from_millis(1));
        let parts = now.saturating_since(self.since).as_millis() / part.as_millis();
        let mut counts = self.counts.clone();
        if counts.is_empty() {
            counts.push(0);
        }
        match u32::try_from(parts) {
            // If the clock has gone back, the part begins again with it.
            Ok(0) => Self {
                since: self.since.min(now),
                counts,
            },
            Ok(parts) if parts <= PARTS => {
                counts.splice(0..0, (0..parts).map(|_| 0));
                counts.truncate(PARTS as usize + 1);
                Self {
                    since: self.since + part * parts,
                    counts,
                }
            }
            Ok(_) | Err(_) => Self {
                since: now,
                counts: vec![0],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(100);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(1_000_000 + seconds)
    }

    #[test]
    fn a_token_counts_as_long_as_it_lives_and_little_longer() {
        let mut issued = IssuedTokens::first(at(0));
        for second in 1..10 {
            issued = issued.and_one(at(second), LIFETIME, 10).unwrap();
        }
        for second in [10, 24, 25, 50, 99, 108] {
            assert_eq!(issued.and_one(at(second), LIFETIME, 10), None, "{second}");
        }
        let fresh = issued.and_one(at(125), LIFETIME, 10).unwrap();
        assert_eq!(fresh.counts, [1]);
        // One token per part means four or five at a time, however long it goes on.
        let mut issued = IssuedTokens::first(at(0));
        for quarter in 1..100 {
            issued = issued.and_one(at(quarter * 25), LIFETIME, 5).unwrap();
            assert!(issued.counts.len() <= 5);
        }
        assert_eq!(issued.and_one(at(99 * 25), LIFETIME, 5), None);
    }

    #[test]
    fn a_clock_that_goes_back_and_a_lifetime_of_nothing_do_no_harm() {
        let issued = IssuedTokens::first(at(10));
        assert_eq!(issued.and_one(at(0), LIFETIME, 2).unwrap().counts, [2]);
        assert!(issued.and_one(at(11), Duration::ZERO, 1).is_some());
    }
}

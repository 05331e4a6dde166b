//! Points in time, as every record and decision states them.

use std::{fmt, ops, time::Duration};

use serde::{Deserialize, Serialize};

/// A point in time: whole milliseconds since the Unix epoch.
///
/// Decisions are handed one as `now`; nothing in this crate reads a clock. It is a plain integer so that a store can
/// keep and index it as one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last point in time that fits every database's signed 64-bit column.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// The point that lies this many milliseconds after the Unix epoch; later than [`Timestamp::MAX`] is that.
    pub const fn from_unix_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// The point that lies this many seconds after the Unix epoch.
    pub const fn from_unix_seconds(seconds: u64) -> Self {
        Self::from_unix_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_unix_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down, as RFC 7662 §2.2 writes them.
    pub const fn as_unix_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This point moved back by `duration`, at most to the epoch.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

impl ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at [`Timestamp::MAX`].
    fn add(self, duration: Duration) -> Self {
        Self::from_unix_millis(self.0.saturating_add(millis(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Tells the time.
///
/// The server asks once for each decision. A clock that runs fast makes tokens live shorter and prunes earlier, by
/// no more than its error; one that runs slow makes them live longer. Either way nothing is spent twice.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let late = Timestamp::from_unix_millis(u64::MAX);
        assert_eq!(late, Timestamp::MAX);
        assert_eq!(late + Duration::MAX, Timestamp::MAX);
        let early = Timestamp::from_unix_seconds(1);
        assert_eq!(
            early
                .saturating_sub(Duration::from_secs(2))
                .as_unix_millis(),
            0
        );
        assert_eq!(early.saturating_since(late), Duration::ZERO);
        assert_eq!((early + Duration::from_millis(999)).as_unix_seconds(), 1);
    }
}

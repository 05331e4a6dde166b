//! How long one client's codes and tokens live.

use std::time::Duration;

/// The lifetimes of one client that differ from the policy; those that are `None` are the policy's.
///
/// ```
/// use std::time::Duration;
///
/// use oauth_core::client::Lifetimes;
///
/// const BRIEF: Lifetimes = Lifetimes::new()
///     .with_code(Duration::from_secs(10))
///     .with_access_token(Duration::from_secs(60));
/// assert_eq!(BRIEF.code, Some(Duration::from_secs(10)));
/// assert_eq!(BRIEF.refresh_token, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetimes {
    /// The lifetime of an authorization code.
    pub code: Option<Duration>,
    /// The lifetime of an access token.
    pub access_token: Option<Duration>,
    /// How long a grant can be refreshed, counted from when it was given.
    pub refresh_token: Option<Duration>,
    /// How long an unused refresh token is valid; zero for no such limit.
    pub refresh_token_idle: Option<Duration>,
    /// How long after its use a refresh token may be presented again, as a retry; zero for no
    /// retries.
    pub refresh_grace: Option<Duration>,
}

impl Lifetimes {
    /// All lifetimes of the policy.
    pub const fn new() -> Self {
        Self {
            code: None,
            access_token: None,
            refresh_token: None,
            refresh_token_idle: None,
            refresh_grace: None,
        }
    }

    /// Sets [`code`](Self::code).
    #[must_use]
    pub const fn with_code(mut self, lifetime: Duration) -> Self {
        self.code = Some(lifetime);
        self
    }

    /// Sets [`access_token`](Self::access_token).
    #[must_use]
    pub const fn with_access_token(mut self, lifetime: Duration) -> Self {
        self.access_token = Some(lifetime);
        self
    }

    /// Sets [`refresh_token`](Self::refresh_token).
    #[must_use]
    pub const fn with_refresh_token(mut self, lifetime: Duration) -> Self {
        self.refresh_token = Some(lifetime);
        self
    }

    /// Sets [`refresh_token_idle`](Self::refresh_token_idle).
    #[must_use]
    pub const fn with_refresh_token_idle(mut self, lifetime: Duration) -> Self {
        self.refresh_token_idle = Some(lifetime);
        self
    }

    /// Sets [`refresh_grace`](Self::refresh_grace).
    #[must_use]
    pub const fn with_refresh_grace(mut self, grace: Duration) -> Self {
        self.refresh_grace = Some(grace);
        self
    }

    /// These lifetimes, with those of `others` where these are `None`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            code: self.code.or(others.code),
            access_token: self.access_token.or(others.access_token),
            refresh_token: self.refresh_token.or(others.refresh_token),
            refresh_token_idle: self.refresh_token_idle.or(others.refresh_token_idle),
            refresh_grace: self.refresh_grace.or(others.refresh_grace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lifetime_falls_back_by_itself() {
        let seconds = Duration::from_secs;
        let own = Lifetimes::new()
            .with_code(seconds(1))
            .with_refresh_token(seconds(2));
        let others = Lifetimes::new()
            .with_code(seconds(3))
            .with_access_token(seconds(4))
            .with_refresh_token_idle(seconds(5))
            .with_refresh_grace(seconds(6));
        let both = Lifetimes {
            code: Some(seconds(1)),
            access_token: Some(seconds(4)),
            refresh_token: Some(seconds(2)),
            refresh_token_idle: Some(seconds(5)),
            refresh_grace: Some(seconds(6)),
        };
        assert_eq!(own.or(others), both);
        assert_eq!(own.or(Lifetimes::new()), own);
        assert_eq!(Lifetimes::new(), Lifetimes::default());
    }
}

//! Throttling of guesses: whoever fails too often has to wait (RFC 6749 §2.3.1).

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::keyed::HashMapStateStore,
};
use http::Extensions;
use oauth_core::time::Clock;
use sha2::{Digest, Sha256};

use crate::system::SystemClock;

/// How many names are remembered before those that have recovered are dropped.
const CLEAN_AT: usize = 10_000;

/// How long each failure beyond the allowance has to be waited for.
const PAUSE: Duration = Duration::from_secs(6);

/// How long anybody has to wait at most.
const LONGEST: Duration = Duration::from_secs(60 * 60);

const TEN: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// The address of the peer, by which guesses are told apart. Insert it as an extension of the request, from the connection or
/// from a header that your proxy sets and that nobody else can (RFC 9700 §4.13).
///
/// Without it failures count for the name alone, so that somebody who guesses the secret of a client, from anywhere, keeps that
/// client out too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// The peer of a request, if the host has told.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// What counts as one guesser: an IPv4 address, or the /64 that one IPv6 subscriber has.
    fn block(self) -> IpAddr {
        match self.0 {
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(ip) => ip.into(),
                None => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
            },
            ip @ IpAddr::V4(_) => ip,
        }
    }
}

/// Who guesses at what. The name by its digest: a made-up one may be as long as a form, and many are made up.
type Guess = ([u8; 32], Option<IpAddr>);

/// Counts failures for a name (a client, a user) and a peer: ten at once, then one in six seconds.
///
/// Success costs nothing and is never slowed down, unless failures from the same peer for the same name have used up the
/// allowance. Guesses that are made at the same time are all looked at, but each that fails adds its six seconds to the wait, up
/// to an hour, so that there is nothing in it.
pub struct Throttle {
    clock: Ticks,
    failures: Failures,
    /// Until when a guess is refused unseen.
    blocked: Mutex<HashMap<Guess, Nanos>>,
    /// How many are blocked, so that the usual case takes no lock.
    count: AtomicUsize,
    /// At how many remembered failures to clean up next: twice as many as were left, so that a flood of guessers does not make
    /// each failure look at all others.
    clean_failures_at: AtomicUsize,
    clean_blocked_at: AtomicUsize,
}

type Failures = RateLimiter<Guess, HashMapStateStore<Guess>, Ticks, NoOpMiddleware<Nanos>>;

/// The server's clock, as `governor` reads one.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Duration::from_millis(self.0.now().as_unix_millis()).into()
    }
}

impl Default for Throttle {
    /// A throttle by the system's clock.
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl Throttle {
    /// A throttle that takes the time from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let clock = Ticks(clock);
        let quota = Quota::per_minute(TEN).allow_burst(TEN);
        Self {
            failures: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            blocked: Mutex::default(),
            count: AtomicUsize::new(0),
            clean_failures_at: AtomicUsize::new(CLEAN_AT),
            clean_blocked_at: AtomicUsize::new(CLEAN_AT),
            clock,
        }
    }

    /// How long `name` has to wait before it is worth looking at what is presented; `None` if it need not.
    pub fn wait(&self, name: &str, peer: Option<Peer>) -> Option<Duration> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let guess = guess(name, peer);
        let now = self.clock.now();
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        let until = *blocked.get(&guess)?;
        if until > now {
            return Some(until.duration_since(now).into());
        }
        blocked.remove(&guess);
        self.count.store(blocked.len(), Ordering::Relaxed);
        None
    }

    /// Counts a failure.
    pub fn failed(&self, name: &str, peer: Option<Peer>) {
        let guess = guess(name, peer);
        if let Err(denied) = self.failures.check_key(&guess) {
            let now = self.clock.now();
            let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
            let until = match blocked.get(&guess) {
                // It was let through before the one that blocked it was counted.
                Some(until) if *until > now => {
                    (*until + Nanos::from(PAUSE)).min(now + Nanos::from(LONGEST))
                }
                _ => denied.earliest_possible(),
            };
            blocked.insert(guess, until);
            if blocked.len() >= self.clean_blocked_at.load(Ordering::Relaxed) {
                blocked.retain(|_, until| *until > now);
                clean_next(&self.clean_blocked_at, blocked.len());
            }
            self.count.store(blocked.len(), Ordering::Relaxed);
        }
        if self.failures.len() >= self.clean_failures_at.load(Ordering::Relaxed) {
            self.failures.retain_recent();
            clean_next(&self.clean_failures_at, self.failures.len());
        }
    }
}

fn clean_next(at: &AtomicUsize, left: usize) {
    at.store((2 * left).max(CLEAN_AT), Ordering::Relaxed);
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("blocked", &self.count)
            .finish_non_exhaustive()
    }
}

fn guess(name: &str, peer: Option<Peer>) -> Guess {
    (Sha256::digest(name).into(), peer.map(Peer::block))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use oauth_core::time::Timestamp;

    use super::*;

    #[derive(Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_millis(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn guesses_are_slowed_and_others_are_not() {
        let clock = Arc::new(Hand::default());
        let throttle = Throttle::new(clock.clone());
        let here = Some(Peer("192.0.2.1".parse().unwrap()));
        let there = Some(Peer("192.0.2.2".parse().unwrap()));
        for _ in 0..10 {
            assert_eq!(throttle.wait("app", here), None);
            throttle.failed("app", here);
        }
        assert_eq!(
            throttle.wait("app", here),
            None,
            "the allowance is used up, but nobody went beyond it"
        );
        throttle.failed("app", here);
        let wait = throttle.wait("app", here).unwrap();
        assert!(wait <= Duration::from_secs(6) && wait > Duration::ZERO);
        assert_eq!(throttle.wait("app", there), None);
        assert_eq!(throttle.wait("other", here), None);
        clock.0.fetch_add(
            u64::try_from(wait.as_millis()).unwrap() + 1,
            Ordering::Relaxed,
        );
        assert_eq!(throttle.wait("app", here), None);
        throttle.failed("app", here);
        throttle.failed("app", here);
        assert!(
            throttle.wait("app", here).is_some(),
            "one more guess in six seconds, not ten"
        );
    }

    /// 6749-2.3.1-e: guessing in parallel gains nothing.
    #[test]
    fn guesses_at_once_are_waited_for_one_by_one() {
        let clock = Arc::new(Hand::default());
        let throttle = Throttle::new(clock.clone());
        let waits = |failures| {
            (0..failures).for_each(|_| throttle.failed("app", None));
            throttle.wait("app", None).unwrap().as_secs()
        };
        assert_eq!(waits(11), 6);
        assert_eq!(waits(1), 12);
        assert_eq!(waits(100), 612);
        assert_eq!(waits(1000), 3600, "an hour at most");
        clock.0.fetch_add(3_600_000, Ordering::Relaxed);
        assert_eq!(throttle.wait("app", None), None);
    }

    #[test]
    fn a_flood_of_guessers_is_forgotten() {
        let clock = Arc::new(Hand::default());
        let throttle = Throttle::new(clock.clone());
        let guess = |i: u32| Some(Peer(std::net::Ipv4Addr::from(i).into()));
        for i in 0..30_000 {
            (0..11).for_each(|_| throttle.failed("app", guess(i)));
        }
        clock.0.fetch_add(3_600_000, Ordering::Relaxed);
        for i in 30_000..60_000 {
            (0..11).for_each(|_| throttle.failed("app", guess(i)));
        }
        assert!(throttle.failures.len() <= 60_000 - CLEAN_AT);
        assert!(throttle.blocked.lock().unwrap().len() <= 60_000 - CLEAN_AT);
    }

    #[test]
    fn an_ipv6_subscriber_is_one_guesser() {
        let block = |ip: &str| Peer(ip.parse().unwrap()).block();
        assert_eq!(block("2001:db8::1"), block("2001:db8::ffff:1"));
        assert_ne!(block("2001:db8::1"), block("2001:db8:0:1::1"));
        assert_eq!(block("::ffff:192.0.2.1"), block("192.0.2.1"));
    }
}

//! The model: lists of what was given out, and by plain rules what of it is good for what.

use std::collections::BTreeMap;

use oauth_core::{
    time::Timestamp,
    types::{GrantId, Scope},
};

use crate::common::{
    clients::{APP, BRIEF, ODD, ODD_LIFETIMES, WEB},
    scope,
};

pub(crate) const CLIENTS: [&str; 4] = [WEB, APP, ODD, BRIEF];
pub(crate) const USERS: [&str; 2] = ["alice", "bob"];

/// Seconds, in milliseconds.
pub(crate) const INTERACTION: u64 = 1_800_000;
pub(crate) const DECISION_GRACE: u64 = 30_000;
pub(crate) const CONSENT: u64 = 3_000_000;

/// The lifetimes of a client, in milliseconds.
pub(crate) struct Lifetimes {
    pub(crate) code: u64,
    pub(crate) access: u64,
    pub(crate) refresh: u64,
    pub(crate) idle: u64,
    pub(crate) grace: u64,
}

impl Lifetimes {
    /// Of a grant: that of its refresh tokens, or of all that it can give if there are none.
    pub(crate) fn grant(&self, client: &str) -> u64 {
        if client == BRIEF {
            self.code + self.access
        } else {
            self.refresh
        }
    }
}

pub(crate) fn lifetimes(client: &str) -> Lifetimes {
    if client != ODD {
        return Lifetimes {
            code: 60_000,
            access: 300_000,
            refresh: 2_000_000,
            idle: 900_000,
            grace: 30_000,
        };
    }
    let own = |lifetime: Option<std::time::Duration>| {
        u64::try_from(lifetime.unwrap().as_millis()).unwrap()
    };
    Lifetimes {
        code: own(ODD_LIFETIMES.code),
        access: own(ODD_LIFETIMES.access_token),
        refresh: own(ODD_LIFETIMES.refresh_token),
        idle: own(ODD_LIFETIMES.refresh_token_idle),
        grace: own(ODD_LIFETIMES.refresh_grace),
    }
}

pub(crate) struct Pending {
    pub(crate) client: &'static str,
    pub(crate) scope: Scope,
    pub(crate) handle: String,
    pub(crate) expires_at: u64,
    pub(crate) decided: Option<Decided>,
}

pub(crate) struct Decided {
    pub(crate) verdict: Verdict,
    pub(crate) at: u64,
    pub(crate) location: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Approved {
        user: &'static str,
        scope: Scope,
        remember: bool,
    },
    Remembered {
        user: &'static str,
    },
    Denied,
}

pub(crate) struct Grant {
    pub(crate) id: GrantId,
    pub(crate) client: &'static str,
    pub(crate) user: &'static str,
    pub(crate) scope: Scope,
    pub(crate) expires_at: u64,
    pub(crate) ended: bool,
}

pub(crate) struct Code {
    pub(crate) secret: String,
    pub(crate) grant: usize,
    pub(crate) expires_at: u64,
    pub(crate) spent: bool,
}

pub(crate) struct Access {
    pub(crate) secret: String,
    pub(crate) client: &'static str,
    pub(crate) grant: Option<usize>,
    pub(crate) scope: Scope,
    pub(crate) expires_at: u64,
    pub(crate) revoked: bool,
}

pub(crate) struct Refresh {
    pub(crate) secret: String,
    pub(crate) grant: usize,
    pub(crate) issued_at: u64,
    pub(crate) used: Option<Used>,
}

pub(crate) struct Used {
    pub(crate) at: u64,
    pub(crate) narrowed: bool,
    pub(crate) successor: usize,
}

pub(crate) struct Consent {
    pub(crate) scope: Scope,
    pub(crate) expires_at: u64,
}

/// What the client is to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Granted,
    /// The same refresh token as before, which is this one.
    GrantedAgain(usize),
    Refused(&'static str),
    /// Depends on whether the record has been forgotten.
    RefusedAs(&'static str, &'static str),
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) now: u64,
    pub(crate) pending: Vec<Pending>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) codes: Vec<Code>,
    pub(crate) access: Vec<Access>,
    pub(crate) refresh: Vec<Refresh>,
    pub(crate) consents: BTreeMap<(&'static str, &'static str), Consent>,
}

impl Model {
    pub(crate) fn timestamp(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.now)
    }

    pub(crate) fn is_access_alive(&self, token: &Access) -> bool {
        !token.revoked
            && self.now < token.expires_at
            && token.grant.is_none_or(|grant| !self.grants[grant].ended)
    }

    /// Whether it is the one of its family that can be used, as somebody is told who is not its client.
    pub(crate) fn is_refresh_active(&self, token: &Refresh) -> bool {
        token.used.is_none() && self.is_listed(&self.grants[token.grant])
    }

    pub(crate) fn is_listed(&self, grant: &Grant) -> bool {
        !grant.ended && self.now < grant.expires_at
    }

    pub(crate) fn remembers(&self, client: &'static str, user: &'static str) -> Option<&Consent> {
        self.consents
            .get(&(client, user))
            .filter(|consent| self.now < consent.expires_at)
    }

    pub(crate) fn remember(&mut self, client: &'static str, user: &'static str, scope: &Scope) {
        if client == APP {
            return;
        }
        let before = self
            .remembers(client, user)
            .map_or(Scope::EMPTY, |consent| consent.scope.clone());
        let consent = Consent {
            scope: before.union(scope),
            expires_at: self.now + CONSENT,
        };
        self.consents.insert((client, user), consent);
    }

    /// A right request for tokens for a code.
    pub(crate) fn redeem(&mut self, index: usize) -> Answer {
        let code = &mut self.codes[index];
        let grant = &mut self.grants[code.grant];
        if code.spent {
            // Also if it has ended already.
            grant.ended = true;
        }
        if grant.ended || self.now >= code.expires_at {
            return Answer::Refused("invalid_grant");
        }
        code.spent = true;
        Answer::Granted
    }

    /// A request for tokens for a code and a resource that was not granted.
    pub(crate) fn redeem_elsewhere(&self, index: usize) -> Answer {
        let code = &self.codes[index];
        if self.grants[code.grant].ended {
            Answer::Refused("invalid_grant")
        } else {
            Answer::RefusedAs("invalid_target", "invalid_grant")
        }
    }

    /// A request of the right client to refresh, which may ask for less.
    pub(crate) fn refresh(&mut self, index: usize, narrowed: bool) -> Answer {
        let token = &self.refresh[index];
        let grant = &self.grants[token.grant];
        let lifetimes = lifetimes(grant.client);
        if !self.is_listed(grant) {
            return Answer::Refused("invalid_grant");
        }
        let Some(used) = &token.used else {
            return if self.now >= token.issued_at + lifetimes.idle {
                Answer::Refused("invalid_grant")
            } else {
                Answer::Granted
            };
        };
        let is_retry = self.now < used.at + lifetimes.grace
            && used.narrowed == narrowed
            && self.refresh[used.successor].used.is_none();
        if is_retry {
            return Answer::GrantedAgain(used.successor);
        }
        self.grants[token.grant].ended = true;
        Answer::Refused("invalid_grant")
    }

    /// A request of the right client for what was not granted.
    pub(crate) fn refresh_beyond(&self, index: usize, error: &'static str) -> Answer {
        if self.is_listed(&self.grants[self.refresh[index].grant]) {
            Answer::Refused(error)
        } else {
            Answer::Refused("invalid_grant")
        }
    }

    pub(crate) fn end(&mut self, which: impl Fn(&Grant) -> bool) {
        for grant in self.grants.iter_mut().filter(|grant| which(grant)) {
            grant.ended = true;
        }
    }
}

pub(crate) fn asked(client: &str, wide: bool) -> Scope {
    scope(if wide && client != BRIEF {
        "read write"
    } else {
        "read"
    })
}

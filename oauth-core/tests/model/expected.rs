//! The model: lists of what was given out, and by plain rules what of it is good for what.

use std::collections::BTreeMap;

use oauth_core::{
    time::Timestamp,
    types::{GrantId, Scope},
};

use crate::{
    common::{
        clients::{APP, BRIEF, ODD, ODD_LIFETIMES, WEB},
        scope,
    },
    peril::Change,
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

/// A token or code that was issued; `None` if the answer was lost and nobody has it yet.
pub(crate) type Given = Option<String>;

#[derive(Clone)]
pub(crate) struct Pending {
    pub(crate) client: &'static str,
    pub(crate) scope: Scope,
    pub(crate) handle: String,
    /// With which operator secret.
    pub(crate) sealed_with: u8,
    pub(crate) expires_at: u64,
    pub(crate) approved: Option<Approved>,
}

#[derive(Clone)]
pub(crate) struct Approved {
    verdict: Verdict,
    at: u64,
    grant: usize,
    /// Where the browser was sent.
    pub(crate) location: Given,
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

/// The outcome of a verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Settled {
    Forged,
    Expired,
    AlreadyDecided,
    /// No remembered consent covers it.
    Asked,
    Declined,
    /// This grant was made.
    Approved(usize),
    /// The answer of the first time, again.
    Again(usize),
}

impl Settled {
    pub(crate) fn change(self) -> Change {
        match self {
            Self::Approved(_) => Change::Records,
            _ => Change::Nothing,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) id: Option<GrantId>,
    pub(crate) client: &'static str,
    pub(crate) user: &'static str,
    pub(crate) scope: Scope,
    approved_at: u64,
    /// Until the redemption, when the code does.
    expires_at: u64,
    pub(crate) ended: bool,
    pub(crate) code: Given,
    redeemed: bool,
}

#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) secret: Given,
    pub(crate) client: &'static str,
    pub(crate) grant: Option<usize>,
    pub(crate) scope: Scope,
    pub(crate) expires_at: u64,
    pub(crate) revoked: bool,
}

/// A refresh token. The last one of a grant in the list is the current one.
#[derive(Clone)]
pub(crate) struct Refresh {
    pub(crate) secret: Given,
    pub(crate) grant: usize,
    issued_at: u64,
    /// With which operator secret it was made.
    made_with: u8,
    /// The access token that was first given for it to a request with this scope.
    answers: BTreeMap<Option<&'static str>, usize>,
}

#[derive(Clone)]
pub(crate) struct Consent {
    pub(crate) scope: Scope,
    expires_at: u64,
}

/// What the client is to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Granted {
        access: usize,
        refresh: Option<usize>,
        /// Whether something is new about it.
        writes: bool,
    },
    Refused(&'static str),
    /// And the grant ends.
    RefusedForGood(&'static str),
    /// Depends on whether the record has been forgotten.
    RefusedAs(&'static str, &'static str),
}

impl Answer {
    pub(crate) fn change(self) -> Change {
        match self {
            Self::Granted { writes: true, .. } | Self::RefusedForGood(_) => Change::Records,
            Self::Granted { writes: false, .. } => Change::Guards,
            Self::Refused(_) | Self::RefusedAs(..) => Change::Nothing,
        }
    }
}

#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) now: u64,
    /// The operator secrets that are valid, the current one first.
    pub(crate) secrets: Vec<u8>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) grants: Vec<Grant>,
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

    /// Whether it is the current one of its grant, as a caller sees it who is not its client.
    pub(crate) fn is_refresh_active(&self, index: usize) -> bool {
        self.age(index) == 0 && self.is_listed(&self.grants[self.refresh[index].grant])
    }

    pub(crate) fn is_listed(&self, grant: &Grant) -> bool {
        !grant.ended && self.now < grant.expires_at
    }

    pub(crate) fn remembers(&self, client: &'static str, user: &'static str) -> Option<&Consent> {
        self.consents
            .get(&(client, user))
            .filter(|consent| self.now < consent.expires_at)
    }

    fn remember(&mut self, client: &'static str, user: &'static str, scope: &Scope) {
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

    /// A verdict about a pending request.
    pub(crate) fn settle(&mut self, index: usize, verdict: &Verdict) -> Settled {
        let pending = &self.pending[index];
        let client = pending.client;
        if !self.secrets.contains(&pending.sealed_with) {
            return Settled::Forged;
        }
        if self.now >= pending.expires_at {
            return Settled::Expired;
        }
        if let Some(first) = &pending.approved {
            let grant = &self.grants[first.grant];
            let is_same = first.verdict == *verdict && self.now < first.at + DECISION_GRACE;
            return if is_same && !grant.redeemed && !grant.ended {
                Settled::Again(first.grant)
            } else if matches!(verdict, Verdict::Remembered { .. }) {
                Settled::Asked
            } else {
                Settled::AlreadyDecided
            };
        }
        let (user, scope) = match verdict {
            Verdict::Denied => return Settled::Declined,
            Verdict::Approved { user, scope, .. } => (*user, scope.clone()),
            Verdict::Remembered { user } => match self.remembers(client, user) {
                Some(consent) if pending.scope.is_subset(&consent.scope) => {
                    (*user, pending.scope.clone())
                }
                _ => return Settled::Asked,
            },
        };
        let grant = self.grants.len();
        self.pending[index].approved = Some(Approved {
            verdict: verdict.clone(),
            at: self.now,
            grant,
            location: None,
        });
        if let Verdict::Approved { remember: true, .. } = verdict {
            self.remember(client, user, &scope);
        }
        self.grants.push(Grant {
            id: None,
            client,
            user,
            scope,
            approved_at: self.now,
            expires_at: self.now + lifetimes(client).code,
            ended: false,
            code: None,
            redeemed: false,
        });
        Settled::Approved(grant)
    }

    /// A right request for tokens for a code.
    pub(crate) fn redeem(&mut self, index: usize) -> Answer {
        let now = self.now;
        let grant = &mut self.grants[index];
        let client = grant.client;
        if grant.ended {
            return Answer::Refused("invalid_grant");
        }
        if grant.redeemed {
            grant.ended = true;
            return Answer::RefusedForGood("invalid_grant");
        }
        if now >= grant.expires_at {
            return Answer::Refused("invalid_grant");
        }
        grant.redeemed = true;
        let of = lifetimes(client);
        let refresh = if client == BRIEF {
            grant.expires_at = now + of.access;
            None
        } else {
            grant.expires_at = grant.approved_at + of.refresh;
            Some(self.issue_refresh(index))
        };
        Answer::Granted {
            access: self.issue_access(client, Some(index), None),
            refresh,
            writes: true,
        }
    }

    /// A request for tokens for a code and a resource that was not granted.
    pub(crate) fn redeem_elsewhere(&self, index: usize) -> Answer {
        if self.grants[index].ended {
            Answer::Refused("invalid_grant")
        } else {
            Answer::RefusedAs("invalid_target", "invalid_grant")
        }
    }

    /// A request of the right client to refresh, with a scope or without.
    pub(crate) fn refresh(&mut self, index: usize, scope: Option<&'static str>) -> Answer {
        const REFUSED: Answer = Answer::Refused("invalid_grant");
        let grant = self.refresh[index].grant;
        let of = lifetimes(self.grants[grant].client);
        if !self.is_known(index) || !self.is_listed(&self.grants[grant]) {
            return REFUSED;
        }
        if !is_granted(&self.grants[grant], scope) {
            return Answer::Refused("invalid_scope");
        }
        let chain = self.chain(grant);
        let age = self.age(index);
        if age == 0 {
            if self.now >= self.refresh[index].issued_at + of.idle {
                return REFUSED;
            }
            let access = self.issue_access(self.grants[grant].client, Some(grant), scope);
            self.refresh[index].answers.insert(scope, access);
            return Answer::Granted {
                access,
                refresh: Some(self.issue_refresh(grant)),
                writes: true,
            };
        }
        // A token was used when its successor was issued.
        let successor = chain[chain.len() - age];
        let is_late = self.now >= self.refresh[successor].issued_at + of.grace;
        match age {
            1 if !is_late => {}
            2 if !is_late => return REFUSED,
            _ => {
                self.grants[grant].ended = true;
                return Answer::RefusedForGood("invalid_grant");
            }
        }
        if !self.secrets.contains(&self.refresh[successor].made_with) {
            return REFUSED;
        }
        let before = self.refresh[index].answers.get(&scope).copied();
        let alive = before.filter(|access| self.is_access_alive(&self.access[*access]));
        let access = alive.unwrap_or_else(|| {
            let access = self.issue_access(self.grants[grant].client, Some(grant), scope);
            // The access token that was issued first does not come back.
            self.refresh[index].answers.entry(scope).or_insert(access);
            access
        });
        Answer::Granted {
            access,
            refresh: Some(successor),
            writes: alive.is_none(),
        }
    }

    /// A request of the right client for what was not granted.
    pub(crate) fn refresh_beyond(&self, index: usize, error: &'static str) -> Answer {
        if self.is_known(index) && self.is_listed(&self.grants[self.refresh[index].grant]) {
            Answer::Refused(error)
        } else {
            Answer::Refused("invalid_grant")
        }
    }

    /// The refresh tokens of a grant, the current one last.
    fn chain(&self, grant: usize) -> Vec<usize> {
        let all = self.refresh.iter().enumerate();
        all.filter(|(_, token)| token.grant == grant)
            .map(|(index, _)| index)
            .collect()
    }

    /// How many came after it.
    fn age(&self, index: usize) -> usize {
        let chain = self.chain(self.refresh[index].grant);
        chain.into_iter().filter(|own| *own > index).count()
    }

    /// The current and the previous token are known by themselves, older ones as long as their operator secret is valid.
    pub(crate) fn is_known(&self, index: usize) -> bool {
        self.age(index) < 2 || self.secrets.contains(&self.refresh[index].made_with)
    }

    pub(crate) fn issue_access(
        &mut self,
        client: &'static str,
        grant: Option<usize>,
        narrowed: Option<&str>,
    ) -> usize {
        let whole = grant.map_or_else(|| scope("read"), |grant| self.grants[grant].scope.clone());
        self.access.push(Access {
            secret: None,
            client,
            grant,
            scope: narrowed.map_or(whole, scope),
            expires_at: self.now + lifetimes(client).access,
            revoked: false,
        });
        self.access.len() - 1
    }

    fn issue_refresh(&mut self, grant: usize) -> usize {
        self.refresh.push(Refresh {
            secret: None,
            grant,
            issued_at: self.now,
            made_with: self.secrets[0],
            answers: BTreeMap::new(),
        });
        self.refresh.len() - 1
    }

    pub(crate) fn end(&mut self, which: impl Fn(&Grant) -> bool) {
        for grant in self.grants.iter_mut().filter(|grant| which(grant)) {
            grant.ended = true;
        }
    }

    /// The next step of replacing the operator secret: accept a new one, make it current, drop the old one.
    pub(crate) fn rotate(&mut self) {
        let [current, ref others @ ..] = self.secrets[..] else {
            panic!("there is no secret");
        };
        self.secrets = match others {
            [] => vec![current, current + 1],
            [other] if *other > current => vec![*other, current],
            _ => vec![current],
        };
    }
}

fn is_granted(grant: &Grant, asked: Option<&str>) -> bool {
    asked.is_none_or(|asked| scope(asked).is_subset(&grant.scope))
}

pub(crate) fn asked(client: &str, wide: bool) -> Scope {
    scope(if wide && client != BRIEF {
        "read write"
    } else {
        "read"
    })
}

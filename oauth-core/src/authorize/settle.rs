//! Decides a pending request, once. The same click again gets the same answer.
//!
//! An approval creates one record, the grant. Its id is derived from the pending request and the
//! browser's secret, so the grant also marks the request as decided. A refusal writes nothing.

use super::{
    Browser, InteractionDenial, Pending, ResponseType,
    consent::Consent,
    deliver::{Decided, Outcome},
};
use crate::{
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::Fault,
    hash::hmac_sha256,
    store::{Commit, Expect, Key, Record, StoreError, Stored, decode},
    time::Timestamp,
    token::{
        Code, DecisionMark, GrantRecord, Issuance, IssuedTokens, TokenResponse, UnspentCode,
        issue_of,
    },
    types::{Authentication, GrantId, HostData, Scope, Subject},
};

/// A user's yes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Approval {
    /// Who says it.
    pub subject: Subject,
    /// To how much of what was asked; `None` for all of it.
    pub scope: Option<Scope>,
    /// How the user signed in. It goes into the grant and its tokens.
    pub authentication: Option<Authentication>,
    /// The host's own data, which goes there too.
    pub data: Option<HostData>,
    /// Whether to remember it, so that the next request for no more than this needs no question. The policy decides for which
    /// clients that can be.
    pub remember: bool,
}

impl Approval {
    /// `subject` allows all that was asked, this once.
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            scope: None,
            authentication: None,
            data: None,
            remember: false,
        }
    }

    /// Allows only `scope`.
    #[must_use]
    pub fn only(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Says how the user signed in.
    #[must_use]
    pub fn authentication(mut self, authentication: Authentication) -> Self {
        self.authentication = Some(authentication);
        self
    }

    /// Adds the host's own data.
    #[must_use]
    pub fn data(mut self, data: HostData) -> Self {
        self.data = Some(data);
        self
    }

    /// Remembers the approval.
    #[must_use]
    pub fn remembered(mut self) -> Self {
        self.remember = true;
        self
    }
}

impl From<Subject> for Approval {
    fn from(subject: Subject) -> Self {
        Self::new(subject)
    }
}

impl From<&Subject> for Approval {
    fn from(subject: &Subject) -> Self {
        Self::new(subject.clone())
    }
}

/// What was decided.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The user allows it.
    Approve(Approval),
    /// This user has allowed it before, and the consent is remembered. The approval's `scope` and
    /// `remember` are ignored.
    ApproveRemembered(Approval),
    /// The user does not allow it.
    Deny,
}

/// The decision about a pending request.
#[derive(Debug)]
pub(crate) struct Settle<'a> {
    pub(crate) pending: &'a Pending,
    pub(crate) browser: &'a Browser,
    pub(crate) verdict: &'a Verdict,
}

impl Decide for Settle<'_> {
    type Answer = Decided;
    type Denial = InteractionDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        let grant = self.pending.grant(self.browser);
        let mut keys = vec![Key::of_grant(&rules.realm, grant)];
        if let Verdict::Approve(approval) | Verdict::ApproveRemembered(approval) = self.verdict {
            keys.push(Consent::key(
                &rules.realm,
                self.pending.client.id(),
                &approval.subject,
            ));
        }
        keys
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<Decided, InteractionDenial>, Fault> {
        if context.now >= self.pending.expires_at() {
            return Ok(Decision::deny(InteractionDenial::Expired).into());
        }
        if let Some(anchor) = found.get(0) {
            return Ok(match self.repeat(anchor, context)? {
                Some(outcome) => Decision::answer(Decided {
                    outcome,
                    grant: None,
                }),
                None => Decision::deny(InteractionDenial::AlreadyDecided),
            }
            .into());
        }
        Ok(match self.verdict {
            Verdict::Deny => Decision::answer(Decided {
                outcome: Outcome::Declined,
                grant: None,
            }),
            Verdict::Approve(approval) => self.approve(approval, found.get(1), context)?,
            Verdict::ApproveRemembered(approval) => {
                self.approve_remembered(approval, found.get(1), context)?
            }
        }
        .into())
    }
}

type Completion = Decision<Decided, InteractionDenial>;

impl Settle<'_> {
    fn approve(
        &self,
        approval: &Approval,
        consent: Option<&Stored>,
        context: &mut Context<'_>,
    ) -> Result<Completion, StoreError> {
        let asked = self.pending.scope();
        let scope = approval.scope.as_ref().unwrap_or(asked);
        if !scope.is_subset(asked) {
            return Ok(Decision::deny(InteractionDenial::Widened));
        }
        // A response without `scope` means that everything was granted, so a token for nothing
        // would be mistaken for that.
        if scope.is_empty() && !asked.is_empty() {
            return Ok(Decision::deny(InteractionDenial::Nothing));
        }
        let mut commit = context.commit();
        if approval.remember && self.pending.can_be_remembered(&context.rules.policy) {
            let expires_at = context.now + context.rules.policy.consent_lifetime;
            let before = match consent {
                Some(stored) => decode::<Consent>(&stored.body)?,
                None => Consent::default(),
            };
            let before = if before.is_expired(context.now) {
                Consent::default()
            } else {
                before
            };
            let consent_now = before.and(scope, self.pending.resources(), context.now, expires_at);
            let record = consent_now.record(
                &context.rules.realm,
                self.pending.client.id(),
                &approval.subject,
            );
            commit = match consent {
                Some(stored) => commit.replace(record, stored.version),
                None => commit.create(record),
            };
        }
        let grant = self.grant(approval, scope.clone(), context.now);
        Ok(self.open(commit, grant, context))
    }

    fn approve_remembered(
        &self,
        approval: &Approval,
        consent: Option<&Stored>,
        context: &mut Context<'_>,
    ) -> Result<Completion, StoreError> {
        if let Some(stored) = consent {
            let covered = decode::<Consent>(&stored.body)?.covers(self.pending, context.now);
            if covered && self.pending.can_be_remembered(&context.rules.policy) {
                let key = Consent::key(
                    &context.rules.realm,
                    self.pending.client.id(),
                    &approval.subject,
                );
                // Withdrawing a consent removes its record first, so no family can be opened by it
                // after that.
                let commit = context.commit().guard(key, Expect::Version(stored.version));
                let scope = self.pending.scope().clone();
                let grant = self.grant(approval, scope, context.now);
                return Ok(self.open(commit, grant, context));
            }
        }
        Ok(Decision::deny(InteractionDenial::NotRemembered))
    }

    fn grant(&self, approval: &Approval, scope: Scope, now: Timestamp) -> GrantRecord {
        let mut request = self.pending.request.clone();
        request.scope = scope;
        let subject = Some(approval.subject.clone());
        let id = self.pending.grant(self.browser);
        let mut grant = GrantRecord::new(id, request, subject, now);
        grant.authentication = approval.authentication.clone().map(Box::new);
        grant.data.clone_from(&approval.data);
        grant
    }

    /// Opens the family, with the code or the token that the client asked for.
    fn open(
        &self,
        commit: Commit,
        mut grant: GrantRecord,
        context: &mut Context<'_>,
    ) -> Completion {
        let Context { rules, now, .. } = *context;
        let client = &self.pending.client;
        let key = Key::of_grant(&rules.realm, grant.id);
        let family = key.family();
        let salt = context.random.id();
        grant.decision = Some(DecisionMark {
            at: now,
            verdict: self.verdict_digest(),
            salt,
        });
        let (outcome, beside) = match grant.request.response_type {
            ResponseType::Code => {
                let code = self.code(&salt, grant.id, rules);
                grant.expires_at = now + rules.policy.code_lifetime(client);
                let to = &self.pending.to;
                let returns_to = Some((&to.redirect_uri, to.is_named));
                let unspent =
                    UnspentCode::new(&code, &rules.realm, grant.id, returns_to, grant.expires_at);
                grant.code = Some(unspent);
                let forget_at = self.forget_at(&grant);
                let pointer = code.pointer(&rules.realm, grant.id, family, forget_at);
                (Outcome::Code(code.encode(&rules.formats)), pointer)
            }
            ResponseType::Token => {
                let issuance = grant.issuance(client, family);
                let (token, record) = self.token(&salt, &issuance, now, rules);
                grant.expires_at = token.token.expires_at;
                grant.issued = Some(IssuedTokens::first(now));
                (Outcome::Token(Box::new(token)), Some(record))
            }
        };
        let anchor = grant.anchor(key, self.forget_at(&grant));
        if !GrantRecord::fits(&anchor) {
            return Decision::deny(InteractionDenial::TooLarge);
        }
        let mut commit = commit.create(anchor);
        if let Some(record) = beside {
            commit = commit.create(record);
        }
        let grant = Some(grant.id);
        Decision::grant(commit, Decided { outcome, grant })
    }

    /// Not before the handle expires: until then, the grant marks the request as decided.
    fn forget_at(&self, grant: &GrantRecord) -> Timestamp {
        grant.expires_at.max(self.pending.expires_at())
    }

    /// The first answer again, if this is the same verdict shortly after, and the code has not been
    /// redeemed.
    fn repeat(
        &self,
        anchor: &Stored,
        context: &Context<'_>,
    ) -> Result<Option<Outcome>, StoreError> {
        let Context { rules, now, .. } = *context;
        let Some(grant) = GrantRecord::open(anchor)? else {
            return Ok(None);
        };
        let grace = rules.policy.decision_grace;
        let mark = grant
            .decision
            .as_ref()
            .filter(|mark| mark.verdict == self.verdict_digest() && now < mark.at + grace);
        let Some(mark) = mark else { return Ok(None) };
        Ok(match grant.request.response_type {
            ResponseType::Code => {
                let code = self.code(&mark.salt, grant.id, rules);
                Some(Outcome::Code(code.encode(&rules.formats)))
            }
            ResponseType::Token => {
                let issuance = grant.issuance(
                    &self.pending.client,
                    Key::of_grant(&rules.realm, grant.id).family(),
                );
                let (mut token, _) = self.token(&mark.salt, &issuance, mark.at, rules);
                // Its expiry stays as first issued, however often the answer is repeated.
                token.expires_in = token.token.expires_at.saturating_since(now);
                (!token.expires_in.is_zero()).then(|| Outcome::Token(Box::new(token)))
            }
        })
    }

    /// The store has the salt and the browser its secret, so neither alone can derive the code.
    fn code(&self, salt: &[u8; 16], grant: GrantId, rules: &Rules) -> Code {
        let secret = self
            .browser
            .derive("authorization code", &self.pending.id, salt);
        Code::new(grant, &secret, &rules.formats)
    }

    /// An access token from the authorization endpoint. There is no refresh token with it (RFC 6749 §4.2.2).
    fn token(
        &self,
        salt: &[u8; 16],
        issuance: &Issuance<'_>,
        issued_at: Timestamp,
        rules: &Rules,
    ) -> (TokenResponse, Record) {
        let bits = self.browser.derive("access token", &self.pending.id, salt);
        issue_of(&bits, issuance, issued_at, rules)
    }

    fn verdict_digest(&self) -> [u8; 32] {
        let parts: &[&[u8]] = match self.verdict {
            Verdict::Deny => &[b"deny"],
            Verdict::ApproveRemembered(approval) => {
                &[b"remembered", approval.subject.as_str().as_bytes()]
            }
            Verdict::Approve(approval) => &[
                b"approve",
                approval.subject.as_str().as_bytes(),
                approval
                    .scope
                    .as_ref()
                    .unwrap_or(self.pending.scope())
                    .as_str()
                    .as_bytes(),
                &[u8::from(approval.remember)],
            ],
        };
        hmac_sha256(b"verdict", parts)
    }
}

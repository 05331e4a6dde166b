//! The decision about a pending request: made once, with the same answer to the same click again.

use serde::{Deserialize, Serialize};

use super::{
    AuthorizationDenial, AuthorizationResponse, Browser, InteractionDenial, Pending, ResponseType,
    consent::Consent, pending::decision_key,
};
use crate::{
    decide::{Context, Decide, Decision, Found, Rules},
    error::Fault,
    hash::hmac_sha256,
    store::{Body, Commit, Expect, Key, Record, Role, Stored, decode, encode},
    time::Timestamp,
    token::{AccessToken, Code, CodeState, Issuance, Terms, TokenResponse, issue_of},
    types::{GrantId, Issuer, Scope, Secret, Subject},
};

/// A user's yes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Approval {
    /// Who says it.
    pub subject: Subject,
    /// To how much of what was asked; `None` for all of it.
    pub scope: Option<Scope>,
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
            remember: false,
        }
    }

    /// Allows only `scope`.
    #[must_use]
    pub fn only(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Is to be remembered.
    #[must_use]
    pub fn remembered(mut self) -> Self {
        self.remember = true;
        self
    }
}

/// What was decided.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The user allows it.
    Approve(Approval),
    /// This user allowed it before, and that is remembered.
    ApproveRemembered(Subject),
    /// The user does not allow it.
    Deny,
}

/// A decision that was made, or made before and repeated.
#[derive(Debug)]
pub struct Settled {
    /// What to send to the client through the browser.
    pub response: AuthorizationResponse,
    /// The new grant; `None` if the user declined or this is a repetition.
    pub grant: Option<GrantId>,
    /// The access token that was issued with it, if one was.
    pub(crate) token: Option<AccessToken>,
}

/// The step from pending to settled.
#[derive(Debug)]
pub(crate) struct Settle<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) pending: &'a Pending,
    pub(crate) browser: &'a Browser,
    pub(crate) verdict: &'a Verdict,
}

/// The mark that a handle was decided.
#[derive(Serialize, Deserialize)]
struct Mark {
    at: Timestamp,
    /// The digest of the verdict.
    verdict: [u8; 32],
    /// From this, the handle and the browser's secret the code is derived. The store alone cannot.
    salt: [u8; 16],
}

impl Body for Mark {}

impl Decide for Settle<'_> {
    type Answer = Settled;
    type Denial = InteractionDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        let mut keys = vec![decision_key(&rules.realm, &self.pending.id)];
        if let Verdict::Approve(Approval { subject, .. }) | Verdict::ApproveRemembered(subject) =
            self.verdict
        {
            keys.push(Consent::key(
                &rules.realm,
                self.pending.client.id(),
                subject,
            ));
        }
        keys
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Decision<Settled, InteractionDenial>, Fault> {
        if context.now >= self.pending.expires_at() {
            return Ok(Decision::deny(InteractionDenial::Expired));
        }
        if let Some(stored) = found.get(0) {
            return Ok(match self.repeat(&decode(&stored.body)?, context) {
                Some(response) => Decision {
                    commit: None,
                    answer: Ok(Settled {
                        response,
                        grant: None,
                        token: None,
                    }),
                },
                None => Decision::deny(InteractionDenial::AlreadyDecided),
            });
        }
        match self.verdict {
            Verdict::Deny => Ok(self.decline(context)),
            Verdict::Approve(approval) => self.approve(approval, found.get(1), context),
            Verdict::ApproveRemembered(subject) => {
                self.approve_remembered(subject, found.get(1), context)
            }
        }
    }
}

impl Settle<'_> {
    fn decline(&self, context: &mut Context<'_>) -> Decision<Settled, InteractionDenial> {
        let salt = context.random.id();
        let mark = self.mark(salt, context);
        Decision::grant(
            context.commit().create(mark),
            Settled {
                response: self.declined(),
                grant: None,
                token: None,
            },
        )
    }

    fn approve(
        &self,
        approval: &Approval,
        consent: Option<&Stored>,
        context: &mut Context<'_>,
    ) -> Result<Decision<Settled, InteractionDenial>, Fault> {
        let scope = approval.scope.as_ref().unwrap_or(&self.pending.scope);
        if !scope.is_subset(&self.pending.scope) {
            return Ok(Decision::deny(InteractionDenial::Widened));
        }
        // A token for nothing would be taken for one that permits what was asked: that is what no `scope` in the answer means.
        if scope.is_empty() && !self.pending.scope.is_empty() {
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
            let consent_now = before.and(scope, &self.pending.resources, context.now, expires_at);
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
        Ok(self.open(commit, &approval.subject, scope, context))
    }

    fn approve_remembered(
        &self,
        subject: &Subject,
        consent: Option<&Stored>,
        context: &mut Context<'_>,
    ) -> Result<Decision<Settled, InteractionDenial>, Fault> {
        if let Some(stored) = consent {
            let covered = decode::<Consent>(&stored.body)?.covers(self.pending, context.now);
            if covered && self.pending.can_be_remembered(&context.rules.policy) {
                let key = Consent::key(&context.rules.realm, self.pending.client.id(), subject);
                // Withdrawing removes the record first: no family can then still come of it.
                let commit = context.commit().guard(key, Expect::Version(stored.version));
                return Ok(self.open(commit, subject, &self.pending.scope, context));
            }
        }
        Ok(Decision::deny(InteractionDenial::NotRemembered))
    }

    /// Opens the family, with the code or the token that the client asked for.
    fn open(
        &self,
        commit: Commit,
        subject: &Subject,
        scope: &Scope,
        context: &mut Context<'_>,
    ) -> Decision<Settled, InteractionDenial> {
        let Context { rules, now, .. } = *context;
        let client = &self.pending.client;
        let terms = Terms::new(
            client,
            Some(subject.clone()),
            scope.clone(),
            self.pending.resources.clone(),
            now,
            &rules.policy,
        );
        let grant = GrantId::from_bytes(context.random.id());
        let anchor = terms.anchor(&rules.realm, grant);
        let family = anchor.key.family();
        let salt = context.random.id();
        let (response, given, token) = match self.pending.response_type {
            ResponseType::Code => {
                let secret = self.code(&salt, rules);
                let code = Code {
                    redirect_uri: Some(self.pending.to.redirect_uri.as_str().to_owned()),
                    is_redirect_uri_named: self.pending.to.is_named,
                    is_scope_named: self.pending.to.is_scope_named,
                    challenge: self.pending.challenge.clone(),
                    expires_at: now + rules.policy.code_lifetime(client),
                    state: CodeState::Unspent,
                    terms,
                };
                let record = code.record(Code::key(&rules.realm, secret.borrowed()), family);
                (self.pending.to.success(self.issuer, &secret), record, None)
            }
            ResponseType::Token => {
                let role = Role::Member(family);
                let (token, record) = self.token(&salt, subject, scope, role, now, rules);
                let response = self.pending.to.token(self.issuer, &token);
                (response, record, Some(token.token))
            }
        };
        let commit = commit
            .create(self.mark(salt, context))
            .create(anchor)
            .create(given);
        Decision::grant(
            commit,
            Settled {
                response,
                grant: Some(grant),
                token,
            },
        )
    }

    /// The answer of the first time, if this is the same verdict shortly after.
    fn repeat(&self, mark: &Mark, context: &Context<'_>) -> Option<AuthorizationResponse> {
        let same = mark.verdict == self.verdict_digest()
            && context.now < mark.at + context.rules.policy.decision_grace;
        if !same {
            return None;
        }
        let (subject, scope) = match self.verdict {
            Verdict::Deny => return Some(self.declined()),
            Verdict::Approve(approval) => (&approval.subject, approval.scope.as_ref()),
            Verdict::ApproveRemembered(subject) => (subject, None),
        };
        let Context { rules, now, .. } = *context;
        match self.pending.response_type {
            ResponseType::Code => {
                let code = self.code(&mark.salt, rules);
                Some(self.pending.to.success(self.issuer, &code))
            }
            ResponseType::Token => {
                let scope = scope.unwrap_or(&self.pending.scope);
                let role = Role::Single;
                let (mut token, _) = self.token(&mark.salt, subject, scope, role, mark.at, rules);
                // It lives as long as it was given the first time, however often it is shown.
                token.expires_in = token.token.expires_at.saturating_since(now);
                (!token.expires_in.is_zero()).then(|| self.pending.to.token(self.issuer, &token))
            }
        }
    }

    fn declined(&self) -> AuthorizationResponse {
        self.pending
            .to
            .error(self.issuer, AuthorizationDenial::Declined.refusal())
    }

    fn code(&self, salt: &[u8; 16], rules: &Rules) -> Secret {
        let bits = self.derive(b"authorization code", salt);
        rules.formats.code.render(&bits)
    }

    /// An access token from the authorization endpoint. There is no refresh token with it (RFC 6749 §4.2.2).
    fn token(
        &self,
        salt: &[u8; 16],
        subject: &Subject,
        scope: &Scope,
        role: Role,
        issued_at: Timestamp,
        rules: &Rules,
    ) -> (TokenResponse, Record) {
        let issuance = Issuance {
            client: &self.pending.client,
            subject: Some(subject),
            scope,
            resources: &self.pending.resources,
            role,
        };
        let bits = self.derive(b"access token", salt);
        issue_of(&bits, &issuance, issued_at, rules)
    }

    /// The store has the salt and the browser its secret: neither alone makes a code or a token.
    fn derive(&self, what: &[u8], salt: &[u8; 16]) -> [u8; 32] {
        hmac_sha256(self.browser.key(), &[what, &self.pending.id, salt])
    }

    fn mark(&self, salt: [u8; 16], context: &Context<'_>) -> Record {
        let mark = Mark {
            at: context.now,
            verdict: self.verdict_digest(),
            salt,
        };
        Record {
            key: decision_key(&context.rules.realm, &self.pending.id),
            role: Role::Single,
            owner: None,
            // As long as the handle could be decided again.
            forget_at: self.pending.expires_at(),
            body: encode(&mark),
        }
    }

    fn verdict_digest(&self) -> [u8; 32] {
        let parts: &[&[u8]] = match self.verdict {
            Verdict::Deny => &[b"deny"],
            Verdict::ApproveRemembered(subject) => &[b"remembered", subject.as_str().as_bytes()],
            Verdict::Approve(Approval {
                subject,
                scope,
                remember,
            }) => &[
                b"approve",
                subject.as_str().as_bytes(),
                scope
                    .as_ref()
                    .unwrap_or(&self.pending.scope)
                    .as_str()
                    .as_bytes(),
                &[u8::from(*remember)],
            ],
        };
        hmac_sha256(b"verdict", parts)
    }
}

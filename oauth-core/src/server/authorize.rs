//! The authorization endpoint, and the decision about what is pending there.

use std::error::Error;

use super::AuthorizationServer;
use crate::{
    authorize::{
        AuthorizationResponse, Browser, Examined, Interaction, InteractionDenial, Pending,
        Received, Refused, Sealed, Settle, Settled, UnprovenDenial, Verdict,
    },
    client::ClientDenial,
    decide::Context,
    error::Fault,
    event::Event,
    seal::{SealKey, Sealer},
    store::{Commit, Outcome, Version, decode},
    types::{Params, Subject},
};

/// What is to be done about an authorization request.
#[derive(Debug)]
#[must_use]
pub enum AuthorizeAnswer {
    /// Somebody has to decide: log the user in, and ask.
    Interact(Interaction),
    /// Send this to the client.
    Respond(AuthorizationResponse),
    /// Show a page, with a link to the client at most: its address was registered by itself (RFC 9700 §4.11.2).
    Refuse(Box<Refused>),
    /// Show a page. There is nobody that the browser could be sent to.
    Unproven(UnprovenDenial),
}

impl AuthorizationServer {
    /// Answers an authorization request (RFC 6749 §4.1.1) from a browser. Writes nothing.
    ///
    /// # Errors
    /// If the machine broke. Once the request is found to be in order, a client that may be told is told instead.
    pub async fn authorize(
        &self,
        params: Params,
        browser: &Browser,
    ) -> Result<AuthorizeAnswer, Fault> {
        let received = Received::new(params);
        let client_id = match received.client_id() {
            Ok(client_id) => client_id,
            Err(reason) => {
                self.happened(|| Event::AuthorizationUnproven {
                    client_id: None,
                    reason,
                });
                return Ok(AuthorizeAnswer::Unproven(reason));
            }
        };
        let found = self
            .client(&client_id)
            .await?
            .map_err(|denial| match denial {
                ClientDenial::OtherProfile => UnprovenDenial::OtherProfile,
                _ => UnprovenDenial::UnknownClient,
            });
        let identified = match found.and_then(|client| received.identify(client)) {
            Ok(identified) => identified,
            Err(reason) => {
                self.happened(|| Event::AuthorizationUnproven {
                    client_id: Some(client_id),
                    reason,
                });
                return Ok(AuthorizeAnswer::Unproven(reason));
            }
        };
        match identified.examine(self.issuer(), self.rules()) {
            Ok(examined) => self.pend(examined, browser).await,
            Err(refused) => {
                self.happened(|| Event::AuthorizationRefused {
                    client_id,
                    reason: refused.denial,
                });
                Ok(if refused.trusted {
                    AuthorizeAnswer::Respond(refused.response)
                } else {
                    AuthorizeAnswer::Refuse(refused)
                })
            }
        }
    }

    async fn pend(&self, examined: Examined, browser: &Browser) -> Result<AuthorizeAnswer, Fault> {
        let tools = match self.sealer().await {
            Ok(sealer) => self.random().map(|random| (sealer, random)),
            Err(fault) => Err(fault),
        };
        let client_id = examined.client().id().clone();
        let (sealer, random) = match tools {
            Ok(tools) => tools,
            Err(fault) => {
                tracing::error!(fault = &fault as &dyn Error, %client_id, "cannot begin an interaction");
                return match examined.broken(self.issuer(), &fault) {
                    Some(response) => Ok(AuthorizeAnswer::Respond(response)),
                    None => Err(fault),
                };
            }
        };
        let mut context = Context {
            rules: self.rules(),
            now: self.now(),
            random,
        };
        let interaction = examined.pend(browser, &sealer, &mut context);
        let scope = interaction.pending.scope().clone();
        self.happened(|| Event::AuthorizationPending { client_id, scope });
        Ok(AuthorizeAnswer::Interact(interaction))
    }

    /// What is pending under a handle, to show a page about it.
    ///
    /// # Errors
    /// An [`InteractionDenial`] inside if it cannot be carried on in this browser; a [`Fault`] if the machine broke.
    pub async fn interaction(
        &self,
        handle: &str,
        browser: Option<&Browser>,
    ) -> Result<Result<Pending, InteractionDenial>, Fault> {
        let pending = self.resume(handle, browser).await?;
        if let Err(reason) = pending {
            self.happened(|| Event::InteractionRefused { reason });
        }
        Ok(pending)
    }

    async fn resume(
        &self,
        handle: &str,
        browser: Option<&Browser>,
    ) -> Result<Result<Pending, InteractionDenial>, Fault> {
        match Sealed::open(handle, browser, &self.sealer().await?, self.now()) {
            Ok(sealed) => {
                let client = self.client(sealed.client_id()).await?;
                Ok(sealed.resume(client.ok()))
            }
            Err(denial) => Ok(Err(denial)),
        }
    }

    /// Decides what is pending under a handle, once. The same verdict again within a short time gets the same answer again,
    /// whichever process it comes to, so that a double click does no harm.
    ///
    /// Only call this for a request that the user has made: their `POST` of a form that holds the handle. The handle is bound to
    /// the browser's cookie, so a form on a foreign site does not get here.
    ///
    /// # Errors
    /// An [`InteractionDenial`] inside if it cannot be decided so; a [`Fault`] if the machine broke.
    pub async fn settle(
        &self,
        handle: &str,
        browser: Option<&Browser>,
        verdict: &Verdict,
    ) -> Result<Result<Settled, InteractionDenial>, Fault> {
        let answer = match (self.resume(handle, browser).await?, browser) {
            (Ok(pending), Some(browser)) => {
                let client_id = pending.client().id().clone();
                let ask = Settle {
                    issuer: self.issuer(),
                    pending: &pending,
                    browser,
                    verdict,
                };
                self.run(&ask).await?.map(|settled| (client_id, settled))
            }
            (Ok(_), None) => Err(InteractionDenial::WrongBrowser),
            (Err(denial), _) => Err(denial),
        };
        self.happened(|| match (&answer, verdict) {
            (Err(reason), _) => Event::InteractionRefused { reason: *reason },
            (Ok((client_id, _)), Verdict::Deny) => Event::Declined {
                client_id: client_id.clone(),
            },
            (Ok((client_id, settled)), Verdict::Approve(approval)) => {
                approved(client_id, &approval.subject, settled, false)
            }
            (Ok((client_id, settled)), Verdict::ApproveRemembered(subject)) => {
                approved(client_id, subject, settled, true)
            }
        });
        if let Ok((_, settled)) = &answer {
            self.told_of_implicit(settled);
        }
        Ok(answer.map(|(_, settled)| settled))
    }

    /// Tells of a token that was issued right here.
    fn told_of_implicit(&self, settled: &Settled) {
        if let Some(token) = &settled.token {
            self.happened(|| Event::issued(token, None));
        }
    }

    /// Approves what is pending under a handle if the user has allowed as much before and that is remembered; `None` if they
    /// have to be asked.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    pub async fn settle_remembered(
        &self,
        handle: &str,
        browser: Option<&Browser>,
        subject: &Subject,
    ) -> Result<Result<Option<Settled>, InteractionDenial>, Fault> {
        let (Ok(pending), Some(browser)) = (self.resume(handle, browser).await?, browser) else {
            // Says what is wrong, and tells the log.
            return Ok(self.interaction(handle, browser).await?.map(|_| None));
        };
        let verdict = Verdict::ApproveRemembered(subject.clone());
        let ask = Settle {
            issuer: self.issuer(),
            pending: &pending,
            browser,
            verdict: &verdict,
        };
        match self.run(&ask).await? {
            Ok(settled) => {
                self.happened(|| approved(pending.client().id(), subject, &settled, true));
                self.told_of_implicit(&settled);
                Ok(Ok(Some(settled)))
            }
            Err(InteractionDenial::NotRemembered | InteractionDenial::AlreadyDecided) => {
                Ok(Ok(None))
            }
            Err(reason) => {
                self.happened(|| Event::InteractionRefused { reason });
                Ok(Err(reason))
            }
        }
    }

    /// Seals values that travel with a browser, with a key that every process over the same store has.
    ///
    /// # Errors
    /// If the store or the source of randomness fails.
    pub async fn sealer(&self) -> Result<Sealer, Fault> {
        if let Some(sealer) = self.0.sealer.get() {
            return Ok(sealer.clone());
        }
        let key = SealKey::key(&self.rules().realm);
        for _ in 0..super::ATTEMPTS {
            if let Some(stored) = self.0.store.load(&key).await? {
                let SealKey(bytes) = decode(&stored.body)?;
                return Ok(self.0.sealer.get_or_init(|| Sealer::new(bytes)).clone());
            }
            let mut random = self.random()?;
            let id = Version::from_bytes(random.id());
            let made = SealKey(random.secret()).record(&self.rules().realm);
            // Whoever is first has made it; everybody then loads that one.
            let (Outcome::Committed | Outcome::Conflict) = self
                .commit(Commit::new(id).create(made), self.now())
                .await?;
        }
        Err(Fault::Contention)
    }
}

fn approved(
    client_id: &crate::types::ClientId,
    subject: &Subject,
    settled: &Settled,
    remembered: bool,
) -> Event {
    Event::Approved {
        client_id: client_id.clone(),
        subject: subject.clone(),
        grant: settled.grant,
        remembered,
    }
}

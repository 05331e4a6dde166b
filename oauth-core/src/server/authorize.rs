//! The authorization endpoint, and the decision about what is pending there.

use super::AuthorizationServer;
use crate::{
    authorize::{
        Approval, AuthorizationResponse, Browser, Examined, Identified, Interaction,
        InteractionDenial, Pending, Received, Refused, Sealed, Settle, Settled, UnprovenDenial,
        Verdict,
    },
    client::ClientDenial,
    decide::Context,
    error::{Error, Fault},
    event::Event,
    types::{ClientId, Params},
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
    /// If the server failed. Once the request is known to be valid, a client to which the browser
    /// may be redirected is told instead, and this returns `Ok`.
    pub async fn authorize(
        &self,
        params: Params,
        browser: &Browser,
    ) -> Result<AuthorizeAnswer, Fault> {
        let mut named = None;
        let identified = match self.identify(params, &mut named).await {
            Ok(identified) => identified,
            Err(error) => {
                let reason = error.into_denial()?;
                self.happened(|| Event::AuthorizationUnproven {
                    client_id: named,
                    reason,
                });
                return Ok(AuthorizeAnswer::Unproven(reason));
            }
        };
        let client_id = identified.client().id().clone();
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

    /// Checks client and redirection URI. Sets `named` to the client that the request names.
    async fn identify(
        &self,
        params: Params,
        named: &mut Option<ClientId>,
    ) -> Result<Identified, Error<UnprovenDenial>> {
        let received = Received::new(params);
        let client_id = named.insert(received.client_id()?);
        let client = self.client(client_id).await;
        let client = client.map_err(|error| {
            error.map_denial(|denial| match denial {
                ClientDenial::OtherProfile => UnprovenDenial::OtherProfile,
                _ => UnprovenDenial::UnknownClient,
            })
        })?;
        Ok(received.identify(client)?)
    }

    async fn pend(&self, examined: Examined, browser: &Browser) -> Result<AuthorizeAnswer, Fault> {
        let tools = match self.keys().await {
            Ok(keys) => self.random().map(|random| (keys, random)),
            Err(fault) => Err(fault),
        };
        let client_id = examined.client().id().clone();
        let (keys, random) = match tools {
            Ok(tools) => tools,
            Err(fault) => {
                tracing::error!(fault = &fault as &dyn std::error::Error, %client_id, "cannot begin an interaction");
                return match examined.broken(self.issuer(), &fault) {
                    Some(response) => Ok(AuthorizeAnswer::Respond(response)),
                    None => Err(fault),
                };
            }
        };
        let mut context = Context::new(self.rules(), keys, self.now(), random);
        let interaction = examined.pend(browser, &mut context);
        let scope = interaction.pending.scope().clone();
        self.happened(|| Event::AuthorizationPending { client_id, scope });
        Ok(AuthorizeAnswer::Interact(interaction))
    }

    /// What is pending under a handle, to show a page about it.
    ///
    /// # Errors
    /// An [`InteractionDenial`] if it cannot be continued in this browser; a [`Fault`] if the
    /// server failed.
    pub async fn interaction(
        &self,
        handle: &str,
        browser: Option<&Browser>,
    ) -> Result<Pending, Error<InteractionDenial>> {
        let pending = self.resume(handle, browser).await;
        if let Err(error) = &pending {
            self.told_of_refused_interaction(error);
        }
        pending
    }

    async fn resume(
        &self,
        handle: &str,
        browser: Option<&Browser>,
    ) -> Result<Pending, Error<InteractionDenial>> {
        let sealed = Sealed::open(handle, browser, &self.sealer().await?, self.now())?;
        let client = self.find_client(sealed.client_id()).await?;
        Ok(sealed.resume(client)?)
    }

    /// Decides what is pending under a handle, once. The same verdict again within a short time gets the same answer again,
    /// whichever process it comes to, so that a double click does no harm.
    ///
    /// Only call this for a request that the user has made: their `POST` of a form that holds the handle. The handle is bound to
    /// the browser's cookie, so a form on a foreign site does not get here.
    ///
    /// # Errors
    /// An [`InteractionDenial`] if it cannot be decided this way; a [`Fault`] if the server failed.
    pub async fn settle(
        &self,
        handle: &str,
        browser: Option<&Browser>,
        verdict: &Verdict,
    ) -> Result<Settled, Error<InteractionDenial>> {
        match self.decide_pending(handle, browser, verdict).await {
            Ok((client_id, settled)) => {
                self.told_of_settled(client_id, verdict, &settled);
                Ok(settled)
            }
            Err(error) => {
                self.told_of_refused_interaction(&error);
                Err(error)
            }
        }
    }

    /// Approves what is pending under a handle if the user has allowed as much before and that is
    /// remembered; `None` if they have to be asked. The approval's `scope` and `remember` are
    /// ignored.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    pub async fn settle_remembered(
        &self,
        handle: &str,
        browser: Option<&Browser>,
        approval: impl Into<Approval>,
    ) -> Result<Option<Settled>, Error<InteractionDenial>> {
        let verdict = Verdict::ApproveRemembered(approval.into());
        match self.decide_pending(handle, browser, &verdict).await {
            Ok((client_id, settled)) => {
                self.told_of_settled(client_id, &verdict, &settled);
                Ok(Some(settled))
            }
            Err(Error::Denied(
                InteractionDenial::NotRemembered | InteractionDenial::AlreadyDecided,
            )) => Ok(None),
            Err(error) => {
                self.told_of_refused_interaction(&error);
                Err(error)
            }
        }
    }

    async fn decide_pending(
        &self,
        handle: &str,
        browser: Option<&Browser>,
        verdict: &Verdict,
    ) -> Result<(ClientId, Settled), Error<InteractionDenial>> {
        let pending = self.resume(handle, browser).await?;
        let ask = Settle {
            pending: &pending,
            browser: browser.ok_or(InteractionDenial::WrongBrowser)?,
            verdict,
        };
        let decided = self.run(&ask).await?;
        let settled = pending.deliver(self.issuer(), decided);
        Ok((pending.client().id().clone(), settled))
    }

    /// Reports a decision, and the token that was issued with it.
    fn told_of_settled(&self, client_id: ClientId, verdict: &Verdict, settled: &Settled) {
        let approved = |client_id, approval: &Approval, remembered| Event::Approved {
            client_id,
            subject: approval.subject.clone(),
            grant: settled.grant,
            remembered,
        };
        self.happened(|| match verdict {
            Verdict::Deny => Event::Declined { client_id },
            Verdict::Approve(approval) => approved(client_id, approval, false),
            Verdict::ApproveRemembered(approval) => approved(client_id, approval, true),
        });
        if let Some(token) = &settled.token {
            self.happened(|| Event::issued(token, None));
        }
    }

    fn told_of_refused_interaction(&self, error: &Error<InteractionDenial>) {
        if let Some(&reason) = error.denial() {
            self.happened(|| Event::InteractionRefused { reason });
        }
    }
}

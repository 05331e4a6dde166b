//! A server over a store, and something for every flow to work on.

use std::sync::{Arc, OnceLock};

use oauth_core::{
    AuthorizationServer,
    authorize::{Browser, Interaction},
    client::ClientRequest,
    error::{Error, ErrorCode},
    store::{OwnedBy, Store},
    token::{IntrospectionResponse, PresentedToken, TokenResponse},
    types::{GrantId, Secret, Subject},
};

use super::{
    Came, Flow, OPERATIONS,
    client::{Wrong, approve, client_id, exchange, pend, presented, refresh, server, sure},
};
use crate::{Faulty, bench::random};

/// A server, and something for every flow to work on.
pub(super) struct World {
    pub(super) store: Arc<Faulty<Arc<dyn Store>>>,
    server: AuthorizationServer,
    browser: Browser,
    user: Subject,
    /// Not decided.
    pending: Interaction,
    /// Not redeemed.
    code: String,
    tokens: TokenResponse,
    /// That of the tokens.
    grant: GrantId,
    /// How often a flow has called each operation of the store.
    calls: OnceLock<[usize; OPERATIONS.len()]>,
}

impl World {
    pub(super) async fn new(store: &Arc<dyn Store>) -> Self {
        let store = Arc::new(Faulty::new(Arc::clone(store)));
        let server = server(Arc::clone(&store) as _);
        let browser = Browser::new(&mut sure(server.random()));
        let user = sure(Subject::new(format!(
            "{:032x}",
            u128::from_be_bytes(random())
        )));
        let approved = async || {
            let pending = pend(&server, &browser).await;
            sure(approve(&server, &browser, &user, &pending).await)
        };
        let tokens = sure(server.token(&exchange(&approved().await)).await);
        let by = OwnedBy::Subject(user.to_arc());
        let grant = sure(server.grants(by, None, 1).await).grants.remove(0).id;
        let code = approved().await;
        let pending = pend(&server, &browser).await;
        for operation in OPERATIONS {
            store.take_calls(operation);
        }
        Self {
            store,
            server,
            browser,
            user,
            pending,
            code,
            tokens,
            grant,
            calls: OnceLock::new(),
        }
    }

    pub(super) async fn run(&self, flow: Flow) -> Came {
        let server = &self.server;
        let answer = match flow {
            Flow::Approve => self.approve().await,
            Flow::Redeem => self.issue(&exchange(&self.code)).await,
            Flow::Refresh => self.issue(&refresh(self.refresh_token())).await,
            Flow::ClientCredentials => {
                let request = presented(&[("grant_type", "client_credentials")]);
                self.issue(&request).await
            }
            Flow::Validate => server
                .validate(&PresentedToken::bearer(self.tokens.access_token.clone()))
                .await
                .map_err(Error::from)
                .and_then(|found| is(found.as_ref() == Some(&self.tokens.token), &found)),
            Flow::Introspect => self
                .introspect(&self.tokens.access_token)
                .await
                .and_then(|is_active| is(is_active, &"it is inactive")),
            Flow::Revoke => {
                let request = presented(&[("token", self.refresh_token().expose())]);
                let answer = server.revoke(&request).await;
                self.ended(answer.map_err(Wrong::denied)).await
            }
            Flow::Withdraw => {
                let answer = server.withdraw(&self.user, &client_id()).await;
                self.ended(answer.map(|_| ()).map_err(Error::from)).await
            }
            Flow::EndGrant => {
                let answer = server.end_grant(self.grant).await;
                self.ended(answer.map_err(Error::from)).await
            }
        };
        self.done();
        match answer {
            Ok(()) => Came::Granted,
            Err(Error::Denied(Wrong(what))) => Came::Wrong(what),
            Err(Error::Fault(fault))
                if fault.refusal().code == ErrorCode::TEMPORARILY_UNAVAILABLE =>
            {
                Came::Later
            }
            Err(Error::Fault(fault)) => Came::Wrong(format!("{fault:?}")),
        }
    }

    /// Ends what is disturbed: what comes now only looks at what the flow has left.
    fn done(&self) {
        let calls = || OPERATIONS.map(|operation| self.store.take_calls(operation));
        self.calls.get_or_init(calls);
        let unmet = self.store.clear();
        assert_eq!(
            unmet, 0,
            "a fault was planned for a call that the flow does not make"
        );
    }

    /// How often the flow that was run first has called each operation of the store.
    pub(super) fn calls(&self) -> [usize; OPERATIONS.len()] {
        self.calls.get().copied().unwrap_or_default()
    }

    async fn approve(&self) -> Result<(), Error<Wrong>> {
        let code = approve(&self.server, &self.browser, &self.user, &self.pending).await?;
        self.done();
        let tokens = self.server.token(&exchange(&code)).await;
        tokens.map(|_| ()).map_err(Wrong::denied)
    }

    /// Asks for tokens, and looks whether they are there.
    async fn issue(&self, request: &ClientRequest) -> Result<(), Error<Wrong>> {
        let tokens = self.server.token(request).await.map_err(Wrong::denied)?;
        self.done();
        for token in [Some(&tokens.access_token), tokens.refresh_token.as_ref()] {
            if let Some(token) = token
                && !self.introspect(token).await?
            {
                return Err(Wrong("a token that is not there".to_owned()).into());
            }
        }
        Ok(())
    }

    /// Looks whether the grant has ended, if that was answered.
    async fn ended(&self, answer: Result<(), Error<Wrong>>) -> Result<(), Error<Wrong>> {
        answer?;
        self.done();
        for token in [&self.tokens.access_token, self.refresh_token()] {
            if self.introspect(token).await? {
                return Err(Wrong("a token that is still there".to_owned()).into());
            }
        }
        Ok(())
    }

    async fn introspect(&self, token: &Secret) -> Result<bool, Error<Wrong>> {
        let request = presented(&[("token", token.expose())]);
        let answer = self.server.introspect(&request).await;
        Ok(answer.map_err(Wrong::denied)? != IntrospectionResponse::Inactive)
    }

    fn refresh_token(&self) -> &Secret {
        sure(self.tokens.refresh_token.as_ref().ok_or("no refresh token"))
    }
}

fn is(so: bool, instead: &dyn std::fmt::Debug) -> Result<(), Error<Wrong>> {
    if so {
        Ok(())
    } else {
        Err(Wrong(format!("{instead:?}")).into())
    }
}

//! Does to a server what happens, and compares it with the model after every step.

use std::{collections::BTreeSet, sync::Arc};

use oauth_core::{
    AuthorizationServer,
    authorize::{Approval, InteractionDenial, Settled, Verdict as Said},
    client::ClientRequest,
    grant::TokenDenial,
    operator_secret::OperatorSecret,
    server::AuthorizeAnswer,
    store::{OwnedBy, StaticClients, Store},
    token::{IntrospectionResponse, PresentedToken, RevocationDenial, TokenResponse},
    types::Scope,
};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::{
    common::{
        Answered, MAIL, SeededEntropy, TestClock,
        clients::{self, APP, BRIEF, INSPECTOR, WEB, redirect_uri},
        flow::{authorization_request, browser, changed, code_in, exchange, from, wire},
        issuer, millis, policy, scope, secret, subject,
    },
    expected::{
        Access, Answer, CLIENTS, CONSENT, Code, DECISION_GRACE, Decided, Grant, INTERACTION, Model,
        Pending, Refresh, USERS, Used, Verdict, asked, lifetimes,
    },
    operation::{Operation, Redeeming, Refreshing, operations},
};

/// Runs so many random sequences, unless `PROPTEST_CASES` says otherwise, each over a store that `open` opens, new and empty.
/// What comes with the store is kept as long as it.
pub(crate) fn check<Kept>(cases: u32, open: impl Fn() -> (Arc<dyn Store>, Kept)) {
    let mut config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    TestRunner::new(config)
        .run(&operations(), |operations| {
            let (store, _kept) = open();
            runtime.block_on(async {
                let mut world = World::new(store);
                for operation in operations {
                    world.step(operation).await;
                    world.compare().await;
                }
                Ok::<_, TestCaseError>(())
            })
        })
        .unwrap();
}

struct World {
    model: Model,
    server: AuthorizationServer,
    store: Arc<dyn Store>,
    clock: Arc<TestClock>,
    /// How many servers there were.
    restarts: u64,
}

impl World {
    fn new(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(TestClock::default());
        let model = Model {
            now: oauth_core::time::Clock::now(&*clock).as_unix_millis(),
            ..Model::default()
        };
        let server = server(&store, &clock, 0);
        Self {
            model,
            server,
            store,
            clock,
            restarts: 0,
        }
    }

    async fn step(&mut self, operation: Operation) {
        use Operation as O;
        let model = &self.model;
        match operation {
            O::Authorize { client, wide } => self.authorize(CLIENTS[client], wide).await,
            O::Approve {
                pending,
                user,
                narrow,
                remember,
            } => {
                if let Some(pending) = newest(&model.pending, pending) {
                    let scope = if narrow {
                        scope("read")
                    } else {
                        model.pending[pending].scope.clone()
                    };
                    let verdict = Verdict::Approved {
                        user: USERS[user],
                        scope,
                        remember,
                    };
                    self.settle(pending, verdict).await;
                }
            }
            O::ApproveRemembered { pending, user } => {
                if let Some(pending) = newest(&model.pending, pending) {
                    self.settle(pending, Verdict::Remembered { user: USERS[user] })
                        .await;
                }
            }
            O::Deny { pending } => {
                if let Some(pending) = newest(&model.pending, pending) {
                    self.settle(pending, Verdict::Denied).await;
                }
            }
            O::Redeem { code, how } => {
                if let Some(code) = newest(&model.codes, code) {
                    self.redeem(code, how).await;
                }
            }
            O::Refresh { token, how } => {
                if let Some(token) = newest(&model.refresh, token) {
                    self.refresh(token, how).await;
                }
            }
            O::ClientCredentials => {
                let answer = self
                    .token(&from(WEB, &[("grant_type", "client_credentials")]))
                    .await
                    .unwrap();
                assert!(answer.refresh_token.is_none());
                self.note_access(WEB, None, scope("read"), &answer);
            }
            O::RevokeAccess { token, by_owner } => {
                if let Some(token) = newest(&model.access, token) {
                    self.revoke_access(token, by_owner).await;
                }
            }
            O::RevokeRefresh { token, by_owner } => {
                if let Some(token) = newest(&model.refresh, token) {
                    self.revoke_refresh(token, by_owner).await;
                }
            }
            O::Withdraw { client, user } => self.withdraw(CLIENTS[client], USERS[user]).await,
            O::EndGrant { grant } => {
                if let Some(grant) = newest(&model.grants, grant) {
                    self.server.end_grant(model.grants[grant].id).await.unwrap();
                    self.model.grants[grant].ended = true;
                }
            }
            O::EndUser { user } => {
                let user = USERS[user];
                self.server
                    .end_all(&OwnedBy::Subject(user.into()))
                    .await
                    .unwrap();
                self.model.end(|grant| grant.user == user);
                self.model.consents.retain(|(_, own), _| *own != user);
            }
            O::EndClient { client } => {
                let client = CLIENTS[client];
                self.server
                    .end_all(&OwnedBy::Client(client.into()))
                    .await
                    .unwrap();
                self.model.end(|grant| grant.client == client);
                self.model.consents.retain(|(own, _), _| *own != client);
            }
            O::Advance { millis: passed } => {
                self.clock.advance(millis(passed));
                self.model.now += passed;
            }
            O::Prune => {
                self.server.prune(7).await.unwrap();
            }
            O::Restart => {
                self.restarts += 1;
                self.server = server(&self.store, &self.clock, self.restarts);
            }
        }
    }

    async fn authorize(&mut self, client: &'static str, wide: bool) {
        let scope = asked(client, wide);
        let request = changed(authorization_request(client), &[("scope", scope.as_str())]);
        let answer = self
            .server
            .authorize(request.into_iter().collect(), &browser(1))
            .await;
        let AuthorizeAnswer::Interact(interaction) = answer.unwrap() else {
            panic!()
        };
        self.model.pending.push(Pending {
            client,
            scope,
            handle: interaction.handle,
            expires_at: self.model.now + INTERACTION,
            decided: None,
        });
    }

    async fn settle(&mut self, index: usize, verdict: Verdict) {
        let answer = self.say(index, &verdict).await;
        let model = &self.model;
        let pending = &model.pending[index];
        if model.now >= pending.expires_at {
            assert_eq!(answer.unwrap_err(), InteractionDenial::Expired);
            return;
        }
        if let Some(decided) = &pending.decided {
            if decided.verdict == verdict && model.now < decided.at + DECISION_GRACE {
                let settled = answer.unwrap().unwrap();
                assert_eq!(settled.response.location(), decided.location);
                assert_eq!(settled.grant, None);
            } else if matches!(verdict, Verdict::Remembered { .. }) {
                assert!(answer.unwrap().is_none());
            } else {
                assert_eq!(answer.unwrap_err(), InteractionDenial::AlreadyDecided);
            }
            return;
        }
        let client = pending.client;
        let approved = match &verdict {
            Verdict::Denied => None,
            Verdict::Approved { user, scope, .. } => Some((*user, scope.clone())),
            Verdict::Remembered { user } => {
                let consent = model.remembers(client, user);
                if !consent.is_some_and(|consent| pending.scope.is_subset(&consent.scope)) {
                    assert!(answer.unwrap().is_none());
                    return;
                }
                Some((*user, pending.scope.clone()))
            }
        };
        let settled = answer.unwrap().unwrap();
        if let Verdict::Approved {
            user,
            scope,
            remember: true,
        } = &verdict
        {
            self.model.remember(client, user, scope);
        }
        self.note_decision(index, verdict, &settled);
        match approved {
            None => assert_eq!(settled.grant, None),
            Some((user, scope)) => self.note_grant(client, user, scope, &settled),
        }
    }

    /// Says the verdict to the server. `None` is that the user has to be asked.
    async fn say(
        &self,
        index: usize,
        verdict: &Verdict,
    ) -> Result<Option<Settled>, InteractionDenial> {
        let pending = &self.model.pending[index];
        let browser = browser(1);
        let said = match verdict {
            Verdict::Remembered { user } => {
                let user = subject(user);
                let answer = self
                    .server
                    .settle_remembered(&pending.handle, Some(&browser), &user);
                return answer.await.outcome();
            }
            Verdict::Denied => Said::Deny,
            Verdict::Approved {
                user,
                scope,
                remember,
            } => {
                let approval = Approval::new(subject(user)).only(scope.clone());
                Said::Approve(if *remember {
                    approval.remembered()
                } else {
                    approval
                })
            }
        };
        let answer = self
            .server
            .settle(&pending.handle, Some(&browser), &said)
            .await;
        answer.outcome().map(Some)
    }

    async fn redeem(&mut self, index: usize, how: Redeeming) {
        let grant = self.model.codes[index].grant;
        let client = self.model.grants[grant].client;
        let code = self.model.codes[index].secret.clone();
        let uri = redirect_uri(client);
        let mut params = exchange(&code, &uri);
        let mut sender = client;
        match how {
            Redeeming::Right => {}
            Redeeming::WrongClient => sender = if client == WEB { APP } else { WEB },
            Redeeming::WrongVerifier => {
                params[3].1 = "another-verifier-that-is-long-enough-for-the-rules";
            }
            Redeeming::WrongRedirectUri => params[2].1 = "https://wrong.example/",
            Redeeming::WrongResource => params.push(("resource", MAIL)),
        }
        let answer = self.token(&from(sender, &params)).await;
        let expected = match how {
            Redeeming::Right => self.model.redeem(index),
            Redeeming::WrongResource => self.model.redeem_elsewhere(index),
            _ => Answer::Refused("invalid_grant"),
        };
        let Some(answer) = fits(answer, expected) else {
            return;
        };
        let scope = self.model.grants[grant].scope.clone();
        self.note_access(client, Some(grant), scope, &answer);
        assert_eq!(answer.refresh_token.is_some(), client != BRIEF);
        if let Some(token) = &answer.refresh_token {
            self.note_refresh(grant, token.expose());
        }
    }

    async fn refresh(&mut self, index: usize, how: Refreshing) {
        let grant = self.model.refresh[index].grant;
        let client = self.model.grants[grant].client;
        let token = self.model.refresh[index].secret.clone();
        let mut params = vec![("grant_type", "refresh_token"), ("refresh_token", &*token)];
        let mut sender = client;
        match how {
            Refreshing::Right => {}
            Refreshing::Narrowed => params.push(("scope", "read")),
            Refreshing::Widened => params.push(("scope", "read write admin")),
            Refreshing::WrongClient => sender = if client == WEB { APP } else { WEB },
            Refreshing::WrongResource => params.push(("resource", MAIL)),
        }
        let answer = self.token(&from(sender, &params)).await;
        let narrowed = how == Refreshing::Narrowed;
        let expected = match how {
            Refreshing::Right | Refreshing::Narrowed => self.model.refresh(index, narrowed),
            Refreshing::Widened => self.model.refresh_beyond(index, "invalid_scope"),
            Refreshing::WrongResource => self.model.refresh_beyond(index, "invalid_target"),
            Refreshing::WrongClient => Answer::Refused("invalid_grant"),
        };
        let Some(answer) = fits(answer, expected) else {
            return;
        };
        let scope = if narrowed {
            scope("read")
        } else {
            self.model.grants[grant].scope.clone()
        };
        self.note_access(client, Some(grant), scope, &answer);
        let token = answer.refresh_token.unwrap();
        if let Answer::GrantedAgain(successor) = expected {
            assert_eq!(token.expose(), self.model.refresh[successor].secret);
        } else {
            let successor = self.note_refresh(grant, token.expose());
            let at = self.model.now;
            self.model.refresh[index].used = Some(Used {
                at,
                narrowed,
                successor,
            });
        }
    }

    async fn revoke_access(&mut self, index: usize, by_owner: bool) {
        let token = &self.model.access[index];
        let alive = self.model.is_access_alive(token);
        let answer = self.revoke(token.client, by_owner, &token.secret).await;
        if by_owner {
            assert_eq!(answer, Ok(()));
            self.model.access[index].revoked = true;
        } else if alive {
            assert_eq!(answer, Err(RevocationDenial::WrongClient));
        }
    }

    async fn revoke_refresh(&mut self, index: usize, by_owner: bool) {
        let token = &self.model.refresh[index];
        let alive = self.model.is_refresh_active(token);
        let grant = token.grant;
        let answer = self
            .revoke(self.model.grants[grant].client, by_owner, &token.secret)
            .await;
        if by_owner {
            assert_eq!(answer, Ok(()));
            self.model.grants[grant].ended = true;
        } else if alive {
            assert_eq!(answer, Err(RevocationDenial::WrongClient));
        }
    }

    async fn revoke(
        &self,
        owner: &str,
        by_owner: bool,
        token: &str,
    ) -> Result<(), RevocationDenial> {
        let sender = match (by_owner, owner) {
            (true, owner) => owner,
            (false, WEB) => APP,
            (false, _) => WEB,
        };
        self.server
            .revoke(&from(sender, &[("token", token)]))
            .await
            .outcome()
    }

    async fn withdraw(&mut self, client: &'static str, user: &'static str) {
        let ended = self
            .server
            .withdraw(&subject(user), &client.parse().unwrap())
            .await
            .unwrap();
        let theirs = |grant: &&Grant| grant.client == client && grant.user == user && !grant.ended;
        let open = self.model.grants.iter().filter(theirs).count();
        let listed = self
            .model
            .grants
            .iter()
            .filter(theirs)
            .filter(|grant| self.model.is_listed(grant))
            .count();
        assert!((listed..=open).contains(&ended));
        self.model
            .end(|grant| grant.client == client && grant.user == user);
        self.model.consents.remove(&(client, user));
    }

    async fn token(&self, request: &ClientRequest) -> Result<TokenResponse, TokenDenial> {
        self.server.token(request).await.outcome()
    }

    fn note_decision(&mut self, index: usize, verdict: Verdict, settled: &Settled) {
        self.model.pending[index].decided = Some(Decided {
            verdict,
            at: self.model.now,
            location: settled.response.location(),
        });
    }

    fn note_grant(
        &mut self,
        client: &'static str,
        user: &'static str,
        scope: Scope,
        settled: &Settled,
    ) {
        let now = self.model.now;
        self.model.codes.push(Code {
            secret: code_in(&settled.response),
            grant: self.model.grants.len(),
            expires_at: now + lifetimes(client).code,
            spent: false,
        });
        self.model.grants.push(Grant {
            id: settled.grant.unwrap(),
            client,
            user,
            scope,
            expires_at: now + lifetimes(client).grant(client),
            ended: false,
        });
    }

    fn note_access(
        &mut self,
        client: &'static str,
        grant: Option<usize>,
        scope: Scope,
        answer: &TokenResponse,
    ) {
        assert!(
            self.model
                .access
                .iter()
                .all(|token| token.secret != answer.access_token.expose())
        );
        self.model.access.push(Access {
            secret: answer.access_token.expose().to_owned(),
            client,
            grant,
            scope,
            expires_at: self.model.now + lifetimes(client).access,
            revoked: false,
        });
    }

    fn note_refresh(&mut self, grant: usize, token: &str) -> usize {
        assert!(
            self.model.refresh.iter().all(|own| own.secret != token),
            "never given out twice"
        );
        self.model.refresh.push(Refresh {
            secret: token.to_owned(),
            grant,
            issued_at: self.model.now,
            used: None,
        });
        self.model.refresh.len() - 1
    }

    /// Everything that should be alive is, and nothing else.
    async fn compare(&self) {
        let model = &self.model;
        for token in &model.access {
            let found = self
                .server
                .validate(&PresentedToken::bearer(secret(&token.secret)))
                .await
                .unwrap();
            assert_eq!(found.is_some(), model.is_access_alive(token));
            if let Some(found) = found {
                let user = token.grant.map(|grant| subject(model.grants[grant].user));
                assert_eq!(
                    (found.client_id.as_str(), found.subject),
                    (token.client, user)
                );
                assert_eq!(found.scope, token.scope);
                assert_eq!(found.expires_at.as_unix_millis(), token.expires_at);
            }
            assert_eq!(
                self.is_active(&token.secret).await,
                model.is_access_alive(token)
            );
        }
        for token in &model.refresh {
            assert_eq!(
                self.is_active(&token.secret).await,
                model.is_refresh_active(token)
            );
        }
        for user in USERS {
            self.compare_user(user).await;
        }
    }

    async fn compare_user(&self, user: &'static str) {
        let model = &self.model;
        let theirs = || {
            model
                .grants
                .iter()
                .filter(|grant| grant.user == user && model.is_listed(grant))
        };
        let mut listed = BTreeSet::new();
        let mut after = None;
        loop {
            let by = OwnedBy::Subject(user.into());
            let page = self.server.grants(by, after, 3).await.unwrap();
            listed.extend(page.grants.into_iter().map(|grant| grant.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, theirs().map(|grant| grant.id).collect());
        let connections = self.server.connections(&subject(user)).await.unwrap();
        let mut expected = BTreeSet::new();
        for client in CLIENTS {
            let granted = theirs()
                .filter(|grant| grant.client == client)
                .map(|grant| &grant.scope);
            let consent = model.remembers(client, user);
            let scopes: Vec<_> = granted
                .chain(consent.map(|consent| &consent.scope))
                .collect();
            if !scopes.is_empty() {
                let scope = scopes
                    .into_iter()
                    .fold(Scope::EMPTY, |all, scope| all.union(scope));
                expected.insert((client, scope.to_string(), consent.is_some()));
            }
        }
        let found: BTreeSet<_> = connections
            .iter()
            .map(|own| {
                (
                    own.client_id.as_str(),
                    own.scope.to_string(),
                    own.remembered,
                )
            })
            .collect();
        assert_eq!(found, expected);
        assert!(connections.iter().all(|own| own.since <= model.timestamp()));
    }

    async fn is_active(&self, token: &str) -> bool {
        let answer = self
            .server
            .introspect(&from(INSPECTOR, &[("token", token)]))
            .await;
        answer.unwrap() != IntrospectionResponse::Inactive
    }
}

/// The answer, if it was to be granted; it has to be what was expected.
fn fits(answer: Result<TokenResponse, TokenDenial>, expected: Answer) -> Option<TokenResponse> {
    let told = wire(&answer);
    match expected {
        Answer::Granted | Answer::GrantedAgain(_) => assert_eq!(told, "ok", "{answer:?}"),
        Answer::Refused(error) => assert_eq!(told, error),
        Answer::RefusedAs(one, other) => assert!(told == one || told == other, "{told}"),
    }
    answer.ok()
}

/// The one that is so many before the newest, around the end.
fn newest<T>(all: &[T], index: usize) -> Option<usize> {
    (!all.is_empty()).then(|| all.len() - 1 - index % all.len())
}

fn server(store: &Arc<dyn Store>, clock: &Arc<TestClock>, seed: u64) -> AuthorizationServer {
    let of = lifetimes(WEB);
    let mut policy = policy();
    policy.code_lifetime = millis(of.code);
    policy.access_token_lifetime = millis(of.access);
    policy.refresh_token_lifetime = millis(of.refresh);
    policy.refresh_token_idle = Some(millis(of.idle));
    policy.refresh_grace = millis(of.grace);
    policy.consent_lifetime = millis(CONSENT);
    AuthorizationServer::builder(
        issuer(),
        Arc::clone(store),
        Arc::new(clients::all().into_iter().collect::<StaticClients>()),
        Arc::clone(clock) as _,
        Arc::new(SeededEntropy::from_seed(seed)),
    )
    .operator_secret(OperatorSecret::from_bytes(crate::common::OPERATOR_SECRET))
    .policy(policy)
    .build()
    .unwrap()
}

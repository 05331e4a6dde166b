//! Does to a server what happens, and compares it with the model after every step.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth_core::{
    AuthorizationServer,
    authorize::{Approval, InteractionDenial, Settled as Told, Verdict as Said},
    client::ClientRequest,
    error::Error,
    grant::TokenDenial,
    operator_secret::{OperatorSecret, OperatorSecrets},
    server::AuthorizeAnswer,
    store::{OwnedBy, StaticClients, Store},
    token::{IntrospectionResponse, PresentedToken, RevocationDenial, TokenResponse},
    types::{GrantId, Scope},
};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::{
    common::{
        Answered, MAIL, SeededEntropy, TestClock,
        clients::{self, APP, INSPECTOR, WEB, redirect_uri},
        flow::{answered, authorization_request, browser, changed, code_in, exchange, from, wire},
        issuer, millis, policy, scope, secret, subject,
    },
    expected::{
        Answer, CLIENTS, CONSENT, Given, Grant, INTERACTION, Model, Pending, Settled, USERS,
        Verdict, asked, lifetimes,
    },
    operation::{Operation, Redeeming, Refreshing, operations},
    peril::{Course, Fate, Perilous},
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
    store: Arc<Perilous>,
    clock: Arc<TestClock>,
    /// How many servers there were.
    restarts: u64,
}

impl World {
    fn new(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(TestClock::default());
        let model = Model {
            now: oauth_core::time::Clock::now(&*clock).as_unix_millis(),
            secrets: vec![0],
            ..Model::default()
        };
        let store = Arc::new(Perilous::new(store));
        let server = server(&store, &clock, 0, &model.secrets);
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
                fate,
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
                    self.settle(pending, &verdict, fate).await;
                }
            }
            O::ApproveRemembered {
                pending,
                user,
                fate,
            } => {
                if let Some(pending) = newest(&model.pending, pending) {
                    let verdict = Verdict::Remembered { user: USERS[user] };
                    self.settle(pending, &verdict, fate).await;
                }
            }
            O::Deny { pending } => {
                if let Some(pending) = newest(&model.pending, pending) {
                    self.settle(pending, &Verdict::Denied, Fate::Fine).await;
                }
            }
            O::Redeem { grant, how, fate } => {
                if let Some(grant) = newest(&model.grants, grant) {
                    self.redeem(grant, how, fate).await;
                }
            }
            O::Refresh { token, how, fate } => {
                if let Some(token) = newest(&model.refresh, token) {
                    self.refresh(token, how, fate).await;
                }
            }
            O::ClientCredentials => {
                let answer = self
                    .token(&from(WEB, &[("grant_type", "client_credentials")]))
                    .await
                    .unwrap();
                assert!(answer.refresh_token.is_none());
                let access = self.model.issue_access(WEB, None, None);
                self.learn_access(access, &answer);
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
                if let Some(grant) = newest(&model.grants, grant)
                    && let Some(id) = model.grants[grant].id
                {
                    self.server.end_grant(id).await.unwrap();
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
            O::Restart => self.restart(),
            O::RotateSecret => {
                self.model.rotate();
                self.restart();
            }
        }
    }

    fn restart(&mut self) {
        self.restarts += 1;
        let secrets = &self.model.secrets;
        self.server = server(&self.store, &self.clock, self.restarts, secrets);
    }

    /// What is left of a request, by what happened to its commit: its answer, if there is one. The model becomes `after` if it has
    /// changed something.
    fn came<T, D: std::fmt::Debug>(
        &mut self,
        course: Course,
        after: Model,
        answer: Option<Result<T, Error<D>>>,
    ) -> Option<Result<T, D>> {
        match course {
            Course::Answered => {
                self.model = after;
                let answer = answer.expect("an answer");
                Some(answer.map_err(|error| error.into_denial().unwrap()))
            }
            Course::Later => {
                let Some(Err(Error::Fault(fault))) = answer else {
                    panic!("it was not to be answered");
                };
                assert_eq!(fault.refusal().code.as_str(), "temporarily_unavailable");
                None
            }
            Course::Vanished | Course::Unheard => {
                assert!(answer.is_none(), "the process has died");
                if course == Course::Unheard {
                    self.model = after;
                }
                self.restart();
                None
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
            sealed_with: self.model.secrets[0],
            expires_at: self.model.now + INTERACTION,
            approved: None,
        });
    }

    async fn settle(&mut self, index: usize, verdict: &Verdict, fate: Fate) {
        let mut after = self.model.clone();
        let expected = after.settle(index, verdict);
        let answer = self.store.attempt(fate, self.say(index, verdict)).await;
        let Some(answer) = self.came(fate.course(expected.change()), after, answer) else {
            return;
        };
        let denied = match expected {
            Settled::Forged => InteractionDenial::Forged,
            Settled::Expired => InteractionDenial::Expired,
            Settled::AlreadyDecided => InteractionDenial::AlreadyDecided,
            Settled::Asked => {
                assert!(answer.unwrap().is_none());
                return;
            }
            Settled::Declined => {
                let told = answer.unwrap().unwrap();
                assert_eq!(answered(&told.response)["error"], "access_denied");
                assert_eq!(told.grant, None);
                return;
            }
            Settled::Approved(grant) | Settled::Again(grant) => {
                let told = answer.unwrap().unwrap();
                let is_first = matches!(expected, Settled::Approved(_));
                assert_eq!(told.grant.is_some(), is_first);
                self.learn_approval(index, grant, &told);
                return;
            }
        };
        assert_eq!(answer.unwrap_err(), denied);
    }

    /// Says the verdict to the server. `None` is that the user has to be asked.
    async fn say(
        &self,
        index: usize,
        verdict: &Verdict,
    ) -> Result<Option<Told>, Error<InteractionDenial>> {
        let pending = &self.model.pending[index];
        let browser = browser(1);
        let said = match verdict {
            Verdict::Remembered { user } => {
                let user = subject(user);
                let answer = self
                    .server
                    .settle_remembered(&pending.handle, Some(&browser), &user);
                return answer.await;
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
        answer.map(Some)
    }

    async fn redeem(&mut self, index: usize, how: Redeeming, fate: Fate) {
        let grant = &self.model.grants[index];
        let client = grant.client;
        let Some(code) = grant.code.clone() else {
            return;
        };
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
        let mut after = self.model.clone();
        let expected = match how {
            Redeeming::Right => after.redeem(index),
            Redeeming::WrongResource => after.redeem_elsewhere(index),
            _ => Answer::Refused("invalid_grant"),
        };
        self.exchange(&from(sender, &params), expected, after, index, fate)
            .await;
    }

    async fn refresh(&mut self, index: usize, how: Refreshing, fate: Fate) {
        let grant = self.model.refresh[index].grant;
        let client = self.model.grants[grant].client;
        let Some(token) = self.model.refresh[index].secret.clone() else {
            return;
        };
        let mut params = vec![("grant_type", "refresh_token"), ("refresh_token", &*token)];
        let mut sender = client;
        match how {
            Refreshing::Right => {}
            Refreshing::Reading => params.push(("scope", "read")),
            Refreshing::Writing => params.push(("scope", "write")),
            Refreshing::Widened => params.push(("scope", "read write admin")),
            Refreshing::WrongClient => sender = if client == WEB { APP } else { WEB },
            Refreshing::WrongResource => params.push(("resource", MAIL)),
        }
        let mut after = self.model.clone();
        let expected = match how {
            Refreshing::Right => after.refresh(index, None),
            Refreshing::Reading => after.refresh(index, Some("read")),
            Refreshing::Writing => after.refresh(index, Some("write")),
            Refreshing::Widened => after.refresh_beyond(index, "invalid_scope"),
            Refreshing::WrongResource => after.refresh_beyond(index, "invalid_target"),
            Refreshing::WrongClient => Answer::Refused("invalid_grant"),
        };
        self.exchange(&from(sender, &params), expected, after, grant, fate)
            .await;
    }

    /// A request to the token endpoint about a grant.
    async fn exchange(
        &mut self,
        request: &ClientRequest,
        expected: Answer,
        after: Model,
        grant: usize,
        fate: Fate,
    ) {
        // What has expired may be forgotten, and then there is nothing to end.
        let is_there = self.model.is_listed(&self.model.grants[grant]);
        let fate = if is_there { fate } else { Fate::Fine };
        let answer = self.store.attempt(fate, self.server.token(request)).await;
        let Some(answer) = self.came(fate.course(expected.change()), after, answer) else {
            return;
        };
        let told = wire(&answer);
        match expected {
            Answer::Granted {
                access, refresh, ..
            } => {
                let answer = answer.unwrap();
                self.learn_access(access, &answer);
                assert_eq!(answer.refresh_token.is_some(), refresh.is_some());
                if let (Some(token), Some(refresh)) = (&answer.refresh_token, refresh) {
                    self.learn_refresh(refresh, token.expose());
                }
            }
            Answer::Refused(error) | Answer::RefusedForGood(error) => assert_eq!(told, error),
            Answer::RefusedAs(one, other) => assert!(told == one || told == other, "{told}"),
        }
    }

    async fn revoke_access(&mut self, index: usize, by_owner: bool) {
        let token = &self.model.access[index];
        let Some(secret) = &token.secret else { return };
        let alive = self.model.is_access_alive(token);
        let answer = self.revoke(token.client, by_owner, secret).await;
        if by_owner {
            assert_eq!(answer, Ok(()));
            self.model.access[index].revoked = true;
        } else if alive {
            assert_eq!(answer, Err(RevocationDenial::WrongClient));
        }
    }

    async fn revoke_refresh(&mut self, index: usize, by_owner: bool) {
        let token = &self.model.refresh[index];
        let Some(secret) = &token.secret else { return };
        let grant = &self.model.grants[token.grant];
        let is_known = self.model.is_known(index) && self.model.is_listed(grant);
        let answer = self.revoke(grant.client, by_owner, secret).await;
        if by_owner {
            assert_eq!(answer, Ok(()));
            let grant = token.grant;
            self.model.grants[grant].ended |= self.model.is_known(index);
        } else if is_known {
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

    fn learn_approval(&mut self, index: usize, grant: usize, told: &Told) {
        let code = code_in(&told.response);
        let bytes = URL_SAFE_NO_PAD.decode(&code["oauth_ac_".len()..]).unwrap();
        let id = GrantId::from_bytes(*bytes.first_chunk().unwrap());
        assert!(told.grant.is_none_or(|told| told == id));
        let location = told.response.location();
        let approved = self.model.pending[index].approved.as_mut().unwrap();
        learn(&mut approved.location, &location);
        let others = self.model.grants.iter().enumerate();
        let mut others = others.filter(|(own, _)| *own != grant);
        assert!(others.all(|(_, other)| other.id != Some(id)));
        let grant = &mut self.model.grants[grant];
        assert_eq!(*grant.id.get_or_insert(id), id);
        learn(&mut grant.code, &code);
    }

    fn learn_access(&mut self, index: usize, answer: &TokenResponse) {
        let token = answer.access_token.expose();
        let all = self.model.access.iter().enumerate();
        let mut others = all.filter(|(own, _)| *own != index);
        assert!(
            others.all(|(_, other)| other.secret.as_deref() != Some(token)),
            "never given out twice"
        );
        let expected = &mut self.model.access[index];
        learn(&mut expected.secret, token);
        assert_eq!(answer.token.scope, expected.scope);
        let left = millis(expected.expires_at - self.model.now);
        assert_eq!(answer.expires_in, left);
    }

    fn learn_refresh(&mut self, index: usize, token: &str) {
        let all = self.model.refresh.iter().enumerate();
        let mut others = all.filter(|(own, _)| *own != index);
        assert!(
            others.all(|(_, other)| other.secret.as_deref() != Some(token)),
            "never given out twice"
        );
        learn(&mut self.model.refresh[index].secret, token);
    }

    /// Everything that should be alive is, and nothing else.
    async fn compare(&self) {
        let model = &self.model;
        for token in &model.access {
            let Some(text) = &token.secret else { continue };
            let found = self
                .server
                .validate(&PresentedToken::bearer(secret(text)))
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
            assert_eq!(self.is_active(text).await, model.is_access_alive(token));
        }
        for (index, token) in model.refresh.iter().enumerate() {
            let Some(text) = &token.secret else { continue };
            assert_eq!(self.is_active(text).await, model.is_refresh_active(index));
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
        // Those of which nobody was told are among them, too.
        assert_eq!(listed.len(), theirs().count());
        assert!(
            theirs()
                .filter_map(|grant| grant.id)
                .all(|id| listed.contains(&id))
        );
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

/// What is given out is what was given out before, if anybody has it.
fn learn(given: &mut Given, text: &str) {
    assert_eq!(given.get_or_insert_with(|| text.to_owned()), text);
}

/// The one that is so many before the newest, around the end.
fn newest<T>(all: &[T], index: usize) -> Option<usize> {
    (!all.is_empty()).then(|| all.len() - 1 - index % all.len())
}

fn server(
    store: &Arc<Perilous>,
    clock: &Arc<TestClock>,
    seed: u64,
    secrets: &[u8],
) -> AuthorizationServer {
    let of = lifetimes(WEB);
    let mut policy = policy();
    policy.code_lifetime = millis(of.code);
    policy.access_token_lifetime = millis(of.access);
    policy.refresh_token_lifetime = millis(of.refresh);
    policy.refresh_token_idle = Some(millis(of.idle));
    policy.refresh_grace = millis(of.grace);
    policy.consent_lifetime = millis(CONSENT);
    let secret = |number: &u8| OperatorSecret::from_bytes([*number; 32]);
    let mut valid = secrets.iter().map(secret);
    let current = OperatorSecrets::new(valid.next().unwrap());
    let secrets = valid.fold(current, OperatorSecrets::and);
    AuthorizationServer::builder(
        issuer(),
        Arc::clone(store) as _,
        Arc::new(clients::all().into_iter().collect::<StaticClients>()),
        Arc::clone(clock) as _,
        Arc::new(SeededEntropy::from_seed(seed)),
    )
    .operator_secret(secrets)
    .policy(policy)
    .build()
    .unwrap()
}

//! Who a request is from: one method at a time, the registered one, at every endpoint.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use common::{
    Answered, Fixture, SeededEntropy, TestClock,
    clients::{APP, LEGACY, MACHINE, ODD, PLAIN, POST, WEB, client_secret, redirect_uri},
    flow::{Pairs, basic, exchange, pairs, wire},
    issuer, scope, seconds, secret,
};
use oauth_core::{
    AuthorizationServer,
    client::{
        Authorization, Client, ClientAuthentication, ClientAuthenticationMethod, ClientDenial,
        ClientRequest, ClientSecrets, OneTimeMark, Proof, RequestContext,
    },
    error::{Error, Fault},
    grant::{GrantType, TokenDenial},
    operator_secret::OperatorSecret,
    store::{Key, Kind, Realm, StaticClients, Store},
    time::Timestamp,
    token::{IntrospectionDenial, RevocationDenial},
    types::{ClientId, Secret, SecretDigest},
};
use oauth_storage_memory::MemoryStore;

struct Row {
    id: &'static str,
    /// Whose code it is.
    owner: &'static str,
    authorization: Option<Authorization>,
    params: Pairs,
    denial: Option<ClientDenial>,
}

fn row(
    id: &'static str,
    owner: &'static str,
    authorization: Option<Authorization>,
    params: &[(&str, &str)],
    denial: Option<ClientDenial>,
) -> Row {
    Row {
        id,
        owner,
        authorization,
        params: pairs(params),
        denial,
    }
}

fn rows() -> Vec<Row> {
    use ClientDenial as D;
    let good = |client: &str| Some(basic(client, &client_secret(client)));
    let wrong = |client: &str| Some(basic(client, "wrong"));
    let post_secret = client_secret(POST);
    let web_secret = client_secret(WEB);
    let bearer = Authorization::Other {
        scheme: "bearer".into(),
        credentials: secret("x"),
    };
    vec![
        row("6749-2.3.1-a v21-2.4.1-b", WEB, good(WEB), &[], None),
        row("6749-2.3.1-a", WEB, good(WEB), &[("client_id", WEB)], None),
        row("6749-2.3.1-a", ODD, good(ODD), &[], None),
        row(
            "6749-2.3.1-c v21-2.4.1-a",
            POST,
            None,
            &[("client_id", POST), ("client_secret", &post_secret)],
            None,
        ),
        row(
            "8252-8.5-a v21-8.1-a",
            APP,
            None,
            &[("client_id", APP)],
            None,
        ),
        row(
            "6749-3.1-e",
            WEB,
            good(WEB),
            &[("client_id", ""), ("client_secret", "")],
            None,
        ),
        row("6749-5.2-c", WEB, wrong(WEB), &[], Some(D::WrongSecret)),
        row("6749-5.2-c", WEB, good(POST), &[], Some(D::WrongMethod)),
        row(
            "6749-5.2-c",
            WEB,
            Some(basic(WEB, "")),
            &[],
            Some(D::WrongSecret),
        ),
        row(
            "6749-5.2-c",
            WEB,
            Some(basic(WEB, &client_secret(LEGACY))),
            &[],
            Some(D::WrongSecret),
        ),
        row(
            "6749-5.2-c",
            WEB,
            Some(basic("nobody", "x")),
            &[],
            Some(D::Unknown),
        ),
        row(
            "6749-5.2-c",
            WEB,
            Some(basic("", "x")),
            &[],
            Some(D::Unknown),
        ),
        row(
            "6749-5.2-c",
            WEB,
            None,
            &[("client_id", "nobody")],
            Some(D::Unknown),
        ),
        row("6749-5.2-c 6749-3.2.1-a", WEB, None, &[], Some(D::Missing)),
        row("6749-3.2.1-b", APP, None, &[], Some(D::Missing)),
        row(
            "6749-3.2.1-b",
            APP,
            None,
            &[("client_id", "")],
            Some(D::Missing),
        ),
        row(
            "6749-2.2-b 6749-3.2.1-a 6749-6-a 8252-8.4-b",
            WEB,
            None,
            &[("client_id", WEB)],
            Some(D::WrongMethod),
        ),
        row(
            "6749-2.2-b 6749-3.2.1-a",
            POST,
            None,
            &[("client_id", POST)],
            Some(D::WrongMethod),
        ),
        row(
            "6749-2.3.2-a",
            WEB,
            None,
            &[("client_id", WEB), ("client_secret", &web_secret)],
            Some(D::WrongMethod),
        ),
        row("6749-2.3.2-a", POST, good(POST), &[], Some(D::WrongMethod)),
        row(
            "6749-2.3-a 6749-4.1.3-a 8252-8.5-b",
            APP,
            Some(basic(APP, "any")),
            &[],
            Some(D::WrongMethod),
        ),
        row(
            "6749-2.3-a 6749-4.1.3-a",
            APP,
            None,
            &[("client_id", APP), ("client_secret", "any")],
            Some(D::WrongMethod),
        ),
        row(
            "6749-2.3-b",
            WEB,
            good(WEB),
            &[("client_secret", &web_secret)],
            Some(D::SeveralMethods),
        ),
        row(
            "6749-2.3-b",
            WEB,
            good(WEB),
            &[("client_id", WEB), ("client_secret", &web_secret)],
            Some(D::SeveralMethods),
        ),
        row(
            "6749-2.3-b",
            POST,
            good(WEB),
            &[("client_id", POST), ("client_secret", &post_secret)],
            Some(D::SeveralMethods),
        ),
        row(
            "two clients",
            WEB,
            good(WEB),
            &[("client_id", APP)],
            Some(D::TwoClients),
        ),
        row(
            "two clients",
            APP,
            good(WEB),
            &[("client_id", APP)],
            Some(D::TwoClients),
        ),
        row(
            "another scheme",
            APP,
            Some(bearer),
            &[("client_id", APP)],
            Some(D::Malformed),
        ),
        row(
            "unreadable",
            APP,
            Some(Authorization::Malformed),
            &[("client_id", APP)],
            Some(D::Malformed),
        ),
        row(
            "a secret of nobody",
            POST,
            None,
            &[("client_secret", &post_secret)],
            Some(D::Missing),
        ),
    ]
}

fn presented(row: &Row, params: &[(&str, &str)]) -> ClientRequest {
    ClientRequest::new(
        pairs(params)
            .into_iter()
            .chain(row.params.clone())
            .collect(),
    )
    .authorization(row.authorization.clone())
}

fn expected_code(denial: ClientDenial) -> &'static str {
    match denial {
        ClientDenial::SeveralMethods | ClientDenial::TwoClients => "invalid_request",
        _ => "invalid_client",
    }
}

/// Codes, refresh tokens and revocations alike: a client that is not proven gets nothing, and nothing changes.
#[tokio::test]
async fn a_client_proves_to_be_it_in_its_own_way() {
    for row in rows() {
        let (id, owner) = (row.id, row.owner);
        let fixture = Fixture::new();
        let code = fixture.code(owner).await;
        let uri = redirect_uri(owner);
        let records = fixture.records();
        let answer = fixture
            .token(&presented(&row, &exchange(&code, &uri)))
            .await;
        let Some(denial) = row.denial else {
            let tokens = answer.unwrap_or_else(|denial| panic!("{id}: {denial:?}"));
            let token = tokens.refresh_token.unwrap();
            let refresh = [
                ("grant_type", "refresh_token"),
                ("refresh_token", token.expose()),
            ];
            let tokens = fixture.token(&presented(&row, &refresh)).await.unwrap();
            // 7009-2.1-e
            let revoke = [("token", tokens.access_token.expose())];
            fixture
                .server
                .revoke(&presented(&row, &revoke))
                .await
                .unwrap();
            assert!(!fixture.is_valid(&tokens.access_token).await);
            continue;
        };
        assert_eq!(wire(&answer), expected_code(denial), "{id}");
        assert_eq!(answer.unwrap_err(), TokenDenial::Client(denial), "{id}");
        assert_eq!(fixture.records(), records);
        let tokens = fixture.redeem(owner, &code).await.unwrap();
        let token = tokens.refresh_token.unwrap();
        // 6749-6-a
        let refresh = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token.expose()),
        ];
        let answer = fixture.token(&presented(&row, &refresh)).await;
        assert_eq!(answer.unwrap_err(), TokenDenial::Client(denial), "{id}");
        // 7009-2.1-d
        for token in [&token, &tokens.access_token] {
            let request = presented(&row, &[("token", token.expose())]);
            let answer = fixture.server.revoke(&request).await.outcome();
            assert_eq!(answer, Err(RevocationDenial::Client(denial)), "{id}");
            // 7662-2.1-d
            let answer = fixture.server.introspect(&request).await.outcome();
            assert_eq!(answer, Err(IntrospectionDenial::Client(denial)), "{id}");
        }
        assert!(fixture.is_valid(&tokens.access_token).await, "{id}");
        assert_eq!(
            wire(&fixture.refresh(owner, &token, &[]).await),
            "ok",
            "{id}"
        );
    }
}

/// 8252-8.4-a, 8252-8.4-b, v21-2.1-a: a client is of one type, and that of its registration.
#[test]
fn a_client_is_of_one_type() {
    for client in common::clients::all() {
        let id = client.id().as_str();
        assert_eq!(
            client.is_confidential(),
            ![APP, PLAIN, "native", "page", "keypad"].contains(&id)
        );
        assert_eq!(
            client.is_confidential(),
            client.authentication().method() != "none"
        );
    }
}

/// While a secret is being replaced the old and the new one are good, and after that the new one.
#[tokio::test]
async fn two_secrets_are_good_while_one_is_replaced() {
    let fixture = Fixture::new();
    let rotated = |secrets| {
        Client::confidential(
            MACHINE.parse().unwrap(),
            ClientAuthentication::SecretBasic(secrets),
        )
        .grant_types([GrantType::CLIENT_CREDENTIALS])
        .build()
        .unwrap()
    };
    let new = || ClientSecrets::new(SecretDigest::of("new"));
    let during = fixture.beside(
        vec![rotated(new().with_previous(SecretDigest::of("old")))],
        |_| {},
    );
    let after = fixture.beside(vec![rotated(new())], |_| {});
    for (fixture, secret, expected) in [
        (&during, "old", "ok"),
        (&during, "new", "ok"),
        (&during, "other", "invalid_client"),
        (&after, "old", "invalid_client"),
        (&after, "new", "ok"),
    ] {
        let request = ClientRequest::new(
            pairs(&[("grant_type", "client_credentials")])
                .into_iter()
                .collect(),
        )
        .authorization(basic(MACHINE, secret));
        assert_eq!(wire(&fixture.token(&request).await), expected, "{secret}");
    }
}

/// A proof in a parameter `proof`, which may be used once.
struct Ticket {
    fails: Arc<AtomicBool>,
}

#[async_trait]
impl ClientAuthenticationMethod for Ticket {
    fn name(&self) -> &'static str {
        "ticket"
    }

    fn claim(&self, request: &ClientRequest) -> Option<ClientId> {
        request.params.get("proof")?;
        ClientId::new(request.params.get("client_id").unwrap_or("ticketed")).ok()
    }

    async fn verify(
        &self,
        request: &ClientRequest,
        context: &RequestContext<'_>,
    ) -> Result<Proof, Error<ClientDenial>> {
        assert_eq!(context.client.id().as_str(), "ticketed");
        if self.fails.load(Ordering::SeqCst) {
            return Err(Fault::Extension("the notary is out".into()).into());
        }
        let proof = request.params.get("proof").unwrap_or_default();
        let parts = proof.strip_prefix("good ");
        let parts = parts.ok_or(ClientDenial::WrongProof)?.split(' ');
        Ok(parts.fold(Proof::new(), |proof, part| {
            let name = ["ticket", part].map(str::as_bytes);
            let until = context.now + seconds(60);
            proof.mark(OneTimeMark::new(context.namespace(), &name, until))
        }))
    }
}

struct Notary {
    server: AuthorizationServer,
    store: MemoryStore,
    fails: Arc<AtomicBool>,
}

impl Notary {
    fn new() -> Self {
        let fails = Arc::new(AtomicBool::new(false));
        let store = MemoryStore::default();
        let client = |id: &str, method: &'static str| {
            Client::confidential(
                id.parse().unwrap(),
                ClientAuthentication::Method(method.into()),
            )
            .grant_types([GrantType::CLIENT_CREDENTIALS])
            .scope(scope("read"))
            .build()
            .unwrap()
        };
        let clients: StaticClients = [client("ticketed", "ticket"), client("lost", "oracle")]
            .into_iter()
            .collect();
        let server = AuthorizationServer::builder(
            issuer(),
            Arc::new(store.clone()),
            Arc::new(clients),
            Arc::new(TestClock::default()),
            Arc::new(SeededEntropy::default()),
        )
        .operator_secret(OperatorSecret::from_bytes(common::OPERATOR_SECRET))
        .client_authentication(Ticket {
            fails: Arc::clone(&fails),
        })
        .build()
        .unwrap();
        common::settle_in(&server, &store);
        Self {
            server,
            store,
            fails,
        }
    }

    /// The number of records, without the list of namespaces.
    fn records(&self) -> usize {
        self.store.len().unwrap() - 1
    }

    async fn token(&self, params: &[(&str, &str)]) -> &'static str {
        let request = request(params, None);
        wire(&self.server.token(&request).await.outcome())
    }

    /// The answer, and how many records it wrote.
    async fn token_and_records(&self, grant: (&str, &str), proof: &str) -> (&'static str, usize) {
        let before = self.records();
        let answer = self.token(&[grant, ("proof", proof)]).await;
        (answer, self.records() - before)
    }
}

fn request(params: &[(&str, &str)], authorization: Option<Authorization>) -> ClientRequest {
    ClientRequest::new(pairs(params).into_iter().collect()).authorization(authorization)
}

/// A proof that verified is used up, whatever becomes of the request; a forged one is not even written down.
#[tokio::test]
async fn a_one_time_proof_is_used_once() {
    let grant = ("grant_type", "client_credentials");
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[grant], "ok"),
        (&[grant, ("scope", "other")], "invalid_scope"),
        (
            &[grant, ("resource", "https://unknown.example")],
            "invalid_target",
        ),
        (&[], "invalid_request"),
        (&[("grant_type", "other")], "unsupported_grant_type"),
        (
            &[("grant_type", "refresh_token"), ("refresh_token", "x")],
            "unauthorized_client",
        ),
    ];
    for (params, expected) in rows {
        let notary = Notary::new();
        let with = |proof| [*params, &[("proof", proof)]].concat();
        assert_eq!(notary.token(&with("forged")).await, "invalid_client");
        assert_eq!(notary.records(), 0);
        assert_eq!(notary.token(&with("good 1")).await, *expected);
        assert_eq!(
            notary.token(&with("good 1")).await,
            "invalid_client",
            "{params:?}"
        );
        assert_eq!(
            notary.token(&[grant, ("proof", "good 1")]).await,
            "invalid_client",
            "{params:?}"
        );
        assert_eq!(notary.token(&[grant, ("proof", "good 2")]).await, "ok");
    }
}

#[tokio::test]
async fn a_one_time_proof_is_used_once_at_every_endpoint() {
    let notary = Notary::new();
    let with = |proof| request(&[("token", "x"), ("proof", proof)], None);
    notary.server.revoke(&with("good 1")).await.unwrap();
    notary.server.introspect(&with("good 2")).await.unwrap();
    for used in ["good 1", "good 2", "good 3 1"] {
        let replayed = ClientDenial::ReplayedProof;
        assert_eq!(
            notary.server.revoke(&with(used)).await.outcome(),
            Err(RevocationDenial::Client(replayed))
        );
        assert_eq!(
            notary.server.introspect(&with(used)).await.outcome(),
            Err(IntrospectionDenial::Client(replayed))
        );
        assert_eq!(
            notary
                .token(&[("grant_type", "client_credentials"), ("proof", used)])
                .await,
            "invalid_client"
        );
    }
    notary.server.revoke(&with("good 3")).await.unwrap();
}

/// A proof of two parts is used up as a whole or not at all.
#[tokio::test]
async fn of_several_one_time_marks_all_are_written_or_none() {
    const GRANT: (&str, &str) = ("grant_type", "client_credentials");
    const DENIED: (&str, &str) = ("grant_type", "other");
    let notary = Notary::new();
    let with = |grant, proof| notary.token_and_records(grant, proof);
    // What the server writes once.
    assert_eq!(with(GRANT, "good 0").await.0, "ok");
    for (grant, proof, expected, records) in [
        (GRANT, "good a b", "ok", 3),
        // One of the two was used before, so the other is not used now.
        (GRANT, "good a c", "invalid_client", 0),
        (GRANT, "good d b", "invalid_client", 0),
        (GRANT, "good c", "ok", 2),
        (GRANT, "good d", "ok", 2),
        // Marks are written whatever the outcome of the request.
        (DENIED, "good e f", "unsupported_grant_type", 2),
        (GRANT, "good e", "invalid_client", 0),
        (GRANT, "good f", "invalid_client", 0),
        (DENIED, "good g f", "invalid_client", 0),
        (GRANT, "good g", "ok", 2),
        // The same twice in one request.
        (GRANT, "good h i h", "invalid_client", 0),
        (GRANT, "good h i", "ok", 3),
    ] {
        assert_eq!(with(grant, proof).await, (expected, records), "{proof}");
    }
}

/// Authenticates by the certificate of the connection, which does not name a client.
#[derive(Clone, Default)]
struct Certificate(Arc<Mutex<Vec<Seen>>>);

/// What it was asked: issuer, endpoint, method, peer.
type Seen = (String, Option<String>, String, Option<IpAddr>);

#[async_trait]
impl ClientAuthenticationMethod for Certificate {
    fn name(&self) -> &'static str {
        "certificate"
    }

    fn claim(&self, _: &ClientRequest) -> Option<ClientId> {
        None
    }

    async fn verify(
        &self,
        request: &ClientRequest,
        context: &RequestContext<'_>,
    ) -> Result<Proof, Error<ClientDenial>> {
        self.0.lock().unwrap().push((
            context.issuer.to_string(),
            context.endpoint_url.map(str::to_owned),
            request.method.to_string(),
            request.peer,
        ));
        let id = context.client.id().as_str();
        match &request.certificate {
            Some(der) if **der == *id.as_bytes() => {
                let mark = OneTimeMark::new(context.namespace(), &[der], context.now);
                Ok(Proof::new().mark(mark))
            }
            _ => Err(ClientDenial::WrongProof.into()),
        }
    }
}

impl Certificate {
    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A server whose clients `carrier` and `other` have certificates, in a namespace of its own.
fn guarded(namespace: &Realm) -> (Fixture, Certificate) {
    let method = Certificate::default();
    let mut clients = common::clients::all();
    clients.extend(["carrier", "other"].map(|id| {
        Client::confidential(
            id.parse().unwrap(),
            ClientAuthentication::Method("certificate".into()),
        )
        .grant_types([GrantType::CLIENT_CREDENTIALS])
        .build()
        .unwrap()
    }));
    let fixture = Fixture::new().beside_built(clients, 2, |builder| {
        builder
            .client_authentication(method.clone())
            .realm(namespace.clone())
    });
    (fixture, method)
}

/// Evidence that comes with every request of a connection counts only for clients that are
/// registered for it.
#[tokio::test]
async fn only_the_method_that_a_client_is_registered_for_is_asked() {
    let (fixture, method) = guarded(&Realm::default());
    let machine = client_secret(MACHINE);
    let rows = [
        (&[("client_id", "carrier")][..], None, "carrier", "ok", 1),
        (
            &[("client_id", "other")],
            None,
            "carrier",
            "invalid_client",
            1,
        ),
        (&[("client_id", "carrier")], None, "", "invalid_client", 1),
        (
            &[("client_id", "carrier"), ("client_secret", "x")],
            None,
            "carrier",
            "invalid_client",
            0,
        ),
        (
            &[],
            Some(basic("carrier", "x")),
            "carrier",
            "invalid_client",
            0,
        ),
        (&[], None, "carrier", "invalid_client", 0),
        (
            &[("client_id", "nobody")],
            None,
            "carrier",
            "invalid_client",
            0,
        ),
        (&[], Some(basic(MACHINE, &machine)), "carrier", "ok", 0),
        (
            &[("client_id", APP)],
            None,
            "carrier",
            "unauthorized_client",
            0,
        ),
    ];
    for (params, authorization, certificate, expected, asked) in rows {
        let params = [params, &[("grant_type", "client_credentials")]].concat();
        let mut request = request(&params, authorization);
        if !certificate.is_empty() {
            request = request.certificate(certificate.as_bytes());
        }
        let answer = fixture.token(&request).await;
        assert_eq!(wire(&answer), expected, "{params:?}");
        assert_eq!(method.take().len(), asked, "{params:?}");
        fixture.store.prune(Timestamp::MAX, 99).await.unwrap();
    }
}

/// What a method gets: the issuer, the endpoint, the namespace, and the request.
#[tokio::test]
async fn a_method_knows_where_it_is_asked() {
    let namespace = Realm::new("elsewhere");
    let (fixture, method) = guarded(&namespace);
    let server = &fixture.server;
    let peer = IpAddr::from([192, 0, 2, 7]);
    let request = request(
        &[
            ("client_id", "carrier"),
            ("grant_type", "client_credentials"),
            ("token", "x"),
        ],
        None,
    )
    .certificate(&b"carrier"[..])
    .peer(peer);
    let seen = async |endpoint: Option<&str>, method_name: &str| {
        let expected = (
            common::ISSUER.to_owned(),
            endpoint.map(|path| format!("{}{path}", common::ISSUER)),
            method_name.to_owned(),
            Some(peer),
        );
        assert_eq!(method.take(), [expected]);
        // Used where this server keeps its records, and nowhere else.
        for (realm, is_used) in [(&namespace, true), (&Realm::default(), false)] {
            let key = Key::new(realm, Kind::REPLAY, &[b"carrier"]);
            let found = fixture.store.load(&key).await.unwrap();
            assert_eq!(found.is_some(), is_used);
        }
        fixture.store.prune(Timestamp::MAX, 99).await.unwrap();
    };
    server.token(&request).await.unwrap();
    seen(Some("/token"), "POST").await;
    server.revoke(&request).await.unwrap();
    seen(Some("/revoke"), "POST").await;
    server.introspect(&request).await.unwrap();
    seen(Some("/introspect"), "POST").await;
    server.authenticate_client(&request).await.unwrap();
    seen(None, "POST").await;
    let elsewhere = format!("{}/oauth2/token", common::ISSUER);
    let elsewhere = request.endpoint_url(elsewhere).method("PUT");
    server.token(&elsewhere).await.unwrap();
    seen(Some("/oauth2/token"), "PUT").await;
}

/// Also with an added method: one at a time, of the client that is registered for it.
#[tokio::test]
async fn an_added_method_is_one_of_several() {
    let notary = Notary::new();
    let grant = ("grant_type", "client_credentials");
    let other = |scheme: &str| Authorization::Other {
        scheme: scheme.into(),
        credentials: Secret::new("x"),
    };
    for (params, authorization, expected) in [
        (
            &[grant, ("proof", "good 1"), ("client_id", "ticketed")][..],
            None,
            "ok",
        ),
        (
            &[grant, ("proof", "good 2"), ("client_id", "lost")],
            None,
            "invalid_client",
        ),
        (
            &[
                grant,
                ("proof", "good 2"),
                ("client_id", "ticketed"),
                ("client_secret", "x"),
            ],
            None,
            "invalid_request",
        ),
        (
            &[grant, ("proof", "good 2")],
            Some(basic("ticketed", "x")),
            "invalid_request",
        ),
        (
            &[grant, ("proof", "good 2")],
            Some(Authorization::Malformed),
            "invalid_client",
        ),
        (&[grant, ("client_id", "ticketed")], None, "invalid_client"),
        (
            &[grant, ("client_id", "lost")],
            Some(other("oracle")),
            "invalid_client",
        ),
        (&[grant], Some(basic("lost", "x")), "invalid_client"),
        (&[grant, ("proof", "good 2")], Some(other("ticket")), "ok"),
    ] {
        let answer = notary
            .server
            .token(&request(params, authorization))
            .await
            .outcome();
        assert_eq!(wire(&answer), expected, "{params:?}");
    }
    // A method that cannot tell is a fault, and no denial.
    notary.fails.store(true, Ordering::SeqCst);
    let fault = notary
        .server
        .token(&request(&[grant, ("proof", "good 9")], None))
        .await
        .fault();
    assert_eq!(fault.refusal().code.as_str(), "server_error");
    notary.fails.store(false, Ordering::SeqCst);
    assert_eq!(notary.token(&[grant, ("proof", "good 9")]).await, "ok");
}

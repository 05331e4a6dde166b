//! How little is written, and how small a grant stays.

use oauth_core::{
    authorize::{InteractionDenial, Verdict},
    client::{Client, ClientAuthentication, ClientSecrets},
    grant::{GrantType, TokenDenial},
    server::InvalidServer,
    store::{Kind, Store},
    time::Clock,
    token::{Formats, Prefixed, PresentedToken, TokenFormat},
    types::{Authentication, HostData, InvalidJson, Secret, SecretDigest},
};

use crate::{
    common::{
        clients::{self, OWN, WEB, client_secret},
        flow::{approve, code_in, from, refresh_token, wire},
        seconds,
        watched::{Watched, watched, watched_server},
    },
    pair, refresh,
};

/// An approval is one write; a redemption and a refresh are two; an identical retry and a refusal are none.
#[tokio::test]
async fn little_is_written() {
    let (fixture, store) = watched(|_| {});
    let interaction = fixture.pend(WEB, &[]).await;
    assert_eq!(store.take_written(), 0, "asked");
    fixture.settle(&interaction, Verdict::Deny).await.unwrap();
    assert_eq!(store.take_written(), 0, "declined");
    let yes = Verdict::Approve(approve("alice"));
    let settled = fixture.settle(&interaction, yes.clone()).await.unwrap();
    assert_eq!(store.take_written(), 1, "approved");
    fixture.settle(&interaction, yes).await.unwrap();
    assert_eq!(store.take_written(), 0, "approved again");
    let code = code_in(&settled.response);
    let first = fixture.redeem(WEB, &code).await.unwrap();
    assert_eq!(store.take_written(), 2, "redeemed");
    let second = fixture.next(&first).await;
    assert_eq!(store.take_written(), 2, "refreshed");
    for _ in 0..3 {
        assert_eq!(pair(&fixture.next(&first).await), pair(&second));
        assert_eq!(store.take_written(), 0, "retried");
    }
    let narrow = [("scope", "read")];
    fixture
        .refresh(WEB, refresh_token(&first), &narrow)
        .await
        .unwrap();
    assert_eq!(store.take_written(), 2, "another tab");
    fixture.revoke(WEB, &second.access_token).await.unwrap();
    assert_eq!(store.take_written(), 1, "revoked");
    fixture.revoke(WEB, refresh_token(&second)).await.unwrap();
    assert_eq!((store.take_written(), fixture.records()), (1, 1), "ended");
}

async fn size(store: &Watched) -> usize {
    let records = store.records().await;
    let mut grants = records.iter().filter(|(key, _)| key.kind() == Kind::GRANT);
    let size = grants.next().unwrap().1.body.len();
    assert!(grants.next().is_none());
    size
}

/// A grant that was refreshed two thousand times is as large as a new one, and beside it are only the live access tokens.
#[tokio::test]
async fn a_grant_does_not_grow() {
    let (fixture, store) = watched(|policy| policy.access_token_lifetime = seconds(600));
    let mut tokens = fixture.tokens(WEB).await;
    tokens = fixture.next(&tokens).await;
    let after_one = size(&store).await;
    for _ in 0..2_000 {
        fixture.clock.advance(seconds(60));
        tokens = fixture.next(&tokens).await;
    }
    // Its number takes two bytes more by now, and so do the five counts of its access tokens.
    assert!(size(&store).await <= after_one + 2 + 5);
    fixture
        .store
        .prune(fixture.clock.now(), 10_000)
        .await
        .unwrap();
    assert_eq!(fixture.records(), 1 + 10);
}

/// `tokens_per_grant` limits the outstanding access tokens of a grant. A request above the limit
/// spends nothing, and succeeds once tokens have expired.
#[tokio::test]
async fn a_grant_has_no_more_than_so_many_access_tokens_out() {
    let (fixture, store) = watched(|policy| {
        policy.tokens_per_grant = 4;
        policy.access_token_lifetime = seconds(100);
    });
    let first = fixture.tokens(WEB).await;
    let second = fixture.next(&first).await;
    let third = fixture.next(&second).await;
    let narrow = [("scope", "read")];
    fixture.clock.advance(seconds(20));
    let fourth = fixture.refresh(WEB, refresh_token(&second), &narrow).await;
    fourth.unwrap();
    for (token, params) in [
        (&third, &[][..]),
        (&third, &narrow),
        // The other tab of a retry would be one more, too.
        (&second, &[("scope", "read"), ("resource", "")]),
    ] {
        let before = store.records().await;
        let answer = fixture.refresh(WEB, refresh_token(token), params).await;
        if params.len() == 2 {
            assert_eq!(wire(&answer), "ok", "the same request, and the same token");
        } else {
            assert_eq!(answer.unwrap_err(), TokenDenial::TooManyTokens);
        }
        assert_eq!(store.records().await, before);
    }
    // A retry needs no more.
    assert_eq!(pair(&fixture.next(&second).await), pair(&third));
    // Revoking makes no room, time does: when the first have ended, at the latest a quarter later.
    fixture.revoke(WEB, &second.access_token).await.unwrap();
    let full = fixture.refresh(WEB, refresh_token(&third), &[]).await;
    assert_eq!(full.unwrap_err(), TokenDenial::TooManyTokens);
    fixture.clock.advance(seconds(105));
    let mut tokens = fixture.next(&third).await;
    for _ in 0..3 {
        tokens = fixture.next(&tokens).await;
    }
    let full = fixture.refresh(WEB, refresh_token(&tokens), &[]).await;
    assert_eq!(full.unwrap_err(), TokenDenial::TooManyTokens);
    fixture.clock.advance(seconds(125));
    fixture.next(&tokens).await;
    // Another grant has tokens of its own.
    fixture.tokens(WEB).await;
}

fn with_scope(id: &str, scope: &str) -> Client {
    let secrets = ClientSecrets::new(SecretDigest::of(&client_secret(id)));
    Client::confidential(
        id.parse().unwrap(),
        ClientAuthentication::SecretBasic(secrets),
    )
    .redirect_uri(clients::redirect_uri(id))
    .scope(scope.parse().unwrap())
    .grant_types([GrantType::AUTHORIZATION_CODE, GrantType::REFRESH_TOKEN])
    .dangerous_own_code()
    .build()
    .unwrap()
}

/// A grant's body is at most 4 KiB, refused at approval; nothing is written then.
#[tokio::test]
async fn a_grant_that_is_too_large_is_refused_at_approval() {
    let words = |count: usize| -> String {
        let words: Vec<_> = (0..count).map(|n| format!("scope-{n:04}")).collect();
        words.join(" ")
    };
    let (fixture, _) = watched(|_| {});
    let scope = words(500);
    let fixture = fixture.beside(
        vec![with_scope(WEB, &scope), with_scope(OWN, &scope)],
        |_| {},
    );
    let interaction = fixture.pend(WEB, &[("scope", &scope)]).await;
    let yes = Verdict::Approve(approve("alice"));
    for verdict in [yes, crate::common::flow::remembered("alice")] {
        let answer = fixture.settle(&interaction, verdict).await;
        assert_eq!(answer.unwrap_err(), InteractionDenial::TooLarge);
        assert_eq!(fixture.records(), 0);
    }
    // Less of it can be allowed still.
    let less = crate::common::flow::narrowed("alice", &words(200));
    let settled = fixture.settle(&interaction, less).await.unwrap();
    let tokens = fixture.redeem(WEB, &code_in(&settled.response)).await;
    fixture.next(&tokens.unwrap()).await;
    // What the host adds counts as well.
    let interaction = fixture.pend(WEB, &[("scope", &words(290))]).await;
    let records = fixture.records();
    let signed_in = Authentication::new(fixture.clock.now()).session("s".repeat(1200));
    let answer = fixture
        .settle(
            &interaction,
            Verdict::Approve(approve("alice").authentication(signed_in)),
        )
        .await;
    assert_eq!(answer.unwrap_err(), InteractionDenial::TooLarge);
    assert_eq!(fixture.records(), records);
    // So does what a client gets for itself.
    let ticket = fixture
        .server
        .own_code_ticket(&from(OWN, &[]))
        .await
        .unwrap();
    let answer = fixture.server.own_code(&ticket).await;
    let denial = answer.unwrap_err().into_denial().unwrap();
    assert_eq!(denial, TokenDenial::GrantTooLarge);
    assert_eq!(denial.refusal().code.as_str(), "invalid_request");
    assert_eq!(fixture.records(), records);
}

/// The largest grant that is approved is not larger than that when it is redeemed and refreshed.
#[tokio::test]
async fn a_grant_stays_below_4_kib() {
    let (fixture, store) = watched(|_| {});
    let (mut fits, mut too_large) = (0, 4096);
    // The longest session that fits.
    while fits + 1 < too_large {
        let length = usize::midpoint(fits, too_large);
        let interaction = fixture.pend(WEB, &[]).await;
        let signed_in = Authentication::new(fixture.clock.now()).session("s".repeat(length));
        let verdict = Verdict::Approve(approve("alice").authentication(signed_in));
        match fixture.settle(&interaction, verdict).await {
            Ok(settled) => {
                fits = length;
                fixture
                    .server
                    .end_grant(settled.grant.unwrap())
                    .await
                    .unwrap();
            }
            Err(denial) => {
                assert_eq!(denial, InteractionDenial::TooLarge);
                too_large = length;
            }
        }
    }
    let interaction = fixture.pend(WEB, &[]).await;
    let signed_in = Authentication::new(fixture.clock.now()).session("s".repeat(fits));
    let verdict = Verdict::Approve(approve("alice").authentication(signed_in));
    let settled = fixture.settle(&interaction, verdict).await.unwrap();
    let code = code_in(&settled.response);
    let mut tokens = fixture.redeem(WEB, &code).await.unwrap();
    for _ in 0..50 {
        tokens = fixture.next(&tokens).await;
    }
    let largest = store
        .records()
        .await
        .into_values()
        .map(|stored| stored.body.len());
    assert!(largest.max().unwrap() <= 4096 + 64);
}

/// A host's own data is at most 1 KiB, and comes back with every token.
#[tokio::test]
async fn host_data_is_at_most_1_kib() {
    #[derive(serde::Serialize)]
    struct Data {
        data: String,
    }
    let data = |length: usize| {
        HostData::new(&Data {
            data: "x".repeat(length),
        })
    };
    let most = HostData::MAX_BYTES - r#"{"data":""}"#.len();
    assert_eq!(data(most + 1).unwrap_err(), InvalidJson::TooLarge);
    let (fixture, _) = watched(|_| {});
    let interaction = fixture.pend(WEB, &[]).await;
    let data = data(most).unwrap();
    let verdict = Verdict::Approve(approve("alice").data(data.clone()));
    let settled = fixture.settle(&interaction, verdict).await.unwrap();
    let tokens = fixture
        .redeem(WEB, &code_in(&settled.response))
        .await
        .unwrap();
    let next = fixture.next(&tokens).await;
    for tokens in [&tokens, &next] {
        let valid = fixture
            .server
            .validate(&PresentedToken::bearer(tokens.access_token.clone()))
            .await
            .unwrap();
        assert_eq!(valid.unwrap().data.as_ref(), Some(&data));
    }
}

/// An encoding with room for so many bytes.
struct Narrow(usize);

impl TokenFormat for Narrow {
    fn encode(&self, bytes: &[u8]) -> Secret {
        Prefixed("n_").encode(bytes)
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        Prefixed("n_").decode(text)
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.0)
    }
}

/// Forgets the last byte.
struct Lossy;

impl TokenFormat for Lossy {
    fn encode(&self, bytes: &[u8]) -> Secret {
        Prefixed("l_").encode(&bytes[..bytes.len() - 1])
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        Prefixed("l_").decode(text)
    }
}

/// `build()` refuses a server without an operator secret, and an encoding with too little room.
#[test]
fn build_says_what_is_missing() {
    use std::sync::Arc;
    let build = |formats: Formats| {
        let (fixture, _) = watched(|_| {});
        oauth_core::AuthorizationServer::builder(
            crate::common::issuer(),
            Arc::new(fixture.store),
            Arc::new(oauth_core::store::StaticClients::default()),
            fixture.clock,
            Arc::new(crate::common::SeededEntropy::default()),
        )
        .formats(formats)
    };
    let error = build(Formats::default()).build().unwrap_err();
    assert_eq!(error, InvalidServer::NoOperatorSecret);
    assert_eq!(
        error.to_string(),
        "there is no operator secret: give one to `operator_secret`, or call \
         `dangerous_secret_in_store` to keep it in the store"
    );
    let rows: [(Formats, Option<&str>); 7] = [
        (
            Formats {
                refresh_token: Box::new(Lossy),
                ..Formats::default()
            },
            Some("the format of refresh tokens does not decode what it encodes"),
        ),
        (
            Formats {
                access_token: Box::new(Narrow(15)),
                ..Formats::default()
            },
            Some("the format of access tokens has room for 15 bytes; it needs room for 16"),
        ),
        (
            Formats {
                code: Box::new(Narrow(15)),
                ..Formats::default()
            },
            Some("the format of codes has room for 15 bytes; it needs room for 16"),
        ),
        (
            Formats {
                refresh_token: Box::new(Narrow(67)),
                ..Formats::default()
            },
            Some("the format of refresh tokens has room for 67 bytes; it needs room for 68"),
        ),
        (
            Formats {
                access_token: Box::new(Narrow(16)),
                ..Formats::default()
            },
            None,
        ),
        (
            Formats {
                code: Box::new(Narrow(16)),
                ..Formats::default()
            },
            None,
        ),
        (
            Formats {
                refresh_token: Box::new(Narrow(68)),
                ..Formats::default()
            },
            None,
        ),
    ];
    for (formats, expected) in rows {
        let built = build(formats).dangerous_secret_in_store().build();
        let error = built.err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected);
    }
}

/// The narrowest encodings do.
#[tokio::test]
async fn narrow_encodings_are_wide_enough() {
    for code in [16, 47, 48, 49] {
        let (fixture, store) = watched_server(|builder| {
            builder.formats(Formats {
                access_token: Box::new(Narrow(16)),
                refresh_token: Box::new(Narrow(68)),
                code: Box::new(Narrow(code)),
            })
        });
        let text = fixture.code(WEB).await;
        // One that has room for the id has no pointer.
        assert_eq!(store.take_written(), if code < 48 { 2 } else { 1 });
        let tokens = fixture.redeem(WEB, &text).await.unwrap();
        let next = fixture.next(&tokens).await;
        assert_eq!(pair(&fixture.next(&tokens).await), pair(&next));
        assert!(fixture.is_valid(&next.access_token).await);
        fixture.token(&refresh(refresh_token(&next))).await.unwrap();
        let old = fixture.redeem(WEB, &text).await;
        assert_eq!(wire(&old), "invalid_grant");
        assert!(!fixture.is_valid(&next.access_token).await);
    }
}

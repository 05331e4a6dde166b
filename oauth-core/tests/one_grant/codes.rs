//! What a code is to its grant, and codes that are too short to name it.

use oauth_core::{
    grant::{CodeDenial, TokenDenial},
    store::{Kind, Store},
    time::Clock,
    token::{Formats, TokenFormat},
    types::Secret,
};

use crate::{
    ID, SECRET_OF_CODE, altered,
    common::{
        Answered, Fixture,
        clients::{OWN, WEB, redirect_uri},
        flow::{approve, code_in, exchange, from, refresh_token},
        seconds,
        watched::{Watched, watched, watched_server},
    },
};
use oauth_core::authorize::Verdict;

/// Guessing a secret for a known id changes nothing, before and after the code is spent.
#[tokio::test]
async fn a_guess_changes_nothing_and_is_unknown() {
    type Change = fn(&mut Vec<u8>);
    let guesses: [(&str, Change); 4] = [
        ("another secret", |code| code[SECRET_OF_CODE][0] ^= 1),
        ("no secret", |code| code[SECRET_OF_CODE].fill(0)),
        ("another grant", |code| code[ID][15] ^= 1),
        ("a byte less", |code| {
            code.pop();
        }),
    ];
    let (fixture, store) = watched(|_| {});
    let code = fixture.code(WEB).await;
    let other = fixture.code(WEB).await;
    let mut tokens = None;
    for _ in 0..2 {
        for (what, change) in guesses {
            fixture
                .is_unknown_code(&store, &altered(&code, change), what)
                .await;
        }
        // The secret of one grant with the id of another.
        let id = crate::bytes(&other)[ID].to_vec();
        let mixed = altered(&code, |code| code[ID].copy_from_slice(&id));
        fixture
            .is_unknown_code(&store, &mixed, "another grant's")
            .await;
        if tokens.is_none() {
            tokens = Some(fixture.redeem(WEB, &code).await.unwrap());
        }
    }
    fixture.next(&tokens.unwrap()).await;
    fixture.redeem(WEB, &other).await.unwrap();
}

/// A code as 40 hexadecimal digits: too short for the id of a grant.
struct Short;

impl TokenFormat for Short {
    fn encode(&self, bytes: &[u8]) -> Secret {
        let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Secret::new(digits.concat())
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        bytes.filter(|bytes| self.encode(bytes).expose() == text)
    }

    fn capacity(&self) -> Option<usize> {
        Some(20)
    }
}

fn short() -> (Fixture, Watched) {
    watched_server(|builder| {
        builder.formats(Formats {
            code: Box::new(Short),
            ..Formats::default()
        })
    })
}

async fn only(store: &Watched, kind: Kind) -> oauth_core::store::Stored {
    let records = store.records().await;
    let mut of_kind = records.into_iter().filter(|(key, _)| key.kind() == kind);
    let (_, stored) = of_kind.next().unwrap();
    assert!(of_kind.next().is_none());
    stored
}

/// Only codes may be too short for an id: those have a pointer record, a member that lives as long as the grant.
#[tokio::test]
async fn a_short_code_has_a_pointer_that_lives_as_long_as_the_grant() {
    let (fixture, store) = short();
    let interaction = fixture.pend(WEB, &[]).await;
    let yes = Verdict::Approve(approve("alice"));
    let settled = fixture.settle(&interaction, yes.clone()).await.unwrap();
    assert_eq!(store.take_written(), 2);
    let code = code_in(&settled.response);
    assert_eq!(code.len(), 40);
    let again = fixture.settle(&interaction, yes).await.unwrap();
    assert_eq!(again.response.location(), settled.response.location());
    let pointer = only(&store, Kind::CODE).await;
    assert_eq!(pointer.forget_at, only(&store, Kind::GRANT).await.forget_at);

    let wrong = [
        code.to_uppercase(),
        format!("{}0", &code[..39]),
        code[..38].to_owned(),
        format!("{code}00"),
        "0".repeat(40),
    ];
    for wrong in wrong.iter().filter(|wrong| **wrong != code) {
        fixture.is_unknown_code(&store, wrong, wrong).await;
    }
    // An invalid attempt spends nothing.
    let uri = redirect_uri(WEB);
    let mut params = exchange(&code, &uri);
    params[3].1 = "another-verifier-that-is-long-enough-for-the-rules";
    let before = store.records().await;
    let answer = fixture.token(&from(WEB, &params)).await;
    assert_eq!(
        answer.unwrap_err(),
        TokenDenial::Code(CodeDenial::WrongVerifier)
    );
    assert_eq!(store.records().await, before);

    store.take_written();
    let mut tokens = fixture.redeem(WEB, &code).await.unwrap();
    assert_eq!(store.take_written(), 3);
    let pointer = only(&store, Kind::CODE).await;
    assert_eq!(pointer.forget_at, only(&store, Kind::GRANT).await.forget_at);

    // A replay is noticed however late it comes, and with the right verifier only.
    for _ in 0..29 {
        fixture.clock.advance(seconds(24 * 3600));
        let now = fixture.clock.now();
        fixture.store.prune(now, 100).await.unwrap();
        tokens = fixture.next(&tokens).await;
    }
    let before = store.records().await;
    let answer = fixture.token(&from(WEB, &params)).await;
    assert_eq!(answer.unwrap_err(), TokenDenial::Code(CodeDenial::Unknown));
    assert_eq!(store.records().await, before);
    let replay = fixture.redeem(WEB, &code).await;
    assert_eq!(replay.unwrap_err(), TokenDenial::Code(CodeDenial::Replayed));
    assert_eq!(fixture.records(), 1, "the closed grant");
    fixture
        .is_unknown(&store, refresh_token(&tokens), "ended")
        .await;
    fixture.is_unknown_code(&store, &code, "ended").await;
}

/// The pointer goes with its grant, and leads nowhere when that has ended.
#[tokio::test]
async fn a_short_code_of_an_ended_grant_is_unknown() {
    let (fixture, store) = short();
    let interaction = fixture.pend(WEB, &[]).await;
    let yes = Verdict::Approve(approve("alice"));
    let settled = fixture.settle(&interaction, yes).await.unwrap();
    fixture
        .server
        .end_grant(settled.grant.unwrap())
        .await
        .unwrap();
    assert_eq!(fixture.records(), 1);
    let code = code_in(&settled.response);
    fixture.is_unknown_code(&store, &code, "ended").await;
    // One that nobody redeems goes with the grant, too.
    let code = fixture.code(WEB).await;
    assert_eq!(fixture.records(), 3);
    fixture.clock.advance(seconds(60));
    let answer = fixture.redeem(WEB, &code).await;
    assert_eq!(answer.unwrap_err(), TokenDenial::Code(CodeDenial::Expired));
    fixture.clock.advance(seconds(3600));
    fixture.server.prune(100).await.unwrap();
    assert_eq!(fixture.records(), 0);
    fixture.is_unknown_code(&store, &code, "forgotten").await;
}

/// A code of the client's own can be short as well.
#[tokio::test]
async fn a_short_code_can_be_the_clients_own() {
    let (fixture, store) = short();
    let ticket = fixture.server.own_code_ticket(&from(OWN, &[])).await;
    let own = fixture.server.own_code(&ticket.unwrap()).await.unwrap();
    let code = own.code.expose();
    assert_eq!((code.len(), store.take_written()), (40, 2));
    let request = from(OWN, &[("grant_type", "authorization_code"), ("code", code)]);
    fixture.token(&request).await.unwrap();
    assert_eq!(store.take_written(), 3);
    let replay = fixture.server.token(&request).await.denied();
    assert_eq!(replay, TokenDenial::Code(CodeDenial::Replayed));
}

//! One grant is one record: what it keeps of its code and its refresh tokens, and how little is
//! written for that.
//!
//! Every sentence of the design is a row or a test of that name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod codes;
mod decisions;
mod ends;
mod lifetimes;
mod opened;
mod operator_secret;
mod refresh_tokens;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    Fixture,
    clients::{self, APP, INSPECTOR, WEB},
    flow::{from, refresh_token},
    secret,
    watched::Watched,
};
use oauth_core::{
    event::Event,
    grant::{CodeDenial, RefreshDenial, TokenDenial},
    server::Ended,
    token::{IntrospectionResponse, TokenResponse},
    types::Secret,
};

const ID: std::ops::Range<usize> = 0..16;
/// How many tokens came before a refresh token.
const GENERATION: std::ops::Range<usize> = 16..20;
const SECRET_OF_REFRESH_TOKEN: std::ops::Range<usize> = 20..52;
const TAG: std::ops::Range<usize> = 52..68;
const SECRET_OF_CODE: std::ops::Range<usize> = 16..48;

fn bytes(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(&token["oauth_rt_".len()..]).unwrap()
}

/// The token with other bytes.
fn altered(token: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = bytes(token);
    change(&mut bytes);
    let prefix = &token[.."oauth_rt_".len()];
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn refused(answer: Result<TokenResponse, TokenDenial>) -> RefreshDenial {
    match answer.unwrap_err() {
        TokenDenial::Refresh(denial) => denial,
        other => panic!("{other:?}"),
    }
}

fn pair(tokens: &TokenResponse) -> (String, String) {
    let access_token = tokens.access_token.expose().to_owned();
    (access_token, refresh_token(tokens).expose().to_owned())
}

impl Fixture {
    async fn next(&self, tokens: &TokenResponse) -> TokenResponse {
        let answer = self.refresh(WEB, refresh_token(tokens), &[]).await;
        answer.unwrap()
    }

    /// Every endpoint answers as for a token that nobody knows.
    async fn knows_nothing_of(&self, token: &Secret, what: &str) {
        let answer = self.refresh(WEB, token, &[]).await;
        let denial = refused(answer);
        // The second is for the log: the grant is there, but the token was never issued for it.
        let is_unknown = matches!(denial, RefreshDenial::Unknown | RefreshDenial::Forged);
        assert!(is_unknown, "{what}: {denial:?}");
        assert_eq!(denial.refusal(), RefreshDenial::Unknown.refusal(), "{what}");
        let event = self.events.last();
        let told = TokenDenial::Refresh(denial);
        assert!(
            matches!(event, Event::TokenDenied { reason, .. } if reason == told),
            "{what}: {event:?}"
        );
        for client in [WEB, INSPECTOR] {
            let answer = self.introspect(client, token).await;
            assert_eq!(answer, IntrospectionResponse::Inactive, "{what}");
        }
        assert!(!self.is_valid(token).await, "{what}");
        for client in [WEB, APP] {
            assert_eq!(self.revoke(client, token).await, Ok(()), "{what}");
        }
        assert!(self.server.holder(token).await.unwrap().is_none(), "{what}");
        self.server.revoke_grant(None, token).await.unwrap();
        let web = clients::all()
            .into_iter()
            .find(|own| own.id().as_str() == WEB);
        let web = web.unwrap();
        self.server.revoke_grant(Some(&web), token).await.unwrap();
        let Ended {
            access_token,
            refresh_token,
            ..
        } = self.server.ended(&web, token).await.unwrap();
        assert!(access_token && refresh_token, "{what}");
    }

    /// Nothing is changed by a token that nobody knows.
    async fn is_unknown(&self, store: &Watched, token: &Secret, what: &str) {
        let before = store.records().await;
        self.knows_nothing_of(token, what).await;
        assert_eq!(store.records().await, before, "{what}");
    }

    /// Nothing is changed by a code that nobody knows.
    async fn is_unknown_code(&self, store: &Watched, code: &str, what: &str) {
        let before = store.records().await;
        let answer = self.redeem(WEB, code).await.unwrap_err();
        assert_eq!(answer, TokenDenial::Code(CodeDenial::Unknown), "{what}");
        assert_eq!(store.records().await, before, "{what}");
        // As a token it is nothing either.
        self.is_unknown(store, &secret(code), what).await;
    }
}

/// A request to refresh, as the client should.
fn refresh(token: &Secret) -> oauth_core::client::ClientRequest {
    let params = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.expose()),
    ];
    from(WEB, &params)
}

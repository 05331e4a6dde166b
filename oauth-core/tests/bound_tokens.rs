//! Tokens that are bound to a key cannot be used without a proof of possession.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers included"
)]

mod common;

use async_trait::async_trait;
use common::{
    Fixture,
    clients::{INSPECTOR, WEB},
    flow::{from, refresh_token},
    secret,
};
use oauth_core::{
    client::Client,
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Error, Fault},
    grant::{Grant, GrantDecision, GrantRequest, GrantType, NewGrant, TokenDenial, open_grant},
    store::Key,
    token::{IntrospectionResponse, PresentedToken, TokenResponse, TokenScheme, TokenState},
    types::{Confirmation, Scope},
};

/// Client credentials for a grant whose tokens are bound to this, if to anything.
struct Bound(Option<Confirmation>);

struct Ask<'a> {
    client: &'a Client,
    confirmation: Option<Confirmation>,
}

#[async_trait]
impl Grant for Bound {
    fn grant_type(&self) -> GrantType {
        GrantType::CLIENT_CREDENTIALS
    }

    async fn resolve<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        Ok(Box::new(Ask {
            client: request.client(),
            confirmation: self.0,
        }))
    }
}

impl Decide for Ask<'_> {
    type Answer = TokenResponse;
    type Denial = TokenDenial;

    fn needs(&self, _: &Rules) -> Vec<Key> {
        Vec::new()
    }

    fn decide(
        &self,
        _: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<TokenResponse, TokenDenial>, Fault> {
        let mut grant = NewGrant::new(self.client, None, Scope::EMPTY);
        grant.confirmation = self.confirmation;
        let (response, commit) = open_grant(grant, context).unwrap();
        Ok(Decision::grant(commit, response).into())
    }
}

async fn tokens(confirmation: Option<Confirmation>) -> (Fixture, TokenResponse) {
    let fixture = Fixture::making(|builder| builder.grant(Bound(confirmation)));
    let request = from(WEB, &[("grant_type", "client_credentials")]);
    let response = fixture.token(&request).await.unwrap();
    (fixture, response)
}

/// 9449-7.1: not even with a proof, as long as proofs are not verified.
#[tokio::test]
async fn a_bound_token_is_of_no_use_without_a_proof() {
    let bindings = [
        Confirmation::Jwk([1; 32]),
        Confirmation::Certificate([1; 32]),
    ];
    for confirmation in bindings {
        let (fixture, tokens) = tokens(Some(confirmation)).await;
        let (server, token) = (&fixture.server, &tokens.access_token);
        let bearer = PresentedToken::bearer(token.clone());
        let dpop = PresentedToken::new(TokenScheme::Dpop, token.clone());
        for presented in [
            bearer.clone(),
            bearer.certificate(&b"not verified"[..]),
            dpop.clone(),
            dpop.dpop_proof(secret("not verified"))
                .url("https://api.example/x"),
        ] {
            assert_eq!(server.validate(&presented).await.unwrap(), None);
            let state = server.inspect(&presented).await.unwrap();
            assert_eq!(state, TokenState::Unknown);
            fixture.clock.advance(common::seconds(1));
        }
        // Nor can anybody end anything by holding one.
        for token in [token, refresh_token(&tokens)] {
            assert!(server.holder(token).await.unwrap().is_none());
            server.revoke_grant(None, token).await.unwrap();
            let IntrospectionResponse::Active(active) = fixture.introspect(INSPECTOR, token).await
            else {
                panic!("it is revoked");
            };
            assert_eq!(active.confirmation, Some(confirmation));
        }
    }
}

/// The same holds for an expired one.
#[tokio::test]
async fn nothing_is_told_of_a_bound_token_that_has_expired() {
    for (confirmation, is_known) in [(Some(Confirmation::Jwk([1; 32])), false), (None, true)] {
        let (fixture, tokens) = tokens(confirmation).await;
        fixture.clock.advance(common::seconds(3600));
        let presented = PresentedToken::bearer(tokens.access_token);
        let state = fixture.server.inspect(&presented).await.unwrap();
        assert_eq!(matches!(state, TokenState::Expired(_)), is_known);
    }
}

/// 9449-7.1: and the scheme for bound tokens takes no other.
#[tokio::test]
async fn a_token_that_is_not_bound_is_a_bearer_token() {
    let (fixture, tokens) = tokens(None).await;
    let (server, token) = (&fixture.server, &tokens.access_token);
    let bearer = PresentedToken::bearer(token.clone());
    assert!(server.validate(&bearer).await.unwrap().is_some());
    let dpop = PresentedToken::new(TokenScheme::Dpop, token.clone());
    assert_eq!(server.validate(&dpop).await.unwrap(), None);
    for token in [token, refresh_token(&tokens)] {
        assert!(server.holder(token).await.unwrap().is_some());
    }
}

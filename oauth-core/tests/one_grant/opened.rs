//! Grants that others add: they open families and issue refresh tokens by public means only.

use async_trait::async_trait;
use oauth_core::{
    client::{Client, ClientAuthentication, ClientSecrets, Introspection},
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Error, Fault},
    grant::{
        Grant, GrantDecision, GrantRequest, GrantType, NewGrant, RefreshDenial, TokenDenial,
        open_grant,
    },
    store::{Key, OwnedBy},
    token::{IntrospectionResponse, PresentedToken, TokenResponse, TokenUse},
    types::{Actor, Authentication, Confirmation, HostData, Scope, SecretDigest, Subject},
};

use crate::{
    common::{
        Fixture,
        clients::{self, WEB, client_secret},
        flow::{from, refresh_token},
        scope, seconds, subject,
    },
    pair, refused,
};

const NAME: &str = "urn:example:invitation";
const JWK: Confirmation = Confirmation::Jwk([3; 32]);
const CERTIFICATE: Confirmation = Confirmation::Certificate([4; 32]);

/// An added grant: whoever is invited is in.
struct Invitation;

#[async_trait]
impl Grant for Invitation {
    fn grant_type(&self) -> GrantType {
        GrantType::new(NAME)
    }

    async fn resolve<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        Ok(Box::new(Invited {
            client: request.client(),
            user: Subject::new(request.required("user")?)
                .map_err(|_| TokenDenial::Malformed("user"))?,
            scope: request.scope_of_client()?,
            confirmation: match request.params().get("bound_to") {
                Some("key") => Some(JWK),
                Some(_) => Some(CERTIFICATE),
                None => None,
            },
        }))
    }
}

struct Invited<'a> {
    client: &'a Client,
    user: Subject,
    scope: Scope,
    confirmation: Option<Confirmation>,
}

impl Decide for Invited<'_> {
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
        let mut new = NewGrant::new(self.client, Some(self.user.clone()), self.scope.clone());
        new.confirmation = self.confirmation;
        new.authentication = Some(Authentication::new(context.now).methods(["invitation"]));
        new.actor = Some(Actor::new("the host"));
        new.data = HostData::new(&serde_json::json!({ "by": "invitation" })).ok();
        Ok(match open_grant(new, context) {
            Ok((response, commit)) => Decision::grant(commit, response),
            Err(denial) => Decision::deny(denial),
        }
        .into())
    }
}

fn fixture() -> Fixture {
    let secrets = ClientSecrets::new(SecretDigest::of(&client_secret(WEB)));
    let authentication = ClientAuthentication::SecretBasic(secrets);
    let web = Client::confidential(WEB.parse().unwrap(), authentication)
        .scope(scope("read write"))
        .grant_types([GrantType::new(NAME), GrantType::REFRESH_TOKEN])
        .introspection(Introspection::All)
        .build()
        .unwrap();
    let others = clients::all().into_iter();
    let mut all: Vec<_> = others.filter(|own| own.id() != web.id()).collect();
    all.push(web);
    Fixture::new().beside_built(all, 7, |builder| builder.grant(Invitation))
}

async fn invite(fixture: &Fixture, params: &[(&str, &str)]) -> TokenResponse {
    let mut all = vec![("grant_type", NAME), ("user", "alice")];
    all.extend(params);
    fixture.token(&from(WEB, &all)).await.unwrap()
}

/// A family like any other: listed, refreshed, retried, reused and ended.
#[tokio::test]
async fn an_added_grant_opens_a_family() {
    let fixture = fixture();
    let first = invite(&fixture, &[("scope", "read write")]).await;
    assert_eq!(fixture.records(), 2, "the grant and the access token");
    let page = fixture
        .server
        .grants(OwnedBy::Subject("alice".into()), None, 9);
    let grants = page.await.unwrap().grants;
    assert_eq!(grants.len(), 1);
    assert_eq!(first.grant_expires_at, Some(grants[0].expires_at));

    let second = fixture.next(&first).await;
    assert_eq!(pair(&fixture.next(&first).await), pair(&second));
    let narrow = [("scope", "read")];
    let third = fixture
        .refresh(WEB, refresh_token(&second), &narrow)
        .await
        .unwrap();
    for tokens in [&first, &second, &third] {
        let token = fixture
            .server
            .validate(&PresentedToken::bearer(tokens.access_token.clone()))
            .await
            .unwrap();
        let token = token.unwrap();
        assert_eq!(token.subject, Some(subject("alice")));
        assert_eq!(token.actor, Some(Box::new(Actor::new("the host"))));
        assert_eq!(token.authentication.unwrap().methods, ["invitation"]);
        assert_eq!(token.data.unwrap().as_str(), r#"{"by":"invitation"}"#);
    }
    fixture.clock.advance(seconds(30));
    let reused = fixture.refresh(WEB, refresh_token(&first), &[]).await;
    assert_eq!(refused(reused), RefreshDenial::Reused);
    for tokens in [&first, &second, &third] {
        assert!(!fixture.is_valid(&tokens.access_token).await);
    }

    let other = invite(&fixture, &[]).await;
    fixture
        .server
        .end_all(&OwnedBy::Subject("alice".into()))
        .await
        .unwrap();
    fixture
        .knows_nothing_of(refresh_token(&other), "ended")
        .await;
}

/// A grant that is bound to a key cannot be refreshed by those who do not prove it, and everybody is told what it is bound to.
#[tokio::test]
async fn a_bound_grant_is_no_bearers() {
    for (name, confirmation) in [("key", JWK), ("certificate", CERTIFICATE)] {
        let fixture = fixture();
        let tokens = invite(&fixture, &[("bound_to", name)]).await;
        assert_eq!(tokens.token.confirmation, Some(confirmation));
        let valid = fixture
            .server
            .validate(&PresentedToken::bearer(tokens.access_token.clone()))
            .await
            .unwrap();
        assert!(valid.is_none());
        let records = fixture.records();
        let answer = fixture.refresh(WEB, refresh_token(&tokens), &[]).await;
        assert_eq!(refused(answer), RefreshDenial::Unproven);
        assert_eq!(fixture.records(), records);
        for token in [&tokens.access_token, refresh_token(&tokens)] {
            let IntrospectionResponse::Active(told) = fixture.introspect(WEB, token).await else {
                panic!("nothing was spent or ended");
            };
            assert_eq!(told.confirmation, Some(confirmation));
            assert_eq!(
                told.token_use == TokenUse::Refresh,
                told.audience.is_empty()
            );
        }
    }
    let fixture = fixture();
    let tokens = invite(&fixture, &[]).await;
    let IntrospectionResponse::Active(told) = fixture.introspect(WEB, &tokens.access_token).await
    else {
        panic!();
    };
    assert_eq!(told.confirmation, None);
}

//! A grant whose tokens say everything that a token can say.

use std::sync::Arc;

use async_trait::async_trait;
use oauth_core::{
    client::Client,
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Error, Fault},
    grant::{Grant, GrantDecision, GrantRequest, GrantType, TokenDenial},
    store::Key,
    time::Timestamp,
    token::{Issuance, TokenResponse, issue},
    types::{Actor, Authentication, Confirmation, HostData},
};

use super::{ALICE, scope};

/// Its name. The machine may use it.
pub const EVERYTHING: &str = "urn:example:everything";

/// Issues a token with everything that a token can say. The parameter `binding` is `key` or `certificate`, or says that it is a
/// bearer token; `data` is the host's own.
pub struct Everything;

struct Issue {
    client: Arc<Client>,
    binding: Option<Confirmation>,
    data: HostData,
}

#[async_trait]
impl Grant for Everything {
    fn grant_type(&self) -> GrantType {
        GrantType::new(EVERYTHING)
    }

    async fn resolve<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        Ok(Box::new(Issue {
            client: Arc::clone(request.client()),
            binding: match request.params().get("binding") {
                Some("key") => Some(Confirmation::Jwk([0xfb; 32])),
                Some("certificate") => Some(Confirmation::Certificate([0xfb; 32])),
                _ => None,
            },
            data: request.required("data")?.parse().unwrap(),
        }))
    }
}

impl Decide for Issue {
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
        let subject = ALICE.parse().unwrap();
        let authentication = Authentication::new(Timestamp::from_unix_seconds(1_700_000_000))
            .methods(["pwd", "otp"])
            .class("2")
            .session("not told");
        let details = r#"[{"type":"payment","amount":1}]"#.parse().unwrap();
        let mut actor = Actor::new("helper");
        actor.issuer = Some("https://other.example".into());
        let actor = actor.after(Actor::new("first")).unwrap();
        let scope = scope("read");
        let mut issuance = Issuance::new(&self.client, &scope, &[]);
        issuance.subject = Some(&subject);
        issuance.confirmation = self.binding;
        issuance.authentication = Some(&authentication);
        issuance.authorization_details = Some(&details);
        issuance.actor = Some(&actor);
        issuance.data = Some(&self.data);
        let (response, token) = issue(&issuance, context);
        Ok(Decision::grant(context.commit().create(token), response).into())
    }
}

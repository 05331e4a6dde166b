//! The grant: the PIN of a kiosk for a token, once.

use std::sync::Arc;

use async_trait::async_trait;
use oauth_core::{
    client::Client,
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Error, ErrorCode, Fault, Refusal},
    grant::{Grant, GrantDecision, GrantRequest, GrantType, NewGrant, TokenDenial, open_grant},
    store::{Key, Stored},
    token::TokenResponse,
    types::{Resource, Scope, Secret},
};

use crate::pin::Pin;

/// Its name, as in `grant_type`. It takes the parameters `kiosk` and `pin`.
pub(crate) const KIOSK_PIN: &str = "urn:example:params:oauth:grant-type:kiosk-pin";

pub(crate) struct KioskPinGrant;

#[async_trait]
impl Grant for KioskPinGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::new(KIOSK_PIN)
    }

    async fn resolve<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        Ok(Box::new(read(request)?))
    }
}

/// A request whose client and parameters are in order. Only now is a PIN looked at, so nothing else spends one.
struct Exchange {
    client: Arc<Client>,
    kiosk: String,
    pin: Secret,
    scope: Scope,
    resources: Vec<Resource>,
}

fn read(request: GrantRequest<'_>) -> Result<Exchange, TokenDenial> {
    Ok(Exchange {
        client: Arc::clone(request.client()),
        kiosk: request.required("kiosk")?.to_owned(),
        pin: Secret::new(request.required("pin")?),
        scope: request.scope_of_client()?,
        resources: request.resources()?,
    })
}

impl Decide for Exchange {
    type Answer = TokenResponse;
    type Denial = TokenDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        vec![Pin::key(&rules.realm, &self.kiosk)]
    }

    fn decide(
        &self,
        found: &Found,
        context: &mut Context<'_>,
    ) -> Result<Step<TokenResponse, TokenDenial>, Fault> {
        let Some(stored) = found.get(0) else {
            return Ok(Decision::deny(denial("this kiosk shows no PIN")).into());
        };
        let pin = Pin::read(stored)?;
        if pin.is_expired(context.now) {
            return Ok(Decision::deny(denial("the PIN has expired")).into());
        }
        if !pin.is(&self.pin) {
            return Ok(self.count_guess(pin, stored, context)?.into());
        }
        // What a visitor allows is a grant, so that it can be listed, and ended with all its tokens.
        let mut grant = NewGrant::new(&self.client, Some(pin.visitor), self.scope.clone());
        grant.resources.clone_from(&self.resources);
        let (response, commit) = match open_grant(grant, context) {
            Ok(opened) => opened,
            Err(denial) => return Ok(Decision::deny(denial).into()),
        };
        // The grant comes and the PIN goes, together. The removal names the version that was seen: if another request
        // used the PIN meanwhile, neither happens.
        let key = Pin::key(&context.rules.realm, &self.kiosk);
        Ok(Decision::grant(commit.remove(key, stored.version), response).into())
    }
}

impl Exchange {
    /// A denial that changes something. It is guarded too, so a thousand guesses at once are no more than five.
    fn count_guess(
        &self,
        pin: Pin,
        stored: &Stored,
        context: &mut Context<'_>,
    ) -> Result<Decision<TokenResponse, TokenDenial>, Fault> {
        let commit = context.commit();
        let commit = match pin.after_wrong_guess() {
            Some(left) => commit.replace(left.record(&self.kiosk, context)?, stored.version),
            None => commit.remove(Pin::key(&context.rules.realm, &self.kiosk), stored.version),
        };
        Ok(Decision::deny_with(commit, denial("the PIN is wrong")))
    }
}

/// The reason is for the log. The client is told the same in every case.
fn denial(reason: &'static str) -> TokenDenial {
    TokenDenial::Extension {
        refusal: Refusal::new(
            ErrorCode::INVALID_GRANT,
            "the PIN is wrong, expired, or was used before",
        ),
        reason,
    }
}

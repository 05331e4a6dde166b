//! The authorization code grant's second half: the code for tokens (RFC 6749 §4.1.3).

use async_trait::async_trait;

use super::{Grant, GrantDecision, GrantRequest, GrantType, TokenDenial};
use crate::{
    client::{Client, Danger},
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Denial, Error, ErrorCode, Fault, Refusal},
    pkce::CodeVerifier,
    store::{Key, Kind, Realm, Stored, decode},
    token::{
        Code, CodePointer, GrantRecord, IssuedTokens, RedeemedCode, TokenResponse, UnspentCode,
        issue,
    },
    types::{BorrowedSecret, Resource},
};

/// `authorization_code`: a user has authorized the client.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthorizationCodeGrant;

#[async_trait]
impl Grant for AuthorizationCodeGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::AUTHORIZATION_CODE
    }

    async fn resolve<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        Ok(Box::new(read(request)?))
    }
}

/// Why a code was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeDenial {
    /// No such code, or its grant has ended.
    #[error("no such code, or its grant has ended")]
    Unknown,
    /// It was issued to another client.
    #[error("the code was issued to another client")]
    WrongClient,
    /// It was issued for another redirection URI.
    #[error("the code was issued for another redirect_uri")]
    WrongRedirectUri,
    /// The redirection URI was left out, though the authorization request named it and there is no PKCE to bind the code
    /// instead.
    #[error("redirect_uri is missing, and no code_challenge replaces it")]
    MissingRedirectUri,
    /// The request had a challenge, but the verifier was left out.
    #[error("code_verifier is missing")]
    MissingVerifier,
    /// The verifier does not fit the challenge.
    #[error("code_verifier does not match the code_challenge")]
    WrongVerifier,
    /// A verifier, though the authorization request had no challenge: somebody may have taken it away.
    #[error("code_verifier without a code_challenge in the authorization request")]
    UnexpectedVerifier,
    /// A resource server that was not granted.
    #[error("the resource was not granted")]
    Target,
    /// It is too old.
    #[error("the code has expired")]
    Expired,
    /// It was used before, and everything else is right: somebody else has it too. The family has ended.
    #[error("the code was used before; its grant has ended")]
    Replayed,
}

impl Denial for CodeDenial {}

impl CodeDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        const fn invalid(description: &'static str) -> Refusal {
            Refusal::new(ErrorCode::INVALID_GRANT, description)
        }
        match self {
            // One answer, so that nobody learns from it which codes exist.
            Self::Unknown | Self::WrongClient | Self::Expired | Self::Replayed => {
                invalid("the code is unknown, expired, used, or was issued to another client")
            }
            Self::WrongRedirectUri => {
                invalid("redirect_uri is not that of the authorization request")
            }
            Self::MissingRedirectUri => {
                invalid("redirect_uri has to be that of the authorization request")
            }
            Self::MissingVerifier => invalid("code_verifier is missing"),
            Self::WrongVerifier => invalid("code_verifier does not fit the code_challenge"),
            // RFC 9700 §2.1.1, OAuth 2.1 §3.2.4
            Self::UnexpectedVerifier => Refusal::new(
                ErrorCode::INVALID_REQUEST,
                "code_verifier, but the authorization request had no code_challenge",
            ),
            Self::Target => Refusal::new(ErrorCode::INVALID_TARGET, "the resource was not granted"),
        }
    }
}

/// A request to exchange a code.
struct Exchange<'a> {
    client: &'a Client,
    /// `None` if this server cannot have written it.
    code: Option<Code>,
    redirect_uri: Option<&'a str>,
    verifier: Option<CodeVerifier<'a>>,
    resources: Vec<Resource>,
}

fn read(request: GrantRequest<'_>) -> Result<Exchange<'_>, TokenDenial> {
    let code = BorrowedSecret::new(request.required("code")?);
    let verifier = request
        .params()
        .get("code_verifier")
        .map(CodeVerifier::new)
        .transpose();
    Ok(Exchange {
        client: request.client(),
        code: Code::decode(&request.context.rules.formats, code),
        redirect_uri: request.params().get("redirect_uri"),
        verifier: verifier.map_err(|_| TokenDenial::Malformed("code_verifier"))?,
        resources: request.resources()?,
    })
}

impl Decide for Exchange<'_> {
    type Answer = TokenResponse;
    type Denial = TokenDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        let key = self.code.as_ref().map(|code| code.key(&rules.realm));
        key.into_iter().collect()
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<TokenResponse, TokenDenial>, Fault> {
        const UNKNOWN: TokenDenial = TokenDenial::Code(CodeDenial::Unknown);
        let (Some(code), Some((key, first))) = (&self.code, found.entry(0)) else {
            return Ok(Decision::deny(UNKNOWN).into());
        };
        let (key, anchor, pointer) = if key.kind() == Kind::GRANT {
            (key, first, None)
        } else if found.len() == 1 {
            let CodePointer { grant } = decode(&first.body)?;
            return Ok(Step::Load(vec![Key::of_grant(&context.rules.realm, grant)]));
        } else if let Some((key, anchor)) = found.entry(1) {
            (key, anchor, Some(first))
        } else {
            return Ok(Decision::deny(UNKNOWN).into());
        };
        let Some(grant) = GrantRecord::open(anchor)? else {
            return Ok(Decision::deny(UNKNOWN).into());
        };
        let records = Records {
            key,
            anchor,
            pointer,
        };
        Ok(self.judge(code, grant, records, context).into())
    }
}

/// The records of the grant that a code leads to.
#[derive(Clone, Copy)]
struct Records<'a> {
    key: &'a Key,
    anchor: &'a Stored,
    /// The record that pointed to the grant, if the code does not hold the grant's id.
    pointer: Option<&'a Stored>,
}

/// Whether the token request names the redirection URI of the authorization request (RFC 6749
/// §4.1.3).
struct Returns {
    /// Whether the authorization request named it.
    is_named: bool,
    /// Whether PKCE binds the code to the request instead.
    is_bound: bool,
    /// Whether the token request names the URI that the code was issued for.
    is_right: bool,
}

impl Exchange<'_> {
    fn judge(
        &self,
        code: &Code,
        grant: GrantRecord,
        records: Records<'_>,
        context: &mut Context<'_>,
    ) -> Decision<TokenResponse, TokenDenial> {
        let rules = context.rules;
        let realm = &rules.realm;
        if let Some(redeemed) = &grant.redeemed {
            // RFC 6749 §4.1.2 and OAuth 2.1 §7.5.2: a replay that is otherwise valid revokes what the code gave.
            return match self.check_redeemed(code, &grant, redeemed, realm) {
                Ok(()) => Decision::deny_with(
                    context.end(records.key.family()),
                    TokenDenial::Code(CodeDenial::Replayed),
                ),
                Err(denial) => Decision::deny(TokenDenial::Code(denial)),
            };
        }
        match &grant.code {
            Some(unspent) if unspent.is(code, realm, grant.id) => {
                let unspent = unspent.clone();
                match self.check_unspent(&grant, &unspent, context) {
                    Ok(()) => self.redeem(code, grant, &unspent, records, context),
                    Err(denial) => Decision::deny(TokenDenial::Code(denial)),
                }
            }
            Some(_) | None => Decision::deny(TokenDenial::Code(CodeDenial::Unknown)),
        }
    }

    fn check_redeemed(
        &self,
        code: &Code,
        grant: &GrantRecord,
        redeemed: &RedeemedCode,
        realm: &Realm,
    ) -> Result<(), CodeDenial> {
        let is = |verifier| redeemed.is(code, verifier, realm, grant.id);
        // If there was a challenge, the code is recognized only together with its verifier.
        let is_bound = is(self.verifier) && self.verifier.is_some();
        if !is_bound && !is(None) {
            return Err(CodeDenial::Unknown);
        }
        let returns_to = Returns {
            is_named: redeemed.is_redirect_uri_named,
            is_bound,
            is_right: self
                .redirect_uri
                .is_some_and(|uri| redeemed.returns_to(uri)),
        };
        self.check(grant, &returns_to)?;
        if self.verifier.is_some() && !is_bound {
            return Err(CodeDenial::UnexpectedVerifier);
        }
        Ok(())
    }

    /// The checks that a replay has to pass too, so that a stolen code alone cannot end the grant.
    fn check(&self, grant: &GrantRecord, returns_to: &Returns) -> Result<(), CodeDenial> {
        let request = &grant.request;
        if request.client_id != *self.client.id() {
            return Err(CodeDenial::WrongClient);
        }
        if self.redirect_uri.is_some() {
            if !returns_to.is_right {
                return Err(CodeDenial::WrongRedirectUri);
            }
        // OAuth 2.1 §10.2 allows leaving it out, since PKCE binds the code to the request.
        } else if returns_to.is_named
            && !returns_to.is_bound
            && !self.client.allows(Danger::RedirectUriOnce)
        {
            return Err(CodeDenial::MissingRedirectUri);
        }
        if !self
            .resources
            .iter()
            .all(|resource| request.resources.contains(resource))
        {
            return Err(CodeDenial::Target);
        }
        Ok(())
    }

    fn check_unspent(
        &self,
        grant: &GrantRecord,
        code: &UnspentCode,
        context: &Context<'_>,
    ) -> Result<(), CodeDenial> {
        let challenge = grant.request.challenge.as_ref();
        let returns_to = Returns {
            is_named: code.is_redirect_uri_named,
            is_bound: challenge.is_some(),
            is_right: self.redirect_uri.is_some_and(|uri| code.returns_to(uri)),
        };
        self.check(grant, &returns_to)?;
        match (challenge, self.verifier) {
            (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => {}
            (Some(_), Some(_)) => return Err(CodeDenial::WrongVerifier),
            (Some(_), None) => return Err(CodeDenial::MissingVerifier),
            (None, Some(_)) => return Err(CodeDenial::UnexpectedVerifier),
            (None, None) => {}
        }
        // If the operator has shortened the lifetime in the meantime, the shorter one counts.
        let lifetime = context.rules.policy.code_lifetime(self.client);
        if context.now >= code.expires_at.min(grant.granted_at + lifetime) {
            return Err(CodeDenial::Expired);
        }
        Ok(())
    }

    fn redeem(
        &self,
        code: &Code,
        mut grant: GrantRecord,
        unspent: &UnspentCode,
        records: Records<'_>,
        context: &mut Context<'_>,
    ) -> Decision<TokenResponse, TokenDenial> {
        let Context { rules, now, .. } = *context;
        let Records {
            key,
            anchor,
            pointer,
        } = records;
        let family = key.family();
        let begun = grant.begin(self.client, &rules.policy, now);
        let forget_at = begun.max(anchor.forget_at);
        let mut issuance = grant.issuance(self.client, family);
        if !self.resources.is_empty() {
            issuance.resources = &self.resources;
        }
        let (mut response, access_token) = issue(&issuance, context);
        response.is_scope_requested = grant.request.is_scope_named;
        response.refresh_token = grant.first_refresh_token(self.client, context);
        response.grant_expires_at = response.refresh_token.is_some().then_some(grant.expires_at);
        grant.issued = Some(IssuedTokens::first(now));
        grant.redeemed = Some(unspent.redeemed(self.verifier));
        grant.code = None;
        grant.decision = None;
        grant.request.challenge = None;
        let mut commit = context
            .commit()
            .create(access_token)
            .replace(grant.anchor(key.clone(), forget_at), anchor.version);
        let kept = code.pointer(&rules.realm, grant.id, family, forget_at);
        if let (Some(pointer), Some(kept)) = (pointer, kept) {
            commit = commit.replace(kept, pointer.version);
        }
        Decision::grant(commit, response)
    }
}

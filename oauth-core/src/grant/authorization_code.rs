//! The authorization code grant's second half: the code for tokens (RFC 6749 §4.1.3).

use async_trait::async_trait;

use super::{Grant, GrantDecision, GrantRequest, GrantType, TokenDenial};
use crate::{
    client::{Client, Danger},
    decide::{Context, Decide, Decision, Found, Rules},
    error::{Denial, Error, ErrorCode, Fault, Refusal},
    pkce::CodeVerifier,
    store::{Family, Key, Role, Stored, decode},
    token::{Code, CodeState, Issuance, TokenResponse, first_refresh_token, issue},
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

    async fn read<'a>(
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
#[derive(Debug)]
struct Exchange<'a> {
    client: &'a Client,
    code: BorrowedSecret<'a>,
    redirect_uri: Option<&'a str>,
    verifier: Option<CodeVerifier<'a>>,
    resources: Vec<Resource>,
}

fn read(request: GrantRequest<'_>) -> Result<Exchange<'_>, TokenDenial> {
    let verifier = request
        .params()
        .get("code_verifier")
        .map(CodeVerifier::new)
        .transpose();
    Ok(Exchange {
        client: request.client(),
        code: BorrowedSecret::new(request.required("code")?),
        redirect_uri: request.params().get("redirect_uri"),
        verifier: verifier.map_err(|_| TokenDenial::Malformed("code_verifier"))?,
        resources: request.resources()?,
    })
}

impl Decide for Exchange<'_> {
    type Answer = TokenResponse;
    type Denial = TokenDenial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        vec![Code::key(&rules.realm, self.code)]
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Decision<TokenResponse, TokenDenial>, Fault> {
        let Some((key, stored, family)) = found
            .entry(0)
            .and_then(|(key, stored)| Some((key, stored, family(stored)?)))
        else {
            return Ok(Decision::deny(TokenDenial::Code(CodeDenial::Unknown)));
        };
        let code: Code = decode(&stored.body)?;
        if let Err(denial) = self.check(&code) {
            return Ok(Decision::deny(TokenDenial::Code(denial)));
        }
        match code.state {
            // RFC 6749 §4.1.2 and OAuth 2.1 §7.5.2: a replay that is otherwise valid revokes what the code gave.
            CodeState::Spent => Ok(Decision {
                commit: Some(context.commit().end(family)),
                answer: Err(TokenDenial::Code(CodeDenial::Replayed)),
            }),
            CodeState::Unspent if context.now >= code.expires_at => {
                Ok(Decision::deny(TokenDenial::Code(CodeDenial::Expired)))
            }
            CodeState::Unspent => Ok(self.redeem(code, (key, stored), family, context)),
        }
    }
}

impl Exchange<'_> {
    /// Everything that a replay has to get right too, so that a stolen code alone ends nothing.
    fn check(&self, code: &Code) -> Result<(), CodeDenial> {
        if code.terms.client_id != *self.client.id() {
            return Err(CodeDenial::WrongClient);
        }
        match self.redirect_uri {
            Some(uri) if Some(uri) != code.redirect_uri.as_deref() => {
                return Err(CodeDenial::WrongRedirectUri);
            }
            // OAuth 2.1 §10.2 lets it be left out, since PKCE binds the code to the request.
            None if code.challenge.is_none()
                && code.is_redirect_uri_named
                && !self.client.allows(Danger::RedirectUriOnce) =>
            {
                return Err(CodeDenial::MissingRedirectUri);
            }
            Some(_) | None => {}
        }
        match (&code.challenge, self.verifier) {
            (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => {}
            (Some(_), Some(_)) => return Err(CodeDenial::WrongVerifier),
            (Some(_), None) => return Err(CodeDenial::MissingVerifier),
            (None, Some(_)) => return Err(CodeDenial::UnexpectedVerifier),
            (None, None) => {}
        }
        if !self
            .resources
            .iter()
            .all(|resource| code.terms.resources.contains(resource))
        {
            return Err(CodeDenial::Target);
        }
        Ok(())
    }

    fn redeem(
        &self,
        mut code: Code,
        (key, stored): (&Key, &Stored),
        family: Family,
        context: &mut Context<'_>,
    ) -> Decision<TokenResponse, TokenDenial> {
        let issuance = Issuance {
            client: self.client,
            subject: code.terms.subject.as_ref(),
            scope: &code.terms.scope,
            resources: if self.resources.is_empty() {
                &code.terms.resources
            } else {
                &self.resources
            },
            role: Role::Member(family),
        };
        let (mut response, access_token) = issue(&issuance, context);
        response.is_scope_named = code.is_scope_named;
        let mut commit = context.commit().create(access_token);
        if self.client.may_use(&GrantType::REFRESH_TOKEN) {
            let (secret, refresh_token) = first_refresh_token(&code.terms, family, context);
            commit = commit.create(refresh_token);
            response.refresh_token = Some(secret);
            response.grant_expires_at = Some(code.terms.expires_at);
        }
        code.state = CodeState::Spent;
        let spent = code.record(key.clone(), family);
        Decision::grant(commit.replace(spent, stored.version), response)
    }
}

fn family(stored: &Stored) -> Option<Family> {
    match stored.role {
        Role::Member(family) => Some(family),
        Role::Single | Role::Anchor => None,
    }
}

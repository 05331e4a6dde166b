//! The resource owner password credentials grant (RFC 6749 §4.3), for clients that were dangerously allowed it.
//!
//! RFC 9700 §2.4 says that it must not be used. It is here for existing clients that cannot be changed.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::{Grant, GrantDecision, GrantRequest, GrantType, NewGrant, TokenDenial, open_grant};
use crate::{
    client::{Client, Danger},
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Denial, Error, ErrorCode, Fault, Refusal},
    store::Key,
    token::TokenResponse,
    types::{Resource, Scope, Secret, Subject},
};

/// Checks the passwords of users.
#[async_trait]
pub trait PasswordAuthenticator: Send + Sync + 'static {
    /// The user with this name and password, or why there is none.
    ///
    /// It should take the same time for a name that does not exist as for a wrong password, or the time tells which names do.
    ///
    /// # Errors
    /// A [`PasswordDenial`] if the password is not accepted; a [`Fault`] if it could not be
    /// checked.
    async fn authenticate(
        &self,
        client: &Client,
        username: &str,
        password: &Secret,
    ) -> Result<Subject, Error<PasswordDenial>>;
}

/// Why a user's password was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordDenial {
    /// No such user, or another password.
    #[error("wrong user name or password")]
    Wrong,
    /// Too many wrong passwords before.
    #[error("too many wrong passwords before")]
    Throttled,
}

impl Denial for PasswordDenial {}

impl PasswordDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Wrong => Refusal::new(
                ErrorCode::INVALID_GRANT,
                "the user name and the password do not belong together",
            ),
            Self::Throttled => Refusal::new(
                ErrorCode::INVALID_GRANT,
                "too many wrong passwords; try again later",
            ),
        }
    }
}

/// `password`: a user has told the client their name and password.
#[derive(Clone)]
pub struct PasswordGrant(Arc<dyn PasswordAuthenticator>);

impl PasswordGrant {
    /// The grant for users whose passwords `authenticator` knows.
    pub fn new(authenticator: Arc<dyn PasswordAuthenticator>) -> Self {
        Self(authenticator)
    }
}

impl fmt::Debug for PasswordGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordGrant(..)")
    }
}

#[async_trait]
impl Grant for PasswordGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::PASSWORD
    }

    async fn resolve<'a>(
        &self,
        request: GrantRequest<'a>,
    ) -> Result<GrantDecision<'a>, Error<TokenDenial>> {
        let (username, password, ask) = read(request)?;
        // Last of all, so that a request that is wrong otherwise tells nothing about passwords.
        let subject = self
            .0
            .authenticate(request.client(), username, &password)
            .await?;
        Ok(Box::new(ask(subject)))
    }
}

#[derive(Debug)]
struct Ask<'a> {
    client: &'a Client,
    subject: Subject,
    scope: Scope,
    resources: Vec<Resource>,
}

fn read<'a>(
    request: GrantRequest<'a>,
) -> Result<(&'a str, Secret, impl FnOnce(Subject) -> Ask<'a> + use<'a>), TokenDenial> {
    let client: &Client = request.client();
    if !client.allows(Danger::Password) {
        return Err(TokenDenial::UnauthorizedClient);
    }
    let username = request.required("username")?;
    let password = Secret::new(request.required("password")?);
    let scope = request.scope_of_client()?;
    let resources = request.resources()?;
    Ok((username, password, move |subject| Ask {
        client,
        subject,
        scope,
        resources,
    }))
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
        let subject = Some(self.subject.clone());
        let new = NewGrant {
            resources: self.resources.clone(),
            ..NewGrant::new(self.client, subject, self.scope.clone())
        };
        Ok(match open_grant(new, context) {
            Ok((response, commit)) => Decision::grant(commit, response).into(),
            Err(denial) => Decision::deny(denial).into(),
        })
    }
}

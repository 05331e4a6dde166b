//! The users of the file, for the password grant.

use async_trait::async_trait;
use oauth_core::{
    client::Client,
    error::{Error, Fault},
    grant::{PasswordAuthenticator, PasswordDenial},
    types::{Secret, Subject},
};
use oauth_tower::{throttle::Throttle, ui::Accounts};
use quickstart::users::Users;

/// Checks passwords, and slows down guesses for each user and client. Unknown users take as long as wrong passwords, and are slowed
/// down like them.
pub(crate) struct Passwords {
    users: Users,
    throttle: Option<Throttle>,
}

impl Passwords {
    pub(crate) fn new(users: Users, throttle: Option<Throttle>) -> Self {
        Self { users, throttle }
    }
}

#[async_trait]
impl PasswordAuthenticator for Passwords {
    async fn authenticate(
        &self,
        client: &Client,
        username: &str,
        password: &Secret,
    ) -> Result<Subject, Error<PasswordDenial>> {
        // A client's id holds no line break.
        let guess = format!("{}\n{}", client.id(), username.trim().to_lowercase());
        if let Some(throttle) = &self.throttle
            && throttle.wait(&guess, None).is_some()
        {
            return Err(PasswordDenial::Throttled.into());
        }
        let found = self.users.authenticate(username, password).await;
        let found = found.map_err(Fault::Extension)?;
        if let (None, Some(throttle)) = (&found, &self.throttle) {
            throttle.failed(&guess, None);
        }
        Ok(found.ok_or(PasswordDenial::Wrong)?)
    }
}

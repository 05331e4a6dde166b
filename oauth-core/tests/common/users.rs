//! Users with passwords, who remember whether somebody asked for them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oauth_core::{
    client::Client,
    error::{Error, Fault},
    grant::{PasswordAuthenticator, PasswordDenial},
    types::{Secret, Subject},
};

use super::subject;

/// The password of alice, with all that a form can garble.
pub const PASSWORD: &str = " p\u{e4}ss&word=+%41 ";

/// Knows alice and bob; `throttled` has tried too often, and with `broken` the database is away.
#[derive(Clone, Default)]
pub struct Users(Arc<Mutex<Vec<String>>>);

impl Users {
    /// Who was asked for since the last call, as client and name.
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl PasswordAuthenticator for Users {
    async fn authenticate(
        &self,
        client: &Client,
        username: &str,
        password: &Secret,
    ) -> Result<Subject, Error<PasswordDenial>> {
        self.0
            .lock()
            .unwrap()
            .push(format!("{} {username}", client.id()));
        match (username, password.expose()) {
            ("alice" | "bob", PASSWORD) => Ok(subject(username)),
            ("throttled", _) => Err(PasswordDenial::Throttled.into()),
            ("broken", _) => Err(Fault::Extension("no database".into()).into()),
            _ => Err(PasswordDenial::Wrong.into()),
        }
    }
}

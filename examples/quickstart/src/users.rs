//! The users of the file.

use std::collections::HashMap;

use async_trait::async_trait;
use oauth_core::types::{Secret, SecretDigest, Subject};
use oauth_tower::{BoxError, ui::Accounts};

/// Users whose passwords stand in the file in clear, so that no slow hash would protect them. An application with a table of users
/// keeps argon2id hashes, and checks them in `spawn_blocking`.
#[derive(Clone, Debug)]
pub struct Users(HashMap<String, (SecretDigest, Subject)>);

impl FromIterator<(Subject, Secret)> for Users {
    fn from_iter<I: IntoIterator<Item = (Subject, Secret)>>(users: I) -> Self {
        let entry = |(subject, password): (Subject, Secret)| {
            (
                subject.as_str().to_owned(),
                (SecretDigest::of(password.expose()), subject),
            )
        };
        Self(users.into_iter().map(entry).collect())
    }
}

#[async_trait]
impl Accounts for Users {
    async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
    ) -> Result<Option<Subject>, BoxError> {
        match self.0.get(username) {
            Some((digest, subject)) => Ok(digest.matches(password).then(|| subject.clone())),
            // Takes as long as a wrong password.
            None => {
                let _ = SecretDigest::of("").matches(password);
                Ok(None)
            }
        }
    }

    async fn is_active(&self, subject: &Subject) -> Result<bool, BoxError> {
        Ok(self.0.contains_key(subject.as_str()))
    }
}

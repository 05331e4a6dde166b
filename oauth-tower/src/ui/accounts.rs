//! Who a user name and a password belong to.

use async_trait::async_trait;
use oauth_core::types::{Secret, Subject};

use crate::BoxError;

/// The host's users.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The user with this name and password, or `None`.
    ///
    /// Guesses are counted for the name as it is typed, but for case and spaces around it; where more than that means the same
    /// user, more can be guessed.
    ///
    /// It should take the same time for a name that does not exist as for a wrong password, or the time tells which names do.
    /// Check passwords with a slow hash, off the runtime's threads, and no more at a time than the machine bears.
    ///
    /// # Errors
    /// If it cannot be told.
    async fn authenticate(
        &self,
        username: &str,
        password: &Secret,
    ) -> Result<Option<Subject>, BoxError>;

    /// What the pages call a user; the user's id, if this is not implemented.
    ///
    /// # Errors
    /// If it cannot be told; the id is then shown.
    async fn display_name(&self, subject: &Subject) -> Result<String, BoxError> {
        Ok(subject.as_str().to_owned())
    }

    /// Whether a user who has signed in before still is one. Asked on every page: a session is a sealed cookie and would
    /// otherwise live to its end, also after the user was deleted or locked out. Always `true`, if this is not implemented.
    ///
    /// # Errors
    /// If it cannot be told; the user then counts as signed out.
    async fn is_active(&self, subject: &Subject) -> Result<bool, BoxError> {
        let _ = subject;
        Ok(true)
    }
}

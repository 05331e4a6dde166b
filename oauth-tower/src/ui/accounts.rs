//! Who a user name and a password belong to.

use async_trait::async_trait;
use oauth_core::types::{Secret, Subject};

use crate::BoxError;

/// The host's users.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The user with this name and password, or `None`.
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
}

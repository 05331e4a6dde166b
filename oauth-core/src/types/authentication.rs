//! How a user signed in.

use crate::{
    store::{Unknown, numbered},
    time::Timestamp,
};

/// How and when a user signed in, as the host states it with an approval.
///
/// Made by [`Authentication::new`] and its setters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentication {
    /// When the user proved who they are: `auth_time` (OpenID Connect Core §2).
    pub time: Timestamp,
    /// By which methods: `amr`, with the values of RFC 8176 such as `pwd` and `otp`.
    pub methods: Vec<String>,
    /// How strong the authentication is: `acr` (OpenID Connect Core §2), as the host defines its
    /// classes.
    pub class: Option<String>,
    /// The host's session: `sid` (OpenID Connect Back-Channel Logout §2.1).
    pub session: Option<String>,
    unknown: Unknown,
}

numbered!(Authentication { 0 => time, 1 => methods, 2 => class, 3 => session } keeps unknown);

impl Authentication {
    /// The user signed in at `time`.
    pub fn new(time: Timestamp) -> Self {
        Self {
            time,
            methods: Vec::new(),
            class: None,
            session: None,
            unknown: Unknown::default(),
        }
    }

    /// Sets the methods (RFC 8176).
    #[must_use]
    pub fn methods<T: Into<String>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the authentication context class.
    #[must_use]
    pub fn class(mut self, class: impl Into<String>) -> Self {
        self.class = Some(class.into());
        self
    }

    /// Sets the host's session.
    #[must_use]
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }
}

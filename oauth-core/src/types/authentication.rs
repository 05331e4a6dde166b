//! How a user signed in.

use crate::{
    store::{Unknown, numbered},
    time::Timestamp,
};

/// How and when a user signed in, as the host tells it with an approval.
///
/// Made by [`Authentication::new`]; the setters say more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentication {
    /// When the user proved who they are: `auth_time` (OpenID Connect Core §2).
    pub time: Timestamp,
    /// How: `amr`, the words of RFC 8176 such as `pwd` and `otp`.
    pub methods: Vec<String>,
    /// How strong that is: `acr` (OpenID Connect Core §2), in the host's own classes.
    pub class: Option<String>,
    /// The host's session in which it happened: `sid` (OpenID Connect Back-Channel Logout §2.1).
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

    /// By these methods (RFC 8176).
    #[must_use]
    pub fn methods<T: Into<String>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Which reaches this authentication context class.
    #[must_use]
    pub fn class(mut self, class: impl Into<String>) -> Self {
        self.class = Some(class.into());
        self
    }

    /// In this session of the host's.
    #[must_use]
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }
}

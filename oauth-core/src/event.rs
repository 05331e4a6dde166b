//! What happened: every success and every denial, with its reason and without secrets, for a host's audit log.

use tracing::level_filters::LevelFilter;

use crate::{
    authorize::{AuthorizationDenial, InteractionDenial, UnprovenDenial},
    grant::{GrantType, TokenDenial},
    token::{AccessToken, IntrospectionDenial, RevocationDenial},
    types::{ClientId, GrantId, Scope, Subject},
};

/// Something that happened. Never holds a secret.
///
/// A client id in a refusal is what the request said: nobody has proven it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An authorization request ended on a page, since client or address were not proven.
    AuthorizationUnproven {
        /// The client it named, if that can be one.
        client_id: Option<ClientId>,
        /// Why.
        reason: UnprovenDenial,
    },
    /// An authorization request was refused.
    AuthorizationRefused {
        /// The client.
        client_id: ClientId,
        /// Why.
        reason: AuthorizationDenial,
    },
    /// An authorization request is waiting for a user.
    AuthorizationPending {
        /// The client.
        client_id: ClientId,
        /// What it asks for.
        scope: Scope,
    },
    /// A user authorized a client.
    Approved {
        /// The client.
        client_id: ClientId,
        /// The user.
        subject: Subject,
        /// The new grant; `None` if an earlier answer was repeated.
        grant: Option<GrantId>,
        /// Whether a remembered consent answered for the user.
        remembered: bool,
    },
    /// A user declined.
    Declined {
        /// The client.
        client_id: ClientId,
    },
    /// A page of an interaction was used in a way that it cannot be.
    InteractionRefused {
        /// Why.
        reason: InteractionDenial,
    },
    /// Tokens were issued.
    TokenIssued {
        /// The client.
        client_id: ClientId,
        /// By which grant; `None` if it was not at the token endpoint.
        grant_type: Option<GrantType>,
        /// On behalf of whom.
        subject: Option<Subject>,
        /// What the access token permits.
        scope: Scope,
        /// For which resource servers.
        audience: Vec<String>,
    },
    /// A client got a code for itself.
    OwnCodeIssued {
        /// The client.
        client_id: ClientId,
    },
    /// A token request was denied.
    TokenDenied {
        /// The client it named, if that can be one.
        client_id: Option<ClientId>,
        /// By which grant, if there is such a grant.
        grant_type: Option<GrantType>,
        /// Why. [`CodeDenial::Replayed`](crate::grant::CodeDenial::Replayed) and
        /// [`RefreshDenial::Reused`](crate::grant::RefreshDenial::Reused) have ended a family.
        reason: TokenDenial,
    },
    /// A request could not be read: its method, its body or its parameters are not of the protocol.
    Unreadable {
        /// Why.
        reason: &'static str,
    },
    /// A request was not looked at, since too many before it failed.
    Throttled {
        /// The client or the user whose secret or password it brought, as far as that can be told.
        client_id: Option<ClientId>,
    },
    /// A user signed in on the ready-made pages. Other hosts [report](crate::AuthorizationServer::report) it if they like.
    SignedIn {
        /// The user.
        subject: Subject,
    },
    /// A user name and a password did not belong together. Neither is told: people mistake the fields.
    SignInDenied,
    /// A token was introspected.
    Introspected {
        /// By which client.
        caller: ClientId,
        /// Whether the answer was that it is active.
        active: bool,
    },
    /// An introspection request was denied.
    IntrospectionDenied {
        /// The client it named, if that can be one.
        client_id: Option<ClientId>,
        /// Why.
        reason: IntrospectionDenial,
    },
    /// A token was revoked, or was not there.
    Revoked {
        /// By which client.
        client_id: ClientId,
        /// Whether a whole family ended with it.
        family: bool,
    },
    /// A revocation request was denied.
    RevocationDenied {
        /// The client it named, if that can be one.
        client_id: Option<ClientId>,
        /// Why.
        reason: RevocationDenial,
    },
    /// A user's connection to a client was withdrawn.
    Withdrawn {
        /// The client.
        client_id: ClientId,
        /// The user.
        subject: Subject,
        /// How many grants ended.
        grants: usize,
    },
    /// A grant was ended by the host.
    GrantEnded {
        /// Which.
        grant: GrantId,
    },
    /// Everything of a user or a client was ended.
    AllEnded {
        /// The client, if it was one.
        client_id: Option<ClientId>,
        /// The user, if it was one.
        subject: Option<Subject>,
        /// How many grants ended.
        grants: usize,
    },
}

impl Event {
    pub(crate) fn issued(token: &AccessToken, grant_type: Option<GrantType>) -> Self {
        Self::TokenIssued {
            client_id: token.client_id.clone(),
            grant_type,
            subject: token.subject.clone(),
            scope: token.scope.clone(),
            audience: token.audience.clone(),
        }
    }

    /// Whether something was refused.
    pub fn is_denial(&self) -> bool {
        match self {
            Self::AuthorizationUnproven { .. }
            | Self::AuthorizationRefused { .. }
            | Self::InteractionRefused { .. }
            | Self::TokenDenied { .. }
            | Self::Unreadable { .. }
            | Self::Throttled { .. }
            | Self::SignInDenied
            | Self::IntrospectionDenied { .. }
            | Self::RevocationDenied { .. } => true,
            Self::AuthorizationPending { .. }
            | Self::Approved { .. }
            | Self::Declined { .. }
            | Self::TokenIssued { .. }
            | Self::OwnCodeIssued { .. }
            | Self::SignedIn { .. }
            | Self::Introspected { .. }
            | Self::Revoked { .. }
            | Self::Withdrawn { .. }
            | Self::GrantEnded { .. }
            | Self::AllEnded { .. } => false,
        }
    }
}

/// Takes events. Called in the middle of requests: hand them on, and do not wait.
pub trait Events: Send + Sync + 'static {
    /// Something happened.
    fn record(&self, event: &Event);
}

/// Whether some subscriber of `tracing` may want events.
pub(crate) fn is_traced() -> bool {
    LevelFilter::current() >= LevelFilter::WARN
}

/// Tells the subscriber of `tracing`, denials as warnings.
pub(crate) fn trace(event: &Event) {
    if event.is_denial() {
        tracing::warn!(?event, "denied");
    } else {
        tracing::info!(?event, "done");
    }
}

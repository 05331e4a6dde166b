//! The authorization endpoint (RFC 6749 §4.1.1): a request that passes through states, each of which consumes the one before.
//!
//! received → [`Identified`] → [`Examined`] → [`Pending`] → settled. Only from [`Identified`] on, whose making proves client
//! and redirection URI, is there a way to send the browser anywhere; the states before it have no method for that. A pending
//! request travels with the browser in a sealed handle, so nothing is written until somebody decides.

mod consent;
mod deliver;
mod examined;
mod identified;
mod pending;
mod received;
mod response;
mod settle;

pub(crate) use self::{consent::Consent, pending::Sealed, received::Received, settle::Settle};
pub use self::{
    deliver::Settled,
    examined::Examined,
    identified::{AuthorizationDenial, Identified, Refused},
    pending::{Browser, Interaction, InteractionDenial, Pending},
    received::UnprovenDenial,
    response::AuthorizationResponse,
    settle::{Approval, Verdict},
};
pub use crate::authorization_request::{ResponseMode, ResponseType};

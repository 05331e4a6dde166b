//! Clients: what is registered of an application, and how it proves to be it.

mod authentication;
mod registration;

pub(crate) use self::authentication::{Claim, claim, verify_secret};
pub use self::{
    authentication::{
        Authenticated, Authorization, ClientAuthenticationMethod, ClientDenial, Presented, Proof,
    },
    registration::{
        Client, ClientAuthentication, ClientBuilder, ClientSecrets, Introspection, InvalidClient,
        Lifetimes, RegisteredBy,
    },
};

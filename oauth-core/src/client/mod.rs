//! Clients: what is registered of an application, and how it proves to be it.

mod authentication;
mod builder;
mod danger;
mod extensions;
mod lifetimes;
mod metadata;
mod registration;

pub(crate) use self::authentication::{Claim, claim, verify_secret};
pub use self::{
    authentication::{
        Authenticated, Authorization, ClientAuthenticationMethod, ClientDenial, Presented, Proof,
    },
    builder::{ClientBuilder, InvalidClient},
    danger::Danger,
    extensions::{Extensions, InvalidExtension},
    lifetimes::Lifetimes,
    metadata::{ClientMetadata, ClientSettings, InvalidClientMetadata},
    registration::{Client, ClientAuthentication, ClientSecrets, Introspection, RegisteredBy},
};

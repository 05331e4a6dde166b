//! Clients: what is registered of an application, and how it proves to be it.

mod authentication;
mod builder;
mod context;
mod danger;
mod mark;
mod registration;
mod request;

pub(crate) use self::authentication::{ClientCredential, check, claim};
pub use self::{
    authentication::{ClientAuthenticationMethod, ClientDenial, Proof},
    builder::{ClientBuilder, InvalidClient},
    context::RequestContext,
    danger::Danger,
    mark::OneTimeMark,
    registration::{
        Client, ClientAuthentication, ClientSecrets, Introspection, Lifetimes, RegisteredBy,
    },
    request::{Authorization, ClientRequest},
};

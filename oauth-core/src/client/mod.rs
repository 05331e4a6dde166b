//! Clients: what is registered of an application, and how it proves to be it.

mod authentication;
mod builder;
mod context;
mod danger;
mod extensions;
mod lifetimes;
mod mark;
mod metadata;
mod registration;
mod request;

pub(crate) use self::authentication::{ClientCredential, check, claim};
pub use self::{
    authentication::{ClientAuthenticationMethod, ClientDenial, Proof},
    builder::{ClientBuilder, InvalidClient},
    context::RequestContext,
    danger::Danger,
    extensions::{Extensions, InvalidExtension},
    lifetimes::Lifetimes,
    mark::OneTimeMark,
    metadata::{ClientMetadata, ClientSettings, InvalidClientMetadata},
    registration::{Client, ClientAuthentication, ClientSecrets, Introspection, RegisteredBy},
    request::{Authorization, ClientRequest},
};

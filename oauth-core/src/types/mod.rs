//! Protocol nouns. Each can only be made by a constructor that checks it, so holding one is the proof.

mod actor;
mod authentication;
mod confirmation;
mod ids;
mod issuer;
mod json;
mod params;
mod redirect_uri;
mod resource;
mod scope;
mod secret;
mod text;

pub use self::{
    actor::{Actor, ActorChainTooLong},
    authentication::Authentication,
    confirmation::Confirmation,
    ids::{ClientId, GrantId, InvalidId, Subject},
    issuer::{InvalidIssuer, Issuer},
    json::{AuthorizationDetails, HostData, InvalidJson},
    params::Params,
    redirect_uri::{InvalidRedirectUri, RedirectUri, RegisteredRedirectUri},
    resource::{InvalidResource, Resource},
    scope::{InvalidScope, Scope},
    secret::{Secret, SecretDigest},
};
pub(crate) use self::{ids::is_vschars, secret::BorrowedSecret};

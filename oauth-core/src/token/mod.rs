//! Tokens and codes: what they look like, what is kept of them, and how they are issued, looked at and revoked.

mod access;
mod code;
mod format;
mod introspect;
mod refresh;
mod revoke;
mod terms;

pub use self::{
    access::{AccessToken, Issuance, TokenResponse, TokenState, TokenType, issue},
    format::{Formats, Prefixed, TokenFormat},
    introspect::{IntrospectionDenial, IntrospectionResponse, TokenUse},
    revoke::RevocationDenial,
};
pub(crate) use self::{
    access::{issue_of, key as access_token_key},
    code::{Code, CodeState},
    introspect::Introspect,
    refresh::{Predecessor, Refresh, RefreshState, first_refresh_token, successor},
    revoke::{Extent, Holding, Revoke, Revoked},
    terms::{GrantBody, Terms},
};

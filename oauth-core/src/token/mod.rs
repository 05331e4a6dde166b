//! Tokens and codes: what they look like, what is kept of them, and how they are issued, looked at and revoked.

mod access;
mod code;
mod format;
mod grant;
mod introspect;
mod issued;
mod presented;
mod refresh;
mod revoke;

pub use self::{
    access::{AccessToken, Issuance, TokenResponse, TokenState, TokenType, issue},
    format::{Formats, Prefixed, TokenFormat},
    introspect::{ActiveToken, IntrospectionDenial, IntrospectionResponse, TokenUse},
    presented::{PresentedToken, TokenScheme},
    revoke::RevocationDenial,
};
pub(crate) use self::{
    access::{encode_bits, issue_of, key as access_token_key},
    code::{Code, CodePointer, RedeemedCode, UnspentCode},
    grant::{DecisionMark, GrantRecord},
    introspect::Introspect,
    issued::IssuedTokens,
    refresh::{RefreshState, RefreshToken, Standing},
    revoke::{Extent, Holder, Holding, Revoke, Revoked},
};

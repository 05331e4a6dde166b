//! What a client can be dangerously allowed.

/// A weakening of the protocol that one client was allowed. Each has a method of [`ClientBuilder`](super::ClientBuilder) whose docs
/// name the attack that it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Danger {
    /// Codes without PKCE.
    PkceOptional,
    /// The `plain` challenge method.
    PlainPkce,
    /// Access tokens from the authorization endpoint.
    Implicit,
    /// Users' passwords at the token endpoint.
    Password,
    /// Its own tokens without authentication.
    TokenWithoutAuthentication,
    /// Codes issued to itself.
    OwnCode,
    /// Token requests without the redirection URI that the authorization request named.
    RedirectUriOnce,
}

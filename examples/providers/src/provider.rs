//! What a provider is here.

use http::Response;
use oauth_core::{
    token::AccessToken,
    types::{Params, Scope},
};
use oauth_tower::{
    Body,
    dialect::{Dialect, Extra, ExtraRequest},
};
use serde::Serialize;

use crate::{
    demo::Demo, everydo::EVERYDO, liuyuan::LIUYUAN, minapp::MINAPP, pigai::PIGAI, proauth::PROAUTH,
};

/// All of them, in the order of their ports.
pub static ALL: [&Provider; 5] = [&PIGAI, &LIUYUAN, &PROAUTH, &MINAPP, &EVERYDO];

/// A provider.
#[derive(Debug)]
pub struct Provider {
    /// What it speaks, its API included.
    pub dialect: &'static Dialect,
    /// The same without its API.
    pub without_api: &'static Dialect,
    /// What its clients may do, if their registration does not say.
    pub grants: &'static [Grant],
    /// How its clients prove themselves.
    pub proof: Proof,
    /// Whether its clients name the address once, though they have a choice.
    pub is_redirect_uri_once: bool,
    /// The widest scope of a client whose registration names none.
    pub scope: &'static str,
    /// What there is to try.
    pub demo: Demo,
}

/// What a client may do. Most of these are dangerous, and each client gets only what it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// `authorization_code`, without PKCE.
    Code,
    /// `authorization_code`, with codes that are issued to the client itself.
    OwnCode,
    /// `refresh_token`
    Refresh,
    /// `client_credentials`
    ClientCredentials,
    /// `password`
    Password,
    /// `implicit`: by JSONP, and by a redirect if there is an address for it.
    Implicit,
}

impl Grant {
    /// Its name in a configuration file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code | Self::OwnCode => "authorization_code",
            Self::Refresh => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
            Self::Implicit => "implicit",
        }
    }
}

/// How a client proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By a secret.
    Secret,
    /// By a secret, but for what it may do without one.
    SecretOrNone,
    /// By a token that is made with a secret, which is kept readable for that.
    Token(&'static str),
}

/// A provider's own endpoints, and one more.
pub(crate) const fn and<const N: usize>(own: &[Extra], one_more: Extra) -> [Extra; N] {
    let mut all = [one_more; N];
    let mut i = 0;
    while i < own.len() {
        all[i] = own[i];
        i += 1;
    }
    all
}

/// Answers a call of an API with whatever token, whose parameters are all in its address or header.
pub(crate) async fn with_token<T: Serialize>(
    request: ExtraRequest,
    answer: impl FnOnce(&AccessToken) -> T,
) -> Response<Body> {
    let ExtraRequest {
        dialects, parts, ..
    } = request;
    match dialects
        .call(&parts, &Params::default(), &Scope::EMPTY)
        .await
    {
        Ok(call) => call.answer(&answer(&call.token)),
        Err(refused) => refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_endpoint_of_a_provider_is_lost_beside_its_api() {
        for provider in ALL {
            let (extras, own) = (provider.dialect.extras, provider.without_api.extras);
            assert!(extras.len() > own.len());
            for (extra, own) in extras.iter().zip(own) {
                assert_eq!(format!("{:?}", extra.route), format!("{:?}", own.route));
            }
            let api = &extras[own.len()..];
            for (number, extra) in api.iter().enumerate() {
                let route = format!("{:?}", extra.route);
                let others = extras[..own.len() + number].iter();
                assert!(
                    others
                        .into_iter()
                        .all(|other| format!("{:?}", other.route) != route)
                );
            }
        }
    }
}

//! How an API call carries its token, and what it permits.

use http::{header::AUTHORIZATION, request::Parts};
use oauth_core::{
    error::{ErrorCode, Fault, Refusal},
    token::{AccessToken, TokenState},
    types::{Params, Scope, Secret},
};

use super::{Dialect, Dialects};

/// How an API call carries its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer` (RFC 6750 §2.1). The only way for tokens of strict clients.
    Bearer,
    /// A header of its own.
    Header(&'static str),
    /// A parameter of the query.
    ///
    /// Dangerous: addresses end up in histories, logs and `Referer` headers.
    Query(&'static str),
    /// A parameter of the form.
    Form(&'static str),
}

/// Why an API call is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiDenial {
    /// No token.
    Missing,
    /// Two tokens.
    Several,
    /// No such token.
    Unknown,
    /// It has expired.
    Expired,
    /// A strict client's token in a place where only this dialect's may be.
    Strict,
    /// It does not permit this.
    Scope,
}

impl ApiDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Missing => Refusal::new(ErrorCode::INVALID_TOKEN, "the access token is missing"),
            Self::Several => Refusal::new(
                ErrorCode::INVALID_REQUEST,
                "the request has several access tokens",
            ),
            Self::Unknown => {
                Refusal::new(ErrorCode::INVALID_TOKEN, "there is no such access token")
            }
            Self::Expired => Refusal::new(ErrorCode::INVALID_TOKEN, "the access token has expired"),
            Self::Strict => Refusal::new(
                ErrorCode::INVALID_TOKEN,
                "the access token of this client has to be in the Authorization header",
            ),
            Self::Scope => Refusal::new(
                ErrorCode::INSUFFICIENT_SCOPE,
                "the access token does not permit this",
            ),
        }
    }
}

impl Dialects {
    /// Checks the token of an API call. `params` are those of its query and form.
    ///
    /// # Errors
    /// An [`ApiDenial`] inside if it is not to be served; a [`Fault`] if that could not be found out.
    pub async fn check(
        &self,
        parts: &Parts,
        params: &Params,
        scope: &Scope,
    ) -> Result<Result<AccessToken, ApiDenial>, Fault> {
        let (carrier, secret) = match self.dialect().carried(parts, params) {
            Ok(carried) => carried,
            Err(denial) => return Ok(Err(denial)),
        };
        let token = match self.server().inspect(&secret).await? {
            TokenState::Valid(token) => token,
            TokenState::Expired(_) => return Ok(Err(ApiDenial::Expired)),
            TokenState::Unknown => return Ok(Err(ApiDenial::Unknown)),
        };
        let is_own = token.profile.as_deref() == Some(self.dialect().name);
        if !is_own && carrier != Carrier::Bearer {
            return Ok(Err(ApiDenial::Strict));
        }
        let permits = if is_own {
            self.dialect().permits
        } else {
            |asked: &Scope, own: &Scope| asked.is_subset(own)
        };
        Ok(if permits(scope, &token.scope) {
            Ok(token)
        } else {
            Err(ApiDenial::Scope)
        })
    }
}

impl Dialect {
    /// The token of an API call, and how it is carried. For APIs that have it checked by somebody else;
    /// [`Dialects::check`] does it all.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn carried(&self, parts: &Parts, params: &Params) -> Result<(Carrier, Secret), ApiDenial> {
        let mut found = None;
        for carrier in self.carriers {
            let values: Vec<&str> = match carrier {
                Carrier::Bearer => parts
                    .headers
                    .get_all(AUTHORIZATION)
                    .iter()
                    .filter_map(|value| value.to_str().ok()?.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, token)| token.trim_start_matches(' '))
                    .collect(),
                Carrier::Header(name) => parts
                    .headers
                    .get_all(*name)
                    .iter()
                    .filter_map(|value| value.to_str().ok())
                    .collect(),
                Carrier::Query(name) | Carrier::Form(name) => params.all(name).collect(),
            };
            for value in values {
                if found.replace((*carrier, Secret::new(value))).is_some() {
                    return Err(ApiDenial::Several);
                }
            }
        }
        found.ok_or(ApiDenial::Missing)
    }
}

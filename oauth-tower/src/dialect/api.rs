//! API calls: how they carry their token, what it permits, and what is answered instead.

use std::time::Duration;

use http::{Response, StatusCode, header::AUTHORIZATION, request::Parts};
use oauth_core::{
    client::ClientDenial,
    error::{Denial, Error, ErrorCode, Refusal},
    token::{AccessToken, PresentedToken, TokenState},
    types::{ClientId, Params, Scope, Secret},
};
use serde::Serialize;

use super::{
    Callback, Credentials, Dialect, Dialects, credentials::presented, gather::query_of, status,
};
use crate::wire::{Body, client_request, json, parse};

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
    DangerousQuery(&'static str),
    /// A field of a form. The client proves itself by HTTP Basic besides, and it has to be its token.
    Form(&'static str),
}

/// Why an API call is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiDenial {
    /// The query cannot be read.
    #[error("the query cannot be read")]
    Malformed,
    /// No token.
    #[error("the call has no access token")]
    Missing,
    /// Two tokens.
    #[error("the call has several access tokens")]
    Several,
    /// No such token here.
    #[error("no such access token")]
    Unknown,
    /// It has expired.
    #[error("the access token has expired")]
    Expired,
    /// A strict client's token in a place where only this dialect's may be.
    #[error("the access token of a strict client was not in the Authorization header")]
    Strict,
    /// It does not permit this.
    #[error("the access token does not have the required scope")]
    Scope,
    /// The client that shows it did not prove to be it.
    #[error(transparent)]
    Client(ClientDenial),
    /// Its secret was guessed at too often; how long to wait.
    #[error("too many failed attempts before")]
    Throttled(Duration),
    /// By JSONP, with a callback that is none.
    #[error("the JSONP callback is malformed")]
    Callback,
    /// By JSONP, from a page on which the client may not be used.
    #[error("the client may not be used from this page")]
    Elsewhere,
}

impl Denial for ApiDenial {}

impl ApiDenial {
    /// What to tell the client.
    pub fn refusal(self) -> Refusal {
        const fn request(description: &'static str) -> Refusal {
            Refusal::new(ErrorCode::INVALID_REQUEST, description)
        }
        const fn token(description: &'static str) -> Refusal {
            Refusal::new(ErrorCode::INVALID_TOKEN, description)
        }
        match self {
            Self::Malformed => request("the query cannot be read"),
            Self::Missing => token("the access token is missing"),
            Self::Several => request("the request has several access tokens"),
            Self::Unknown => token("there is no such access token"),
            Self::Expired => token("the access token has expired"),
            Self::Strict => {
                token("the access token of this client has to be in the Authorization header")
            }
            Self::Scope => Refusal::new(
                ErrorCode::INSUFFICIENT_SCOPE,
                "the access token does not permit this",
            ),
            Self::Client(denial) => denial.refusal(),
            Self::Throttled(_) => Refusal::new(
                ErrorCode::TEMPORARILY_UNAVAILABLE,
                "too many failed attempts; try again later",
            ),
            Self::Callback => Callback::MALFORMED,
            Self::Elsewhere => Refusal::new(
                ErrorCode::ACCESS_DENIED,
                "this client may not be used from this page",
            ),
        }
    }
}

/// An API call that is to be served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiCall {
    /// The token it came with.
    pub token: AccessToken,
    callback: Option<Callback>,
}

impl ApiCall {
    /// Answers it: as JSON, or as a script if it asked for one.
    pub fn answer(&self, document: &impl Serialize) -> Response<Body> {
        match &self.callback {
            Some(callback) => callback.call(document),
            None => json(StatusCode::OK, document),
        }
    }
}

impl Dialects {
    /// Takes an API call in the provider's way. `form` holds the fields of its body, if that is a form.
    ///
    /// # Errors
    /// With the response to send if it is not to be served.
    pub async fn call(
        &self,
        parts: &Parts,
        form: &Params,
        scope: &Scope,
    ) -> Result<ApiCall, Response<Body>> {
        let callback = self.dialect().callback_of(&query_of(&parts.uri));
        let refuse = |status, refusal| match &callback {
            Some(callback) => callback.call(&(self.dialect().error)(refusal)),
            None => self.refuse_with(status, refusal),
        };
        match self.check(parts, form, scope).await {
            Ok(token) => Ok(ApiCall { token, callback }),
            Err(Error::Denied(ApiDenial::Throttled(wait))) if callback.is_none() => {
                Err(self.too_many(wait))
            }
            Err(Error::Denied(denial)) => {
                let refusal = denial.refusal();
                Err(match denial {
                    ApiDenial::Expired => {
                        let expired = Refusal::new(self.dialect().expired, refusal.description);
                        refuse(StatusCode::UNAUTHORIZED, expired)
                    }
                    _ => refuse(status(refusal), refusal),
                })
            }
            Err(Error::Fault(fault)) => {
                tracing::error!(%fault, dialect = self.dialect().name, "an API call failed");
                Err(refuse(status(fault.refusal()), fault.refusal()))
            }
        }
    }

    /// Checks the token of an API call. `form` holds the fields of its body, if that is a form.
    ///
    /// # Errors
    /// An [`ApiDenial`] if the call is denied; a fault if the server failed.
    pub async fn check(
        &self,
        parts: &Parts,
        form: &Params,
        scope: &Scope,
    ) -> Result<AccessToken, Error<ApiDenial>> {
        let query = self.query(parts).ok_or(ApiDenial::Malformed)?;
        let (carrier, secret) = self.dialect().carried(parts, &query, form)?;
        let caller = match carrier {
            Carrier::Form(_) => Some(self.caller(parts).await?),
            _ => None,
        };
        let token = match self
            .server()
            .inspect(&PresentedToken::bearer(secret))
            .await?
        {
            TokenState::Valid(token) => token,
            TokenState::Expired(_) => return Err(ApiDenial::Expired.into()),
            TokenState::Unknown => return Err(ApiDenial::Unknown.into()),
        };
        if caller.is_some_and(|caller| caller != token.client_id) {
            return Err(ApiDenial::Unknown.into());
        }
        self.permit(&token, carrier, scope)?;
        self.permit_script(&token, &query, parts)?;
        Ok(token)
    }

    /// The client of the call, by HTTP Basic.
    async fn caller(&self, parts: &Parts) -> Result<ClientId, Error<ApiDenial>> {
        let presented = presented(
            Credentials::Basic,
            parts,
            &client_request(parts, Params::default()),
        );
        let mut denial = ClientDenial::Missing;
        for request in presented.unwrap_or_default() {
            if let Some(wait) = self.wait(&request) {
                return Err(ApiDenial::Throttled(wait).into());
            }
            denial = match self.server().authenticate_client(&request).await {
                Ok(client) => return Ok(client.id().clone()),
                Err(error) => error.into_denial()?,
            };
            self.failed(denial, &request);
        }
        Err(ApiDenial::Client(denial).into())
    }

    fn permit(&self, token: &AccessToken, by: Carrier, scope: &Scope) -> Result<(), ApiDenial> {
        let permits = match token.profile.as_deref() {
            Some(profile) if profile == self.dialect().name => self.dialect().permits,
            Some(_) => return Err(ApiDenial::Unknown),
            None if by != Carrier::Bearer => return Err(ApiDenial::Strict),
            None => Dialect::BASE.permits,
        };
        if permits(scope, &token.scope) {
            Ok(())
        } else {
            Err(ApiDenial::Scope)
        }
    }

    fn permit_script(
        &self,
        token: &AccessToken,
        query: &Params,
        parts: &Parts,
    ) -> Result<(), ApiDenial> {
        let dialect = self.dialect();
        let asked = dialect
            .callback
            .is_some_and(|name| query.get(name).is_some());
        if asked && dialect.callback_of(query).is_none() {
            Err(ApiDenial::Callback)
        } else if asked && !self.may_use_jsonp(token.client_id.as_str(), parts) {
            Err(ApiDenial::Elsewhere)
        } else {
            Ok(())
        }
    }

    fn query(&self, parts: &Parts) -> Option<Params> {
        let query = parts.uri.query().unwrap_or_default();
        parse(query.as_bytes(), self.limits_of()).ok()
    }
}

impl Dialect {
    /// The token of an API call, and the least of the ways that it came by. It may come by two, as parameters may. For APIs that have
    /// it checked by somebody else; [`Dialects::call`] does it all.
    ///
    /// # Errors
    /// If there is none, or there are two different ones.
    pub fn carried(
        &self,
        parts: &Parts,
        query: &Params,
        form: &Params,
    ) -> Result<(Carrier, Secret), ApiDenial> {
        let mut found: Option<(Carrier, &str)> = None;
        for carrier in self.carriers {
            let header = |name| parts.headers.get_all(name).iter();
            let mut values: Vec<&str> = match *carrier {
                Carrier::Bearer => header(AUTHORIZATION.as_str())
                    .filter_map(|value| value.to_str().ok()?.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, token)| token.trim_start_matches(' '))
                    .collect(),
                Carrier::Header(name) => header(name)
                    .filter_map(|value| value.to_str().ok())
                    .collect(),
                Carrier::DangerousQuery(name) => query.all(name).collect(),
                Carrier::Form(name) => form.all(name).collect(),
            };
            let Some(token) = values.pop() else { continue };
            if !values.is_empty() || found.is_some_and(|(_, other)| other != token) {
                return Err(ApiDenial::Several);
            }
            found = Some((*carrier, token));
        }
        let (carrier, token) = found.ok_or(ApiDenial::Missing)?;
        Ok((carrier, Secret::new(token)))
    }
}

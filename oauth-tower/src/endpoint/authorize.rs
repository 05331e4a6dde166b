//! The authorization endpoint (RFC 6749 §3.1).

use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, StatusCode, header::ALLOW, request::Parts};
use oauth_core::{
    AuthorizationServer, authorize::Browser, error::Fault, event::Event, server::AuthorizeAnswer,
    types::Params,
};

use super::Answer;
use crate::{
    BoxError,
    host::{Host, PageError},
    wire::{Body, Limits, authorization_response, browser, parse, read_form, set_browser},
};

/// Answers authorization requests.
pub struct Authorize {
    pub(crate) server: AuthorizationServer,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) limits: Limits,
}

impl std::fmt::Debug for Authorize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorize")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Answer for Authorize {
    const NAME: &'static str = "authorize";

    async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        match self.params(&parts, body).await {
            Ok(params) => self.authorize(params, &parts).await,
            Err(error) => {
                let mut response = self.host.error_page(&error);
                if error.status == StatusCode::METHOD_NOT_ALLOWED {
                    response
                        .headers_mut()
                        .insert(ALLOW, HeaderValue::from_static("GET, POST"));
                }
                response
            }
        }
    }
}

impl Authorize {
    /// The parameters: of the query with `GET`, of the form with `POST`, never of both.
    async fn params<B>(&self, parts: &Parts, body: B) -> Result<Params, PageError>
    where
        B: http_body::Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        match parts.method {
            Method::GET => {
                let query = parts.uri.query().unwrap_or_default();
                parse(query.as_bytes(), &self.limits).map_err(|error| {
                    let reason = error.description();
                    self.server.report(&Event::Unreadable { reason });
                    PageError::new(
                        StatusCode::BAD_REQUEST,
                        "The request cannot be read: its parameters are malformed.",
                    )
                })
            }
            Method::POST => {
                read_form(&parts.headers, body, &self.limits)
                    .await
                    .map_err(|(status, reason)| {
                        self.server.report(&Event::Unreadable { reason });
                        PageError::new(status, "The request cannot be read: its form is malformed.")
                    })
            }
            _ => Err(PageError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "This page is opened by an application.",
            )),
        }
    }

    async fn authorize(&self, params: Params, parts: &Parts) -> Response<Body> {
        let (parts, browser, is_new) = match browser_of(parts.clone(), &self.server) {
            Ok(found) => found,
            Err(fault) => return self.host.error_page(&PageError::unavailable(&fault)),
        };
        match self.server.authorize(params, &browser).await {
            Ok(AuthorizeAnswer::Interact(interaction)) => {
                let mut response = self.host.interact(interaction, &parts).await;
                if is_new {
                    set_browser(response.headers_mut(), &browser, self.server.issuer());
                }
                response
            }
            Ok(AuthorizeAnswer::Respond(response)) => authorization_response(&response),
            Ok(AuthorizeAnswer::Refuse(refused)) => self.host.error_page(&PageError {
                status: StatusCode::BAD_REQUEST,
                message: "The application has sent a request that cannot be served.",
                link: Some(refused.response),
            }),
            Ok(AuthorizeAnswer::Unproven(denial)) => self.host.error_page(&denial.into()),
            Err(fault) => self.host.error_page(&PageError::unavailable(&fault)),
        }
    }
}

/// The browser of a request, and whether it is being given its cookie only now.
pub(crate) fn browser_of(
    mut parts: Parts,
    server: &AuthorizationServer,
) -> Result<(Parts, Browser, bool), Fault> {
    if let Some(browser) = browser(&parts.headers, server.issuer()) {
        return Ok((parts, browser, false));
    }
    let browser = Browser::new(&mut server.random()?);
    remember(&mut parts, &browser, server.issuer());
    Ok((parts, browser, true))
}

/// Adds the cookie that the browser is being given to the request, so that a host can decide at once.
fn remember(parts: &mut Parts, browser: &Browser, issuer: &oauth_core::types::Issuer) {
    let mut set = http::HeaderMap::new();
    set_browser(&mut set, browser, issuer);
    let pair = set
        .get(http::header::SET_COOKIE)
        .and_then(|cookie| cookie.to_str().ok()?.split(';').next());
    if let Some(Ok(cookie)) = pair.map(HeaderValue::from_str) {
        parts.headers.append(http::header::COOKIE, cookie);
    }
}

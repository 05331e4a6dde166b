//! Pages of the host's own, served beside the endpoints.

use std::sync::Arc;

use http::{Method, Request, Response};
use oauth_core::{AuthorizationServer, event::Event, types::Params};

use super::Answer;
use crate::{
    BoxError,
    host::{Host, PageError},
    wire::{Body, Limits, read_form},
};

/// Answers with the pages of a host.
pub struct HostPages {
    pub(crate) server: AuthorizationServer,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) limits: Limits,
}

impl HostPages {
    /// The page that a path means: below the issuer's path, or as it is where a framework has cut that off.
    fn page<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.server.issuer().path())
            .filter(|below| below.starts_with('/'))
            .unwrap_or(path)
    }
}

impl Answer for HostPages {
    const NAME: &'static str = "page";

    async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let form = match parts.method {
            Method::POST => read_form(&parts.headers, body, &self.limits).await,
            _ => Ok(Params::default()),
        };
        match form {
            Ok(form) => {
                self.host
                    .page(self.page(parts.uri.path()), &parts, form)
                    .await
            }
            Err((status, reason)) => {
                self.server.report(&Event::Unreadable { reason });
                let message = "The form cannot be read: it is malformed.";
                self.host.error_page(&PageError::new(status, message))
            }
        }
    }
}

impl std::fmt::Debug for HostPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostPages")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

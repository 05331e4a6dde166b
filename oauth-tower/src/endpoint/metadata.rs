//! The metadata document (RFC 8414).

use std::sync::Arc;

use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, PRAGMA},
};
use oauth_core::AuthorizationServer;

use super::Answer;
use crate::{
    BoxError,
    wire::{Body, json, method_not_allowed},
};

/// Answers with the metadata document. It belongs at [`Metadata::well_known_path`](oauth_core::metadata::Metadata::well_known_path),
/// at the root of the issuer's host.
#[derive(Debug)]
pub struct MetadataDocument(pub(crate) AuthorizationServer);

impl Answer for MetadataDocument {
    const NAME: &'static str = "metadata";

    async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return method_not_allowed("GET, HEAD");
        }
        let mut response = json(StatusCode::OK, self.0.metadata());
        // Nothing in it is secret, and it changes with deployments only.
        response.headers_mut().remove(PRAGMA);
        response.headers_mut().insert(
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=300"),
        );
        response
    }
}

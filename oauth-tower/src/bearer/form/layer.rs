//! The layer that also looks into form bodies.

use std::time::Duration;

use tower_layer::Layer;

use super::FormBearer;
use crate::bearer::BearerLayer;

/// A [`BearerLayer`] that also takes the token from a form body. Made by [`BearerLayer::form_body`].
///
/// Only a `POST`, `PUT` or `PATCH` request with a body of the type `application/x-www-form-urlencoded` is looked into (RFC 6750
/// §2.2 rules out `GET` and whatever is not a form of ASCII characters). Its body is read before the API is called, and handed on.
#[derive(Clone, Debug)]
#[must_use]
pub struct FormBearerLayer {
    bearer: BearerLayer,
    limit: usize,
    timeout: Duration,
}

impl FormBearerLayer {
    pub(in crate::bearer) fn new(bearer: BearerLayer) -> Self {
        Self {
            bearer,
            limit: 64 * 1024,
            timeout: Duration::from_secs(10),
        }
    }

    /// How long a form may be, in bytes; 64 KiB if this is not called. A longer one is answered with `413`.
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// How long a form may take to arrive; 10 s if this is not called. A later one is answered with `408`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<S> Layer<S> for FormBearerLayer {
    type Service = FormBearer<S>;

    fn layer(&self, inner: S) -> FormBearer<S> {
        FormBearer::new(self.bearer.layer(inner), self.limit, self.timeout)
    }
}

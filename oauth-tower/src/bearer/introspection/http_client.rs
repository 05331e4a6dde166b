//! A client over plain TCP, by hyper.

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use oauth_core::types::{ClientId, Secret};

use super::{Introspection, InvalidEndpoint};

/// hyper's pooling client over plain TCP.
pub type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// hyper's pooling client over plain TCP, over HTTP/1.1.
pub fn http_client() -> HttpClient {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build_http()
}

impl Introspection<HttpClient> {
    /// Asks an `http` endpoint on a loopback address over an [`http_client`].
    ///
    /// For `https` give [`Introspection::new`] a client whose connector does TLS, such as one of hyper-rustls.
    ///
    /// # Errors
    /// If `endpoint` is no `http` URL on a loopback address.
    pub fn over_http(
        endpoint: &str,
        id: &ClientId,
        secret: &Secret,
    ) -> Result<Self, InvalidEndpoint> {
        let introspection = Self::new(http_client(), endpoint, id, secret)?;
        if introspection.endpoint.scheme_str() == Some("https") {
            return Err(InvalidEndpoint::NoTls);
        }
        Ok(introspection)
    }
}

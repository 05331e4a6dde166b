//! Access tokens checked by an authorization server in another process (RFC 7662).

mod answer;
mod cache;
mod endpoint;
#[cfg(feature = "hyper-client")]
mod http_client;
mod lookup;

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::{HeaderValue, Request, Response, Uri};
use http_body::Body;
use http_body_util::Full;
use oauth_core::{
    time::Clock,
    token::PresentedToken,
    types::{ClientId, Secret},
};
use tower_service::Service;

use self::cache::{Cache, Digest};
pub use self::endpoint::InvalidEndpoint;
#[cfg(feature = "hyper-client")]
pub use self::http_client::{HttpClient, http_client};
use super::{TokenVerifier, Unavailable, UnprovenToken};
use crate::{BoxError, system::SystemClock};

/// Asks the introspection endpoint of an authorization server about each token.
///
/// Active answers are remembered for a few seconds, by the digest of the token: for that long a revoked token may still be
/// accepted. Inactive answers are not remembered. An answer that is late, too long, or not what RFC 7662 §2.2 describes says
/// nothing about the token, and neither does a refusal of the API's own credentials: that is [`Unavailable`].
///
/// A token is accepted only if it is `active`, within its time, has a `client_id`, and is of the
/// type `Bearer`, or `DPoP` if its binding is a `jkt`. Any binding (`cnf`) other than exactly one
/// of RFC 9449 §6.1 or RFC 8705 §3.1 makes the token invalid: it is never taken for a bearer token.
/// If other members are missing, the token has no scope, no user or no audience.
///
/// `auth_time`, `acr`, `amr`, `authorization_details` and `act` are read too. `acr` or `amr`
/// without `auth_time` counts as a sign-in in 1970. All other members that RFC 7662 does not define
/// become the token's [`data`](oauth_core::token::AccessToken::data). If they take more than 1 KiB together, all of
/// them are dropped.
///
/// `C` is any HTTP client that is a [`Service`]; each question is asked on a clone of it. The feature `hyper-client` brings one.
/// The time limit is kept by tokio's timer.
///
/// ```
/// use std::{io, time::Duration};
/// use oauth_core::types::Secret;
/// use oauth_tower::bearer::{BearerLayer, Introspection};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let https_client = tower::service_fn(|_| async { Ok::<_, io::Error>(http::Response::new(String::new())) });
/// let id = "notes-api".parse()?;
/// let secret = Secret::new("from the environment, say");
/// let verifier = Introspection::new(https_client, "https://login.example/introspect", &id, &secret)?
///     .cache_lifetime(Duration::from_secs(2));
/// let bearer = BearerLayer::new(verifier).audience("https://notes.example");
/// # Ok(())
/// # }
/// ```
pub struct Introspection<C> {
    client: C,
    endpoint: Uri,
    authorization: HeaderValue,
    timeout: Duration,
    limit: usize,
    cache: Cache,
    clock: Arc<dyn Clock>,
}

impl<C> Introspection<C> {
    /// Asks `endpoint`, an `https` URL, over `client`, as the client `id` with `secret` (HTTP Basic, RFC 6749 §2.3.1).
    ///
    /// # Errors
    /// If `endpoint` is not such a URL. On a loopback address it may also be `http`.
    pub fn new(
        client: C,
        endpoint: &str,
        id: &ClientId,
        secret: &Secret,
    ) -> Result<Self, InvalidEndpoint> {
        let endpoint = endpoint::secure(endpoint)?;
        Ok(Self::with_endpoint(client, endpoint, id, secret))
    }

    /// Asks `endpoint`, which may be `http` on any host.
    ///
    /// Dangerous: whoever listens on the way gets every token and the secret, and whoever sits there decides which tokens are
    /// valid (RFC 7662 §4). For connections that something else protects.
    ///
    /// # Errors
    /// If `endpoint` is no `http` or `https` URL.
    pub fn dangerous_plain_http(
        client: C,
        endpoint: &str,
        id: &ClientId,
        secret: &Secret,
    ) -> Result<Self, InvalidEndpoint> {
        let endpoint = endpoint::any(endpoint)?;
        Ok(Self::with_endpoint(client, endpoint, id, secret))
    }

    fn with_endpoint(client: C, endpoint: Uri, id: &ClientId, secret: &Secret) -> Self {
        Self {
            client,
            endpoint,
            authorization: basic(id, secret),
            timeout: Duration::from_secs(5),
            limit: 16 * 1024,
            cache: Cache::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// How long an answer may take; 5 s if this is not called.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long an answer may be, in bytes; 16 KiB if this is not called.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// How long an active answer is remembered, at most until the token expires; 5 s if this is not called. Zero for not at all.
    #[must_use]
    pub fn cache_lifetime(mut self, lifetime: Duration) -> Self {
        self.cache.set_lifetime(lifetime);
        self
    }

    /// How many active answers are remembered, the least recently used forgotten first; 10 000 if this is not called.
    #[must_use]
    pub fn cache_capacity(mut self, entries: NonZeroUsize) -> Self {
        self.cache.set_capacity(entries);
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

#[async_trait]
impl<C, B> TokenVerifier for Introspection<C>
where
    C: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    C::Error: Into<BoxError>,
    C::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    async fn verify(
        &self,
        presented: &PresentedToken,
    ) -> Result<Option<UnprovenToken>, Unavailable> {
        let digest = Digest::of(&presented.token);
        // What is answered later was true no earlier than this.
        let asked = self.clock.now();
        if let Some(known) = self.cache.get(&digest, asked) {
            return Ok(Some(UnprovenToken::new(known)));
        }
        let answer = self
            .look_up(&presented.token)
            .await
            .map_err(Unavailable::new)?;
        let token = answer.token(self.clock.now()).map_err(Unavailable::new)?;
        if let Some(token) = &token {
            self.cache.put(digest, token, asked);
        }
        Ok(token.map(UnprovenToken::new))
    }
}

impl<C> fmt::Debug for Introspection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// RFC 6749 §2.3.1: both are form-urlencoded before they become a Basic credential.
fn basic(id: &ClientId, secret: &Secret) -> HeaderValue {
    let mut pair: String = byte_serialize(id.as_str().as_bytes()).collect();
    pair.push(':');
    pair.extend(byte_serialize(secret.expose().as_bytes()));
    let credentials = format!("Basic {}", STANDARD.encode(pair));
    #[expect(
        clippy::expect_used,
        reason = "base64 is made of characters that a header takes"
    )]
    let mut value = HeaderValue::try_from(credentials).expect("base64 fits into a header");
    value.set_sensitive(true);
    value
}

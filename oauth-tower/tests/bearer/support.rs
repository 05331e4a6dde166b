//! A verifier that knows a few tokens, a clock that is set by hand, and an API that tells what it was handed.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use oauth_core::{
    time::{Clock, Timestamp},
    token::{AccessToken, PresentedToken},
    types::{Confirmation, Scope},
};
use oauth_tower::bearer::{TokenVerifier, Unavailable, UnprovenToken, ValidToken};
use tower::{Layer, Service, ServiceExt};

pub(crate) fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

pub(crate) fn token(scope: &str, audience: &[&str]) -> AccessToken {
    let mut token = AccessToken::new(
        "app".parse().unwrap(),
        scope.parse().unwrap(),
        Timestamp::from_unix_seconds(1000),
        Timestamp::from_unix_seconds(2000),
    );
    token.audience = audience.iter().map(|&name| name.to_owned()).collect();
    token
}

/// Knows a token by its text, and counts how often it is asked.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) asked: AtomicUsize,
}

#[async_trait]
impl TokenVerifier for Known {
    async fn verify(
        &self,
        presented: &PresentedToken,
    ) -> Result<Option<UnprovenToken>, Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match presented.token.expose() {
            "reader" | "aZ09-._~+/==" => Ok(Some(UnprovenToken::new(token("read", &[])))),
            "writer" => Ok(Some(UnprovenToken::new(token("read write", &[])))),
            "ours" => Ok(Some(UnprovenToken::new(token(
                "read",
                &["https://other", "https://api"],
            )))),
            "bound" => {
                let mut token = token("read write", &[]);
                token.confirmation = Some(Confirmation::Jwk([7; 32]));
                Ok(Some(UnprovenToken::new(token)))
            }
            "theirs" => Ok(Some(UnprovenToken::new(token("read", &["https://other"])))),
            "unlucky" => Err(Unavailable::new("the database is away")),
            _ => Ok(None),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Hands(AtomicU64);

impl Hands {
    pub(crate) fn at(seconds: u64) -> Self {
        Self(AtomicU64::new(seconds * 1000))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// What came back: status, headers, body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The only challenge, if there is one.
    pub(crate) fn challenge(&self) -> Option<&str> {
        let all: Vec<_> = self.headers.get_all("www-authenticate").iter().collect();
        assert!(all.len() < 2, "{all:?}");
        all.first().map(|value| value.to_str().unwrap())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The attributes of the challenge, read as RFC 9110 §11.6.1 has them, each found at most once.
    pub(crate) fn attributes(&self) -> Vec<(String, String)> {
        let challenge = self.challenge().expect("a challenge");
        let mut rest = challenge
            .strip_prefix("Bearer ")
            .expect("the scheme's name");
        let mut found: Vec<(String, String)> = Vec::new();
        loop {
            let (name, after) = rest.split_once("=\"").expect("an attribute");
            let (value, after) = after.split_once('"').expect("a closing quote");
            assert!(found.iter().all(|(own, _)| own != name), "{challenge}");
            assert!(
                value
                    .bytes()
                    .all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
                "{challenge}"
            );
            found.push((name.trim().to_owned(), value.to_owned()));
            let Some(after) = after.strip_prefix(',') else {
                assert_eq!(after, "");
                return found;
            };
            rest = after;
        }
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let attributes = self.attributes();
        let found = attributes.into_iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value)
    }
}

/// An API: tells the client it serves, and the body it got.
async fn api<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body,
    B::Error: std::fmt::Debug,
{
    let who = match request.extensions().get::<ValidToken>() {
        Some(token) => format!("{} {}", token.client_id, token.scope),
        None => "anonymous".to_owned(),
    };
    let sensitive = request
        .headers()
        .get("authorization")
        .is_none_or(http::HeaderValue::is_sensitive);
    assert!(sensitive, "the token would be printed");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = format!("{who}|{}", String::from_utf8_lossy(&body));
    let mut response = Response::new(Full::from(body));
    let cached = http::HeaderValue::from_static("public, max-age=60");
    response.headers_mut().insert("cache-control", cached);
    Ok(response)
}

/// Sends `request` to the API behind `layer`.
pub(crate) async fn send<L, B>(layer: &L, request: Request<Full<Bytes>>) -> Answer
where
    L: Layer<Api>,
    L::Service: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body,
    B::Error: std::fmt::Debug,
{
    let response = layer.layer(Api).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// The API as a service over any body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api;

impl<B> Service<Request<B>> for Api
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: std::fmt::Debug,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(api(request))
    }
}

/// A request with these header lines.
pub(crate) fn get(target: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    request("GET", target, headers, "")
}

pub(crate) fn request(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        // Latin-1, so that rows can have bytes that are not ASCII.
        let value: Vec<u8> = value.chars().map(|c| u8::try_from(c).unwrap()).collect();
        request = request.header(*name, value);
    }
    request.body(Full::from(body.to_owned())).unwrap()
}

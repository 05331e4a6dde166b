//! An HTTP client that follows nothing and keeps nothing.

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, LOCATION},
    request::Builder,
};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

type Credentials<'a> = (&'a str, &'a str);

/// The client; its connections are kept alive.
#[derive(Clone)]
pub struct Http(Client<HttpConnector, Full<Bytes>>);

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Default for Http {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl Http {
    /// As the `oauth2` crate wants it.
    pub async fn exchange(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, std::io::Error> {
        let response = self
            .0
            .request(request.map(|body| Full::new(Bytes::from(body))))
            .await
            .map_err(std::io::Error::other)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?;
        Ok(Response::from_parts(parts, body.to_bytes().into()))
    }

    /// The answer; an error if the server breaks off.
    pub async fn try_send(&self, request: Builder, body: String) -> Result<Answer, std::io::Error> {
        let request = request.body(body.into_bytes()).expect("a request");
        let (parts, body) = self.exchange(request).await?.into_parts();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body).expect("text"),
        })
    }

    pub async fn send(&self, request: Builder, body: String) -> Answer {
        self.try_send(request, body).await.expect("an answer")
    }

    pub async fn get(&self, url: &str) -> Answer {
        self.send(Request::get(url), String::new()).await
    }

    /// A form, with the credentials in the header as RFC 6749 §2.3.1 has them.
    pub async fn post(&self, url: &str, who: Option<Credentials<'_>>, form: &Form<'_>) -> Answer {
        self.try_post(url, who, form).await.expect("an answer")
    }

    pub async fn try_post(
        &self,
        url: &str,
        who: Option<Credentials<'_>>,
        form: &Form<'_>,
    ) -> Result<Answer, std::io::Error> {
        let mut request =
            Request::post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some((id, secret)) = who {
            request = request.header(AUTHORIZATION, basic(id, secret));
        }
        self.try_send(request, encode(form)).await
    }

    /// The protected API, with a token.
    pub async fn with_token(&self, url: &str, token: &str) -> Answer {
        let request = Request::get(url).header(AUTHORIZATION, format!("Bearer {token}"));
        self.send(request, String::new()).await
    }

    /// Whether a token is active, and all that is told about it.
    pub async fn introspect(
        &self,
        server: &super::Quickstart,
        who: Credentials<'_>,
        token: &str,
    ) -> serde_json::Value {
        let answer = self
            .post(&server.url("/introspect"), Some(who), &[("token", token)])
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }
}

pub type Form<'a> = [(&'a str, &'a str)];

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn location(&self) -> Option<&str> {
        Some(self.headers.get(LOCATION)?.to_str().expect("ASCII"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }
}

pub fn encode(form: &Form<'_>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

/// Credentials: each form-encoded by itself, then base64 (RFC 6749 §2.3.1). Written out, so that it does not share a mistake with
/// the server.
pub fn basic(id: &str, secret: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let text = format!("{}:{}", part(id), part(secret));
    let mut encoded = String::from("Basic ");
    for chunk in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0, |bits, i| {
            bits << 8 | u32::from(chunk.get(i).copied().unwrap_or(0))
        });
        for i in 0..4 {
            if i <= chunk.len() {
                encoded.push(char::from(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize]));
            } else {
                encoded.push('=');
            }
        }
    }
    encoded
}

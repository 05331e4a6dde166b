//! Calls without a socket, and what came back.

use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
};
use http_body_util::{BodyExt, Full};
use oauth_tower::Body;
use tower::ServiceExt;

use super::{
    Fixture,
    clients::{POST, basic, client_secret, is_public},
};

pub const FORM: &str = "application/x-www-form-urlencoded";

pub type Pairs = Vec<(String, String)>;

/// What to change in a list of parameters, as [`changed`] reads it.
pub type Changes<'a> = &'a [(&'a str, &'a str)];

/// A list of parameters.
pub fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// `base` with `changes`: a parameter in both gets the new value, `-name` takes one away, `+name` repeats it.
pub fn changed(mut base: Pairs, changes: Changes) -> Pairs {
    for (name, value) in changes {
        if let Some(name) = name.strip_prefix('-') {
            base.retain(|(own, _)| own != name);
        } else if let Some(name) = name.strip_prefix('+') {
            base.push((name.to_owned(), (*value).to_owned()));
        } else {
            base.retain(|(own, _)| own != name);
            base.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    base
}

pub fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub fn encoded(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// A `GET` without a body.
pub fn get(uri: &str) -> Request<Full<Bytes>> {
    request(Method::GET, uri, "")
}

/// A request with a body.
pub fn request(method: Method, uri: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(uri)
        .body(Full::new(body.into()))
        .unwrap()
}

/// A form that is written as it is.
pub fn raw_form(uri: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = request(Method::POST, uri, body);
    request
        .headers_mut()
        .insert(CONTENT_TYPE, FORM.parse().unwrap());
    request
}

/// A form.
pub fn form(uri: &str, pairs: &[(String, String)]) -> Request<Full<Bytes>> {
    raw_form(uri, encoded(pairs))
}

/// A form of a client that authenticates as it is registered to; nobody's, if the client is "".
pub fn form_of(client: &str, uri: &str, pairs: &[(String, String)]) -> Request<Full<Bytes>> {
    let mut pairs = pairs.to_vec();
    match client {
        "" => {}
        POST => {
            pairs.push(("client_id".into(), client.into()));
            pairs.push(("client_secret".into(), client_secret(client)));
        }
        _ if is_public(client) => pairs.push(("client_id".into(), client.into())),
        _ => {
            return with(
                form(uri, &pairs),
                AUTHORIZATION,
                &basic(client, &client_secret(client)),
            );
        }
    }
    form(uri, &pairs)
}

/// The request with one more header.
pub fn with<B>(mut request: Request<B>, name: http::HeaderName, value: &str) -> Request<B> {
    request.headers_mut().append(name, value.parse().unwrap());
    request
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The value of a header that stands there at most once; empty if it does not.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map_or("", |value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} is repeated");
        value
    }

    /// A text member of the document; empty if there is none.
    pub fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }

    /// The error code of an error document.
    pub fn error(&self) -> String {
        self.member("error")
    }

    /// Asserts that it is an error document as RFC 6749 §5.2 has it.
    #[track_caller]
    pub fn assert_denied(&self, status: u16, error: &str, row: &str) {
        assert_eq!(self.status, status, "{row}: {self:?}");
        let document = self.json();
        assert_eq!(document["error"], error, "{row}: {self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{row}");
        let names: Vec<&String> = document.as_object().unwrap().keys().collect();
        assert_eq!(names, ["error", "error_description"], "{row}");
        assert!(is_error_text(error), "{row}");
        assert!(is_error_text(&self.member("error_description")), "{row}");
        let challenge = self.header("www-authenticate");
        assert_eq!(
            challenge.starts_with("Basic realm=\""),
            status == 401,
            "{row}: {challenge}"
        );
    }

    /// Where the browser is sent, without the parameters that were added, and these.
    pub fn sent_to(&self) -> (String, Params) {
        let location = self.headers[LOCATION].to_str().unwrap();
        let (address, query) = location.split_once('?').unwrap();
        let params: Pairs = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        (address.to_owned(), Params(params))
    }

    /// The fields of the form on the page, and where it goes.
    pub fn posts_to(&self) -> (String, Params) {
        let attribute = |text: &str, name: &str| {
            let start = text.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
            let value = &text[start..];
            unescape(&value[..value.find('"').unwrap()])
        };
        let page = self.text();
        let fields = page
            .split("<input type=\"hidden\"")
            .skip(1)
            .map(|field| (attribute(field, "name"), attribute(field, "value")))
            .collect();
        (attribute(page, "action"), Params(fields))
    }

    /// The parameters that go to the client, however they travel.
    pub fn to_client(&self) -> Params {
        if self.headers.contains_key(LOCATION) {
            self.sent_to().1
        } else {
            self.posts_to().1
        }
    }

    /// The cookie that it gives the browser, as the browser sends it back.
    pub fn cookie(&self) -> Option<String> {
        let set = self.headers.get(SET_COOKIE)?.to_str().unwrap();
        Some(set.split(';').next().unwrap().to_owned())
    }
}

/// Whether this can stand in `error` and `error_description`: %x20-21 / %x23-5B / %x5D-7E.
pub fn is_error_text(text: &str) -> bool {
    text.bytes()
        .all(|b| (0x20..=0x7e).contains(&b) && b != b'"' && b != b'\\')
}

/// Parameters, each at most once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params(pub Pairs);

impl Params {
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(own, _)| own == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is repeated");
        value
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

impl Fixture {
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        Answer::read(self.service.clone().oneshot(request).await.unwrap()).await
    }

    /// A request of a client to one of its endpoints.
    pub async fn call(&self, client: &str, uri: &str, params: &[(&str, &str)]) -> Answer {
        self.send(form_of(client, uri, &pairs(params))).await
    }

    /// A browser comes to the authorization endpoint, with a cookie or without.
    pub async fn visit(&self, params: &[(String, String)], cookie: Option<&str>) -> Answer {
        let request = get(&format!("/authorize?{}", encoded(params)));
        self.send(match cookie {
            Some(cookie) => with(request, COOKIE, cookie),
            None => request,
        })
        .await
    }
}

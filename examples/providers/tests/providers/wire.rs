//! Requests and answers, and what a user does in between.

use http::{
    HeaderMap, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, LOCATION},
    request::Builder,
};
use serde_json::Value;
use test_client::Browser;

use super::place::Running;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Fields of a form, or of a query.
pub(crate) type Fields<'a> = [(&'a str, &'a str)];

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// A member that is a text.
    pub(crate) fn text(&self, name: &str) -> String {
        let value = self.json()[name].as_str().map(str::to_owned);
        value.unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// Its status and error, which is an OAuth error without secrets.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.text("error"))
    }
}

pub(crate) async fn send(request: Request<Vec<u8>>) -> Answer {
    let (parts, body) = test_client::http(request)
        .await
        .expect("an answer")
        .into_parts();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body).expect("text"),
    }
}

pub(crate) async fn get(url: &str) -> Answer {
    send(empty(Request::get(url))).await
}

pub(crate) async fn post(url: &str, fields: &Fields<'_>) -> Answer {
    send(form(Request::post(url), fields)).await
}

pub(crate) fn empty(request: Builder) -> Request<Vec<u8>> {
    request.body(Vec::new()).expect("a request")
}

pub(crate) fn form(request: Builder, fields: &Fields<'_>) -> Request<Vec<u8>> {
    request
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(encode(fields).into_bytes())
        .expect("a request")
}

pub(crate) fn bearer(url: &str, token: &str) -> Request<Vec<u8>> {
    empty(Request::get(url).header(AUTHORIZATION, format!("Bearer {token}")))
}

pub(crate) fn encode(fields: &Fields<'_>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// A parameter of the query of an address.
pub(crate) fn param(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

/// A user.
pub(crate) type User<'a> = (&'a str, &'a str);
pub(crate) const ALICE: User<'static> = ("alice", "wonderland");

/// Opens an address, signs in, and decides: the address to which the browser is sent then.
pub(crate) async fn decide(
    server: &Running,
    url: &str,
    (name, password): User<'_>,
    decision: &str,
) -> String {
    let mut browser = Browser::default();
    let login = server.url(browser.get(url).await.location());
    let page = browser.get(&login).await;
    let handle = page.hidden("interaction").to_owned();
    let fields = [
        ("interaction", handle.as_str()),
        ("username", name),
        ("password", password),
    ];
    let login = login.split('?').next().unwrap();
    let consent = server.url(browser.post(login, &fields).await.location());
    let page = browser.get(&consent).await;
    let mut fields = vec![
        ("interaction", handle.as_str()),
        ("subject", name),
        ("decision", decision),
    ];
    let asked = page.page.split(" name=\"scope:").skip(1);
    let scopes: Vec<_> = asked
        .map(|rest| format!("scope:{}", rest.split('"').next().unwrap()))
        .collect();
    fields.extend(scopes.iter().map(|scope| (scope.as_str(), "on")));
    let consent = consent.split('?').next().unwrap();
    browser.post(consent, &fields).await.location().to_owned()
}

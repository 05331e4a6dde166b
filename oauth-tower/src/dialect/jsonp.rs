//! JSON with a function call around it, which a page of any origin can load as a script.
//!
//! Dangerous: whatever is answered so can be read by every site that the browser visits. So it is for data that everybody may have, the
//! callback is held to a grammar, and a client can be limited to the pages of some hosts.

use std::collections::HashMap;

use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, ORIGIN, REFERER},
};
use oauth_core::{
    error::{ErrorCode, Refusal},
    types::{ClientId, Params},
};
use serde::Serialize;
use url::Url;

use super::Dialect;
use crate::wire::{Body, json};

/// The longest callback.
const LONGEST: usize = 128;

/// A dotted path of JavaScript identifiers, of ASCII letters, digits, `_` and `$`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback(String);

impl Callback {
    /// What to tell whoever sends another one.
    pub const MALFORMED: Refusal = Refusal::new(
        ErrorCode::INVALID_REQUEST,
        "callback has to be a dotted path of identifiers",
    );

    /// Checks a callback; `None` if it is not one.
    pub fn new(text: &str) -> Option<Self> {
        let is_identifier = |name: &str| {
            let mut characters = name.bytes();
            characters
                .next()
                .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'$')
                && characters.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$')
        };
        let valid = text.len() <= LONGEST && text.split('.').all(is_identifier);
        valid.then(|| Self(text.to_owned()))
    }

    /// The script that calls it with a document. Always `200`, since a browser runs no script of a failed response.
    pub fn call(&self, document: &impl Serialize) -> Response<Body> {
        let mut response = json(StatusCode::OK, document);
        let text = serde_json::to_string(document).unwrap_or_else(|_| "null".to_owned());
        // What could end a script element, or a line of a script in older browsers.
        let escaped: String = text
            .chars()
            .map(|c| match c {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(c)),
                c => c.to_string(),
            })
            .collect();
        *response.body_mut() = Body::from(format!("{}({escaped})", self.0));
        let script = HeaderValue::from_static("application/javascript; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, script);
        response
    }
}

impl Dialect {
    /// The callback that a request names, if it may, and names one.
    pub(super) fn callback_of(&self, params: &Params) -> Option<Callback> {
        let name = self.callback.filter(|name| !params.is_repeated(name))?;
        Callback::new(params.get(name)?)
    }
}

/// From which hosts' pages clients may be used by JSONP.
#[derive(Clone, Debug, Default)]
pub struct JsonpHosts(HashMap<ClientId, Vec<String>>);

impl JsonpHosts {
    /// Limits a client to these hosts: `app.example` for any port, `app.example:8443` for one.
    #[must_use]
    pub fn limit(mut self, client_id: ClientId, hosts: impl IntoIterator<Item = String>) -> Self {
        self.0.insert(
            client_id,
            hosts
                .into_iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
        );
        self
    }

    /// Whether a request with these headers comes from a page on which the client may be used.
    pub(super) fn permit(&self, client_id: &str, headers: &HeaderMap) -> bool {
        let hosts = ClientId::new(client_id).ok().and_then(|id| self.0.get(&id));
        let Some(hosts) = hosts else { return true };
        let mut named = [ORIGIN, REFERER]
            .into_iter()
            .flat_map(|name| headers.get_all(name))
            .peekable();
        // Whoever leaves both out does not say where it comes from; and none of several may be from elsewhere.
        named.peek().is_some()
            && named.all(|value| {
                let url = value.to_str().ok().and_then(|text| Url::parse(text).ok());
                url.is_some_and(|url| hosts.iter().any(|host| is_host(&url, host)))
            })
    }
}

/// Whole hosts only; the port counts if the entry names one.
fn is_host(url: &Url, entry: &str) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    host == entry
        || url
            .port_or_known_default()
            .is_some_and(|port| format!("{host}:{port}") == entry)
}

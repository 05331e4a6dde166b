//! As much of a browser as a test needs: cookies, forms, and where it is sent.

use std::collections::BTreeMap;

use http::{
    HeaderMap, Request, StatusCode,
    header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
    request,
};

/// A browser that visits one host, keeps its cookies, and stops at every redirect so that a test can look at it.
#[derive(Debug, Default)]
pub struct Browser(BTreeMap<String, String>);

/// What a browser was answered.
#[derive(Debug)]
pub struct Shown {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The page.
    pub page: String,
}

impl Browser {
    /// Opens an address.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn get(&mut self, url: &str) -> Shown {
        self.send(Request::get(url), String::new()).await
    }

    /// Sends a form.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn post(&mut self, url: &str, form: &[(&str, &str)]) -> Shown {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = Request::post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, body).await
    }

    async fn send(&mut self, request: request::Builder, body: String) -> Shown {
        let cookies: Vec<_> = self.0.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = request
            .header(COOKIE, cookies.join("; "))
            .body(body.into_bytes())
            .expect("a request");
        let response = crate::http(request).await.expect("an answer");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie of ASCII");
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie with a value");
            self.0.insert(name.to_owned(), value.to_owned());
        }
        let (parts, body) = response.into_parts();
        Shown {
            status: parts.status,
            headers: parts.headers,
            page: String::from_utf8(body).expect("a page of text"),
        }
    }
}

impl Shown {
    /// Where the browser is sent.
    ///
    /// # Panics
    /// If it is not.
    pub fn location(&self) -> &str {
        let location = self.headers.get(LOCATION).expect("a redirect");
        location.to_str().expect("an address of ASCII")
    }

    /// A parameter of the address where the browser is sent; `None` if it is not there.
    ///
    /// # Panics
    /// If the browser is not sent anywhere.
    pub fn sent_with(&self, name: &str) -> Option<String> {
        let (_, query) = self.location().split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The value of a hidden field on the page. It must need no unescaping.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn hidden(&self, name: &str) -> &str {
        let field = format!("type=\"hidden\" name=\"{name}\" value=\"");
        let (_, rest) = self.page.split_once(&field).expect("the hidden field");
        rest.split('"').next().unwrap_or_default()
    }
}

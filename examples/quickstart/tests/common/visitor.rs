//! A visitor: keeps cookies, follows redirects within the server, fills in forms.

use std::collections::BTreeMap;

use http::{
    Request,
    header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
};
use url::Url;

use super::{Answer, Begun, Http, Page, Quickstart, http::encode, page::Form};

/// A visitor with a browser of their own.
#[derive(Clone)]
pub struct Visitor {
    http: Http,
    base: Url,
    pub cookies: BTreeMap<String, String>,
}

impl Visitor {
    pub fn new(server: &Quickstart) -> Self {
        Self {
            http: Http::default(),
            base: Url::parse(&server.url("/")).expect("an address"),
            cookies: BTreeMap::new(),
        }
    }

    /// The same browser after the server has moved to another port. Cookies do not know ports.
    #[must_use]
    pub fn moved_to(self, server: &Quickstart) -> Self {
        Self {
            cookies: self.cookies,
            ..Self::new(server)
        }
    }

    /// Opens an address and follows where it leads.
    pub async fn open(&mut self, address: &str) -> Page {
        let url = self.base.join(address).expect("an address");
        let answer = self.send(Request::get(url.as_str()), String::new()).await;
        self.follow(url, answer).await
    }

    /// Sends a form and follows where it leads.
    pub async fn submit(&mut self, form: &Form) -> Page {
        let (url, answer) = self.submit_only(form).await;
        self.follow(url, answer).await
    }

    /// Sends a form and follows nothing.
    pub async fn submit_only(&mut self, form: &Form) -> (Url, Answer) {
        let url = self.base.join(&form.action).expect("an address");
        let fields: Vec<_> = form
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let request =
            Request::post(url.as_str()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.send(request, encode(&fields)).await;
        (url, answer)
    }

    /// Signs in on a page that asks for it.
    pub async fn sign_in(&mut self, page: &Page, (name, password): (&str, &str)) -> Page {
        let form = page.form("Sign in");
        self.submit(&form.with("username", name).with("password", password))
            .await
    }

    /// Signs in if asked to, allows everything, and returns to the application with its answer.
    pub async fn allow(&mut self, begun: &Begun, user: (&str, &str)) -> Page {
        let mut page = self.open(begun.url.as_str()).await;
        if page.heading() == "Sign in" {
            page = self.sign_in(&page, user).await;
        }
        let page = self.submit(&page.form("Allow")).await;
        assert!(page.has_left, "{page:?}");
        page
    }

    async fn follow(&mut self, mut url: Url, mut answer: Answer) -> Page {
        let mut has_left = false;
        for _ in 0..10 {
            let Some(location) = answer.location() else {
                break;
            };
            url = url.join(location).expect("an address");
            has_left = url.origin() != self.base.origin();
            if has_left {
                break;
            }
            answer = self.send(Request::get(url.as_str()), String::new()).await;
        }
        Page {
            url,
            status: answer.status,
            headers: answer.headers,
            html: answer.body,
            has_left,
        }
    }

    async fn send(&mut self, request: http::request::Builder, body: String) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let answer = self
            .http
            .send(request.header(COOKIE, cookies.join("; ")), body)
            .await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("ASCII");
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

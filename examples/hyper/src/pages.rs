//! The host: one page, on which a user signs in and decides. No session, so the page asks for the password every time.

use async_trait::async_trait;
use http::{Response, StatusCode, request::Parts};
use oauth_core::{
    AuthorizationServer,
    authorize::{Approval, Interaction, Pending},
    types::{Params, SecretDigest, Subject},
};
use oauth_tower::{
    Body, EscapedHtml, Host, Interactions, PageError, secure_page,
    throttle::{Peer, Throttle},
};

/// The code challenge of the request that the program prints, and its verifier (RFC 7636 App. B). A real client makes a new one
/// for every request.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The page on which the user decides.
const DECIDE: &str = "/decide";
/// Where the client of the printed request would listen. Here, so that there is something to see.
const CALLBACK: &str = "/callback";

pub(crate) struct Pages {
    server: AuthorizationServer,
    interactions: Interactions,
    throttle: Throttle,
}

impl Pages {
    pub(crate) fn new(server: AuthorizationServer) -> Self {
        Self {
            interactions: Interactions::new(server.clone()),
            server,
            throttle: Throttle::default(),
        }
    }

    /// What the user has decided.
    async fn decide(&self, request: &Parts, form: &Params) -> Result<Response<Body>, PageError> {
        let handle = form.get("interaction").unwrap_or_default();
        let headers = &request.headers;
        // First of all: only who has been shown the page in this browser may go on, and guess at passwords.
        let pending = self.interactions.pending(handle, headers).await?;
        if form.get("decision") != Some("allow") {
            return self.interactions.deny(handle, headers).await;
        }
        match self.sign_in(form, Peer::of(&request.extensions)) {
            Ok(subject) => {
                let approval = Approval::new(subject);
                self.interactions.approve(handle, headers, approval).await
            }
            Err(problem) => Ok(question(handle, &pending, problem)),
        }
    }

    /// The user with this name and password. A host of your own asks its own table of users here, and its password hash.
    fn sign_in(&self, form: &Params, peer: Option<Peer>) -> Result<Subject, &'static str> {
        let name = form.get("username").unwrap_or_default();
        if self.throttle.wait(name, peer).is_some() {
            return Err("Too many wrong passwords. Please try again in a minute.");
        }
        let is_right = form
            .secret("password")
            .is_some_and(|password| SecretDigest::of("wonderland").matches(&password));
        match Subject::new(name) {
            Ok(subject) if name == "alice" && is_right => Ok(subject),
            _ => {
                self.throttle.failed(name, peer);
                Err("There is no such user with this password.")
            }
        }
    }

    /// What the client of the printed request would do with the code.
    fn callback(&self, request: &Parts) -> Response<Body> {
        let query = request.uri.query().unwrap_or_default();
        let code = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("code="))
            .unwrap_or("THERE-IS-NONE");
        let issuer = self.server.issuer();
        let html = format!(
            "<!doctype html><title>The client</title><h1>The client</h1>\
             <p>This page is the client's. It was given: <code>{query}</code></p>\
             <p>It now exchanges the code, within a minute:</p>\
             <pre>curl -d grant_type=authorization_code -d client_id=app -d code={code} \
             -d redirect_uri={issuer}{CALLBACK} -d code_verifier={VERIFIER} {token}</pre>",
            query = EscapedHtml(query),
            code = EscapedHtml(code),
            token = issuer.endpoint(&self.server.endpoints().token),
        );
        secure_page(html, None)
    }
}

#[async_trait]
impl Host for Pages {
    async fn interact(&self, interaction: Interaction, _: &Parts) -> Response<Body> {
        question(&interaction.handle, &interaction.pending, "")
    }

    fn has_page(&self, path: &str) -> bool {
        [DECIDE, CALLBACK].contains(&path)
    }

    async fn page(&self, path: &str, request: &Parts, form: Params) -> Response<Body> {
        match path {
            DECIDE => self
                .decide(request, &form)
                .await
                .unwrap_or_else(|error| self.error_page(&error)),
            _ => self.callback(request),
        }
    }
}

/// Asks the user, once more if there was a problem.
fn question(handle: &str, pending: &Pending, problem: &str) -> Response<Body> {
    let html = format!(
        "<!doctype html><title>Sign in</title><h1>{client} asks for access</h1>\
         <p>It will be able to: <b>{scope}</b>. You will be sent to {address}.</p>\
         <p>{problem}</p>\
         <form method=\"post\" action=\"{DECIDE}\">\
         <input type=\"hidden\" name=\"interaction\" value=\"{handle}\">\
         <p><label>User name <input name=\"username\" autocomplete=\"username\"></label></p>\
         <p><label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\"></label></p>\
         <p><button name=\"decision\" value=\"allow\">Allow</button>\
         <button name=\"decision\" value=\"deny\">Refuse</button></p></form>",
        client = EscapedHtml(pending.client().name()),
        scope = EscapedHtml(pending.scope().as_str()),
        address = EscapedHtml(pending.redirect_uri().as_str()),
        handle = EscapedHtml(handle),
    );
    let mut page = secure_page(html, Some(pending));
    if !problem.is_empty() {
        *page.status_mut() = StatusCode::FORBIDDEN;
    }
    page
}

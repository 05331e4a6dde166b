//! Pages that are ready to use: sign-in, consent, errors, and connected applications. Plain HTML that works without scripts.
//!
//! [`Ui`] is a [`Host`]: give it to [`OAuth::new`](crate::OAuth::new), and
//! [`OAuth::service`](crate::OAuth::service) serves its pages too. It only needs to know whom a
//! user name and a password belong to. Its tokens say when the user signed in (`auth_time`), and
//! that they did so with a password (`amr`).
//!
//! | path, below the issuer | page |
//! |---|---|
//! | `/login` | fields `username` and `password` |
//! | `/consent` | the scopes asked for as checkboxes, `decision` as `approve` or `deny` |
//! | `/connections` | what the user has allowed, each with a button to withdraw it |
//! | `/logout` | `POST` only; with the field `interaction` the next user goes on from there |

mod accounts;
mod connections;
mod consent;
mod forms;
mod login;
mod pages;
mod session;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderValue, Method, Response, StatusCode, header::ALLOW, request::Parts};
use oauth_core::{
    AuthorizationServer,
    authorize::Interaction,
    error::Fault,
    store::ClientStore,
    types::{Params, Subject},
};

pub use self::accounts::Accounts;
use self::session::User;
use crate::{
    host::{Host, Interactions, PageError},
    throttle::Throttle,
    wire::{Body, Limits, parse, see_other},
};

const LOGIN: &str = "/login";
const CONSENT: &str = "/consent";
const CONNECTIONS: &str = "/connections";
const LOGOUT: &str = "/logout";

/// Pages that are ready to use.
#[derive(Clone)]
#[must_use]
pub struct Ui {
    server: AuthorizationServer,
    interactions: Interactions,
    accounts: Arc<dyn Accounts>,
    clients: Arc<dyn ClientStore>,
    throttle: Option<Arc<Throttle>>,
    site: String,
    scopes: BTreeMap<String, String>,
    session_lifetime: Duration,
}

impl Ui {
    /// Pages for the users in `accounts`. `clients` tells the names of applications.
    pub fn new(
        server: AuthorizationServer,
        accounts: impl Accounts,
        clients: Arc<dyn ClientStore>,
    ) -> Self {
        let site = server.issuer().origin().to_owned();
        Self {
            interactions: Interactions::new(server.clone()),
            server,
            accounts: Arc::new(accounts),
            clients,
            throttle: Some(Arc::default()),
            site,
            scopes: BTreeMap::new(),
            session_lifetime: Duration::from_secs(12 * 60 * 60),
        }
    }

    /// What the pages call the site; the issuer's origin, if this is not called.
    pub fn site(mut self, name: impl Into<String>) -> Self {
        self.site = name.into();
        self
    }

    /// Says what a scope permits, as "It asks to …" goes on. A scope without a description is shown by its name.
    pub fn describe_scope(
        mut self,
        scope: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        self.scopes.insert(scope.into(), description.into());
        self
    }

    /// Decides through these interactions, which may change the responses on their way to the client.
    pub fn interactions(mut self, interactions: Interactions) -> Self {
        self.interactions = interactions;
        self
    }

    /// Sets how long users stay signed in; 12 hours by default.
    ///
    /// A session is a signed cookie, and is not in the store. It ends early only if the user signs
    /// out in that browser, or by [`Accounts::is_active`]. Anybody who knows the operator secret
    /// can sign in as any user.
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = lifetime;
        self
    }

    /// Slows down wrong passwords by this, or not at all. By default each `Ui` has a throttle of its own.
    pub fn throttle(mut self, throttle: Option<Arc<Throttle>>) -> Self {
        self.throttle = throttle;
        self
    }

    /// The user who is signed in on a request, if one is.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn signed_in(&self, headers: &http::HeaderMap) -> Result<Option<Subject>, Fault> {
        let session = session::find(self, headers).await?;
        Ok(session.map(|session| session.user.subject))
    }

    /// The path of a page, from the root of the host.
    fn path(&self, page: &str) -> String {
        format!("{}{page}", self.server.issuer().path())
    }

    /// Sends the browser to a page about an interaction. The handle is base64url, which needs no escapes.
    fn go(&self, page: &str, handle: &str) -> Response<Body> {
        see_other(&format!("{}?interaction={handle}", self.path(page)))
    }

    async fn begin(
        &self,
        interaction: Interaction,
        request: &Parts,
    ) -> Result<Response<Body>, PageError> {
        let Some(session) = session::find(self, &request.headers).await? else {
            return Ok(self.go(LOGIN, &interaction.handle));
        };
        self.decided_or_asked(&interaction.handle, &request.headers, &session.user)
            .await
    }

    /// Goes on with a user who is signed in: back to the client if a consent is remembered, else to the question.
    async fn decided_or_asked(
        &self,
        handle: &str,
        headers: &http::HeaderMap,
        user: &User,
    ) -> Result<Response<Body>, PageError> {
        let remembered = self
            .interactions
            .approve_remembered(handle, headers, user.approval())
            .await?;
        Ok(remembered.unwrap_or_else(|| self.go(CONSENT, handle)))
    }

    async fn serve(
        &self,
        page: &str,
        request: &Parts,
        form: &Params,
    ) -> Result<Response<Body>, PageError> {
        let query = request.uri.query().unwrap_or_default();
        let query = parse(query.as_bytes(), &Limits::default().for_pages()).map_err(|_| {
            PageError::new(
                StatusCode::BAD_REQUEST,
                "The address of this page is malformed.",
            )
        })?;
        // One name with two values means one thing to this page and perhaps another to whatever stands before it.
        if query.repeated().is_some() || form.repeated().is_some() {
            return Err(PageError::new(
                StatusCode::BAD_REQUEST,
                "The request cannot be read: a parameter is repeated.",
            ));
        }
        match (page, &request.method) {
            (LOGIN, &(Method::GET | Method::HEAD)) => login::show(self, request, &query).await,
            (LOGIN, &Method::POST) => login::submit(self, request, form).await,
            (CONSENT, &(Method::GET | Method::HEAD)) => consent::show(self, request, &query).await,
            (CONSENT, &Method::POST) => consent::submit(self, request, form).await,
            (CONNECTIONS, &(Method::GET | Method::HEAD)) => connections::show(self, request).await,
            (CONNECTIONS, &Method::POST) => connections::submit(self, request, form).await,
            (LOGOUT, &Method::POST) => connections::log_out(self, request, form).await,
            (LOGOUT, _) => Ok(self.not_allowed("POST")),
            _ => Ok(self.not_allowed("GET, HEAD, POST")),
        }
    }

    /// The page for a method that a page does not have.
    fn not_allowed(&self, allowed: &'static str) -> Response<Body> {
        let mut response = self.error_page(&PageError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "This page cannot be opened in this way.",
        ));
        let allowed = HeaderValue::from_static(allowed);
        response.headers_mut().insert(ALLOW, allowed);
        response
    }
}

#[async_trait]
impl Host for Ui {
    async fn interact(&self, interaction: Interaction, request: &Parts) -> Response<Body> {
        self.begin(interaction, request)
            .await
            .unwrap_or_else(|error| self.error_page(&error))
    }

    fn error_page(&self, error: &PageError) -> Response<Body> {
        pages::error(self, error)
    }

    fn has_page(&self, path: &str) -> bool {
        [LOGIN, CONSENT, CONNECTIONS, LOGOUT].contains(&path)
    }

    async fn page(&self, path: &str, request: &Parts, form: Params) -> Response<Body> {
        self.serve(path, request, &form)
            .await
            .unwrap_or_else(|error| self.error_page(&error))
    }
}

impl fmt::Debug for Ui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ui")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

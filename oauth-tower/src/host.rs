//! What the host brings: its login, its pages, its users. And what it calls when the user has decided.

use async_trait::async_trait;
use http::{HeaderMap, Response, StatusCode, request::Parts};
use oauth_core::{
    AuthorizationServer,
    authorize::{
        Approval, AuthorizationResponse, Interaction, InteractionDenial, Pending, Settled,
        UnprovenDenial, Verdict,
    },
    error::{Error, Fault},
    types::Params,
};

use crate::wire::{self, Body, authorization_response, browser, empty, plain_page};

/// The host application, as the authorization endpoint sees it.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// A client asks for authorization, and nothing is wrong with its request. Answer with a login page, a consent page, or a
    /// redirect to either; or decide at once through [`Interactions`], if the user is logged in and has been asked before.
    ///
    /// Pass the interaction's handle along, in the page's form or in the address, and come back to it with [`Interactions`]. It
    /// works only in the browser that it was made for.
    async fn interact(&self, interaction: Interaction, request: &Parts) -> Response<Body>;

    /// A request went wrong in a way that only the person in front of the browser can be told. A plain page by default.
    fn error_page(&self, error: &PageError) -> Response<Body> {
        error.page()
    }

    /// Whether the host has a page of its own at this path below the issuer, which [`OAuth::service`](crate::OAuth::service)
    /// should serve too. None by default; hosts with a router of their own need none.
    fn has_page(&self, _path: &str) -> bool {
        false
    }

    /// Serves such a page. `form` holds the parameters of a `POST`, read as strictly as those of the protocol; whether one may be
    /// [repeated](Params::repeated) is up to the page.
    async fn page(&self, _path: &str, _request: &Parts, _form: Params) -> Response<Body> {
        empty(StatusCode::NOT_FOUND)
    }
}

/// The host of a server that knows no users: its clients act for themselves, or by a grant of the host's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoUsers;

#[async_trait]
impl Host for NoUsers {
    async fn interact(&self, _: Interaction, _: &Parts) -> Response<Body> {
        PageError::new(StatusCode::FORBIDDEN, "Nobody can sign in here.").page()
    }
}

/// Something that only the person in front of the browser can be told.
#[derive(Debug)]
#[non_exhaustive]
pub struct PageError {
    /// The status of the page.
    pub status: StatusCode,
    /// What is wrong, in a sentence or two.
    pub message: &'static str,
    /// Where the person can go on to, if there is such a place. The address was registered by the client itself: let them click,
    /// do not send them (RFC 9700 §4.11.2).
    pub link: Option<AuthorizationResponse>,
}

impl PageError {
    pub(crate) fn new(status: StatusCode, message: &'static str) -> Self {
        Self {
            status,
            message,
            link: None,
        }
    }

    pub(crate) fn unavailable(fault: &Fault) -> Self {
        tracing::error!(
            fault = fault as &dyn std::error::Error,
            "a page could not be shown"
        );
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The server cannot answer now. Please try again in a moment.",
        )
    }

    /// A plain page that says so.
    pub fn page(&self) -> Response<Body> {
        plain_page(
            self.status,
            "This cannot go on",
            self.message,
            self.link.as_ref(),
        )
    }
}

impl From<InteractionDenial> for PageError {
    fn from(denial: InteractionDenial) -> Self {
        let status = match denial {
            InteractionDenial::WrongBrowser => StatusCode::FORBIDDEN,
            InteractionDenial::Expired | InteractionDenial::ClientGone => StatusCode::GONE,
            InteractionDenial::AlreadyDecided => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, denial.description())
    }
}

impl From<Fault> for PageError {
    fn from(fault: Fault) -> Self {
        Self::unavailable(&fault)
    }
}

impl From<Error<InteractionDenial>> for PageError {
    fn from(error: Error<InteractionDenial>) -> Self {
        match error {
            Error::Denied(denial) => denial.into(),
            Error::Fault(fault) => fault.into(),
        }
    }
}

impl From<UnprovenDenial> for PageError {
    fn from(denial: UnprovenDenial) -> Self {
        Self::new(StatusCode::BAD_REQUEST, denial.description())
    }
}

/// A page of the host's own, with the headers that keep it from being framed, cached, or made to load or run anything.
///
/// Give it what is `pending` if a form on the page decides about that: browsers follow the form's redirect to the client only if
/// the page allows it. What goes into `html` from elsewhere has to be [escaped](crate::EscapedHtml).
pub fn secure_page(html: impl Into<String>, pending: Option<&Pending>) -> Response<Body> {
    let leads_to = pending.map(Pending::redirect_uri);
    wire::secure_page(StatusCode::OK, html.into(), None, None, leads_to)
}

/// What a host does with pending interactions, on whichever request it knows the answer.
///
/// All of it is bound to the browser by its cookie, so pass the headers of the request that you answer. Only approve or deny on a
/// `POST` that the user has made.
#[derive(Clone, Debug)]
pub struct Interactions {
    server: AuthorizationServer,
    respond: fn(AuthorizationResponse) -> AuthorizationResponse,
}

impl Interactions {
    /// The interactions of a server.
    pub fn new(server: AuthorizationServer) -> Self {
        Self {
            server,
            respond: std::convert::identity,
        }
    }

    /// Changes every response on its way to the client, as the dialect of an existing provider has it.
    #[must_use]
    pub fn respond_with(
        mut self,
        respond: fn(AuthorizationResponse) -> AuthorizationResponse,
    ) -> Self {
        self.respond = respond;
        self
    }

    /// What is pending under a handle, to show a page about it.
    ///
    /// # Errors
    /// With what to show instead.
    pub async fn pending(&self, handle: &str, headers: &HeaderMap) -> Result<Pending, PageError> {
        let browser = browser(headers, self.server.issuer());
        Ok(self.server.interaction(handle, browser.as_ref()).await?)
    }

    /// The user allows it: the response to send.
    ///
    /// # Errors
    /// With what to show instead.
    pub async fn approve(
        &self,
        handle: &str,
        headers: &HeaderMap,
        approval: Approval,
    ) -> Result<Response<Body>, PageError> {
        self.settle(handle, headers, &Verdict::Approve(approval))
            .await
    }

    /// The user declines: the response to send.
    ///
    /// # Errors
    /// With what to show instead.
    pub async fn deny(
        &self,
        handle: &str,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, PageError> {
        self.settle(handle, headers, &Verdict::Deny).await
    }

    /// The response to send if a remembered consent of the user covers the request; `None` if the
    /// user has to be asked.
    ///
    /// The approval's `scope` and `remember` are ignored. A [`Subject`](oauth_core::types::Subject)
    /// will do.
    ///
    /// # Errors
    /// With what to show instead.
    pub async fn approve_remembered(
        &self,
        handle: &str,
        headers: &HeaderMap,
        approval: impl Into<Approval> + Send,
    ) -> Result<Option<Response<Body>>, PageError> {
        let browser = browser(headers, self.server.issuer());
        let settled = self
            .server
            .settle_remembered(handle, browser.as_ref(), approval)
            .await?;
        Ok(settled.map(|settled| self.response(settled)))
    }

    async fn settle(
        &self,
        handle: &str,
        headers: &HeaderMap,
        verdict: &Verdict,
    ) -> Result<Response<Body>, PageError> {
        let browser = browser(headers, self.server.issuer());
        let settled = self
            .server
            .settle(handle, browser.as_ref(), verdict)
            .await?;
        Ok(self.response(settled))
    }

    fn response(&self, settled: Settled) -> Response<Body> {
        authorization_response(&(self.respond)(settled.response))
    }
}

//! The templates.

use askama::Template;
use http::{Response, StatusCode};
use oauth_core::types::{RedirectUri, Scope};

use super::Ui;
use crate::{
    host::PageError,
    wire::{Body, plain_page, secure_page},
};

const STYLE: &str = include_str!("../../templates/style.css");

/// What binds a form to its browser.
pub(super) enum Bound {
    /// The handle of an interaction.
    Interaction(String),
    /// A token.
    Token(String),
}

#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct Login<'a> {
    pub(super) site: &'a str,
    pub(super) style: &'a str,
    pub(super) action: String,
    pub(super) client: Option<&'a str>,
    pub(super) bound: Bound,
    pub(super) username: &'a str,
    pub(super) problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct Consent<'a> {
    pub(super) site: &'a str,
    pub(super) style: &'a str,
    pub(super) action: String,
    pub(super) logout: String,
    pub(super) token: &'a str,
    pub(super) client: &'a str,
    pub(super) user: &'a str,
    pub(super) subject: &'a str,
    pub(super) returns_to: &'a str,
    pub(super) handle: &'a str,
    pub(super) scopes: Vec<Described<'a>>,
    pub(super) resources: Vec<&'a str>,
    pub(super) lifetime: String,
    pub(super) can_remember: bool,
    pub(super) problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "connections.html")]
pub(super) struct Connections<'a> {
    pub(super) site: &'a str,
    pub(super) style: &'a str,
    pub(super) action: String,
    pub(super) logout: String,
    pub(super) user: &'a str,
    pub(super) token: &'a str,
    pub(super) applications: Vec<Connected<'a>>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    site: &'a str,
    style: &'a str,
    heading: &'a str,
    text: &'a str,
    link: Option<Link<'a>>,
}

struct Link<'a> {
    href: String,
    shown: &'a str,
}

/// A scope token with what to say about it.
pub(super) struct Described<'a> {
    pub(super) token: &'a str,
    pub(super) description: &'a str,
}

/// A connected application.
pub(super) struct Connected<'a> {
    pub(super) client_id: &'a str,
    pub(super) name: String,
    pub(super) scopes: Vec<Described<'a>>,
    pub(super) remembered: bool,
}

/// The tokens of a scope with what to say about them.
pub(super) fn describe<'a>(ui: &'a Ui, scope: &'a Scope) -> Vec<Described<'a>> {
    let describe = |token| Described {
        token,
        description: ui.scopes.get(token).map_or(token, String::as_str),
    };
    scope.tokens().map(describe).collect()
}

/// The style of every page.
pub(super) const fn style() -> &'static str {
    STYLE
}

/// Renders a page. `leads_to` is where a form on it may end up.
pub(super) fn render(
    status: StatusCode,
    page: &impl Template,
    leads_to: Option<&RedirectUri>,
) -> Response<Body> {
    match page.render() {
        Ok(html) => secure_page(status, html, Some(STYLE), None, leads_to),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            let text = "The server failed. Please try again in a moment.";
            plain_page(
                StatusCode::INTERNAL_SERVER_ERROR,
                "This cannot go on",
                text,
                None,
            )
        }
    }
}

/// The page about an error.
pub(super) fn error(ui: &Ui, error: &PageError) -> Response<Body> {
    let link = error.link.as_ref().map(|link| Link {
        href: link.location(),
        shown: link.redirect_uri().as_str(),
    });
    let page = Message {
        site: &ui.site,
        style: STYLE,
        heading: "This cannot go on",
        text: error.message,
        link,
    };
    render(error.status, &page, None)
}

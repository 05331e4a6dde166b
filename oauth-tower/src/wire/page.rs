//! Pages for people: escaped, not framed, not kept, without scripts of others.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS},
};
use oauth_core::{authorize::AuthorizationResponse, types::RedirectUri};
use sha2::{Digest, Sha256};

use super::{
    Body,
    response::{response, set},
};

const SUBMIT: &str = "document.forms[0].submit()";

/// A page, with the headers that keep it from being framed, kept, or made to load or run anything.
///
/// `leads_to` is where a form on it may end up: browsers check the target of the redirect too, and the hops after that, so its
/// whole scheme is let through.
pub(crate) fn secure_page(
    status: StatusCode,
    html: String,
    style: Option<&str>,
    script: Option<&str>,
    leads_to: Option<&RedirectUri>,
) -> Response<Body> {
    let mut page = response(status, html.into());
    set(&mut page, CONTENT_TYPE, "text/html; charset=utf-8");
    set(&mut page, X_FRAME_OPTIONS, "DENY");
    set(&mut page, REFERRER_POLICY, "no-referrer");
    let mut policy =
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
            .to_owned();
    if let Some(uri) = leads_to {
        policy += &format!(" {}:", uri.scheme());
    }
    if let Some(style) = style {
        policy += &format!("; style-src '{}'", hash(style));
    }
    if let Some(script) = script {
        policy += &format!("; script-src '{}'", hash(script));
    }
    // A scheme is letters, digits, "+", "-" and "."; the rest is written here.
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(
        "default-src 'none'; frame-ancestors 'none'",
    ));
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    page
}

/// A page without any looks, for hosts that have none of their own.
pub(crate) fn plain_page(
    status: StatusCode,
    title: &str,
    text: &str,
    link: Option<&AuthorizationResponse>,
) -> Response<Body> {
    let link = link.map_or(String::new(), |link| {
        format!(
            "<p><a rel=\"noreferrer\" href=\"{}\">Return to the application at {}</a></p>",
            EscapedHtml(&link.location()),
            EscapedHtml(link.redirect_uri().as_str()),
        )
    });
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><p>{text}</p>{link}",
        title = EscapedHtml(title),
        text = EscapedHtml(text),
    );
    secure_page(status, html, None, None, None)
}

/// The page of `response_mode=form_post`: a form that sends itself, and has a button where scripts are off.
pub(super) fn form_post_page(to: &AuthorizationResponse) -> Response<Body> {
    let mut fields = String::new();
    for (name, value) in to.params() {
        fields += &format!(
            "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
            EscapedHtml(name),
            EscapedHtml(value)
        );
    }
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Returning to the application</title>\
         <form method=\"post\" action=\"{}\">{fields}<button>Continue</button></form><script>{SUBMIT}</script>",
        EscapedHtml(to.redirect_uri().as_str()),
    );
    secure_page(
        StatusCode::OK,
        html,
        None,
        Some(SUBMIT),
        Some(to.redirect_uri()),
    )
}

/// Displays text as HTML shows it, in an element or in a quoted attribute.
#[derive(Clone, Copy, Debug)]
pub struct EscapedHtml<'a>(pub &'a str);

impl fmt::Display for EscapedHtml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

fn hash(inline: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(inline)))
}

//! Signing in.

use std::error::Error;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, Response, StatusCode, request::Parts};
use oauth_core::{
    authorize::{Browser, Pending},
    event::Event,
    types::Params,
};
use sha2::{Digest, Sha256};

use super::{
    CONNECTIONS, LOGIN, Ui, forms,
    pages::{Bound, Login, render, style},
    session::{self, User},
};
use crate::{
    host::PageError,
    throttle::Peer,
    wire::{Body, browser, retry_after, see_other, set_browser},
};

const WRONG: &str = "This user name and password do not belong together.";
const TOO_MANY: &str = "Too many attempts. Please wait a little before you try again.";

/// The form. With an interaction it goes on there, without one to the connected applications.
pub(super) async fn show(
    ui: &Ui,
    request: &Parts,
    query: &Params,
) -> Result<Response<Body>, PageError> {
    let handle = query.get("interaction");
    if let Some(session) = session::find(ui, &request.headers).await? {
        return match handle {
            Some(handle) => {
                ui.decided_or_asked(handle, &request.headers, &session.user)
                    .await
            }
            None => Ok(see_other(&ui.path(CONNECTIONS))),
        };
    }
    form(ui, &request.headers, handle, "", None).await
}

/// The submitted form.
pub(super) async fn submit(
    ui: &Ui,
    request: &Parts,
    form_data: &Params,
) -> Result<Response<Body>, PageError> {
    let handle = form_data.get("interaction");
    match handle {
        // The handle opens in this browser only, so that nobody is signed in by a form on another site.
        Some(handle) => drop(ui.interactions.pending(handle, &request.headers).await?),
        None => check_browser(ui, &request.headers, form_data.get("token")).await?,
    }
    let username = form_data.get("username").unwrap_or_default();
    let password = form_data.secret("password");
    let guessed = guessed(username);
    let peer = Peer::of(&request.extensions);
    if let Some(wait) = ui
        .throttle
        .as_ref()
        .and_then(|throttle| throttle.wait(&guessed, peer))
    {
        tracing::warn!(?peer, "too many failed logins");
        ui.server.report(&Event::Throttled { client_id: None });
        let mut page = form(ui, &request.headers, handle, username, Some(TOO_MANY)).await?;
        *page.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        retry_after(&mut page, wait);
        return Ok(page);
    }
    let subject = match &password {
        Some(password) => ui
            .accounts
            .authenticate(username, password)
            .await
            .map_err(|error| {
                tracing::error!(
                    error = &*error as &dyn Error,
                    "a password could not be checked"
                );
                PageError::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The server cannot answer now. Please try again in a moment.",
                )
            })?,
        None => None,
    };
    let Some(subject) = subject else {
        if let Some(throttle) = &ui.throttle {
            throttle.failed(&guessed, peer);
        }
        tracing::warn!(?peer, "a login failed");
        ui.server.report(&Event::SignInDenied);
        let mut page = form(ui, &request.headers, handle, username, Some(WRONG)).await?;
        *page.status_mut() = StatusCode::FORBIDDEN;
        return Ok(page);
    };
    ui.server.report(&Event::SignedIn {
        subject: subject.clone(),
    });
    let user = User {
        subject,
        signed_in_at: ui.server.now(),
    };
    let mut response = match handle {
        Some(handle) => ui.decided_or_asked(handle, &request.headers, &user).await?,
        None => see_other(&ui.path(CONNECTIONS)),
    };
    session::open(ui, &user, response.headers_mut()).await?;
    Ok(response)
}

/// The name under which guesses are counted: of a fixed length, since anybody can make up names, and the same for spellings that
/// many tables of users take for the same.
fn guessed(username: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(username.trim().to_lowercase()))
}

async fn form(
    ui: &Ui,
    headers: &HeaderMap,
    handle: Option<&str>,
    username: &str,
    problem: Option<&'static str>,
) -> Result<Response<Body>, PageError> {
    match handle {
        Some(handle) => {
            let pending = ui.interactions.pending(handle, headers).await?;
            let bound = Bound::Interaction(handle.to_owned());
            Ok(page(ui, bound, Some(&pending), username, problem))
        }
        None => {
            let known = browser(headers, ui.server.issuer());
            let browser = match &known {
                Some(browser) => browser.clone(),
                None => Browser::new(&mut ui.server.random()?),
            };
            let token = forms::token(ui, &id(&browser)).await?;
            let mut page = page(ui, Bound::Token(token), None, username, problem);
            if known.is_none() {
                set_browser(page.headers_mut(), &browser, ui.server.issuer());
            }
            Ok(page)
        }
    }
}

fn page(
    ui: &Ui,
    bound: Bound,
    pending: Option<&Pending>,
    username: &str,
    problem: Option<&'static str>,
) -> Response<Body> {
    let login = Login {
        site: &ui.site,
        style: style(),
        action: ui.path(LOGIN),
        client: pending.map(|pending| pending.client().name()),
        bound,
        username,
        problem,
    };
    render(StatusCode::OK, &login, pending.map(Pending::redirect_uri))
}

async fn check_browser(ui: &Ui, headers: &HeaderMap, token: Option<&str>) -> Result<(), PageError> {
    let browser = browser(headers, ui.server.issuer());
    match browser {
        Some(browser) if forms::is_from(ui, &id(&browser), token).await? => Ok(()),
        _ => Err(PageError::new(
            StatusCode::FORBIDDEN,
            "This form was opened in another browser, or your browser does not keep cookies for this site.",
        )),
    }
}

fn id(browser: &Browser) -> [u8; 32] {
    Sha256::digest(browser.cookie().expose()).into()
}

//! The question whether an application may have what it asks for.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode, request::Parts};
use oauth_core::{
    authorize::Pending,
    types::{Params, Scope},
};

use super::{
    CONSENT, LOGIN, LOGOUT, Ui, forms,
    pages::{Consent, describe, render, style},
    session::{self, Session},
};
use crate::{host::PageError, wire::Body};

const NOTHING: &str = "Choose at least one thing to allow, or deny.";
const OTHER_USER: &str = "You have signed in as somebody else meanwhile. Please look again.";

/// The question.
pub(super) async fn show(
    ui: &Ui,
    request: &Parts,
    query: &Params,
) -> Result<Response<Body>, PageError> {
    let handle = handle(query)?;
    match session::find(ui, &request.headers).await? {
        Some(session) => ask(ui, &request.headers, handle, &session, None).await,
        None => {
            ui.interactions.pending(handle, &request.headers).await?;
            Ok(ui.go(LOGIN, handle))
        }
    }
}

/// The answer.
pub(super) async fn submit(
    ui: &Ui,
    request: &Parts,
    form: &Params,
) -> Result<Response<Body>, PageError> {
    let handle = handle(form)?;
    let headers = &request.headers;
    match form.get("decision") {
        Some("approve") => {}
        Some("deny") => return ui.interactions.deny(handle, headers).await,
        _ => {
            return Err(PageError::new(
                StatusCode::BAD_REQUEST,
                "The form says neither yes nor no.",
            ));
        }
    }
    let Some(session) = session::find(ui, headers).await? else {
        ui.interactions.pending(handle, headers).await?;
        return Ok(ui.go(LOGIN, handle));
    };
    // Whoever signed in as another user in another tab has not seen this question as that user.
    if form.get("subject") != Some(session.user.subject.as_str()) {
        return ask(ui, headers, handle, &session, Some(OTHER_USER)).await;
    }
    let asked = ui.interactions.pending(handle, headers).await?;
    let scope = chosen(&asked, form);
    if scope.is_empty() && !asked.scope().is_empty() {
        return ask(ui, headers, handle, &session, Some(NOTHING)).await;
    }
    let mut approval = session.user.approval().only(scope);
    approval.remember = form.get("remember").is_some();
    ui.interactions.approve(handle, headers, approval).await
}

/// What was left checked of what was asked.
fn chosen(asked: &Pending, form: &Params) -> Scope {
    let checked = form
        .iter()
        .filter_map(|(name, _)| name.strip_prefix("scope:")?.parse().ok());
    checked
        .fold(Scope::EMPTY, |all, scope: Scope| all.union(&scope))
        .intersection(asked.scope())
}

async fn ask(
    ui: &Ui,
    headers: &HeaderMap,
    handle: &str,
    session: &Session,
    problem: Option<&'static str>,
) -> Result<Response<Body>, PageError> {
    let pending = ui.interactions.pending(handle, headers).await?;
    let client = pending.client();
    let policy = &ui.server.rules().policy;
    let page = Consent {
        site: &ui.site,
        style: style(),
        action: ui.path(CONSENT),
        client: client.name(),
        logout: ui.path(LOGOUT),
        token: &forms::token(ui, &session.id).await?,
        user: &session::name_of(ui, &session.user.subject).await,
        subject: session.user.subject.as_str(),
        returns_to: pending.redirect_uri().as_str(),
        handle,
        scopes: describe(ui, pending.scope()),
        resources: pending
            .resources()
            .iter()
            .map(oauth_core::types::Resource::as_str)
            .collect(),
        lifetime: in_words(policy.grant_lifetime(client)),
        can_remember: pending.can_be_remembered(policy),
        problem,
    };
    Ok(render(StatusCode::OK, &page, Some(pending.redirect_uri())))
}

fn handle(params: &Params) -> Result<&str, PageError> {
    params.get("interaction").ok_or(PageError::new(
        StatusCode::BAD_REQUEST,
        "This page was not opened through an application.",
    ))
}

/// A duration in its largest whole unit, rounded up.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (unit, length) = [
        ("day", 86_400),
        ("hour", 3_600),
        ("minute", 60),
        ("second", 1),
    ]
    .into_iter()
    .find(|(_, length)| seconds >= *length)
    .unwrap_or(("second", 1));
    let count = seconds.div_ceil(length);
    if count == 1 {
        format!("1 {unit}")
    } else {
        format!("{count} {unit}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, words) in [
            (1, "1 second"),
            (90, "2 minutes"),
            (3600, "1 hour"),
            (2_592_000, "30 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}

//! What the user has allowed, and taking it back.

use http::{Response, StatusCode, request::Parts};
use oauth_core::types::{ClientId, Params};

use super::{
    CONNECTIONS, LOGIN, LOGOUT, Ui, forms,
    pages::{Connected, Connections, describe, render, style},
    session::{self, Session},
};
use crate::{
    host::PageError,
    wire::{Body, see_other},
};

/// The list.
pub(super) async fn show(ui: &Ui, request: &Parts) -> Result<Response<Body>, PageError> {
    let Some(Session { user, id }) = session::find(ui, &request.headers).await? else {
        return Ok(see_other(&ui.path(LOGIN)));
    };
    let list = ui.server.connections(&user.subject).await?;
    let mut applications = Vec::with_capacity(list.len());
    for connection in &list {
        let client = ui
            .clients
            .client(&connection.client_id)
            .await
            .map_err(oauth_core::error::Fault::from)?;
        let client_id = connection.client_id.as_str();
        applications.push(Connected {
            client_id,
            name: client.map_or_else(|| client_id.to_owned(), |client| client.name().to_owned()),
            scopes: describe(ui, &connection.scope),
            remembered: connection.remembered,
        });
    }
    let page = Connections {
        site: &ui.site,
        style: style(),
        action: ui.path(CONNECTIONS),
        logout: ui.path(LOGOUT),
        user: &session::name_of(ui, &user.subject).await,
        token: &forms::token(ui, &id).await?,
        applications,
    };
    Ok(render(StatusCode::OK, &page, None))
}

/// Withdraws what one application was allowed.
pub(super) async fn submit(
    ui: &Ui,
    request: &Parts,
    form: &Params,
) -> Result<Response<Body>, PageError> {
    let session = own_session(ui, request, form).await?;
    let client_id = form.get("client_id").and_then(|id| ClientId::new(id).ok());
    let client_id = client_id.ok_or(PageError::new(
        StatusCode::BAD_REQUEST,
        "The form names no application.",
    ))?;
    ui.server
        .withdraw(&session.user.subject, &client_id)
        .await?;
    Ok(see_other(&ui.path(CONNECTIONS)))
}

/// Signs out. Who does so while an application waits signs in again for it, as whoever they like.
pub(super) async fn log_out(
    ui: &Ui,
    request: &Parts,
    form: &Params,
) -> Result<Response<Body>, PageError> {
    own_session(ui, request, form).await?;
    let mut response = match form.get("interaction") {
        Some(handle) => {
            ui.interactions.pending(handle, &request.headers).await?;
            ui.go(LOGIN, handle)
        }
        None => see_other(&ui.path(LOGIN)),
    };
    session::close(ui, response.headers_mut());
    Ok(response)
}

/// The session that the form was shown in.
async fn own_session(ui: &Ui, request: &Parts, form: &Params) -> Result<Session, PageError> {
    match session::find(ui, &request.headers).await? {
        Some(session) if forms::is_from(ui, &session.id, form.get("token")).await? => Ok(session),
        _ => Err(PageError::new(
            StatusCode::FORBIDDEN,
            "You are no longer signed in as you were when this page was opened. Please open it again.",
        )),
    }
}

//! Lantern, a lending library of 2009: its readers' apps get a *pass* for a *ticket*, and never learned another language.

use http::Response;
use oauth_core::{
    authorize::AuthorizationResponse,
    error::Refusal,
    time::Timestamp,
    token::{Formats, TokenFormat, TokenResponse},
    types::{Params, Scope, Secret},
};
use oauth_tower::{
    Body,
    dialect::{
        Authorize, Carrier, Credentials, Dialect, Document, Extra, ExtraRequest, Route, Sources,
        Token,
    },
};

/// Lantern. Its clients may do without PKCE, which nobody had then.
pub(crate) static LANTERN: Dialect = Dialect {
    name: "lantern",
    authorize: Authorize {
        route: Route::new(&["GET"], &["/door"]),
        required: &["client_id", "redirect_uri", "state"],
        defaults: &[("response_type", "code")],
        respond,
        ..Dialect::BASE.authorize
    },
    token: Token {
        route: Route::new(&["POST"], &["/counter"]),
        sources: Sources {
            json: true,
            ..Sources::FORM
        },
        credentials: Credentials::Params,
        ..Dialect::BASE.token
    },
    extras: &[Extra {
        route: Route::new(&["GET"], &["/shelf"]),
        sources: Sources::NONE,
        answer: |request| Box::pin(shelf(request)),
    }],
    names: &[
        ("app", "client_id"),
        ("key", "client_secret"),
        ("back", "redirect_uri"),
        ("badge", "state"),
        ("deal", "grant_type"),
        ("ticket", "code"),
    ],
    values: &[
        ("grant_type", "pass", "authorization_code"),
        ("grant_type", "again", "refresh_token"),
    ],
    success,
    error,
    formats,
    carriers: &[Carrier::Header("x-lantern-pass")],
    ..Dialect::BASE
};

/// On the way back to the app: `ticket` and `badge`.
fn respond(response: AuthorizationResponse) -> AuthorizationResponse {
    let mut renamed = response.without("iss");
    for (ours, theirs) in [("code", "ticket"), ("error", "trouble"), ("state", "badge")] {
        if let Some(value) = renamed.get(ours).map(str::to_owned) {
            renamed = renamed.without(ours).with(theirs, value);
        }
    }
    renamed
}

/// Lifetimes in minutes.
fn success(response: &TokenResponse, _: &Params, _: Timestamp) -> Document {
    let document = Document::new()
        .text("pass", response.access_token.expose().to_owned())
        .number("minutes", response.expires_in.as_secs() / 60);
    match &response.refresh_token {
        Some(token) => document.text("refresh_token", token.expose().to_owned()),
        None => document,
    }
}

fn error(refusal: Refusal) -> Document {
    Document::new()
        .text("trouble", refusal.code.as_str())
        .text("why", refusal.description)
}

fn formats() -> Formats {
    Formats {
        access_token: Box::new(Digits),
        ..Formats::default()
    }
}

/// Digits in groups of five, as they are printed on a pass: 54 digits for 18 bytes.
struct Digits;

impl TokenFormat for Digits {
    fn encode(&self, bytes: &[u8]) -> Secret {
        let (pairs, _) = bytes.as_chunks();
        let groups = pairs
            .iter()
            .map(|pair| format!("{:05}", u16::from_be_bytes(*pair)));
        Secret::new(groups.collect::<Vec<_>>().join("-"))
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        let groups = text.split('-').map(|group| {
            let is_plain = group.len() == 5 && group.bytes().all(|digit| digit.is_ascii_digit());
            let number: u16 = group.parse().ok()?;
            is_plain.then_some(number.to_be_bytes())
        });
        Some(groups.collect::<Option<Vec<_>>>()?.concat())
    }

    fn capacity(&self) -> Option<usize> {
        Some(18)
    }
}

/// The API: whose shelf this is.
async fn shelf(request: ExtraRequest) -> Response<Body> {
    let ExtraRequest {
        dialects, parts, ..
    } = request;
    let (no_form, any_scope) = (Params::default(), Scope::EMPTY);
    match dialects.call(&parts, &no_form, &any_scope).await {
        Ok(call) => {
            let reader = call.token.subject.as_ref().map(ToString::to_string);
            call.answer(&Document::new().text("reader", reader.unwrap_or_default()))
        }
        Err(refused) => refused,
    }
}

//! How the clients of a dialect prove themselves: brought to the one form that the core checks.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use oauth_core::{
    client::ClientRequest,
    error::{ErrorCode, Refusal},
    types::Params,
};

use super::Credentials;
use crate::wire::decode;

/// A client id and a secret.
type Pair = (String, String);

const MALFORMED: Refusal = Refusal::new(
    ErrorCode::INVALID_CLIENT,
    "the Authorization header cannot be read",
);
const MISSING: Refusal = Refusal::new(
    ErrorCode::INVALID_CLIENT,
    "client authentication is missing",
);
const DIFFERENT: Refusal = Refusal::new(
    ErrorCode::INVALID_REQUEST,
    "the request names two different clients or secrets",
);

/// What to present to the server: one after the other, until one is accepted. Basic can be read in two ways.
pub(super) fn presented(
    credentials: Credentials,
    parts: &Parts,
    request: &ClientRequest,
) -> Result<Vec<ClientRequest>, Refusal> {
    let basic = match credentials {
        Credentials::Params => Vec::new(),
        Credentials::Basic | Credentials::BasicOrParams => basic(&parts.headers)?,
        Credentials::Method { read, .. } => {
            let mut request = request.clone();
            request.authorization = read(parts)?;
            return Ok(vec![request]);
        }
    };
    if basic.is_empty() {
        return match credentials {
            Credentials::Basic => Err(MISSING),
            _ => Ok(vec![request.clone()]),
        };
    }
    let matching = basic.iter().filter(|pair| agrees(&request.params, pair));
    let presented: Vec<_> = matching.map(|pair| with(request, pair)).collect();
    if presented.is_empty() {
        Err(DIFFERENT)
    } else {
        Ok(presented)
    }
}

/// The pair of a Basic header, raw and, if that is different, form-decoded. Empty without the header.
pub(super) fn basic(headers: &HeaderMap) -> Result<Vec<Pair>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(Vec::new());
    };
    if values.next().is_some() {
        return Err(MALFORMED);
    }
    let raw = value.to_str().ok().and_then(|value| {
        let (scheme, encoded) = value.split_once(' ')?;
        let is_basic = scheme.eq_ignore_ascii_case("basic");
        let decoded = STANDARD
            .decode(encoded.trim_start_matches(' '))
            .ok()
            .filter(|_| is_basic)?;
        let text = String::from_utf8(decoded).ok()?;
        text.split_once(':')
            .map(|(id, secret)| (id.to_owned(), secret.to_owned()))
    });
    let raw = raw.ok_or(MALFORMED)?;
    let mut pairs = vec![raw];
    if let (Ok(id), Ok(secret)) = (decode(&pairs[0].0), decode(&pairs[0].1)) {
        let decoded = (id.into_owned(), secret.into_owned());
        if decoded != pairs[0] {
            pairs.push(decoded);
        }
    }
    Ok(pairs)
}

/// Whether the parameters say nothing else.
fn agrees(params: &Params, (id, secret): &Pair) -> bool {
    params.get("client_id").is_none_or(|own| own == id)
        && params.get("client_secret").is_none_or(|own| own == secret)
}

fn with(request: &ClientRequest, (id, secret): &Pair) -> ClientRequest {
    let own = request
        .params
        .iter()
        .filter(|(name, _)| !["client_id", "client_secret"].contains(name));
    let pair = [
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
    ];
    let mut presented = request.clone();
    presented.params = own.chain(pair).collect();
    presented
}

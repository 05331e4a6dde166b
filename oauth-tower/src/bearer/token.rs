//! The access token of a request, in the three places where it can be (RFC 6750 §2).

use http::{HeaderMap, Request, header::AUTHORIZATION};
use oauth_core::{
    token::{PresentedToken, TokenScheme},
    types::Secret,
};

use super::{denial::BearerDenial, requirements::Requirements};
use crate::wire::{dpop_proofs, method};

/// An access token found in a request.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) presented: PresentedToken,
    /// Whether it stood in the address.
    pub(super) in_query: bool,
}

/// What the form body of a request had for a token. Only [`FormBearer`](super::FormBearer) puts it into a request.
#[derive(Clone, Debug)]
pub(super) struct FormToken(pub(super) Result<Secret, BearerDenial>);

/// The token of a request; `None` if it has none in a place where this route takes one.
pub(super) fn find<B>(
    request: &mut Request<B>,
    requirements: &Requirements,
) -> Result<Option<Found>, BearerDenial> {
    let in_body = request.extensions_mut().remove::<FormToken>();
    let in_header = in_header(request.headers())?;
    let in_query = match request.uri().query() {
        Some(text) if requirements.query => in_form(text.as_bytes())?,
        _ => None,
    };
    let in_body = in_body.map(|FormToken(token)| token).transpose()?;
    let is_in_query = in_query.is_some();
    let by_itself = |token| (TokenScheme::Bearer, token);
    let places = [in_header, in_body.map(by_itself), in_query.map(by_itself)];
    let mut found = places.into_iter().flatten();
    let Some((scheme, token)) = found.next() else {
        return Ok(None);
    };
    // RFC 6750 §2: clients MUST NOT use more than one method in each request.
    if found.next().is_some() {
        return Err(BearerDenial::SeveralMethods);
    }
    let mut presented = PresentedToken::new(scheme, token).method(method(request.method()));
    presented.url = requirements
        .base_url
        .as_deref()
        .map(|base| format!("{base}{}", request.uri().path()));
    presented.dpop_proofs = dpop_proofs(request.headers());
    Ok(Some(Found {
        presented,
        in_query: is_in_query,
    }))
}

/// RFC 6750 §2.1: `credentials = "Bearer" 1*SP b64token`, and the same with `DPoP` (RFC 9449 §7.1).
fn in_header(headers: &HeaderMap) -> Result<Option<(TokenScheme, Secret)>, BearerDenial> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    // Which of two is meant would be up to the reader, and another one may have read the other.
    if values.next().is_some() {
        return Err(BearerDenial::Repeated);
    }
    let value = value.as_bytes();
    let end = value.iter().position(|&b| b == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    let scheme = if scheme.eq_ignore_ascii_case(b"Bearer") {
        TokenScheme::Bearer
    } else if scheme.eq_ignore_ascii_case(b"DPoP") {
        TokenScheme::Dpop
    } else {
        return Ok(None);
    };
    let spaces = rest.iter().take_while(|&&b| b == b' ').count();
    token(&rest[spaces..]).map(|token| Some((scheme, token)))
}

/// The parameter `access_token` of a query or a form (RFC 6750 §2.2, §2.3). Without a value it counts as absent.
pub(super) fn in_form(form: &[u8]) -> Result<Option<Secret>, BearerDenial> {
    // The parser repairs malformed escapes, but into nothing that could be a token or this name.
    let mut values = form_urlencoded::parse(form)
        .filter(|(name, _)| name == "access_token")
        .map(|(_, value)| value);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(BearerDenial::Repeated);
    }
    if value.is_empty() {
        return Ok(None);
    }
    token(value.as_bytes()).map(Some)
}

/// RFC 6750 §2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn token(bytes: &[u8]) -> Result<Secret, BearerDenial> {
    let padding = bytes.iter().rev().take_while(|&&b| b == b'=').count();
    let (characters, _) = bytes.split_at(bytes.len() - padding);
    // Every one is looked at, which takes a fraction of the time of stopping at the first that is none.
    let all = |all, &byte: &u8| all & is_in_b64token(byte);
    let well_formed = !characters.is_empty() && characters.iter().fold(true, all);
    match std::str::from_utf8(bytes) {
        Ok(text) if well_formed => Ok(Secret::new(text)),
        _ => Err(BearerDenial::Malformed),
    }
}

fn is_in_b64token(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-'..=b'/' | b'_' | b'~' | b'+')
}

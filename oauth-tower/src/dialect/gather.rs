//! The parameters of a request, from wherever the dialect takes them.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header::CONTENT_TYPE, request::Parts};
use oauth_core::{
    error::{ErrorCode, Refusal},
    types::Params,
};

use super::Dialect;
use crate::{
    BoxError,
    wire::{Limits, parse, read},
};

/// Where parameters come from. A body is read if its kind is named here, and refused if it is of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a source of its own")]
pub struct Sources {
    /// The query.
    pub query: bool,
    /// A form body.
    pub form: bool,
    /// A JSON body: an object.
    pub json: bool,
    /// A `multipart/form-data` body.
    pub multipart: bool,
    /// A JSON body without a content type.
    pub untyped_json: bool,
}

impl Sources {
    /// Nothing.
    pub const NONE: Self = Self {
        query: false,
        form: false,
        json: false,
        multipart: false,
        untyped_json: false,
    };
    /// The query.
    pub const QUERY: Self = Self {
        query: true,
        ..Self::NONE
    };
    /// A form body.
    pub const FORM: Self = Self {
        form: true,
        ..Self::NONE
    };
    /// The query, or a form body, or both.
    pub const QUERY_AND_FORM: Self = Self {
        query: true,
        form: true,
        ..Self::NONE
    };
    /// The same for what holds secrets.
    ///
    /// Dangerous: addresses end up in histories, logs and `Referer` headers.
    pub const DANGEROUS_QUERY_AND_FORM: Self = Self::QUERY_AND_FORM;
}

/// Why a request cannot be read, and the status for it.
pub(super) type Unreadable = (StatusCode, Refusal);

const fn invalid(description: &'static str) -> Unreadable {
    (
        StatusCode::BAD_REQUEST,
        Refusal::new(ErrorCode::INVALID_REQUEST, description),
    )
}

/// Reads a request's parameters, under the standard's names and values.
pub(super) async fn gather<B>(
    dialect: &Dialect,
    sources: Sources,
    request: Request<B>,
    limits: &Limits,
) -> Result<(Parts, Params), Unreadable>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let mut all = Vec::new();
    if sources.query {
        let query = parts.uri.query().unwrap_or_default();
        all.push(parse(query.as_bytes(), limits).map_err(|error| invalid(error.description()))?);
    }
    if matches!(parts.method, http::Method::POST | http::Method::PUT) {
        let bytes = read(&parts.headers, body, limits).await;
        let bytes = bytes.map_err(|error| {
            (
                error.status(),
                Refusal::new(ErrorCode::INVALID_REQUEST, error.description()),
            )
        })?;
        if !bytes.is_empty() || !sources.query {
            all.push(read_body(sources, &parts.headers, bytes, limits).await?);
        }
    }
    let params = unify(dialect, &all);
    Ok((parts, params))
}

/// The query as a browser would read it: to find out whom a request is for, and how to answer it, before it is read strictly.
pub(super) fn query_of(uri: &Uri) -> Params {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).collect()
}

async fn read_body(
    sources: Sources,
    headers: &HeaderMap,
    bytes: Bytes,
    limits: &Limits,
) -> Result<Params, Unreadable> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" if sources.form => {
            parse(&bytes, limits).map_err(|error| invalid(error.description()))
        }
        "application/json" if sources.json => json(&bytes, limits),
        "" if sources.untyped_json => json(&bytes, limits),
        "multipart/form-data" if sources.multipart => {
            multipart(content_type.unwrap_or_default(), bytes, limits).await
        }
        _ => Err(invalid(
            "the request body is of a kind that is not taken here",
        )),
    }
}

/// An object. What is not a string means nothing to anybody here, and is taken as it is written, so that it is neither refused where
/// it is unknown nor absent where it is known. The parser keeps the last of repeated members, so they are read one by one.
fn json(bytes: &[u8], limits: &Limits) -> Result<Params, Unreadable> {
    struct Pairs(Vec<(String, String)>);
    impl<'de> serde::Deserialize<'de> for Pairs {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Pairs;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Pairs, A::Error> {
                    let mut pairs = Vec::new();
                    while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                        pairs.push(match value {
                            serde_json::Value::String(value) => (name, value),
                            serde_json::Value::Null => (name, String::new()),
                            other => (name, other.to_string()),
                        });
                    }
                    Ok(Pairs(pairs))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    let Pairs(pairs) = serde_json::from_slice(bytes)
        .map_err(|_| invalid("the request body is not a JSON object"))?;
    limited(pairs, limits)
}

async fn multipart(
    content_type: &str,
    bytes: Bytes,
    limits: &Limits,
) -> Result<Params, Unreadable> {
    const MALFORMED: Unreadable = invalid("the request body is not a form of several parts");
    let boundary = multer::parse_boundary(content_type).map_err(|_| MALFORMED)?;
    let body = http_body_util::BodyDataStream::new(http_body_util::Full::new(bytes));
    let mut parts = multer::Multipart::new(body, boundary);
    let mut pairs = Vec::new();
    while let Some(field) = parts.next_field().await.map_err(|_| MALFORMED)? {
        let name = field.name().ok_or(MALFORMED)?.to_owned();
        if field.file_name().is_some() {
            return Err(invalid("a part of the form is a file"));
        }
        let value = field.bytes().await.map_err(|_| MALFORMED)?;
        pairs.push((
            name,
            String::from_utf8(value.to_vec()).map_err(|_| MALFORMED)?,
        ));
        if pairs.len() > limits.params {
            return Err(invalid("there are too many parameters"));
        }
    }
    limited(pairs, limits)
}

fn limited(pairs: Vec<(String, String)>, limits: &Limits) -> Result<Params, Unreadable> {
    if pairs.len() > limits.params {
        return Err(invalid("there are too many parameters"));
    }
    for (name, value) in &pairs {
        if name.len() > limits.value || value.len() > limits.value {
            return Err(invalid("a parameter is too long"));
        }
        if name.contains('\0') || value.contains('\0') {
            return Err(invalid("the parameters are not text"));
        }
    }
    Ok(pairs.into_iter().collect())
}

/// The parameters under the standard's names. In two places, or under two names, one may stand with the same value; otherwise it stays
/// there twice, for whoever answers the request to refuse.
fn unify(dialect: &Dialect, all: &[Params]) -> Params {
    let mut unified: Vec<(&str, &str)> = Vec::new();
    for params in all {
        for (name, value) in params.iter() {
            let is_repeated = params.is_repeated(name);
            let name = alias(dialect, name);
            let pair = (name, meaning(dialect, name, value));
            if is_repeated || !value.is_empty() && !unified.contains(&pair) {
                unified.push(pair);
            }
        }
    }
    unified.into_iter().collect()
}

fn alias<'a>(dialect: &Dialect, name: &'a str) -> &'a str {
    dialect
        .names
        .iter()
        .find_map(|(theirs, ours)| (*theirs == name).then_some(*ours))
        .unwrap_or(name)
}

fn meaning<'a>(dialect: &Dialect, name: &str, value: &'a str) -> &'a str {
    let found = dialect
        .values
        .iter()
        .find(|(own, theirs, _)| *own == name && *theirs == value);
    found.map_or(value, |(_, _, ours)| ours)
}

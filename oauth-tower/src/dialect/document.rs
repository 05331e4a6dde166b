//! JSON documents whose members keep their order, as the samples of providers have them.

use std::borrow::Cow;

use oauth_core::{error::Refusal, time::Timestamp, token::TokenResponse, types::Params};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// A JSON object, with its members in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document(Vec<(&'static str, Json)>);

/// A member's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// A string.
    Text(Cow<'static, str>),
    /// A number.
    Number(u64),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

impl Document {
    /// No members.
    pub fn new() -> Self {
        Self::default()
    }

    /// And a string.
    #[must_use]
    pub fn text(self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.member(name, Json::Text(value.into()))
    }

    /// And a number.
    #[must_use]
    pub fn number(self, name: &'static str, value: u64) -> Self {
        self.member(name, Json::Number(value))
    }

    /// And a member.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: Json) -> Self {
        self.0.push((name, value));
        self
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Null => serializer.serialize_unit(),
        }
    }
}

/// The document of RFC 6749 §5.1.
pub(super) fn standard(response: &TokenResponse, _: &Params, _: Timestamp) -> Document {
    let mut document = Document::new()
        .text("access_token", response.access_token.expose().to_owned())
        .text("token_type", response.token_type.as_str())
        .number("expires_in", response.expires_in.as_secs());
    if let Some(token) = &response.refresh_token {
        document = document.text("refresh_token", token.expose().to_owned());
    }
    if !response.token.scope.is_empty() {
        document = document.text("scope", response.token.scope.as_str().to_owned());
    }
    document
}

/// The document of RFC 6749 §5.2.
pub(super) fn error(refusal: Refusal) -> Document {
    Document::new()
        .text("error", refusal.code.as_str())
        .text("error_description", refusal.description)
}

//! Settings of a client for which the standard has no name.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    client::{Danger, Introspection, RegisteredBy},
    types::SecretDigest,
};

/// The settings of a client that RFC 7591 does not define.
///
/// In a [`ClientMetadata`](super::ClientMetadata) document, they are one object with the name
/// `oauth-core`. No registered member has a hyphen in its name, so it should not collide with a
/// future standard. Unknown settings are rejected, not skipped, since they may be restrictions that
/// a newer release has written. Lifetimes are whole seconds; fractions are written as
/// `{"secs": 7, "nanos": 1000000}`. Digests are SHA-256 in base64url without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClientSettings {
    /// The digest of its secret, if its authentication method has one.
    #[serde(with = "digest", skip_serializing_if = "Option::is_none")]
    pub client_secret_sha256: Option<SecretDigest>,
    /// The digest of the previous secret, while that is being replaced.
    #[serde(with = "digest", skip_serializing_if = "Option::is_none")]
    pub previous_client_secret_sha256: Option<SecretDigest>,
    /// The scope of requests that name none; its whole scope if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_scope: Option<String>,
    /// Which tokens it may introspect: `false` for its own, `true` for all, or a list of resource
    /// servers.
    #[serde(with = "may_introspect", skip_serializing_if = "is_own")]
    pub may_introspect: Introspection,
    /// The lifetime of an authorization code.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub code_lifetime: Option<Duration>,
    /// The lifetime of an access token.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub access_token_lifetime: Option<Duration>,
    /// How long a grant can be refreshed, counted from when it was given.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub refresh_token_lifetime: Option<Duration>,
    /// How long an unused refresh token is valid.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub refresh_token_idle: Option<Duration>,
    /// How long after its use a refresh token may be presented again, as a retry.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub refresh_grace: Option<Duration>,
    /// Who registered it: `operator` or `itself`.
    #[serde(skip_serializing_if = "is_operator")]
    pub registered_by: RegisteredBy,
    /// The server profile for which it is registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Its dangerous permissions, by the names of the builder's methods, such as
    /// `dangerous_pkce_optional`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dangers: Vec<Danger>,
    /// Which of its `redirect_uris` may be `http` on any host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dangerous_http_redirect_uris: Vec<String>,
}

impl ClientSettings {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_own(introspection: &Introspection) -> bool {
    *introspection == Introspection::Own
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_operator(registered_by: &RegisteredBy) -> bool {
    *registered_by == RegisteredBy::Operator
}

/// A digest, as base64url.
mod digest {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::types::SecretDigest;

    #[expect(clippy::ref_option, reason = "serde hands over a reference")]
    pub(super) fn serialize<S: Serializer>(
        digest: &Option<SecretDigest>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = digest
            .as_ref()
            .map(|digest| URL_SAFE_NO_PAD.encode(digest.as_bytes()));
        text.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SecretDigest>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        match bytes.and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok(Some(SecretDigest::from_bytes(bytes))),
            // The value may be a secret, put there by mistake, so the error does not repeat it.
            None => Err(D::Error::custom(
                "the digest of a client secret is 43 characters of base64url",
            )),
        }
    }
}

/// A duration, as a number if it is whole seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged, expecting = "a lifetime is a whole number of seconds")]
    enum Lifetime {
        Seconds(u64),
        Exact(Duration),
    }

    #[expect(clippy::ref_option, reason = "serde hands over a reference")]
    pub(super) fn serialize<S: Serializer>(
        lifetime: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let lifetime = lifetime.map(|lifetime| match lifetime.subsec_nanos() {
            0 => Lifetime::Seconds(lifetime.as_secs()),
            _ => Lifetime::Exact(lifetime),
        });
        lifetime.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let lifetime = Option::<Lifetime>::deserialize(deserializer)?;
        Ok(lifetime.map(|lifetime| match lifetime {
            Lifetime::Seconds(seconds) => Duration::from_secs(seconds),
            Lifetime::Exact(lifetime) => lifetime,
        }))
    }
}

/// Which tokens may be introspected, as a boolean or a list.
mod may_introspect {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::{client::Introspection, types::Resource};

    #[derive(Serialize, Deserialize)]
    #[serde(
        untagged,
        expecting = "may_introspect is true, false, or a list of resource identifiers"
    )]
    enum MayIntrospect {
        All(bool),
        Resources(Vec<Resource>),
    }

    pub(super) fn serialize<S: Serializer>(
        introspection: &Introspection,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match introspection {
            Introspection::Own => serializer.serialize_bool(false),
            Introspection::All => serializer.serialize_bool(true),
            Introspection::Resources(resources) => resources.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Introspection, D::Error> {
        Ok(match MayIntrospect::deserialize(deserializer)? {
            MayIntrospect::All(false) => Introspection::Own,
            MayIntrospect::All(true) => Introspection::All,
            MayIntrospect::Resources(resources) => Introspection::Resources(resources),
        })
    }
}

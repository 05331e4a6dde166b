//! Authorization server metadata (RFC 8414).

use serde::Serialize;

use crate::{
    authorize::ResponseMode,
    client::ClientAuthenticationMethod,
    grant::{Grant, GrantType},
    policy::Policy,
    server::Endpoints,
    types::Issuer,
};

/// What clients are told about the server. Serializes as the document of RFC 8414 §3.2; empty lists are left out (§3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the fields are those of RFC 8414 §2, by their names there"
)]
pub struct Metadata {
    pub issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    pub token_endpoint: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    pub response_types_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response_modes_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grant_types_supported: Vec<String>,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub revocation_endpoint: String,
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    pub introspection_endpoint: String,
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<&'static str>,
    pub authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    pub(crate) fn new(
        issuer: &Issuer,
        endpoints: &Endpoints,
        policy: &Policy,
        grants: &[Box<dyn Grant>],
        methods: &[Box<dyn ClientAuthenticationMethod>],
    ) -> Self {
        let authorizes = grants
            .iter()
            .any(|grant| grant.grant_type() == GrantType::AUTHORIZATION_CODE);
        let when_it_authorizes = |values: &[&'static str]| {
            if authorizes {
                values.to_vec()
            } else {
                Vec::new()
            }
        };
        let proven: Vec<_> = ["client_secret_basic", "client_secret_post"]
            .into_iter()
            .chain(methods.iter().map(|method| method.name()))
            .collect();
        let named: Vec<_> = std::iter::once("none")
            .chain(proven.iter().copied())
            .collect();
        Self {
            issuer: issuer.as_str().to_owned(),
            authorization_endpoint: authorizes.then(|| issuer.endpoint(&endpoints.authorize)),
            token_endpoint: issuer.endpoint(&endpoints.token),
            scopes_supported: policy.scopes.tokens().map(str::to_owned).collect(),
            response_types_supported: when_it_authorizes(&["code"]),
            response_modes_supported: when_it_authorizes(
                &ResponseMode::OF_CODES.map(ResponseMode::as_str),
            ),
            grant_types_supported: grants
                .iter()
                .map(|grant| grant.grant_type())
                // Told to nobody but the clients that were dangerously allowed it (RFC 9700 §2.4).
                .filter(|grant_type| *grant_type != GrantType::PASSWORD)
                .map(|grant_type| grant_type.as_str().to_owned())
                .collect(),
            token_endpoint_auth_methods_supported: named.clone(),
            revocation_endpoint: issuer.endpoint(&endpoints.revoke),
            revocation_endpoint_auth_methods_supported: named,
            introspection_endpoint: issuer.endpoint(&endpoints.introspect),
            introspection_endpoint_auth_methods_supported: proven,
            code_challenge_methods_supported: when_it_authorizes(&["S256"]),
            authorization_response_iss_parameter_supported: authorizes,
        }
    }

    /// The path of the document at the root of the issuer's host: the well-known segment, then the issuer's path
    /// (RFC 8414 §3.1).
    pub fn well_known_path(issuer: &Issuer) -> String {
        format!("/.well-known/oauth-authorization-server{}", issuer.path())
    }
}

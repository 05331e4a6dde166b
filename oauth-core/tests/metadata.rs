//! What clients are told about the server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use common::{Fixture, ISSUER};

/// 7009-2-c, 9700-2.1.1-d, 9700-2.4-a, 9207-2.3-b, v21-10.1-a
#[test]
fn what_is_served_is_said_and_nothing_else() {
    let fixture = Fixture::new();
    let metadata = fixture.server.metadata();
    assert_eq!(metadata.issuer, ISSUER);
    let endpoints = [
        (
            metadata.authorization_endpoint.as_ref().unwrap(),
            "authorize",
        ),
        (&metadata.token_endpoint, "token"),
        (&metadata.revocation_endpoint, "revoke"),
        (&metadata.introspection_endpoint, "introspect"),
    ];
    for (endpoint, path) in endpoints {
        assert_eq!(*endpoint, format!("{ISSUER}/{path}"));
        assert!(endpoint.starts_with("https://") && !endpoint.contains(['#', '?']));
    }
    assert_eq!(metadata.code_challenge_methods_supported, ["S256"]);
    assert_eq!(metadata.response_types_supported, ["code"]);
    assert_eq!(metadata.response_modes_supported, ["query", "form_post"]);
    assert_eq!(
        metadata.grant_types_supported,
        ["authorization_code", "refresh_token", "client_credentials"]
    );
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    assert_eq!(metadata.token_endpoint_auth_methods_supported, methods);
    assert_eq!(metadata.revocation_endpoint_auth_methods_supported, methods);
    // Introspection is not for who only names itself.
    assert_eq!(
        metadata.introspection_endpoint_auth_methods_supported,
        methods[1..]
    );
    assert!(metadata.authorization_response_iss_parameter_supported);
}

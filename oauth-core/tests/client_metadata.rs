//! Clients as JSON documents: nothing is lost, and invalid documents are rejected.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

use std::time::Duration;

use oauth_core::{
    client::{
        Client, ClientAuthentication, ClientBuilder, ClientMetadata, ClientSecrets, Danger,
        Introspection, InvalidClient, InvalidClientMetadata, Lifetimes, RegisteredBy,
    },
    grant::GrantType,
    types::{ClientId, Scope, SecretDigest},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

const DIGEST: &str = "wjZyU61RH9IKkXmB4gQffPiAyJFAcB0Xmepj4M3Av6M";

fn read(document: &Value) -> Result<Client, InvalidClientMetadata> {
    let metadata: ClientMetadata = serde_json::from_value(document.clone()).unwrap();
    Client::try_from(metadata)
}

fn write(client: &Client) -> Value {
    serde_json::to_value(ClientMetadata::from(client)).unwrap()
}

proptest! {
    /// As text, since a number has to survive that too.
    #[test]
    fn a_document_holds_all_of_a_client(client in client()) {
        let metadata = ClientMetadata::from(&client);
        let text = serde_json::to_string(&metadata).unwrap();
        let read: ClientMetadata = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &metadata);
        let again = Client::try_from(read);
        prop_assert_eq!(again.as_ref(), Ok(&client), "{}", text);
    }
}

/// Every client that a builder can make, by every method that it has.
fn client() -> impl Strategy<Value = Client> {
    let names = (
        "[ -~]{1,8}",
        option::of(".{0,8}"),
        option::of("[a-z ]{1,8}"),
        any::<bool>(),
    );
    let uris = vec((0..5_usize, any::<bool>()), 0..4);
    let grants = option::of(vec(
        select(vec![
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "password",
            "implicit",
            "urn:example:pin",
        ]),
        0..5,
    ));
    let scopes = (tokens(), option::of(tokens()));
    let more = (introspection(), vec(0..7_usize, 0..5), extensions());
    (
        names,
        authentication(),
        uris,
        grants,
        scopes,
        lifetimes(),
        more,
    )
        .prop_filter_map(
            "the builder refuses it",
            |(names, authentication, uris, grants, scopes, lifetimes, more)| {
                let (id, name, profile, by_itself) = names;
                let mut builder = Client::confidential(ClientId::new(id).unwrap(), authentication)
                    .scope(scopes.0)
                    .lifetimes(lifetimes);
                for (uri, dangerous) in uris {
                    let uri = URIS[uri];
                    builder = if dangerous {
                        builder.dangerous_http_redirect_uri(uri)
                    } else {
                        builder.redirect_uri(uri)
                    };
                }
                if let Some(name) = name {
                    builder = builder.name(name);
                }
                if let Some(profile) = profile {
                    builder = builder.profile(profile);
                }
                if by_itself {
                    builder = builder.registered_by(RegisteredBy::Itself);
                }
                if let Some(scope) = scopes.1 {
                    builder = builder.default_scope(scope);
                }
                if let Some(grants) = grants {
                    builder = builder.grant_types(grants.into_iter().map(GrantType::new));
                }
                let (introspection, dangers, extensions) = more;
                builder = builder.introspection(introspection);
                for danger in dangers {
                    builder = DANGERS[danger].1(builder);
                }
                for (name, value) in extensions {
                    builder = builder.extension(name, value);
                }
                builder.build().ok()
            },
        )
}

const URIS: [&str; 5] = [
    "https://app.example/cb",
    "http://127.0.0.1/cb",
    "com.example.app:/cb",
    "http://app.example/cb",
    "https://other.example",
];

type Allow = fn(ClientBuilder) -> ClientBuilder;

const DANGERS: [(Danger, Allow, &str); 7] = [
    (
        Danger::PkceOptional,
        ClientBuilder::dangerous_pkce_optional,
        "dangerous_pkce_optional",
    ),
    (
        Danger::PlainPkce,
        ClientBuilder::dangerous_plain_pkce,
        "dangerous_plain_pkce",
    ),
    (
        Danger::Implicit,
        ClientBuilder::dangerous_implicit,
        "dangerous_implicit",
    ),
    (
        Danger::Password,
        ClientBuilder::dangerous_password,
        "dangerous_password",
    ),
    (
        Danger::TokenWithoutAuthentication,
        ClientBuilder::dangerous_token_without_authentication,
        "dangerous_token_without_authentication",
    ),
    (
        Danger::OwnCode,
        ClientBuilder::dangerous_own_code,
        "dangerous_own_code",
    ),
    (
        Danger::RedirectUriOnce,
        ClientBuilder::dangerous_redirect_uri_once,
        "dangerous_redirect_uri_once",
    ),
];

fn tokens() -> impl Strategy<Value = Scope> {
    vec(select(vec!["read", "write", "admin"]), 0..4)
        .prop_map(|tokens| tokens.join(" ").parse().unwrap())
}

fn authentication() -> impl Strategy<Value = ClientAuthentication> {
    let digest = || any::<[u8; 32]>().prop_map(SecretDigest::from_bytes);
    let secrets = (digest(), option::of(digest())).prop_map(|(current, previous)| {
        let secrets = ClientSecrets::new(current);
        match previous {
            Some(previous) => secrets.with_previous(previous),
            None => secrets,
        }
    });
    prop_oneof![
        Just(ClientAuthentication::None),
        secrets.clone().prop_map(ClientAuthentication::SecretBasic),
        secrets.prop_map(ClientAuthentication::SecretPost),
        "[a-z_]{1,8}".prop_map(|name| ClientAuthentication::Method(name.into())),
    ]
}

fn introspection() -> impl Strategy<Value = Introspection> {
    let resource = select(vec!["https://api.example", "urn:example:api"]);
    prop_oneof![
        3 => Just(Introspection::Own),
        1 => Just(Introspection::All),
        1 => vec(resource, 0..3).prop_map(|resources| {
            Introspection::Resources(resources.iter().map(|id| id.parse().unwrap()).collect())
        }),
    ]
}

fn lifetimes() -> impl Strategy<Value = Lifetimes> {
    let nanos = prop_oneof![Just(0), 0..1_000_000_000_u32];
    let seconds = prop_oneof![0..10_000_u64, any::<u64>()];
    let lifetime = (seconds, nanos).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos));
    vec(option::of(lifetime), 5).prop_map(|own| {
        let mut lifetimes = Lifetimes::new();
        lifetimes.code = own[0];
        lifetimes.access_token = own[1];
        lifetimes.refresh_token = own[2];
        lifetimes.refresh_token_idle = own[3];
        lifetimes.refresh_grace = own[4];
        lifetimes
    })
}

fn extensions() -> impl Strategy<Value = Vec<(String, Value)>> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        ".{0,8}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec((".{0,4}", inner), 0..3).prop_map(|members| members.into_iter().collect()),
        ]
    });
    vec((".{0,8}", value), 0..3)
}

/// 7591-2-b, 7591-2-c, 7591-2-d
#[test]
fn what_a_document_leaves_out_has_the_standards_default() {
    let client = read(&json!({
        "client_id": "app",
        "redirect_uris": ["https://app.example/cb"],
        "oauth-core": { "client_secret_sha256": DIGEST },
    }))
    .unwrap();
    let digest = SecretDigest::of("generated, and 256 bits long");
    let expected = Client::confidential(
        "app".parse().unwrap(),
        ClientAuthentication::SecretBasic(ClientSecrets::new(digest)),
    )
    .redirect_uri("https://app.example/cb")
    .grant_types([GrantType::AUTHORIZATION_CODE])
    .build()
    .unwrap();
    assert_eq!(client, expected);
    assert!(client.scope().is_empty() && client.dangers().is_empty());
    assert_eq!(
        write(&client),
        json!({
            "client_id": "app",
            "redirect_uris": ["https://app.example/cb"],
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "oauth-core": { "client_secret_sha256": DIGEST },
        })
    );
}

#[test]
fn every_setting_has_its_name() {
    let document = json!({
        "client_id": "app",
        "client_name": "App",
        "redirect_uris": ["http://app.example/cb", "http://127.0.0.1/cb"],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["refresh_token", "password", "implicit"],
        "response_types": ["token"],
        "scope": "read write",
        "oauth-core": {
            "client_secret_sha256": DIGEST,
            "previous_client_secret_sha256": DIGEST,
            "default_scope": "read",
            "may_introspect": ["https://api.example"],
            "code_lifetime": 1,
            "access_token_lifetime": { "secs": 2, "nanos": 500_000_000 },
            "refresh_token_lifetime": 3,
            "refresh_token_idle": 0,
            "refresh_grace": 5,
            "registered_by": "itself",
            "profile": "old",
            "dangers": DANGERS.map(|(_, _, name)| name),
            "dangerous_http_redirect_uris": ["http://app.example/cb"],
        },
        "contacts": ["ops@app.example"],
        "our tenant": { "id": 7 },
    });
    let client = read(&document).unwrap();
    assert_eq!(write(&client), document);
    assert_eq!(client.dangers(), DANGERS.map(|(danger, _, _)| danger));
    assert_eq!(
        client.lifetimes().access_token,
        Some(Duration::from_millis(2_500))
    );
    assert_eq!(client.extension("our tenant"), Some(&json!({ "id": 7 })));
    assert_eq!(client.extensions().iter().count(), 2);
    assert_eq!(client.extension("client_name"), None);
}

/// 7591-2.1-a among others: an error names the wrong member.
#[test]
fn a_wrong_member_is_named() {
    let good = json!({
        "client_id": "app",
        "redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
        "scope": "read",
    });
    read(&good).unwrap();
    let own = |member: &str, value: Value| json!({ "oauth-core": { member: value } });
    for (change, member) in [
        (json!({ "client_id": "" }), "client_id"),
        (json!({ "redirect_uris": [] }), "redirect_uris"),
        (
            json!({ "redirect_uris": ["http://app.example/cb"] }),
            "redirect_uris",
        ),
        (
            json!({ "token_endpoint_auth_method": "client_secret_post" }),
            "client_secret_sha256",
        ),
        (
            own("client_secret_sha256", DIGEST.into()),
            "client_secret_sha256",
        ),
        (
            own("previous_client_secret_sha256", DIGEST.into()),
            "previous_client_secret_sha256",
        ),
        (
            json!({ "grant_types": ["client_credentials"] }),
            "grant_types",
        ),
        // The dangerous ones have to be named as such.
        (json!({ "grant_types": ["password"] }), "grant_types"),
        (json!({ "grant_types": ["implicit"] }), "grant_types"),
        (
            json!({ "response_types": ["code", "token"] }),
            "response_types",
        ),
        (json!({ "response_types": [] }), "response_types"),
        (
            json!({ "grant_types": [], "response_types": ["code"] }),
            "response_types",
        ),
        (json!({ "scope": "a  b" }), "scope"),
        (own("default_scope", "\"".into()), "default_scope"),
        (own("default_scope", "write".into()), "default_scope"),
        (own("may_introspect", true.into()), "may_introspect"),
        (own("code_lifetime", 0.into()), "code_lifetime"),
        (
            own("access_token_lifetime", 0.into()),
            "access_token_lifetime",
        ),
        (
            own("refresh_token_lifetime", 0.into()),
            "refresh_token_lifetime",
        ),
        (own("dangers", json!(["dangerous_own_code"])), "dangers"),
        (
            own(
                "dangerous_http_redirect_uris",
                json!(["http://app.example/cb"]),
            ),
            "dangerous_http_redirect_uris",
        ),
    ] {
        let mut document = good.clone();
        let changes = change.as_object().unwrap().clone();
        document.as_object_mut().unwrap().extend(changes);
        let error = read(&document).expect_err(&change.to_string());
        assert_eq!(error.member(), member, "{change}: {error}");
        assert!(error.to_string().starts_with(member), "{change}: {error}");
    }
    // A document is rejected for whatever the builder refuses.
    assert_eq!(
        read(&json!({ "client_id": "app", "token_endpoint_auth_method": "none" })),
        Err(InvalidClientMetadata::Client(InvalidClient::NoRedirectUri))
    );
}

/// serde rejects what is not a document at all, and its messages contain no secret.
#[test]
fn no_document_holds_a_secret_or_an_unknown_setting() {
    for (member, value, says) in [
        ("client_secret", json!("hunter2"), "client_secret"),
        (
            "registration_access_token",
            json!("hunter2"),
            "registration_access_token",
        ),
        (
            "oauth-core",
            json!({ "client_secret_sha256": "hunter2" }),
            "43 characters",
        ),
        (
            "oauth-core",
            json!({ "client_secret": "hunter2" }),
            "unknown field `client_secret`",
        ),
        (
            "oauth-core",
            json!({ "dangers": ["pkce_optional"] }),
            "dangerous_pkce_optional",
        ),
        (
            "oauth-core",
            json!({ "code_lifetime": -1 }),
            "whole number of seconds",
        ),
        (
            "oauth-core",
            json!({ "may_introspect": ["api"] }),
            "may_introspect",
        ),
    ] {
        let document = json!({ "client_id": "app", member: value });
        let error = serde_json::from_value::<ClientMetadata>(document).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let client = Client::public("app".parse().unwrap()).redirect_uri("https://app.example/cb");
    for name in ["client_secret", "client_id", "oauth-core", "scope"] {
        let error = client.clone().extension(name, 1).build().unwrap_err();
        assert_eq!(error.member(), name);
    }
}

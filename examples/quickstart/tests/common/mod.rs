//! The program as it is started by hand, visitors with a browser's cookies and forms, and applications that use the `oauth2` crate.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "every test file is a crate of its own, and uses what it needs"
)]

pub mod application;
pub mod chromium;
pub mod http;
pub mod page;
pub mod place;
pub mod site;
pub mod visitor;

pub use self::{
    application::{Application, Begun, Tokens},
    http::{Answer, Http},
    page::Page,
    place::{Place, Quickstart, Store},
    site::Site,
    visitor::Visitor,
};

/// Users, applications and protected paths for the tests; `throttle` and the like can be put before it.
pub const CONFIG: &str = r#"
[[user]]
username = "alice"
password = "wonderland"

[[user]]
username = "bob"
password = "builder"

[[client]]
client_id = "web"
client_secret = "the secret of web"
client_name = "Web application"
redirect_uris = ["https://web.example/callback"]
scope = "read admin"

[[client]]
client_id = "post"
client_secret = "the secret of post"
token_endpoint_auth_method = "client_secret_post"
redirect_uris = ["https://post.example/callback"]
scope = "read"

[[client]]
client_id = "app"
redirect_uris = ["http://127.0.0.1/callback", "com.example.app:/callback"]
scope = "read admin"

[[client]]
client_id = "odd client:+%41"
client_secret = "odd secret:+%41&=é"
redirect_uris = ["https://odd.example/callback"]
scope = "read"

[[client]]
client_id = "machine"
client_secret = "the secret of machine"
grant_types = ["client_credentials"]
scope = "read admin"

[[client]]
client_id = "api"
client_secret = "the secret of api"
grant_types = []
may_introspect = true
"#;

/// An application of [`CONFIG`].
pub fn web() -> Application {
    Application::confidential("web", "the secret of web", "https://web.example/callback")
}

/// The application without a secret.
pub fn app() -> Application {
    Application::public("app", "http://127.0.0.1:4321/callback")
}

/// What may introspect every token.
pub const API: (&str, &str) = ("api", "the secret of api");
pub const WEB: (&str, &str) = ("web", "the secret of web");
pub const MACHINE: (&str, &str) = ("machine", "the secret of machine");
pub const ALICE: (&str, &str) = ("alice", "wonderland");
pub const BOB: (&str, &str) = ("bob", "builder");

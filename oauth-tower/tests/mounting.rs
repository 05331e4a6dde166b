//! Where the services can be mounted, and under which paths they answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::convert::Infallible;

use axum::Router;
use bytes::Bytes;
use common::{
    Does, Fixture, Setup,
    call::{Answer, FORM, encoded, form_of, get, raw_form},
    clients::APP,
    flow::{ask, exchange},
    socket, yes,
};
use http::{Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper_util::service::TowerToHyperService;
use oauth_core::server::Endpoints;
use oauth_tower::{
    Body, BoxError, OAuthService,
    endpoint::{
        AuthorizeService, IntrospectService, MetadataService, ResponseFuture, RevokeService,
        TokenService,
    },
};
use tower::{Service, ServiceExt};

/// What axum, hyper and tonic ask of a service.
fn is_mountable<S, B>()
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
}

fn are_mountable<B>()
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    is_mountable::<OAuthService, B>();
    is_mountable::<AuthorizeService, B>();
    is_mountable::<TokenService, B>();
    is_mountable::<RevokeService, B>();
    is_mountable::<IntrospectService, B>();
    is_mountable::<MetadataService, B>();
}

fn is_hyper_service<S: hyper::service::Service<Request<hyper::body::Incoming>>>() {}

fn is_future<F: Future + Send + Unpin + 'static>() {}

/// Nothing runs here: that it compiles is the test.
#[test]
fn every_service_fits_every_framework() {
    are_mountable::<axum::body::Body>();
    are_mountable::<hyper::body::Incoming>();
    are_mountable::<Full<Bytes>>();
    are_mountable::<Empty<Bytes>>();
    are_mountable::<UnsyncBoxBody<Bytes, BoxError>>();
    is_hyper_service::<TowerToHyperService<OAuthService>>();
    is_hyper_service::<TowerToHyperService<TokenService>>();
    is_future::<ResponseFuture>();
}

/// Whether the token endpoint answers there: it is the only one that has this to say.
async fn is_token_endpoint<S, B>(service: S, uri: &str) -> bool
where
    S: Service<Request<axum::body::Body>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let request = raw_form(uri, "grant_type=x&client_id=app").map(axum::body::Body::new);
    let response = service.oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    body.starts_with(br#"{"error":"unsupported_grant_type""#)
}

fn below(issuer: &'static str) -> Fixture {
    Setup {
        issuer,
        ..Setup::default()
    }
    .build()
}

#[tokio::test]
async fn an_issuer_with_a_path_is_served_with_it_and_without() {
    let plain = below("https://login.example").service;
    let auth = below("https://login.example/auth").service;
    let deep = below("https://login.example/a/auth/").service;
    for (service, good, bad) in [
        (
            &plain,
            &["/token", "/token?x=y"][..],
            &[
                "/auth/token",
                "//token",
                "/token/",
                "/TOKEN",
                "/",
                "",
                "/%74oken",
            ][..],
        ),
        (
            &auth,
            &["/auth/token", "/token"],
            &[
                "/authtoken",
                "/auth//token",
                "/auth/auth/token",
                "/auth",
                "/auth/",
                "/x/token",
            ],
        ),
        (
            &deep,
            &["/a/auth/token", "/token"],
            &["/auth/token", "/a/token"],
        ),
    ] {
        for uri in good {
            assert!(is_token_endpoint(service.clone(), uri).await, "{uri}");
        }
        for uri in bad {
            let uri = format!("http://login.example{uri}");
            assert!(!is_token_endpoint(service.clone(), &uri).await, "{uri}");
            let answer = service.clone().oneshot(get(&uri)).await.unwrap();
            assert_eq!(answer.status(), 404, "{uri}");
        }
    }
}

#[tokio::test]
async fn paths_can_be_chosen() {
    let fixture = Setup {
        issuer: "https://login.example/auth",
        endpoints: Endpoints::default().token("/oauth2/access_token"),
        ..Setup::default()
    }
    .build();
    assert!(is_token_endpoint(fixture.service.clone(), "/auth/oauth2/access_token").await);
    assert!(is_token_endpoint(fixture.service.clone(), "/oauth2/access_token").await);
    assert!(!is_token_endpoint(fixture.service.clone(), "/auth/token").await);
    let document = fixture
        .send(get("/.well-known/oauth-authorization-server/auth"))
        .await
        .json();
    assert_eq!(
        document["token_endpoint"],
        "https://login.example/auth/oauth2/access_token"
    );
}

#[tokio::test]
async fn axum_mounts_them_in_every_way() {
    let Fixture { service, oauth, .. } = below("https://login.example/auth");
    let nested = Router::new()
        .nest_service("/auth", service.clone())
        .route_service(
            "/.well-known/oauth-authorization-server/auth",
            oauth.metadata(),
        );
    let merged = Router::new()
        .route_service("/auth/{endpoint}", service.clone())
        .route("/own", axum::routing::get(|| async { "own" }));
    let fallback = Router::new()
        .route("/own", axum::routing::get(|| async { "own" }))
        .fallback_service(service.clone());
    let alone = Router::new()
        .route_service("/auth/token", oauth.token())
        .route_service("/auth/authorize", oauth.authorize())
        .route_service("/auth/revoke", oauth.revoke())
        .route_service("/auth/introspect", oauth.introspect());
    for router in [nested.clone(), merged, fallback.clone(), alone] {
        assert!(is_token_endpoint(router, "/auth/token").await);
    }
    for router in [nested, fallback] {
        let document = router
            .oneshot(get("/.well-known/oauth-authorization-server/auth"))
            .await
            .unwrap();
        let document = document.into_body().collect().await.unwrap().to_bytes();
        assert!(document.starts_with(br#"{"issuer":"https://login.example/auth","#));
    }
}

/// The whole way of a code over a socket.
async fn flow(fixture: &Fixture, address: std::net::SocketAddr, prefix: &str) {
    fixture.host.does(Does::Approve(yes()));
    let visit = get(&format!("{prefix}/authorize?{}", encoded(&ask(APP))));
    let answer = socket::call(address, visit).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let (_, params) = answer.sent_to();
    assert_eq!(params.get("iss"), Some(fixture.server.issuer().as_str()));
    let code = params.get("code").unwrap();
    let request = form_of(APP, &format!("{prefix}/token"), &exchange(APP, code));
    let tokens: Answer = socket::call(address, request).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let head = socket::call(
        address,
        Request::head("/nothing")
            .body(Empty::<Bytes>::new())
            .unwrap(),
    )
    .await;
    assert_eq!(head.status, 404);
}

#[tokio::test]
async fn a_flow_works_in_hyper_and_in_axum() {
    let fixture = below("https://login.example/auth");
    let address = socket::serve(fixture.service.clone()).await;
    flow(&fixture, address, "/auth").await;
    flow(&fixture, address, "").await;

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().nest_service("/auth", fixture.service.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    flow(&fixture, address, "/auth").await;
}

/// A host's own pages are beside the endpoints, and their forms are read as strictly.
#[tokio::test]
async fn a_hosts_own_pages_are_served() {
    let fixture = below("https://login.example/auth");
    for uri in ["/auth/echo", "/echo"] {
        let answer = fixture.send(get(uri)).await;
        assert_eq!(answer.text(), "GET /echo []");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        let form = raw_form(uri, format!("handle={}&b=%C3%A9", "x".repeat(10_000)));
        let answer = fixture.send(form).await;
        assert!(
            answer.text().starts_with("POST /echo [(\"handle\", \"xxx"),
            "a handle is longer than a value"
        );
        assert!(answer.text().ends_with("(\"b\", \"\u{e9}\")]"));
        for (bad, status) in [("a=%zz", 400), ("a=%00", 400), (&"&".repeat(70_000), 413)] {
            let answer = fixture.send(raw_form(uri, bad.to_owned())).await;
            assert_eq!(answer.status, status);
            assert!(answer.text().contains("The form cannot be read"));
        }
        let json = Request::post(uri).header(CONTENT_TYPE, "application/json");
        let answer = fixture.send(json.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 415);
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    for uri in ["/auth/echo/", "/auth/other", "/auth/auth/echo"] {
        assert_eq!(fixture.send(get(uri)).await.status, 404, "{uri}");
    }
}

/// A body of data that is not [`Bytes`], in pieces.
struct Pieces(Vec<&'static str>);

impl http_body::Body for Pieces {
    type Data = std::io::Cursor<String>;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Infallible>>> {
        let piece = self.0.pop();
        std::task::Poll::Ready(piece.map(|piece| {
            Ok(http_body::Frame::data(std::io::Cursor::new(
                piece.to_owned(),
            )))
        }))
    }
}

#[tokio::test]
async fn any_body_will_do() {
    let fixture = Fixture::new();
    let body = Pieces(vec!["app", "&client_id=", "grant_type=x"]);
    let request = Request::post("/token")
        .header(CONTENT_TYPE, FORM)
        .body(body)
        .unwrap();
    let answer = Answer::read(fixture.service.clone().oneshot(request).await.unwrap()).await;
    answer.assert_denied(400, "unsupported_grant_type", "three pieces");
}

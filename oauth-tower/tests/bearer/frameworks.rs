//! The layer in what it has to fit into: axum, hyper, tonic.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Empty, Full};
use hyper::{body::Incoming, service::Service as HyperService};
use oauth_tower::bearer::{
    Bearer, BearerLayer, FormBearer, FormResponseFuture, RequestBody, ResponseBody, ResponseFuture,
    ValidToken,
};
use tonic::{
    body::Body as TonicBody,
    server::NamedService,
    service::{LayerExt, RoutesBuilder},
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::support::{Api, Known, get, request, scope};

fn layer() -> BearerLayer {
    BearerLayer::new(Known::default())
}

fn is_send<T: Send + 'static>() {}
fn is_shared<T: Clone + Send + Sync + 'static>() {}

/// A response body that has no default and whose data is not `Bytes`: nothing more is asked of it than to be one.
#[derive(Clone)]
struct Odd;

impl Service<Request<Incoming>> for Odd {
    type Response = Response<Full<std::io::Cursor<Bytes>>>;
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Self::Response, std::io::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Incoming>) -> Self::Future {
        std::future::ready(Err(std::io::Error::other("the API broke")))
    }
}

#[test]
fn futures_are_send_and_services_are_shared() {
    is_send::<ResponseFuture<Api, Incoming>>();
    is_send::<ResponseFuture<Odd, Incoming>>();
    is_send::<FormResponseFuture<Api, Incoming>>();
    is_shared::<Bearer<Api>>();
    is_shared::<FormBearer<Api>>();
    is_shared::<BearerLayer>();
    is_send::<ResponseBody<Incoming>>();
    is_send::<RequestBody<Incoming>>();
}

/// What hyper's connection wants of a service, after the usual adapter.
fn takes_hyper<S, B>(service: S) -> impl HyperService<Request<Incoming>>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body + Send + 'static,
{
    hyper_util::service::TowerToHyperService::new(service)
}

#[test]
fn hyper_takes_it() {
    let _ = takes_hyper(layer().layer(Api));
    let _ = takes_hyper(layer().form_body().layer(Api));
    let _ = takes_hyper(layer().layer(Odd));
    let _ = takes_hyper(
        ServiceBuilder::new()
            .layer(layer())
            .layer(layer())
            .service(Api),
    );
}

#[tokio::test]
async fn axum_takes_it_on_routes_routers_and_services() {
    async fn who(token: axum::Extension<ValidToken>) -> String {
        token.client_id.to_string()
    }
    let router = axum::Router::new()
        .route("/read", axum::routing::get(who))
        .route_layer(layer().scope(scope("read")))
        .route(
            "/write",
            axum::routing::get(who).layer(layer().scope(scope("write"))),
        )
        .route("/open", axum::routing::get(|| async { "open" }))
        .route_service("/service", layer().layer(Api))
        .route("/form", axum::routing::post(who).layer(layer().form_body()));
    let statuses = async |target: &str| {
        let mut statuses = Vec::new();
        for token in ["", "Bearer reader", "Bearer writer"] {
            let headers: &[(&str, &str)] = &[("authorization", token)];
            let headers = if token.is_empty() { &[] } else { headers };
            let response = router.clone().oneshot(get(target, headers)).await.unwrap();
            statuses.push(response.status().as_u16());
        }
        statuses
    };
    assert_eq!(statuses("/read").await, [401, 200, 200]);
    assert_eq!(statuses("/write").await, [401, 403, 200]);
    assert_eq!(statuses("/open").await, [200, 200, 200]);
    assert_eq!(statuses("/service").await, [401, 200, 200]);
    assert_eq!(statuses("/nowhere").await, [404, 404, 404]);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let posted = request("POST", "/form", &form, "access_token=reader");
    assert_eq!(router.clone().oneshot(posted).await.unwrap().status(), 200);
    // And around all of them.
    let all = router.clone().layer(layer()).layer(layer().form_body());
    assert_eq!(
        all.oneshot(get("/nowhere", &[])).await.unwrap().status(),
        401
    );
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn the_extractor_says_when_the_layer_is_missing() {
    async fn needs(token: ValidToken) -> String {
        token.scope.to_string()
    }
    async fn takes(token: Option<ValidToken>) -> String {
        token.map_or_else(|| "anonymous".into(), |token| token.scope.to_string())
    }
    use axum::{Router, routing::get as route};
    let router = Router::new()
        .route("/needs", route(needs).layer(layer()))
        .route("/needs/optional", route(needs).layer(layer().optional()))
        .route("/needs/bare", route(needs))
        .route("/takes", route(takes).layer(layer()))
        .route("/takes/optional", route(takes).layer(layer().optional()))
        .route("/takes/bare", route(takes));
    let bearer: &[(&str, &str)] = &[("authorization", "Bearer reader")];
    for (target, headers, status, body) in [
        ("/needs", bearer, 200, "read"),
        ("/needs/optional", bearer, 200, "read"),
        (
            "/needs/optional",
            &[],
            500,
            "this route takes a ValidToken, but its BearerLayer is optional: take an Option<ValidToken>",
        ),
        (
            "/needs/bare",
            bearer,
            500,
            "this route takes a ValidToken, but has no BearerLayer",
        ),
        ("/takes", bearer, 200, "read"),
        ("/takes/optional", bearer, 200, "read"),
        ("/takes/optional", &[], 200, "anonymous"),
        (
            "/takes/bare",
            bearer,
            500,
            "this route takes a ValidToken, but has no BearerLayer",
        ),
    ] {
        let response = router.clone().oneshot(get(target, headers)).await.unwrap();
        assert_eq!(response.status(), status, "{target}");
        let bytes = axum::body::to_bytes(response.into_body(), 1000)
            .await
            .unwrap();
        assert_eq!(bytes, body, "{target}");
    }
}

/// A gRPC service as tonic generates it.
#[derive(Clone)]
struct Greeter;

impl NamedService for Greeter {
    const NAME: &'static str = "hello.Greeter";
}

impl<B> Service<Request<B>> for Greeter {
    type Response = Response<TonicBody>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        std::future::ready(Ok(Response::new(TonicBody::empty())))
    }
}

#[tokio::test]
async fn tonic_takes_it_around_one_service_and_around_all() {
    let mut routes = RoutesBuilder::default();
    routes.add_service(layer().named_layer(Greeter));
    let routes = routes.routes();
    let call = |token: Option<&str>| {
        let mut request = Request::post("/hello.Greeter/SayHello");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        request.body(Empty::<Bytes>::new()).unwrap()
    };
    for (token, status) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("Bearer reader"), StatusCode::OK),
    ] {
        let one = routes.clone().oneshot(call(token)).await.unwrap();
        assert_eq!(one.status(), status);
        let all = layer()
            .layer(routes.clone())
            .oneshot(call(token))
            .await
            .unwrap();
        assert_eq!(all.status(), status);
    }
}

/// The service that was polled ready is the one that is called, and its errors come through.
#[tokio::test]
async fn readiness_and_errors_are_the_apis_own() {
    /// Ready once polled; a clone is not.
    struct Once(bool);

    impl Clone for Once {
        fn clone(&self) -> Self {
            Self(false)
        }
    }

    impl<B> Service<Request<B>> for Once {
        type Response = Response<()>;
        type Error = &'static str;
        type Future = std::future::Ready<Result<Response<()>, &'static str>>;

        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), &'static str>> {
            self.0 = true;
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<B>) -> Self::Future {
            assert!(self.0, "called before it was ready");
            self.0 = false;
            std::future::ready(Err("the API broke"))
        }
    }

    async fn check<S>(mut service: S)
    where
        S: Service<Request<Full<Bytes>>, Error = &'static str>,
        S::Response: std::fmt::Debug,
    {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let bearer = ("authorization", "Bearer reader");
        for headers in [vec![bearer], vec![], vec![bearer, form], vec![form]] {
            let request = request("POST", "/", &headers, "a=b");
            let error = service
                .ready()
                .await
                .unwrap()
                .call(request)
                .await
                .unwrap_err();
            assert_eq!(error, "the API broke");
        }
    }
    check(layer().optional().layer(Once(false))).await;
    check(layer().optional().form_body().layer(Once(false))).await;
}

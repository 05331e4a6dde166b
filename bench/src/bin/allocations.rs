//! How often a request allocates, from hyper's service call to the last byte of the answer's body.

use std::alloc::System;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bench::{
    Error,
    demo::{CLIENT, SCOPE, SECRET, server, store},
};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use oauth_tower::{NoUsers, OAuth, OAuthService, bearer::BearerLayer};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer as _, Service as _, ServiceExt as _};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Enough for what is allocated now and then to be divided among many.
const REQUESTS: usize = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let server = server(store("memory").await?)?;
    let oauth = OAuth::new(server.clone(), NoUsers).service();
    let answer = ask(&oauth, "/token", "grant_type=client_credentials").await?;
    let token = serde_json::from_slice::<serde_json::Value>(&answer)?["access_token"]
        .as_str()
        .ok_or("no token")?
        .to_owned();

    println!("| flow | allocations per request | bytes per request |\n|---|---|---|");
    for (flow, path, body) in [
        (
            "client credentials",
            "/token",
            "grant_type=client_credentials".to_owned(),
        ),
        ("introspection", "/introspect", format!("token={token}")),
    ] {
        let requests: Vec<_> = (0..REQUESTS).map(|_| request(path, &body)).collect();
        let requests = requests.into_iter().collect::<Result<Vec<_>, _>>()?;
        let region = Region::new(ALLOCATOR);
        for request in requests {
            let response = oauth.clone().oneshot(request).await?;
            response.into_body().collect().await?;
        }
        show(flow, &region);
    }

    let layer = BearerLayer::new(server).scope(SCOPE.parse()?);
    let mut api = layer.layer(tower::service_fn(|_: Request<Full<Bytes>>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(bench::demo::resource()))
    }));
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| {
            Request::get("/resource")
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .body(Full::<Bytes>::default())
        })
        .collect();
    let requests = requests.into_iter().collect::<Result<Vec<_>, _>>()?;
    let region = Region::new(ALLOCATOR);
    for request in requests {
        let response = api.ready().await?.call(request).await?;
        response.into_body().collect().await?;
    }
    show("protected call", &region);
    Ok(())
}

fn request(path: &str, body: &str) -> Result<Request<Full<Bytes>>, http::Error> {
    let basic = STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    Request::post(path)
        .header(header::AUTHORIZATION, format!("Basic {basic}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(body.to_owned())))
}

async fn ask(oauth: &OAuthService, path: &str, body: &str) -> Result<Bytes, Error> {
    let response = oauth.clone().oneshot(request(path, body)?).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}

fn show(flow: &str, region: &Region<'_, System>) {
    let change = region.change();
    let each = |number: usize| number / REQUESTS;
    println!(
        "| {flow} | {} | {} |",
        each(change.allocations + change.reallocations),
        each(change.bytes_allocated)
    );
}

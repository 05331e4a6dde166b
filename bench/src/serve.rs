//! hyper, the same for everybody.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::{Error, usage};

/// A server that can be measured.
pub trait Site: Clone + Send + Sync + 'static {
    /// The bodies of its answers.
    type Body: Body<Data = Bytes, Error: Into<Error>> + Send + 'static;

    /// Answers `POST /token`, `POST /introspect` and `GET /resource`.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send + use<Self>;

    /// Codes for the demo client, each with its verifier.
    fn codes(&self, count: usize) -> impl Future<Output = Result<Codes, Error>> + Send;

    /// Issues an access token to the demo client, without HTTP.
    fn mint(&self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Lines of a code and its verifier.
///
/// One text, since it is made in the server that is measured: thousands of small ones, when they go, leave as many holes between
/// what the server has kept meanwhile, and it would pay for them with every allocation of the requests that are measured.
#[derive(Debug)]
pub struct Codes(String);

impl Codes {
    /// With room for so many.
    pub fn with_capacity(count: usize) -> Self {
        const LINE: usize = 128;
        Self(String::with_capacity(count * LINE))
    }

    /// Adds a code and its verifier.
    pub fn push(&mut self, code: &str, verifier: &str) {
        for part in [code, " ", verifier, "\n"] {
            self.0.push_str(part);
        }
    }
}

/// Which of the additional endpoints there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extras {
    /// `/perf/codes?n=N`
    Codes,
    /// That, and what the comparison asks for besides.
    All,
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, site: impl Site, extras: Extras) -> Result<(), Error> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let site = site.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = if request.uri().path().starts_with("/perf/") {
                Err(Box::pin(perf(site.clone(), request, extras)))
            } else {
                Ok(site.answer(request))
            };
            async move {
                Ok::<_, Infallible>(match answer {
                    Ok(answer) => answer.await.map(Either::Left),
                    Err(answer) => answer.await.map(Either::Right),
                })
            }
        });
        tokio::spawn(async move {
            // A client that goes away is no news.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn perf(
    site: impl Site,
    request: Request<Incoming>,
    extras: Extras,
) -> Response<Full<Bytes>> {
    let number = request.uri().query().and_then(|query| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let (_, number) = pairs.find(|(name, _)| name == "n")?;
        number.parse::<u32>().ok()
    });
    let answer = match (request.uri().path(), number, extras) {
        ("/perf/codes", Some(number), _) => {
            site.codes(number as usize).await.map(|Codes(lines)| lines)
        }
        ("/perf/usage", _, Extras::All) => usage::now().map(|usage| usage.to_string()),
        ("/perf/mint", Some(number), Extras::All) => usage::minting(&site, number)
            .await
            .map(|minting| minting.to_string()),
        _ => Err("/perf/codes?n=N answers lines of a code and its verifier".into()),
    };
    let (status, text) = match answer {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
    };
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}

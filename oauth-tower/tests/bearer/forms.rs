//! Tokens in form bodies.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use oauth_tower::bearer::{BearerLayer, FormBearerLayer, RequestBody};
use tower::{Layer, ServiceExt};

use crate::support::{Api, Known, request, send};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn layer() -> FormBearerLayer {
    BearerLayer::new(Known::default()).form_body()
}

/// Row, method, headers, body, status, error.
const ROWS: &str = "
6750-2.2-a             | POST   | form           | a=b&access_token=reader   | 200 |
6750-2.2-a             | PUT    | form           | access_token=reader       | 200 |
6750-2.2-a             | PATCH  | form in utf-8  | access_token=reader       | 200 |
6750-2.1-a             | POST   | form, bearer   | a=b                       | 200 |
6750-2.1-a             | POST   | form, bearer   |                           | 200 |
6750-2.2-b: GET        | GET    | form           | access_token=reader       | 401 |
6750-2.2-b: HEAD       | HEAD   | form           | access_token=reader       | 401 |
6750-2.2-b: no meaning | DELETE | form           | access_token=reader       | 401 |
6750-2.2-b: undeclared | POST   |                | access_token=reader       | 401 |
6750-2.2-b: no form    | POST   | text           | access_token=reader       | 401 |
6750-2.2-b: multi-part | POST   | multipart      | access_token=reader       | 401 |
6750-2.2-b: two types  | POST   | form, text     | access_token=reader       | 401 |
6750-2.2-b: packed     | POST   | form, gzip     | access_token=reader       | 401 |
6750-2.2-b: not ASCII  | POST   | form           | access_token=reader&b=é   | 401 |
6750-3.1-e: no value   | POST   | form           | access_token=             | 401 |
6750-3.1-b             | POST   | form           | access_token=nobody       | 401 | invalid_token
6750-2-a               | POST   | form, bearer   | access_token=reader       | 400 | invalid_request
6750-2-a               | POST   | form, bearer   | access_token=nobody       | 400 | invalid_request
6750-3.1-a: repeated   | POST   | form           | access_token=reader&access%5Ftoken=reader | 400 | invalid_request
6750-2.1-b             | POST   | form           | access_token=%22          | 400 | invalid_request
6750-2.1-b             | POST   | form, bearer   | access_token=%22          | 400 | invalid_request
";

fn header(name: &str) -> (&'static str, &'static str) {
    match name {
        "form" => FORM,
        "form in utf-8" => (
            "content-type",
            "Application/X-WWW-Form-Urlencoded ; charset=UTF-8",
        ),
        "text" => ("content-type", "text/plain"),
        "multipart" => ("content-type", "multipart/form-data; boundary=x"),
        "gzip" => ("content-encoding", "gzip"),
        "bearer" => ("authorization", "Bearer reader"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_form_is_looked_into_and_handed_on() {
    for row in ROWS.lines().filter(|row| !row.is_empty()) {
        let columns: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, method, headers, body, status, error] = columns[..] else {
            panic!("{row}")
        };
        let headers = headers.split(", ").filter(|name| !name.is_empty());
        let headers: Vec<_> = headers.map(header).collect();
        let answer = send(&layer(), request(method, "/", &headers, body)).await;
        assert_eq!(answer.status.as_str(), status, "{row}: {answer:?}");
        if status == "200" {
            assert_eq!(answer.body, format!("app read|{body}"), "{row}");
        } else {
            assert_eq!(
                answer.attribute("error").unwrap_or_default(),
                error,
                "{row}"
            );
        }
    }
}

/// 6750-2-a: and so with all three at once.
#[tokio::test]
async fn a_form_and_a_query_are_two_methods() {
    let both = BearerLayer::new(Known::default())
        .dangerous_query_token()
        .form_body();
    let target = "/?access_token=reader";
    for (body, status) in [("access_token=reader", 400), ("a=b", 200)] {
        let answer = send(&both, request("POST", target, &[FORM], body)).await;
        assert_eq!(answer.status, status, "{body}");
    }
}

/// The API's body is the one that was sent, also where nobody looked into it.
#[tokio::test]
async fn other_bodies_pass_untouched() {
    let headers = [
        ("authorization", "Bearer reader"),
        ("content-type", "application/json"),
    ];
    let answer = send(
        &layer().limit(1),
        request("POST", "/", &headers, "{\"a\":1}"),
    )
    .await;
    assert_eq!(answer.body, "app read|{\"a\":1}");
}

type Sent = Result<Frame<Bytes>, &'static str>;

/// Frames in a row, and then a stop, an error, trailers, or nothing more for ever.
struct Script {
    frames: Vec<Sent>,
    hangs: bool,
    declared: u64,
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        if self.frames.is_empty() {
            return if self.hangs {
                Poll::Pending
            } else {
                Poll::Ready(None)
            };
        }
        Poll::Ready(Some(self.frames.remove(0)))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.declared);
        hint
    }
}

fn script(frames: Vec<Sent>, hangs: bool) -> Request<Script> {
    Request::post("/")
        .header(FORM.0, FORM.1)
        .body(Script {
            frames,
            hangs,
            declared: 0,
        })
        .unwrap()
}

#[allow(clippy::unnecessary_wraps, reason = "one of the frames that are sent")]
fn data(text: &'static str) -> Sent {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

async fn status(layer: &FormBearerLayer, request: Request<Script>) -> u16 {
    let response = layer.layer(Api).oneshot(request).await.unwrap();
    response.status().as_u16()
}

#[tokio::test(start_paused = true)]
async fn a_body_that_misbehaves_ties_up_nothing() {
    let token = "access_token=reader";
    let exact = layer().limit(token.len());
    assert_eq!(
        status(
            &exact,
            script(vec![data("access_"), data("token=reader")], false)
        )
        .await,
        200
    );
    assert_eq!(
        status(&exact, script(vec![data(token), data("&")], true)).await,
        413
    );
    assert_eq!(
        status(&layer(), script(vec![data(token), Err("reset")], false)).await,
        400
    );
    let before = tokio::time::Instant::now();
    assert_eq!(status(&layer(), script(vec![data(token)], true)).await, 408);
    assert_eq!(before.elapsed().as_secs(), 10);
    let before = tokio::time::Instant::now();
    let short = layer().timeout(Duration::from_secs(2));
    assert_eq!(status(&short, script(vec![data(token)], true)).await, 408);
    assert_eq!(before.elapsed().as_secs(), 2);
    // A declared length is enough to know.
    let mut declared = script(Vec::new(), true);
    declared.body_mut().declared = 20;
    let before = tokio::time::Instant::now();
    assert_eq!(status(&exact, declared).await, 413);
    assert_eq!(before.elapsed(), Duration::ZERO);
    let long = request("POST", "/", &[FORM], "access_token=reader&more");
    let answer = send(&exact, long).await;
    assert_eq!(
        answer.attribute("error").as_deref(),
        Some("invalid_request")
    );
}

/// Always has a frame, and there is never anything in it.
struct Empty;

impl Body for Empty {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(Some(data("")))
    }
}

/// It neither holds up the thread nor outlasts its time. Here the clock is the real one: a paused one stands still while a task
/// has something to do.
#[tokio::test]
async fn an_endless_body_of_nothing_ties_up_nothing() {
    let request = Request::post("/")
        .header(FORM.0, FORM.1)
        .body(Empty)
        .unwrap();
    let short = layer().timeout(Duration::from_millis(20));
    let response = short.layer(Api).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 408);
}

#[tokio::test]
async fn trailers_reach_the_api() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", http::HeaderValue::from_static("1"));
    let frames = vec![
        data("access_token=reader"),
        Ok(Frame::trailers(trailers.clone())),
    ];
    let api = tower::service_fn(|request: Request<RequestBody<Script>>| async {
        let body = request.into_body();
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(19));
        let collected = body.collect().await.unwrap();
        let mut response = http::Response::new(String::new());
        *response.headers_mut() = collected.trailers().cloned().unwrap();
        Ok::<_, std::convert::Infallible>(response)
    });
    let response = layer()
        .layer(api)
        .oneshot(script(frames, false))
        .await
        .unwrap();
    assert_eq!(response.headers(), &trailers);
}

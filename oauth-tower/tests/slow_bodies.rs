//! Bodies that are slow, endless, too large, or broken: each gets its answer, and none ties anything up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use common::{
    Fixture, Setup,
    call::{Answer, FORM, encoded, get, request},
    clients::{MACHINE, basic, client_secret},
    flow::ask,
    socket::{Connection, call, serve},
};
use http::{Method, Request, header::CONTENT_LENGTH, header::CONTENT_TYPE};
use http_body::Frame;
use oauth_tower::Limits;
use tokio::time::{Instant, Interval};
use tower::ServiceExt;

const ENDPOINTS: [&str; 4] = ["/token", "/revoke", "/introspect", "/authorize"];
const LIMIT: usize = 64 * 1024;

/// A body of a kind, and how much was asked of it.
struct Odd {
    kind: Kind,
    asked: Arc<AtomicUsize>,
}

enum Kind {
    /// Nothing comes, ever.
    Silent,
    /// A byte a second.
    Drip(Box<Interval>),
    /// As much as is asked for.
    Endless(Bytes),
    /// These, and then the end.
    Frames(VecDeque<Bytes>),
    /// Breaks off.
    Broken,
    /// Must not be touched.
    Untouched,
}

impl http_body::Body for Odd {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match &mut self.kind {
            Kind::Silent => Poll::Pending,
            Kind::Drip(interval) => interval
                .poll_tick(context)
                .map(|_| Some(Ok(Frame::data(Bytes::from_static(b"x"))))),
            Kind::Endless(frame) => Poll::Ready(Some(Ok(Frame::data(frame.clone())))),
            Kind::Frames(frames) => {
                Poll::Ready(frames.pop_front().map(|frame| Ok(Frame::data(frame))))
            }
            Kind::Broken => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            Kind::Untouched => panic!("the body was read"),
        }
    }
}

impl Kind {
    fn drip() -> Self {
        Self::Drip(Box::new(tokio::time::interval(Duration::from_secs(1))))
    }
}

/// The answer to a form with such a body, and how often the body was asked for more.
async fn answer(
    fixture: &Fixture,
    uri: &str,
    kind: Kind,
    length: Option<usize>,
) -> (Answer, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let body = Odd {
        kind,
        asked: asked.clone(),
    };
    let mut request = Request::post(uri).header(CONTENT_TYPE, FORM);
    if let Some(length) = length {
        request = request.header(CONTENT_LENGTH, length);
    }
    let request = request.body(body).unwrap();
    let response = fixture.service.clone().oneshot(request).await.unwrap();
    assert_eq!(Arc::strong_count(&asked), 1, "the body is let go");
    (Answer::read(response).await, asked.load(Ordering::SeqCst))
}

fn assert_says(answer: &Answer, uri: &str, status: u16, says: &str) {
    assert_eq!(answer.status, status, "{uri}");
    if uri == "/authorize" {
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    } else {
        assert_eq!(answer.error(), "invalid_request", "{uri}");
        assert_eq!(answer.member("error_description"), says, "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_has_ten_seconds_to_arrive() {
    let fixture = Fixture::new();
    let (page, _) = answer(&fixture, "/echo", Kind::Silent, None).await;
    assert_eq!(page.status, 408, "a page of the host's too");
    let begins: [fn() -> Kind; 2] = [|| Kind::Silent, Kind::drip];
    for uri in ENDPOINTS {
        for begin in begins {
            let start = Instant::now();
            let (answer, _) = answer(&fixture, uri, begin(), None).await;
            assert_eq!(start.elapsed().as_secs(), 10, "{uri}");
            assert_says(
                &answer,
                uri,
                408,
                "the request body took too long to arrive",
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_body_can_be_set() {
    let limits = Limits {
        body_timeout: Duration::from_secs(3),
        ..Limits::default()
    };
    let fixture = Setup {
        limits,
        ..Setup::default()
    }
    .build();
    let start = Instant::now();
    let (answer, _) = answer(&fixture, "/token", Kind::drip(), None).await;
    assert_eq!(
        (answer.status.as_u16(), start.elapsed().as_secs()),
        (408, 3)
    );
}

/// A body that always has something ready lets nobody else have a turn, unless it is made to.
#[tokio::test]
async fn empty_frames_without_end_run_into_the_time_limit() {
    let limits = Limits {
        body_timeout: Duration::from_millis(20),
        ..Limits::default()
    };
    let fixture = Setup {
        limits,
        ..Setup::default()
    }
    .build();
    for uri in ENDPOINTS {
        let (answer, _) = answer(&fixture, uri, Kind::Endless(Bytes::new()), None).await;
        assert_says(
            &answer,
            uri,
            408,
            "the request body took too long to arrive",
        );
    }
}

#[tokio::test]
async fn a_body_ends_at_its_limit() {
    let fixture = Fixture::new();
    let too_large = "the request body is too large";
    let one = || Bytes::from_static(b"&");
    for uri in ENDPOINTS {
        let (sent, asked) = answer(&fixture, uri, Kind::Endless(one()), None).await;
        assert_says(&sent, uri, 413, too_large);
        assert_eq!(asked, LIMIT + 1, "and is not read beyond it");
        let (sent, asked) = answer(
            &fixture,
            uri,
            Kind::Endless(vec![b'&'; 10_000].into()),
            None,
        )
        .await;
        assert_says(&sent, uri, 413, too_large);
        assert_eq!(asked, 7);
        let (sent, asked) = answer(&fixture, uri, Kind::Untouched, Some(LIMIT + 1)).await;
        assert_says(&sent, uri, 413, too_large);
        assert_eq!(asked, 0, "what announces itself as too large is not read");
        let whole = Kind::Frames([vec![b'&'; LIMIT - 1].into(), one()].into());
        let (sent, _) = answer(&fixture, uri, whole, Some(LIMIT)).await;
        assert_ne!(sent.status, 413, "{uri}: the limit itself is allowed");
        let (sent, _) = answer(
            &fixture,
            uri,
            Kind::Frames([vec![b'&'; LIMIT + 1].into()].into()),
            Some(3),
        )
        .await;
        assert_eq!(sent.status, 413, "whatever it announces");
        let (sent, _) = answer(&fixture, uri, Kind::Broken, None).await;
        assert_says(&sent, uri, 400, "the request body did not arrive");
    }
}

#[tokio::test]
async fn what_is_refused_anyway_is_not_read() {
    let fixture = Fixture::new();
    let untouched = || Odd {
        kind: Kind::Untouched,
        asked: Arc::default(),
    };
    let send = async |request: Request<Odd>| {
        fixture
            .service
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    for uri in ENDPOINTS {
        let put = Request::put(uri).header(CONTENT_TYPE, FORM);
        assert_eq!(send(put.body(untouched()).unwrap()).await, 405, "{uri}");
        assert_eq!(
            send(Request::post(uri).body(untouched()).unwrap()).await,
            415,
            "{uri}"
        );
        let json = Request::post(uri).header(CONTENT_TYPE, "application/json");
        assert_eq!(send(json.body(untouched()).unwrap()).await, 415, "{uri}");
    }
    let visit = Request::get(format!("/authorize?{}", encoded(&ask("web"))));
    assert_eq!(send(visit.body(untouched()).unwrap()).await, 200);
    let metadata = Request::get("/.well-known/oauth-authorization-server");
    assert_eq!(send(metadata.body(untouched()).unwrap()).await, 200);
}

/// The same over a socket: what does not end is cut off, and meanwhile everybody else is served.
#[tokio::test]
async fn slow_clients_are_cut_off_and_hold_up_nobody() {
    let limits = Limits {
        body_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    let fixture = Setup {
        limits,
        ..Setup::default()
    }
    .build();
    let address = serve(fixture.service.clone()).await;
    let head = format!("POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: {FORM}\r\n");
    let mut slow = Vec::new();
    for framing in [
        "content-length: 100\r\n\r\ngrant",
        "transfer-encoding: chunked\r\n\r\n5\r\ngrant\r\n",
    ] {
        for _ in 0..100 {
            let mut connection = Connection::open(address).await;
            assert!(connection.send(format!("{head}{framing}").as_bytes()).await);
            slow.push(connection);
        }
    }
    let quick = Instant::now();
    for _ in 0..10 {
        let mut grant = request(Method::POST, "/token", "grant_type=client_credentials");
        grant
            .headers_mut()
            .insert(CONTENT_TYPE, FORM.parse().unwrap());
        let secret = basic(MACHINE, &client_secret(MACHINE));
        grant
            .headers_mut()
            .insert("authorization", secret.parse().unwrap());
        assert_eq!(call(address, grant).await.status, 200);
    }
    assert!(
        quick.elapsed() < limits.body_timeout,
        "nobody waited for the slow ones"
    );
    for mut connection in slow {
        assert_eq!(connection.answer().await.status, 408);
        assert!(connection.is_closed().await);
    }
}

#[tokio::test]
async fn oversize_bodies_are_refused_over_a_socket() {
    let fixture = Fixture::new();
    let address = serve(fixture.service.clone()).await;
    let head = format!("POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: {FORM}\r\n");
    let mut announced = Connection::open(address).await;
    announced
        .send(format!("{head}content-length: 65537\r\n\r\n").as_bytes())
        .await;
    assert_eq!(
        announced.answer().await.status,
        413,
        "before a byte of it was sent"
    );
    let mut huge = Connection::open(address).await;
    huge.send(format!("{head}content-length: 1844674407370955\r\n\r\n").as_bytes())
        .await;
    assert_eq!(huge.answer().await.status, 413);
    let mut chunked = Connection::open(address).await;
    chunked
        .send(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes())
        .await;
    let chunk = format!("1000\r\n{}\r\n", "&".repeat(0x1000));
    for _ in 0..17 {
        chunked.send(chunk.as_bytes()).await;
    }
    assert_eq!(chunked.answer().await.status, 413);
    assert!(chunked.is_closed().await, "nobody listens to the rest");

    // A request whose body nobody needs is answered before that ends.
    let mut visitor = Connection::open(address).await;
    let visit = format!(
        "GET /authorize?{} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n",
        encoded(&ask("web"))
    );
    visitor.send(visit.as_bytes()).await;
    assert_eq!(visitor.answer().await.status, 200);
    assert_eq!(call(address, get("/nothing/here")).await.status, 404);
}
